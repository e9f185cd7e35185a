"""QueueEvents: watches what happens in a queue."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar, overload

from .backends.backend import Backend
from .component import Component
from .connection import Connection
from .emitter import Emitter
from .errors import InvalidOptionsError
from .event import EVENT_NAMES, QueueEvent
from .serializers import JSON_SERIALIZER, Serializer
from .subscription import PAGE, Subscription

L = TypeVar("L", bound=Callable[..., Any])

NEWEST: Final = "$"


class QueueEvents(Component):
    """The events of a queue, of all its jobs and whoever caused them, in order (EVT-1..5).

    Iterate over it, or add listeners with `on`; each of the two ways has a connection of its own, and neither waits
    for the other. `last_event_id`: "$" for what happens from now on, "0" for all that is retained (the newest 10,000),
    or the `id` of an event to go on after it.

    Once it is connected (`async with`, `connect()`), nothing is missed that is still retained when it is read. A
    reader that fell behind gets one `missed` event with the `count`, and goes on with the oldest.

    A store that cannot be reached, or a value that cannot be decoded, is logged and told to `error` listeners;
    reading goes on. InvalidOptionsError for a bad argument; QueueConnectionError and FormatError from `connect()`.

    Example:
        async with QueueEvents("mail", connection="valkey://localhost:6379") as events:
            async for event in events:
                board.show(event.name, event.job_id, event.data)
    """

    _role = "events"

    def __init__(
        self,
        name: str,
        *,
        connection: str | Connection | None = None,
        backend: Backend | None = None,
        prefix: str = "glide",
        serializer: Serializer = JSON_SERIALIZER,
        last_event_id: str = NEWEST,
        client: None = None,
    ) -> None:
        if client is not None:  # SC-4: it would be blocked for all others by the wait for an event
            raise InvalidOptionsError("QueueEvents does not accept an injected `client`")
        super().__init__(
            name, connection=connection, backend=backend, prefix=prefix, serializer=serializer, events=True
        )
        self._from = check_event_id(last_event_id)
        self._emitter = Emitter(EVENT_NAMES | {"error"}, f"events of queue {name!r}")
        self._outages = self._emitter.outages(
            "the events cannot be read; it is tried until they can", "the events are read again"
        )
        self._lock = asyncio.Lock()
        self._start: int | None = None
        """The number of the event after which both ways begin."""
        self._unused: Subscription | None = None
        self._subscriptions: list[Subscription] = []
        self._pump: asyncio.Task[object] | None = None
        self._iterated: Subscription | None = None
        self._turn = asyncio.Lock()
        self._read: deque[QueueEvent] = deque()
        self._reading: asyncio.Task[list[QueueEvent]] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Reach the store and begin: what happens from now on is not missed."""
        self._check_open()
        async with self._lock:
            if self._start is None:
                self._unused = subscription = await self._subscribe(0)
                try:
                    last = await subscription.last_event()
                except BaseException:
                    await self._unsubscribe(subscription)
                    raise
                self._start = subscription.after = last if self._from is None else self._from
        self._run_listeners()

    # --- listeners ----------------------------------------------------------------------------------------------------

    @overload
    def on(self, event: str, listener: L) -> L: ...
    @overload
    def on(self, event: str) -> Callable[[L], L]: ...
    def on(self, event: str, listener: L | None = None) -> L | Callable[[L], L]:
        """Call `listener`, a plain or a coroutine function, for events of one name; also a decorator.

        It gets the `QueueEvent`; a listener of `error` gets the exception. One that raises is reported as `error`
        and changes nothing. The first one that is added gets what happened since `connect()`, too.
        InvalidOptionsError for a name that is no event.

        Example:
            @events.on("failed")
            async def tell(event: QueueEvent) -> None:
                await page(f"{event.job_id}: {event.data['failed_reason']}")
        """
        if listener is None:
            return lambda function: self.on(event, function)
        self._emitter.on(event, listener)
        if self._start is not None:
            self._run_listeners()
        return listener

    def _run_listeners(self) -> None:
        if self._pump is None and not self._owner.closed and self._emitter.hears(EVENT_NAMES):
            self._pump = self._emitter.spawn(self._tell_listeners())

    async def _tell_listeners(self) -> None:
        subscription = await self._take()
        while True:
            for event in await subscription.next_events():
                if event.name in EVENT_NAMES:
                    self._emitter.emit(event.name, event)
            await self._emitter.settled(but=PAGE)

    # --- iteration ----------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        self._check_open()
        return self

    async def __anext__(self) -> QueueEvent:
        """The next event; waits for it. A wait that is cancelled loses none. The iteration ends with `close()`."""
        async with self._turn:
            while not self._read and not self._owner.closed:
                if self._reading is None:
                    self._reading = asyncio.get_running_loop().create_task(self._next_events())
                    self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())  # told below
                await asyncio.wait({self._reading})
                reading, self._reading = self._reading, None
                if not self._owner.closed:
                    self._read.extend(reading.result())
            if self._owner.closed:
                raise StopAsyncIteration
            return self._read.popleft()

    async def _next_events(self) -> list[QueueEvent]:
        if self._iterated is None:
            await self.connect()
            self._iterated = await self._take()
        return await self._iterated.next_events()

    # --- connections --------------------------------------------------------------------------------------------------

    async def _subscribe(self, after: int) -> Subscription:
        reader = await self._backend.reader()
        subscription = Subscription(self._owner, reader, self._outages, after)
        self._subscriptions.append(subscription)
        return subscription

    async def _unsubscribe(self, subscription: Subscription) -> None:
        self._unused = None
        self._subscriptions.remove(subscription)
        await subscription.close()

    async def _take(self) -> Subscription:
        """A subscription for one of the two ways: the first one is there already."""
        taken, self._unused = self._unused, None
        return taken or await self._subscribe(self._start or 0)

    async def close(self) -> None:
        """End iteration and listeners, and give the connections up. Idempotent; listeners that still run end first."""
        self._emitter.waits_inside()
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._owner.closed = True
        for task in (self._pump, self._reading):
            if task is not None:
                task.cancel()
        for subscription in self._subscriptions:
            await subscription.close()
        await self._emitter.settled()
        if self._owns_backend:
            await self._backend.close()


def check_event_id(last_event_id: object) -> int | None:
    """The number that an event's id stands for, None for "$". InvalidOptionsError otherwise."""
    if last_event_id == NEWEST:
        return None
    if isinstance(last_event_id, str) and last_event_id.isascii() and last_event_id.isdigit():
        return int(last_event_id)
    raise InvalidOptionsError(f'last_event_id={last_event_id!r}; allowed: "$", "0", or the id of an event')
