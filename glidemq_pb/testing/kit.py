"""What the test kit knows of one clock: its store, its workers, and what of a queue is due when."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ..backends.memory import MemoryBackend, MemoryListener, MemoryStore, VirtualClock
from ..backends.memory.server import MemoryServer
from ..clock import RunningJob
from ..execution import Execution
from ..schedule import planned
from ..semantics import schedulers, work
from ..semantics.endings import MARK_DIGITS
from ..semantics.gates import window_end
from ..semantics.keys import (
    active_key,
    expiring_key,
    freed_key,
    meta_key,
    rate_limited_key,
    ready_key,
    retained_key,
    scheduled_key,
    scheduler_key,
    scheduler_names_key,
    schedulers_key,
    waiting_children_key,
)
from ..semantics.lang import drop
from ..semantics.limits import MINUTE_MS
from ..semantics.records import Caller, Settlement, WorkReply
from ..semantics.rows import Meta, ParkedRow, SchedulerRow
from ..semantics.store import Store
from ..wire import from_wire
from ..work_loop import WorkLoop
from ..worker import Worker
from .timeline import Recorder

P = ParamSpec("P")
R = TypeVar("R")
AnyWorker = Worker[Any, Any]

DUE_KEYS = (expiring_key, active_key, freed_key, scheduled_key, schedulers_key, rate_limited_key, retained_key)
"""Sorted sets of due moments that virtual time visits. The others of `semantics.due` (records of workers, replies
kept for a repetition, answers that nobody fetched, minutes of metrics, windows that have passed, reservations of
flows) are housekeeping: nobody can tell when exactly it was done."""
STALLED_MAX = 1
EVENTS_KEPT = 10_000


class Gate:
    """Holds the workers' calls back while the processors of a moment end.

    When several wait as it opens, none may start a job before all have settled what ended.
    """

    def __init__(self) -> None:
        self.closed = False
        self._waiting: list[asyncio.Future[Barrier | None]] = []

    @property
    def waiting(self) -> int:
        """How many calls it holds back."""
        return len(self._waiting)

    def close(self) -> None:
        self.closed = True

    def open(self) -> None:
        """Let all go on."""
        self.closed = False
        waiting = [waiter for waiter in self._waiting if not waiter.done()]
        self._waiting = []
        barrier = Barrier(len(waiting)) if len(waiting) > 1 else None
        for waiter in waiting:
            waiter.set_result(barrier)

    async def passed(self) -> "Barrier | None":
        """Wait until it is open: what to wait for before starting a job, if anything."""
        if not self.closed:
            return None
        waiter: asyncio.Future[Barrier | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        return await waiter


class Barrier:
    """Lets go when all have arrived."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._all_here = asyncio.Event()

    def arrive(self) -> None:
        self._expected -= 1
        if self._expected == 0:
            self._all_here.set()

    async def wait(self) -> None:
        await self._all_here.wait()


class KitListener(MemoryListener):
    """A wait whose timeout is weak when only a worker, or who waits for the end of a job, can be the one that waits."""

    def is_weak(self, keys: Sequence[str]) -> bool:
        return any(key.endswith(":wake") or ":control:" in key or ":reply:" in key for key in keys)


class KitBackend(MemoryBackend):
    """The memory backend, with the order of one moment kept and every event written down."""

    def __init__(self, kit: "Kit", server: MemoryServer | None) -> None:
        super().__init__(kit.clock, "test", server=server)
        self._kit = kit

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        kit = self._kit
        kit.roots[queue] = None
        kit.clock.join(asyncio.get_running_loop())
        if kit.gate.closed and operation is work.settle_and_activate and (barrier := await kit.gate.passed()):
            try:
                reply = await self._settle_only(queue, *cast("tuple[Caller, list[Settlement], int]", args))
            finally:
                barrier.arrive()
            await barrier.wait()
            return cast("R", reply)
        try:
            return await super().call(operation, queue, *args, **kwargs)
        finally:
            kit.recorder.collect(self.store, queue)

    async def _settle_only(self, queue: str, caller: Caller, settlements: list[Settlement], want: int) -> WorkReply:
        reply = await super().call(work.settle_and_activate, queue, caller, settlements, 0)
        self._kit.recorder.collect(self.store, queue)
        return replace(reply, more=True) if want > 0 else reply

    def make_listener(self, server: MemoryServer) -> MemoryListener:
        return KitListener(server, self._clock, self._address)


class Kit:
    """One clock, one store, and the workers that live by them."""

    def __init__(self, clock: VirtualClock, server: MemoryServer | None = None) -> None:
        self.clock = clock
        self.gate = Gate()
        self.recorder = Recorder()
        self.backend = KitBackend(self, server)
        self.roots: dict[str, None] = {}
        """The root keys of all queues that were ever called."""
        self.patient: tuple[asyncio.AbstractEventLoop, Any] | None = None
        """What drives it on a loop that is not virtual, and on which (see `stage.patient_driver`)."""
        self._unstarted: list[AnyWorker] = []

    @property
    def store(self) -> MemoryStore:
        """The store of all queues."""
        return self.backend.store

    # --- workers ------------------------------------------------------------------------------------------------------

    def enroll(self, worker: AnyWorker) -> None:
        """Start this worker with the next call that drives."""
        self._unstarted.append(worker)

    def withdraw(self, worker: AnyWorker) -> None:
        """Do not start it any more."""
        if worker in self._unstarted:
            self._unstarted.remove(worker)

    @property
    def waits_for_start(self) -> bool:
        """Whether there is a worker to be started."""
        return bool(self._unstarted)

    async def start_workers(self) -> None:
        """Start those that were not."""
        while self._unstarted:
            await self._unstarted.pop(0).start()

    def running(self) -> list[RunningJob]:
        """The jobs that run now."""
        return [execution for participant in self.clock.participants for execution in participant.running()]

    def describe_running(self) -> list[str]:
        """Their names and ids."""
        return [execution.description for execution in self.running()]

    # --- what is due --------------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """The next instant at which something of a queue is due."""
        found: int | None = None
        lowest = self.store.zlowest
        for root in self.roots:
            for key in DUE_KEYS:
                at = lowest(key(root))
                if at is not None and (found is None or at < found):
                    found = at
            end = self._window_end(root)
            if end is not None and (found is None or end < found):
                found = end
        return found

    def _window_end(self, root: str) -> int | None:
        """When the window of the global rate limit ends for which jobs wait."""
        meta = self.store.read(meta_key(root), Meta)
        return (window_end(meta) or None) if self.store.zcard(ready_key(root)) and not meta.paused else None

    def due_moments(self, root: str) -> dict[str, int]:
        """When each delayed job of a queue falls due, by its id."""
        scheduled = self.store.zrange_scored(scheduled_key(root), 0, -1)
        return {from_wire(drop(entry.member, MARK_DIGITS)): entry.score for entry in scheduled}

    async def sweep(self) -> bool:
        """Move what is due and no worker moved: whether there was anything."""
        swept = False
        now = self.clock.now()
        for root in list(self.roots):
            more = any((at := self.store.zlowest(key(root))) is not None and at <= now for key in DUE_KEYS)
            while more:
                reply = await self.backend.call(work.tick, root, STALLED_MAX, EVENTS_KEPT)
                if reply.unplanned:
                    await self.backend.call(schedulers.plan_runs, root, [planned(run) for run in reply.unplanned])
                more = reply.more
                swept = True
        return swept

    def describe_schedulers(self) -> list[str]:
        """The names of all that have a next run."""
        return [from_wire(name) for root in self.roots for name in self.store.zrange(schedulers_key(root), 0, -1)]

    def open_jobs(self) -> int:
        """How many jobs have not ended, or are to come."""
        sets = (ready_key, scheduled_key, active_key, waiting_children_key)
        listed = sum(self.store.zcard(key(root)) for root in self.roots for key in sets)
        parked = sum(self.store.read(meta_key(root), ParkedRow).parked for root in self.roots)
        return listed + parked + sum(map(self._coming_runs, self.roots))

    def _coming_runs(self, root: str) -> int:
        """How many jobs the schedulers of a queue will add at most, those without a bound left out."""
        found = 0
        for name in self.store.zrange(scheduler_names_key(root), 0, -1):
            row = self.store.read(scheduler_key(root, name), SchedulerRow)
            left = [row.limit - row.iteration_count] if row.limit > 0 else []
            if row.end_date >= 0:
                left.append((row.end_date - self.clock.now()) // (row.every or MINUTE_MS) + 1)
            found += max(min(left, default=0), 0)
        return found

    def has_work(self) -> bool:
        """Whether some job will still move by itself, or be added by a scheduler, given time."""
        executions = self.running()
        if any(isinstance(one, Execution) and one.job.timeout and not one.is_over for one in executions):
            return True
        leased = {one.job.wire_id for one in executions if isinstance(one, Execution) and not one.is_over}
        return any(self._queue_has_work(root, leased) for root in self.roots)

    def _queue_has_work(self, root: str, leased: set[str]) -> bool:
        store = self.store
        if store.zcard(scheduled_key(root)) or store.zcard(expiring_key(root)) or store.zcard(schedulers_key(root)):
            return True
        if self._window_end(root) is not None:
            return True
        if store.zcard(active_key(root)) > len(leased):
            return True
        meta = store.read(meta_key(root), Meta)
        if meta.paused:
            return False
        if store.read(meta_key(root), ParkedRow).parked and store.zcard(rate_limited_key(root)):
            return True
        if meta.global_window_at and store.zcard(ready_key(root)):
            return True
        held = any(isinstance(one, WorkLoop) and one.is_held for one in self.clock.participants)
        return held and store.zcard(ready_key(root)) > 0


def kit_of(clock: VirtualClock, server: MemoryServer | None = None) -> Kit:
    """The kit of a clock: one each."""
    if not isinstance(clock.kit, Kit):
        clock.kit = Kit(clock, server)
    return clock.kit
