"""The queue of the test kit: the real one, with what moves virtual time and shows what happened."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar, Unpack

from ..backends.backend import Backend
from ..backends.memory import MemoryBackend, VirtualClock
from ..connection import Connection
from ..errors import InvalidOptionsError, duration_ms
from ..execution import Execution
from ..job import Job
from ..job_options import JobOptions
from ..queue import Queue
from .kit import AnyWorker, kit_of
from .live import connected_stage, live_stage
from .stage import KitClock, Stage, VirtualStage
from .timeline import Timeline

D = TypeVar("D")
R = TypeVar("R")


class QueueMaker(Protocol):
    """Makes TestQueues somewhere, with the arguments of `TestQueue`."""

    def __call__(self, name: str, **options: Any) -> "TestQueue[Any, Any]": ...


class TestQueue(Queue[D, R], Generic[D, R]):
    """A Queue on the memory backend under a virtual clock.

    Queues made with the same `clock` share one store; so do those made with another one's `backend`.
    `patience`: how many milliseconds of real time a processor is waited for, where that is needed (1 s).
    Takes every option of `Queue`, and means the same by it.

    Example:
        queue = TestQueue("tasks")
        worker = TestWorker(queue, process)
        await queue.add("remind", {}, delay=3_600_000)
        await queue.advance(timedelta(hours=1))
        assert (await queue.get_job_counts()).completed == 1
    """

    __test__ = False  # nothing for pytest to collect

    def __init__(
        self,
        name: str,
        *,
        clock: VirtualClock | None = None,
        backend: Backend | None = None,
        connection: str | Connection | None = None,
        patience: int | timedelta | None = None,
        **options: Any,
    ) -> None:
        patience_ms = None if patience is None else duration_ms("patience", patience)
        self._stage = choose_stage(clock, backend, connection, patience_ms)
        self._workers: list[AnyWorker] = []
        self._prefix: str = options.get("prefix", "glide")
        super().__init__(name, backend=self._stage.backend, **options)
        self._stage.join(self._root)

    @classmethod
    def on(cls, connection: str | Connection) -> QueueMaker:
        """What to use instead of `TestQueue` to run the same test against a real Valkey, in real time.

        `advance` then waits, and the rest waits until the workers have come to rest. There is no `clock=`
        and no `snapshot()`.

        Example:
            make_queue = TestQueue.on("valkey://localhost:6379")
            queue = make_queue("tasks")
        """

        def make(name: str, **options: Any) -> "TestQueue[Any, Any]":
            return cls(name, connection=connection, **options)

        return make

    @property
    def clock(self) -> KitClock:
        """The clock that it lives by: a VirtualClock, or the system's when it is on a real store."""
        return self._stage.clock

    async def close(self) -> None:
        """Close it, as `Queue.close()`; its store stays for the clock's other queues."""
        if not self._owner.closed:
            await super().close()
            await self._stage.leave(self._root)

    async def end_test(self, *, erase: bool = False) -> None:
        """Close it and its TestWorkers at once, whatever they run; with `erase`, take it out of a real store."""
        for worker in self._workers:
            await worker.close(force=True)
        if erase and not self._owner.closed:
            await self._stage.erase(self._root)
        await self.close()

    async def add_and_wait(
        self,
        name: str,
        data: D | None = None,
        *,
        wait_timeout: int | timedelta = 30_000,
        **options: Unpack[JobOptions],
    ) -> R:
        """As `Queue.add_and_wait`, in virtual time; starts the TestWorkers that were not.

        Under a `VirtualTimeLoop` time goes on while the test itself waits here. On another loop it does not: where
        the job needs time, wait in a task, and move the time.
        """
        await self._stage.start_workers()
        return await super().add_and_wait(name, data, wait_timeout=wait_timeout, **options)

    # --- moving time --------------------------------------------------------------------------------------------------

    async def run_until_idle(self) -> None:
        """Let everything happen that can happen now, without moving time."""
        await self._stage.run_until_idle()

    async def advance(self, duration: int | timedelta) -> None:
        """Let time pass by exactly `duration`: whatever falls due on the way happens at its own moment.

        What falls due at the very end happens too. InvalidOptionsError for a float, a bool or less than 0.
        """
        await self._stage.advance(duration)

    async def run_to_completion(self, until: int | datetime | timedelta | None = None) -> None:
        """Let time pass until no job will move any more, or at most until an instant or for a timedelta.

        What is paused or has no worker does not move. NotCompletedError when work has no end, or when a
        processor hangs.
        """
        await self._stage.run_to_completion(until)

    # --- looking ------------------------------------------------------------------------------------------------------

    def running(self) -> list[Job[D, R]]:
        """The jobs of this queue whose processors run now."""
        return [
            job.job for job in self._stage.running() if isinstance(job, Execution) and job.job.owner.root == self._root
        ]

    def snapshot(self) -> dict[str, Any]:
        """All that is stored of this queue: key names, as on Valkey, and plain values. Equal states are equal.

        InvalidStateError on a real store.
        """
        return self._stage.snapshot(self._root)

    def due_moments(self) -> dict[str, int]:
        """When each delayed job falls due (epoch milliseconds), by its id; empty on a real store."""
        return self._stage.due_moments(self._root)

    def timeline(self) -> Timeline:
        """What happened in this queue, in order, with its times; `print` shows one line for each event.

        Actions of components with `events=False` are not in it.
        """
        return self._stage.timeline(self._root)

    def freeze_time(self) -> AbstractContextManager[None]:
        """A context in which `time.time()` and `datetime.now()` follow the virtual clock (needs freezegun)."""
        return self._stage.freeze_time()

    # --- for TestWorker -----------------------------------------------------------------------------------------------

    def worker_options(self) -> dict[str, Any]:
        """The options of a worker that say where its queue is."""
        return {"backend": self._stage.backend, "prefix": self._prefix}

    def enroll(self, worker: AnyWorker) -> None:
        """Start this worker with the next call that moves time."""
        self._workers.append(worker)
        self._stage.enroll(worker)

    def withdraw(self, worker: AnyWorker) -> None:
        """Do not start it any more."""
        self._stage.withdraw(worker)

    @property
    def _root(self) -> str:
        return self._owner.root


def choose_stage(
    clock: VirtualClock | None, backend: Backend | None, connection: str | Connection | None, patience: int | None
) -> Stage:
    """Where a queue made with these arguments plays. InvalidOptionsError when they contradict each other."""
    given = [name for name, value in (("clock", clock), ("backend", backend), ("connection", connection)) if value]
    if len(given) > 1 and not (backend is not None and backend.clock is clock):
        raise InvalidOptionsError(f"{' and '.join(given)}: give one of them")
    if connection is not None:
        return connected_stage(connection, patience)
    if backend is None:
        return VirtualStage(kit_of(VirtualClock() if clock is None else clock), patience)
    if isinstance(backend, MemoryBackend) and isinstance(backend.clock, VirtualClock):
        return VirtualStage(kit_of(backend.clock, backend.server), patience)
    return live_stage(backend, patience)
