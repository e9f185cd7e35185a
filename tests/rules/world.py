"""A queue, its workers and their time, for tests whose body is the same on memory and on a real Valkey.

Time is one `VirtualClock`: the workers' timers live by it, and so does `now` of every operation, also inside the
server. So what a rule says about time is asserted exactly, on both. Only `settle` differs: it waits, for real and
with a deadline, until nothing is under way between here and the server.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from glidemq_pb import JSON_SERIALIZER, FlowProducer, Job, Producer, Queue, QueueEvents, Serializer, Worker
from glidemq_pb.backends.backend import Backend, Listener, Reader
from glidemq_pb.backends.memory import MemoryBackend, VirtualClock
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.backends.valkey.listener import ValkeyListener
from glidemq_pb.backends.valkey.reader import ValkeyReader
from glidemq_pb.clock import Clock, Participant
from glidemq_pb.connection import Connection
from glidemq_pb.outages import Outages
from glidemq_pb.payload import Compression
from glidemq_pb.semantics import reads
from glidemq_pb.semantics.invariants import violations
from glidemq_pb.semantics.store import Store
from glidemq_pb.wire import from_wire, to_wire
from tests.properties.dump import SCRIPT, decoded, plain
from tests.properties.valkey_side import Connection as Wire

P = ParamSpec("P")
R = TypeVar("R")

Processor = Callable[[Job[Any, Any]], Any]

PATIENCE_SECONDS = 60.0
"""Of real time, for what may hang: nothing takes so long on the busiest machine."""
POLL_SECONDS = 0.001
QUIET_TURNS = 8
"""Turns of the loop in which nothing may have happened: a callback may lead to another one."""
FOREVER_MS = 10**9
EVENTS_READ = 10_000
BLOCKED = b" flags=b "

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Event:
    """One event of a queue; `data` are its own fields, as text."""

    name: str
    job_id: str
    data: Mapping[str, str]
    at: int


class Line:
    """A component's connection: a backend that can be cut, and that knows what is under way.

    A call made while it is cut reaches nobody until it is mended: a process that hangs, or a network that does.
    """

    def __init__(self, backend: Backend, clock: VirtualClock) -> None:
        self._backend = backend
        self._clock = clock
        self._whole = asyncio.Event()
        self._whole.set()
        self._answering = asyncio.Event()
        self._answering.set()
        self._after: tuple[int, Callable[[], Awaitable[None]]] | None = None
        self.listeners: list[VirtualListener] = []
        self.under_way = 0
        self.stuck = 0
        """Calls that wait to be mended or answered."""
        self.refusals: dict[str, Exception] = {}
        """What calls of an operation raise instead of being made."""
        self.calls: Counter[str] = Counter()
        """Calls answered, by operation."""
        self.loses_values = False
        """What its listeners pop is lost on the way, as with a connection that breaks."""

    @property
    def address(self) -> str:
        return self._backend.address

    @property
    def clock(self) -> Clock:
        return self._clock

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def hold_replies(self) -> None:
        """Let calls be executed, and their replies not arrive."""
        self._answering.clear()

    def release_replies(self) -> None:
        self._answering.set()

    async def connect(self) -> None:
        await self._backend.connect()

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return await self.carry(self._backend, operation, queue, *args, **kwargs)

    async def carry(
        self,
        target: Backend | Reader,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Make a call on the backend, or on one of its readers."""
        await self._stand_still(self._whole)
        if (error := self.refusals.get(operation.__name__)) is not None:
            raise error.with_traceback(None)
        self.under_way += 1
        try:
            reply = await target.call(operation, queue, *args, **kwargs)
        finally:
            self.under_way -= 1
        await self._stand_still(self._answering)
        self.calls[operation.__name__] += 1
        if self._after is not None and self.calls.total() == self._after[0]:
            await self._after[1]()
        return reply

    def after_calls(self, count: int, action: Callable[[], Awaitable[None]]) -> None:
        """Do something between the answer to a call and its caller."""
        self._after = count, action

    async def _stand_still(self, until: asyncio.Event) -> None:
        self.stuck += 1
        await until.wait()
        self.stuck -= 1

    @property
    def calls_at_once(self) -> int:
        return 1

    async def listener(self) -> Listener:
        if (error := self.refusals.get("listener")) is not None:
            raise error.with_traceback(None)
        self.under_way += 1  # it may have to connect
        try:
            listener = await self._backend.listener()
        finally:
            self.under_way -= 1
        self.listeners.append(VirtualListener(self, listener, self._clock))
        return self.listeners[-1]

    def watch(self, queue: str, outages: Outages) -> Callable[[], None]:
        return self._backend.watch(queue, outages)

    async def reader(self) -> Reader:
        return LineReader(self, await self._backend.reader())

    async def close(self) -> None:
        """The world closes the backend."""


class LineReader:
    """A reader whose calls are cut with its line."""

    def __init__(self, line: Line, reader: Reader) -> None:
        self._line = line
        self._reader = reader

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return await self._line.carry(self._reader, operation, queue, *args, **kwargs)

    async def wait_for_entry(self, key: str, after: int) -> None:
        await self._reader.wait_for_entry(key, after)

    async def close(self) -> None:
        await self._reader.close()


class VirtualListener:
    """A listener whose timeout is virtual time; the wait itself is the backend's."""

    def __init__(self, line: Line, listener: Listener, clock: VirtualClock) -> None:
        self._line = line
        self._listener = listener
        self._clock = clock
        self._listens = False

    @property
    def waits(self) -> bool:
        """Whether somebody waits for it, or the backend still does."""
        pending = self._listener._pending if isinstance(self._listener, ValkeyListener) else None
        return self._listens or (pending is not None and not pending.done())

    async def listen(self, keys: Sequence[str], timeout: int) -> tuple[str, str] | None:
        self._listens = True
        try:
            return await self._listen(keys, timeout)
        finally:
            self._listens = False

    async def _listen(self, keys: Sequence[str], timeout: int) -> tuple[str, str] | None:
        over = asyncio.Event()
        timer = self._clock.call_later(timeout, over.set, weak=True)
        heard = asyncio.ensure_future(self._heard(keys))
        ended = asyncio.ensure_future(over.wait())
        try:
            await asyncio.wait({heard, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            ended.cancel()
            heard.cancel()  # harmless: both backends keep a value that comes too late
        await asyncio.wait({heard})
        return None if heard.cancelled() else heard.result()

    async def _heard(self, keys: Sequence[str]) -> tuple[str, str] | None:
        heard = await self._listener.listen(keys, FOREVER_MS)
        while self._line.loses_values:
            heard = await self._listener.listen(keys, FOREVER_MS)
        return heard

    async def close(self) -> None:
        await self._listener.close()


class Side(Protocol):
    """A backend as the world needs it."""

    name: str

    def backend(self, clock: VirtualClock) -> Backend:
        """A new backend whose `now` is the clock's."""
        ...

    def in_flight(self, backend: Backend, lines: Sequence[Line]) -> bool:
        """Whether something is on its way between the lines' backend and the store."""
        ...

    def dump(self, backend: Backend, root: str) -> dict[str, Any]:
        """All stored keys of a queue."""
        ...


class MemorySide:
    name = "memory"

    def backend(self, clock: VirtualClock) -> Backend:
        return MemoryBackend(clock, "rules")

    def in_flight(self, backend: Backend, lines: Sequence[Line]) -> bool:
        return False

    def dump(self, backend: Backend, root: str) -> dict[str, Any]:
        assert isinstance(backend, MemoryBackend)
        return backend.store.dump(root + ":")


class ValkeySide:
    """A server, or the nodes of a cluster, by their ports."""

    name = "valkey"

    def __init__(self, *ports: int) -> None:
        self._ports = ports
        self._wires = [Wire(port) for port in ports]
        self._clients = ""

    def backend(self, clock: VirtualClock) -> Backend:
        self._clients = f"rules-{next(_numbers)}"
        connection = Connection(
            [("127.0.0.1", port) for port in self._ports], cluster=len(self._ports) > 1, client_name=self._clients
        )
        return ValkeyBackend(connection, now=clock.now)

    def in_flight(self, backend: Backend, lines: Sequence[Line]) -> bool:
        """A wait that is awaited here and not held by the server is on its way there or back."""
        assert isinstance(backend, ValkeyBackend)
        awaited = sum(one.waits for line in lines for one in line.listeners)
        awaited += sum(one.waiting for one in backend._listeners if isinstance(one, ValkeyReader))
        name = f" name={self._clients} ".encode()
        clients: list[bytes] = [row for wire in self._wires for row in wire.call(b"CLIENT", b"LIST").splitlines()]
        held = sum(name in row and BLOCKED in row for row in clients)
        return held != awaited or bool(backend._sending)

    def dump(self, backend: Backend, root: str) -> dict[str, Any]:
        pattern = root.replace("[", "\\[").encode("latin-1") + b":*"
        rows = [row for wire in self._wires for row in decoded(wire.call(b"EVAL", SCRIPT.encode(), b"0", pattern))]
        return {key: plain(kind, value) for key, kind, value in rows}

    def close(self) -> None:
        for wire in self._wires:
            wire.close()


class World:
    """One queue (more by name), its workers, and the time they live in."""

    def __init__(self, side: Side) -> None:
        self.clock = VirtualClock()
        self.side = side
        self.name = f"rules-{next(_numbers)}"
        """The queue that is meant when none is named."""
        self._backend = side.backend(self.clock)
        self._lines: list[Line] = []
        self._workers: list[Worker[Any, Any]] = []
        self._subscribers: list[QueueEvents] = []
        self._names: set[str] = {self.name}

    # --- components ---------------------------------------------------------------------------------------------------

    def line(self) -> Line:
        """A new connection."""
        line = Line(self._backend, self.clock)
        self._lines.append(line)
        return line

    def queue(
        self,
        name: str | None = None,
        *,
        serializer: Serializer = JSON_SERIALIZER,
        compression: Compression = "none",
        events: bool = True,
        dead_letter_queue: str | None = None,
    ) -> Queue[Any, Any]:
        """A queue, with a connection of its own."""
        self._names.add(name or self.name)
        return Queue(
            name or self.name,
            backend=self.line(),
            serializer=serializer,
            compression=compression,
            events=events,
            dead_letter_queue=dead_letter_queue,
        )

    def flow_producer(
        self, *, serializer: Serializer = JSON_SERIALIZER, compression: Compression = "none", events: bool = True
    ) -> FlowProducer:
        """A producer of flows, with a connection of its own."""
        return FlowProducer(backend=self.line(), serializer=serializer, compression=compression, events=events)

    def other(self, suffix: str) -> str:
        """The name of another queue of this world."""
        name = f"{self.name}-{suffix}"
        self._names.add(name)
        return name

    def producer(self, name: str | None = None, **options: Any) -> Producer[Any]:
        """A producer, with a connection of its own."""
        self._names.add(name or self.name)
        return Producer(name or self.name, backend=self.line(), **options)

    def idle_worker(
        self, processor: Processor | Mapping[str, Processor], name: str | None = None, **options: Any
    ) -> Worker[Any, Any]:
        """A worker that was not started."""
        worker: Worker[Any, Any] = Worker(name or self.name, processor, backend=self.line(), **options)
        self._workers.append(worker)
        return worker

    async def worker(
        self, processor: Processor | Mapping[str, Processor], name: str | None = None, **options: Any
    ) -> Worker[Any, Any]:
        """A worker that takes jobs."""
        worker = self.idle_worker(processor, name, **options)
        await worker.start()
        return worker

    def subscriber(self, name: str | None = None, **options: Any) -> QueueEvents:
        """One who watches the queue and was not connected."""
        events = QueueEvents(name or self.name, backend=self.line(), **options)
        self._subscribers.append(events)
        return events

    # --- what is seen -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The present, in epoch milliseconds."""
        return self.clock.now()

    async def events(self, *names: str, queue: str | None = None) -> list[Event]:
        """All events of the queue, or those of these names."""
        root = root_of(queue or self.name)
        found: list[Event] = []
        for event in await self._backend.call(reads.read_events, root, 0, EVENTS_READ):
            if not names or event.name in names:
                pairs = iter(map(from_wire, event.fields))
                found.append(Event(event.name, from_wire(event.job_id), dict(zip(pairs, pairs, strict=True)), event.at))
        return found

    def calls(self, worker: Worker[Any, Any]) -> Counter[str]:
        """The worker's calls so far, by operation."""
        return Counter(line_of(worker).calls)

    def dump(self, name: str | None = None) -> dict[str, Any]:
        """All stored keys of the queue, without its root."""
        root = root_of(name or self.name)
        return {key.removeprefix(root + ":"): value for key, value in self.side.dump(self._backend, root).items()}

    # --- time ---------------------------------------------------------------------------------------------------------

    async def sleep(self, milliseconds: int) -> None:
        """A processor's work: wait for virtual time."""
        await self.clock.sleep(milliseconds)

    def working(self, milliseconds: int) -> Processor:
        """A processor that takes so long. (A lambda would run in a thread, which `settle` does not wait for.)"""

        async def process(job: Job[Any, Any]) -> None:
            await self.sleep(milliseconds)

        return process

    async def settle(self) -> None:
        """Wait until nothing more happens at this moment. A processor that waits for something is left to it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        looks = 0
        while looks < 2:  # what had just arrived at the first look has had its turns before the second
            looks = (
                looks + 1 if await self._stays_quiet() and not self.side.in_flight(self._backend, self._lines) else 0
            )
            assert time.monotonic() < deadline, f"not at rest: {self._describe()}"

    async def _stays_quiet(self) -> bool:
        for _ in range(QUIET_TURNS):
            await asyncio.sleep(0)
            if not self._is_quiet():
                await asyncio.sleep(POLL_SECONDS)
                return False
        return True

    async def advance(self, milliseconds: int) -> None:
        """Let time pass; whatever is due on the way happens at its own moment."""
        end = self.clock.elapsed + milliseconds
        await self.settle()
        while (due := self.clock.next_due()) is not None and due <= self.now + end - self.clock.elapsed:
            self.clock.advance_to(max(due, self.now))
            await self.settle()
        self.clock.advance_to(self.now + end - self.clock.elapsed)
        await self.settle()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something that comes from a thread."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, "it has not happened"
            await asyncio.sleep(POLL_SECONDS)
        await self.settle()

    def _is_quiet(self) -> bool:
        return not any(line.under_way for line in self._lines) and not self._restless()

    def _restless(self) -> list[Participant]:
        """Workers that do something, and not just wait for a line that is cut."""
        stuck = {id(line) for line in self._lines if line.stuck}
        return [one for one in self.clock.participants if not one.parked and id(vars(one)["_backend"]) not in stuck]

    def _describe(self) -> str:
        calls = sum(line.under_way for line in self._lines)
        return f"{calls} calls are under way, {len(self._restless())} workers are not parked"

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """End it all, and see that what is left in the store is sound."""
        for line in self._lines:
            line.mend()
            line.release_replies()
            line.refusals.clear()
        for worker in self._workers:
            await worker.close(force=True)
        for events in self._subscribers:
            await events.close()
        wrong: list[str] = []
        for name in self._names:
            wrong += violations(self.side.dump(self._backend, root_of(name)), root_of(name))
        await self._backend.close()
        assert not wrong, "\n".join(wrong)


def line_of(component: FlowProducer | Queue[Any, Any] | Producer[Any] | Worker[Any, Any] | QueueEvents) -> Line:
    """The connection of a component of the world."""
    assert isinstance(component.backend, Line)
    return component.backend


def root_of(name: str) -> str:
    """The root key of a queue."""
    return to_wire(f"glide:{{{name}}}")


def noting(ran: list[str]) -> Processor:
    """A processor that notes the names of the jobs it runs."""

    async def process(job: Job[Any, Any]) -> None:
        ran.append(job.name)

    return process


async def nothing(job: Job[Any, Any]) -> None:
    """A processor that does nothing."""


def failing(times: int, message: str = "boom") -> Processor:
    """A processor that fails the first attempts of each job, then returns `done`."""

    async def process(job: Job[Any, Any]) -> str:
        if job.attempts_made < times:
            raise ValueError(message)
        return "done"

    return process


async def added(queue: Queue[Any, Any], name: str, data: Any = None, **options: Any) -> Job[Any, Any]:
    """Add a job that must not be a duplicate."""
    job = await queue.add(name, data, **options)
    assert job is not None
    return job


async def stored(queue: Queue[Any, Any], job: Job[Any, Any] | str) -> Job[Any, Any]:
    """A job as it is stored now."""
    found = await queue.get_job(job if isinstance(job, str) else job.id)
    assert found is not None
    return found


async def states(queue: Queue[Any, Any], *jobs: Job[Any, Any]) -> list[str]:
    """The jobs' states now."""
    return [await job.get_state() for job in jobs]
