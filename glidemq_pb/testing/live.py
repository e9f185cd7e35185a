"""The same test on a real store, in real time: waits for what virtual time would make happen."""

import asyncio
import re
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from ..backends import connect_backend
from ..backends.backend import Backend
from ..backends.valkey import ValkeyBackend
from ..clock import RunningJob, SystemClock
from ..connection import Connection
from ..errors import InvalidStateError, duration_ms
from ..execution import Execution
from ..semantics import reads
from ..work_loop import WorkLoop
from .driver import NotCompletedError, instant_ms
from .kit import AnyWorker
from .timeline import Recorder, Timeline

POLL_SECONDS = 0.01
QUIET_POLLS = 5
"""Looks, one after another, that must find nothing going on."""
PATIENCE_MS = 250
"""How long a processor that is not done is waited for: less than elsewhere, as time does not stand still meanwhile."""
COMPLETION_MS = 60_000
"""How long `run_to_completion` waits when it is not told."""
EVENTS_PAGE = 1_000


class LiveClock(SystemClock):
    """The system's clock, with what tests use of a VirtualClock."""

    def __init__(self) -> None:
        self._sleeping: set[asyncio.Task[Any] | None] = set()

    def datetime(self) -> datetime:
        """The instant, as an aware datetime in UTC."""
        return datetime.now(UTC)

    async def sleep(self, duration: int | timedelta) -> None:
        """Wait for `duration`, in real time."""
        task = asyncio.current_task()
        self._sleeping.add(task)
        try:
            await asyncio.sleep(duration_ms("duration", duration) / 1000)
        finally:
            self._sleeping.discard(task)

    def is_sleeping(self, task: asyncio.Task[Any]) -> bool:
        return task in self._sleeping


LIVE_CLOCK = LiveClock()


class LiveStage:
    """Implements `Stage` on a real store. Only what the store itself promises is exact there."""

    def __init__(self, backend: Backend, patience: int | None, *, owns_backend: bool = False) -> None:
        self.backend = backend
        self.clock = LIVE_CLOCK
        self._owns_backend = owns_backend
        self._patience = PATIENCE_MS if patience is None else patience
        self._recorder = Recorder()
        self._roots: dict[str, None] = {}
        self._unstarted: list[AnyWorker] = []
        self._workers: list[AnyWorker] = []
        self._hanging: set[RunningJob] = set()

    # --- who takes part -----------------------------------------------------------------------------------------------

    def join(self, root: str) -> None:
        self._roots[root] = None

    @property
    def is_empty(self) -> bool:
        """Whether all its queues were closed."""
        return not self._roots

    async def leave(self, root: str) -> None:
        self._roots.pop(root, None)
        if not self._roots and self._owns_backend:
            await self.backend.close()

    async def erase(self, root: str) -> None:
        """Remove all keys of a queue from a server that is no cluster."""
        if not isinstance(self.backend, ValkeyBackend):
            return
        client: Any = await self.backend._connected()
        pattern = re.sub(r"([\\\[\]*?])", r"\\\1", root) + ":*"
        cursor = b"0"
        while True:
            cursor, keys = await client.custom_command(["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"])
            if keys:
                await client.custom_command(["UNLINK", *keys])
            if int(cursor) == 0:
                return

    def enroll(self, worker: AnyWorker) -> None:
        self._unstarted.append(worker)
        self._workers.append(worker)

    def withdraw(self, worker: AnyWorker) -> None:
        if worker in self._unstarted:
            self._unstarted.remove(worker)

    def running(self) -> list[RunningJob]:
        return [job for loop in self._loops() for job in loop.running()]

    def _loops(self) -> list[WorkLoop]:
        return [worker._loop for worker in self._workers if worker.is_running() and worker._loop is not None]

    # --- waiting ------------------------------------------------------------------------------------------------------

    async def start_workers(self) -> None:
        while self._unstarted:
            await self._unstarted.pop(0).start()

    async def run_until_idle(self) -> None:
        await self.start_workers()
        quiet = 0
        deadline = time.monotonic() + self._patience / 1000
        while quiet < QUIET_POLLS:
            await asyncio.sleep(POLL_SECONDS)
            busy = [job for job in self.running() if job not in self._hanging and not self._waits(job)]
            if busy or not await self._rests():
                quiet = 0
            else:
                quiet += 1
            if time.monotonic() > deadline:
                self._hanging.update(busy)
                break
        for root in self._roots:
            await self._record(root)

    async def advance(self, duration: int | timedelta) -> None:
        end = time.monotonic() + duration_ms("duration", duration) / 1000
        await self.run_until_idle()
        await asyncio.sleep(max(end - time.monotonic(), 0))
        await self.run_until_idle()

    async def run_to_completion(self, until: int | datetime | timedelta | None) -> None:
        now = self.clock.now()
        wait_ms = COMPLETION_MS if until is None else instant_ms(until, now) - now
        deadline = time.monotonic() + wait_ms / 1000
        while True:
            await self.run_until_idle()
            counts = [await self.backend.call(reads.count_jobs, root) for root in self._roots]
            if not any(count.waiting + count.active + count.delayed for count in counts):
                return
            if time.monotonic() > deadline:
                if until is None:
                    raise NotCompletedError(f"still not done after {COMPLETION_MS} ms of real time: {counts}")
                return

    def _waits(self, job: RunningJob) -> bool:
        task = job.task if isinstance(job, Execution) else None
        return job.waits_in_kit or (task is not None and self.clock.is_sleeping(task))

    async def _rests(self) -> bool:
        """Whether every worker waits to be woken, and no job waits that one of them could take."""
        loops = self._loops()
        if not all(loop.parked for loop in loops):
            return False
        for root in self._roots:
            counts = await self.backend.call(reads.count_jobs, root)
            takers = [loop for loop in loops if loop._owner.root == root and loop._room() > 0]
            if counts.waiting and takers and not await self.backend.call(reads.is_paused, root):
                return False
        return True

    async def _record(self, root: str) -> None:
        while events := await self.backend.call(reads.read_events, root, self._recorder.seen(root), EVENTS_PAGE):
            self._recorder.add(root, events[-1].number, events)

    # --- looking ------------------------------------------------------------------------------------------------------

    def snapshot(self, root: str) -> dict[str, Any]:
        raise InvalidStateError(f"a snapshot of {root} is only possible in memory, not on {self.backend.address}")

    def due_moments(self, root: str) -> dict[str, int]:  # noqa: ARG002 - no operation tells
        return {}

    def timeline(self, root: str) -> Timeline:
        return self._recorder.timeline(root)

    def freeze_time(self) -> AbstractContextManager[None]:
        return nullcontext()


_stages: WeakKeyDictionary[Backend, LiveStage] = WeakKeyDictionary()
_backends: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str | Connection, Backend]] = WeakKeyDictionary()


def live_stage(backend: Backend, patience: int | None, *, owns_backend: bool = False) -> LiveStage:
    """The stage of a backend: queues of one backend are driven together."""
    stage = _stages.get(backend)
    if stage is None:
        stage = _stages[backend] = LiveStage(backend, patience, owns_backend=owns_backend)
    return stage


def connected_stage(connection: str | Connection, patience: int | None) -> LiveStage:
    """The stage of a connection; queues made inside one event loop share it until the last of them is closed."""
    backends = _backends.setdefault(asyncio.get_running_loop(), {}) if is_loop_running() else {}
    backend = backends.get(connection)
    if backend is None or live_stage(backend, patience).is_empty:
        backend = backends[connection] = connect_backend(connection)
    return live_stage(backend, patience, owns_backend=True)


def is_loop_running() -> bool:
    """Whether this is called inside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
