"""Producers kept between the invocations of a function: connecting is paid once for each process."""

import asyncio
import hmac
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .backends.backend import Backend
from .connection import Connection, parse
from .errors import InvalidStateError
from .payload import Compression
from .producer import Producer
from .serializers import JSON_SERIALIZER, Serializer

if TYPE_CHECKING:
    from .backends import Client

Loop = asyncio.AbstractEventLoop


class ServerlessPool:
    """Gives the same open Producer for the same queue, place and options (POOL-1).

    A producer belongs to the event loop that it is used on: each running loop gets its own, and what is left of a
    loop that was closed is replaced. So keep one loop for all invocations (an `asyncio.Runner`) to gain anything.

    One with a `client` or a `backend` of the caller's, or with a serializer of its own, is made anew each time; it
    is closed by `close_all()` too, if it still exists (POOL-2). No password is kept in the pool itself in any
    readable form: it compares digests.

    Example:
        async def handler(event):
            producer = serverless_pool.get_producer("jobs", connection="valkey://cache.internal:6379")
            await producer.add("import", event)
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._cached: dict[bytes, dict[Loop | None, Producer[Any]]] = {}
        self._others: set[Producer[Any]] = set()
        """Not cached, with a connection of their own: nobody else may be left to close them."""
        self._borrowers: WeakSet[Producer[Any]] = WeakSet()
        """Not cached, with a client or a backend of the caller's."""
        self._endings: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """How many open producers are cached."""
        with self._lock:
            return sum(not producer.closed for producer in self._all_cached())

    def get_producer(
        self,
        name: str,
        *,
        connection: str | Connection | None = None,
        client: "Client | None" = None,
        backend: Backend | None = None,
        prefix: str = "glide",
        serializer: Serializer = JSON_SERIALIZER,
        compression: Compression = "none",
        events: bool = True,
    ) -> Producer[Any]:
        """The producer for these arguments, which are those of `Producer`; it connects with its first `add`.

        Do not close it: the next one to ask gets it too. One that was closed all the same is replaced.
        Raises InvalidOptionsError as `Producer` does, and InvalidStateError while `close_all()` is under way.
        """

        def make() -> Producer[Any]:
            return Producer[Any](
                name, connection=connection, client=client, backend=backend, prefix=prefix, serializer=serializer,
                compression=compression, events=events,
            )  # fmt: skip

        if self._closing is not None:
            raise InvalidStateError("close_all() of this pool is under way: it gives no producer meanwhile")
        with self._lock:
            self._forget_ended()
            if client is not None or backend is not None:
                producer = make()
                self._borrowers.add(producer)
            elif serializer is not JSON_SERIALIZER:
                producer = make()
                self._others.add(producer)
            else:
                producer = self._find_or(make, self._digest(connection, name, prefix, compression, events))
        return producer

    def _find_or(self, make: Callable[[], Producer[Any]], digest: bytes) -> Producer[Any]:
        loop = running_loop()
        homes = self._cached.setdefault(digest, {})
        if loop is None and homes:
            return next(iter(homes.values()))
        if loop not in homes:  # one that was made before any loop ran goes to the first
            homes[loop] = homes.pop(None) if None in homes else make()
        return homes[loop]

    def _digest(self, connection: str | Connection | None, *options: object) -> bytes:
        """What stands for a place and options. Every field counts; the order of addresses does not."""
        where = parse(connection)
        described: list[object] = [type(where).__name__, *options]
        for field in fields(where):
            value = getattr(where, field.name)
            described.append(sorted(value) if field.name == "addresses" else value)
        return hmac.digest(self._secret, repr(described).encode(), "sha256")

    def _forget_ended(self) -> None:
        """Drop what was closed, and what belongs to a loop that was."""
        self._others = {producer for producer in self._others if not producer.closed}
        for digest, homes in list(self._cached.items()):
            for loop, producer in list(homes.items()):
                if producer.closed:
                    del homes[loop]
                elif loop is not None and loop.is_closed():
                    del homes[loop]
                    self._others.add(producer)
                    self._close_soon(producer)
            if not homes:
                del self._cached[digest]

    def _close_soon(self, producer: Producer[Any]) -> None:
        """Give the connection of an ended loop up; where no loop runs, `close_all()` does."""
        if (loop := running_loop()) is not None:
            ending = loop.create_task(producer.close())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    def _all_cached(self) -> Iterator[Producer[Any]]:
        for homes in self._cached.values():
            yield from homes.values()

    async def close_all(self) -> None:
        """Close all that it gave out and that is still open, and empty it. The next `get_producer` begins anew.

        All are closed even if closing one raises; the first exception is raised then.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close_all())
        await asyncio.shield(self._closing)

    async def _close_all(self) -> None:
        try:
            with self._lock:
                given = [*self._all_cached(), *self._others, *self._borrowers]
                self._cached.clear()
                self._others.clear()
                self._borrowers.clear()
            results = await asyncio.gather(*(producer.close() for producer in given), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        finally:
            self._closing = None


def running_loop() -> Loop | None:
    """The event loop of this thread, if one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


serverless_pool = ServerlessPool()
"""The pool of this process."""
