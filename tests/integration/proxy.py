"""A TCP proxy that cuts a connection at a chosen moment of a call."""

import asyncio
import ssl
from types import TracebackType
from typing import Literal, Self

CHUNK_BYTES = 65_536

Moment = Literal["pass", "before", "after"]


class CuttingProxy:
    """Stands between a client and a server.

    `cut_next("pass", ...)`: the next request with `marker` in it is passed on, as all others are.
    `cut_next("before")`: the next request with `marker` in it is not passed on; its connection is cut.
    `cut_next("after")`: it is passed on, and the connection is cut instead of passing the reply back.
    With `tls` it speaks TLS to the client: the servers that tests can have do not.
    `sever()`: all connections are cut, and new ones at once, until `mend()`.
    """

    def __init__(self, server_port: int, marker: bytes = b"FCALL", *, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.cuts = 0
        self.requests = 0
        """Those with `marker` in them."""
        self._server_port = server_port
        self._marker = marker
        self._moments: list[Moment] = []
        self._severed = False
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def cut_next(self, *moments: Moment) -> None:
        """Arm it, for as many requests as moments."""
        self._moments += moments

    def sever(self) -> None:
        """Let nothing through."""
        self._severed = True
        for task in self._tasks:
            task.cancel()

    def mend(self) -> None:
        """Let everything through again."""
        self._severed = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._severed:
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._pass_on(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        mute = asyncio.Event()

        async def requests() -> None:
            while data := await reader.read(CHUNK_BYTES):
                if self._marker in data:
                    self.requests += 1
                    moment = self._moments.pop(0) if self._moments else "pass"
                    self.cuts += moment != "pass"
                    if moment == "before":
                        return
                    if moment == "after":
                        mute.set()
                server_writer.write(data)

        async def replies() -> None:
            while data := await server_reader.read(CHUNK_BYTES):
                if mute.is_set():
                    return
                writer.write(data)

        ways = [asyncio.create_task(requests()), asyncio.create_task(replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            server_writer.close()
            writer.close()
        await asyncio.gather(*ways, return_exceptions=True)
