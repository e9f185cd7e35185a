"""The memory backend: operations run in this process, over dicts, by the clock they are given."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from ...clock import Clock, SystemClock
from ...errors import ClosedError
from ...outages import Outages
from ...semantics.store import Store
from .server import MemoryServer, Wait
from .store import MemoryStore

P = ParamSpec("P")
R = TypeVar("R")

CALLS_PER_TURN = 32

_servers: dict[str, MemoryServer] = {}


class MemoryListener:
    """Implements `Listener`: a blocking pop. Cancelling a `listen` loses no value here."""

    def __init__(self, server: MemoryServer, clock: Clock, address: str) -> None:
        self._server = server
        self._clock = clock
        self._address = address
        self._wait: Wait | None = None
        self.closed = False

    async def listen(self, keys: Sequence[str], timeout: int) -> tuple[str, str] | None:
        if self.closed:
            raise ClosedError(f"{self._address}: this listener is closed")
        if self._wait is not None:
            raise RuntimeError("a listener takes one call at a time")
        wait = Wait(keys)
        self._server.enter(wait)
        if wait.value is not None:
            return wait.value
        self._wait = wait
        timer = self._clock.call_later(timeout, wait.wake, weak=self.is_weak(keys))
        keep = False
        try:
            await wait.woken
            keep = not self.closed
        finally:
            timer.cancel()
            self._wait = None
            self._server.leave(wait, keep=keep)
        if not keep:
            raise ClosedError(f"{self._address}: this listener was closed")
        return wait.value

    def is_weak(self, keys: Sequence[str]) -> bool:  # noqa: ARG002 - for the test kit, which goes by them
        """Whether the timeout of a wait on these keys is weak (see `Clock.call_later`)."""
        return False

    async def close(self) -> None:
        self.closed = True
        if self._wait is not None:
            self._wait.wake()


class MemoryReader:
    """Implements `Reader`; calls are made through the backend that gave it out."""

    def __init__(self, backend: "MemoryBackend") -> None:
        self._backend = backend
        self._wait: Wait | None = None
        self.closed = False

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        self._check_open()
        return await self._backend.call(operation, queue, *args, **kwargs)

    async def wait_for_entry(self, key: str, after: int) -> None:
        self._check_open()
        wait = self._wait = Wait((key,))
        if self._backend.server.follow(wait, key, after):
            try:
                await wait.woken
            finally:
                self._backend.server.unfollow(wait, key)
        self._check_open()

    async def close(self) -> None:
        self.closed = True
        if self._wait is not None:
            self._wait.wake()

    def _check_open(self) -> None:
        if self.closed:
            raise ClosedError(f"{self._backend.address}: this reader is closed")


class MemoryBackend:
    """Implements `Backend` over a store of its own, or over a `server` that others share.

    clock: what `now` and timeouts are taken from (default: the system's). name: for messages.
    `call` gives other tasks a turn now and then, before it runs the operation, never in the middle.
    """

    def __init__(self, clock: Clock | None = None, name: str = "", *, server: MemoryServer | None = None) -> None:
        self._clock = SystemClock() if clock is None else clock
        self._address = f"memory://{name}"
        self._server = MemoryServer() if server is None else server
        self._listeners: list[MemoryListener | MemoryReader] = []
        self._calls = 0
        self._closed = False

    @property
    def address(self) -> str:
        return self._address

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def server(self) -> MemoryServer:
        """What other backends may share."""
        return self._server

    @property
    def store(self) -> MemoryStore:
        """The store, for snapshots and invariants."""
        return self._server.store

    async def connect(self) -> None:
        self._check_open()

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        self._calls += 1
        if self._calls % CALLS_PER_TURN == 0:
            await asyncio.sleep(0)  # or a task that polls or adds in a loop would starve the workers
        self._check_open()
        return self._server.run(operation, queue, self._clock.now(), *args, **kwargs)

    @property
    def calls_at_once(self) -> int:
        return 1

    async def listener(self) -> MemoryListener:
        self._check_open()
        listener = self.make_listener(self._server)
        self._keep(listener)
        return listener

    async def reader(self) -> MemoryReader:
        self._check_open()
        reader = MemoryReader(self)
        self._keep(reader)
        return reader

    def watch(self, queue: str, outages: Outages) -> Callable[[], None]:  # noqa: ARG002 - this store always answers
        return lambda: None

    def _keep(self, one: MemoryListener | MemoryReader) -> None:
        """Remember to close it."""
        self._listeners = [other for other in self._listeners if not other.closed]
        self._listeners.append(one)

    def make_listener(self, server: MemoryServer) -> MemoryListener:
        """The kind of listener that this backend gives out."""
        return MemoryListener(server, self._clock, self._address)

    async def close(self) -> None:
        self._closed = True
        for listener in self._listeners:
            await listener.close()
        self._listeners.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self._address}: this backend is closed")


def shared_backend(name: str) -> MemoryBackend:
    """A backend of its own over the one store of `memory://{name}` in this process, on the system's clock.

    As with connections to a server, each may be closed without touching the others, and the store
    outlives them all. Usable from any event loop, several at once too.
    """
    return MemoryBackend(name=name, server=_servers.setdefault(name, MemoryServer()))
