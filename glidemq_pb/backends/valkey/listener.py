"""Waiting on lists by a blocking pop, on a connection of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...errors import ClosedError
from .client import ClientSource
from .watches import Watches

if TYPE_CHECKING:
    from glide import TEncodable

    from .client import Client

POP_SECONDS = 10.0
"""How long one blocking pop lasts: a connection that died without a word is noticed so long after."""
GRACE_SECONDS = 1.0
PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 0.02, 0.5

Popped = tuple[str, str]


class ValkeyListener:
    """Implements `Listener`.

    The server's blocking pop outlives the `listen` that began it: a timeout (measured here, as an idle server
    is up to 100 ms late) or a cancellation leaves it in flight, and the next `listen` goes on waiting for it. To
    abandon it would lose a value: the server would pop it for nobody. So other keys take effect when the pop under
    way has ended, which the caller brings about by a push to one of its keys.

    A connection that breaks is replaced for `retry_timeout`, then `listen` raises `QueueConnectionError`. A value
    that was popped when it broke is lost.
    """

    def __init__(self, source: ClientSource, watches: Watches, on_close: "Callable[[ValkeyListener], None]") -> None:
        self._source = source
        self._watches = watches
        self._on_close = on_close
        self._client: Client | None = None
        self._keys: list[TEncodable] = []
        self._first_key = b""
        self._pending: asyncio.Task[Popped] | None = None
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def listen(self, keys: Sequence[str], timeout: int) -> Popped | None:
        self._check_open()
        self._keys = [key.encode("latin-1") for key in keys]
        self._first_key = keys[0].encode("latin-1")
        if self._pending is None:
            self._pending = asyncio.get_running_loop().create_task(self._pop())
        pending = self._pending
        await asyncio.wait((pending, self._closing), timeout=timeout / 1000, return_when=asyncio.FIRST_COMPLETED)
        self._check_open()
        if not pending.done():
            return None
        self._pending = None
        return pending.result()

    async def close(self) -> None:
        """Give the connection up. The server then drops the blocking pop, so no value is lost to it."""
        if not self._closing.done():
            self._closing.set_result(None)
        self._on_close(self)
        if self._pending is not None:
            self._pending.cancel()
        await self._drop_client()

    def _check_open(self) -> None:
        if self._closing.done():
            raise ClosedError(f"{self._source.address}: this listener is closed")

    async def _pop(self) -> Popped:
        """Pop until there is a value. Raises `QueueConnectionError` when the server is away too long."""
        import glide

        loop = asyncio.get_running_loop()
        limit = POP_SECONDS + self._source.request_timeout / 1000 + GRACE_SECONDS
        deadline: float | None = None
        pause = PAUSE_SECONDS_FIRST
        while True:
            since = loop.time()
            try:
                if self._client is None:
                    self._client = await self._source.open("listener")
                if deadline is not None:
                    await self._client.ping()
                    self._watches.listener_waits(self)
                    deadline, pause = None, PAUSE_SECONDS_FIRST
                async with asyncio.timeout(limit):
                    popped = await self._client.blpop(self._keys, POP_SECONDS)
            except (glide.GlideError, TimeoutError) as error:
                fault = self._source.understand(error, int(limit * 1000))
                await self._drop_client()  # or the server would go on popping for a pop that nobody awaits
                deadline = deadline or loop.time() + self._source.retry_timeout / 1000
                if fault.remedy.is_for_a_person or loop.time() + pause > deadline:
                    raise fault.at(self._source.address) from error
                self._watches.listener_failed(self, self._first_key, since, fault.at(self._source.address))
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_SECONDS_MAX)
                continue
            if popped is not None:
                return popped[0].decode("latin-1"), popped[1].decode("latin-1")

    async def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(RuntimeError):  # a future of a loop that is closed
                await client.close()
