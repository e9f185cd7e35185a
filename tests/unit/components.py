"""What the tests of the API layer share: queues in memory under a virtual clock, a started job, other serializers."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from glidemq_pb import Job, Queue
from glidemq_pb.backends.memory import MemoryBackend, VirtualClock
from glidemq_pb.run import Run
from glidemq_pb.semantics import work
from glidemq_pb.semantics.lang import Refusal
from glidemq_pb.semantics.records import COMPLETED_RUN, FAILED_RUN, Caller, RunDetail, Settlement
from glidemq_pb.semantics.store import Store

P = ParamSpec("P")
R = TypeVar("R")

NOW = 1_767_225_600_000
"""Where a VirtualClock begins."""


class CountingBackend(MemoryBackend):
    """Counts the calls that reach the store, and fails those that it is told to."""

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.calls: list[str] = []
        self.failures: dict[int, BaseException] = {}
        """What the n-th call from now on raises instead of running, from 0."""

    async def call(
        self, operation: Callable[Concatenate[Store, str, int, P], R], queue: str, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        number = len(self.calls)
        self.calls.append(getattr(operation, "__name__", ""))
        if number in self.failures:
            raise self.failures[number]
        return await super().call(operation, queue, *args, **kwargs)


class Reversed:
    """Stores text backwards."""

    name = "reversed"

    def serialize(self, value: Any) -> str:
        return str(value)[::-1]

    def deserialize(self, raw: bytes) -> str:
        return raw.decode()[::-1]


FOREIGN = Refusal("FORMAT")


class FakeWorker:
    """Makes the calls that a worker makes, one job at a time."""

    def __init__(self, queue: Queue[Any, Any], worker: str = "w") -> None:
        self._queue = queue
        self._worker = worker
        self._calls = 0

    async def start(self) -> Job[Any, Any]:
        """Start the next job: the Job that its processor would get."""
        [job] = await self._exchange([], 1)
        return job

    async def end(self, job: Job[Any, Any], outcome: str = COMPLETED_RUN, reason: str = "", value: str = "") -> None:
        """Settle it."""
        run = job._run
        assert run is not None
        final = outcome == FAILED_RUN
        await self._exchange(
            [Settlement(job.wire_id, run.token, outcome, value, RunDetail(reason, "", -1, 0, final, 0, False, False))],
            0,
        )

    async def _exchange(self, settlements: list[Settlement], want: int) -> list[Job[Any, Any]]:
        self._calls += 1
        caller = Caller(self._worker, self._calls, 30_000, 1, 60_000, 100, True, 0, 0, False, "")
        owner = self._queue._owner
        reply = await owner.call(work.settle_and_activate, caller, settlements, want)
        jobs = [Job[Any, Any](owner, started.job_id, started.fields, Run(reply.token)) for started in reply.started]
        for job in jobs:
            job.note_start(str(reply.now), owner.backend.clock.monotonic())
        return jobs
