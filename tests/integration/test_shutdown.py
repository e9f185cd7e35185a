"""WRK-6 in real processes: SIGTERM, twice, and processors that do not want to end."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb import Job, NewJob, Queue, Worker
from glidemq_pb.server import PrivateServer

from .test_processes import DEADLINE_SECONDS, POLL_SECONDS, ROOT, WorkerProcess, until

LONG_MS = 600_000
LEASE_MS = 3_000
"""Of what is left behind."""


class Program:
    """A program under test, its queue, and what it printed."""

    def __init__(self, server: PrivateServer, stack: AsyncExitStack) -> None:
        self.server = server
        self.queue: Queue[Any, Any] = Queue(f"shutdown-{uuid4().hex}", connection=server.url)
        self._stack = stack
        stack.push_async_callback(self.queue.close)

    async def start(self, kind: str, jobs: int, data: Any = None, **options: int) -> WorkerProcess:
        """Start it; returns when it runs two jobs, or all there are."""
        await self.queue.add_bulk([NewJob("a", data) for _ in range(jobs)])
        described = json.dumps({"port": self.server.port, "queue": self.queue.name, "kind": kind, **options})
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.shutdown_process", described,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        worker = WorkerProcess(process)
        self._stack.push_async_callback(self._end, worker)
        await until(
            lambda: (
                (len(worker.said("run")) == min(jobs, 2) and "ready" in worker.lines) or process.returncode is not None
            ),
            "it works",
        )
        return worker

    @staticmethod
    async def _end(worker: WorkerProcess) -> None:
        if worker.process.returncode is None:
            worker.signal(signal.SIGKILL)
        await worker.ended()

    async def states(self) -> list[tuple[str, int, int]]:
        """State, attempts made and stalls of all jobs, by id."""
        jobs = [job for n in range(1, 4) if (job := await self.queue.get_job(str(n))) is not None]
        return [(await job.get_state(), job.attempts_made, job.stalled_count) for job in jobs]


@pytest.fixture
async def program(valkey_server: PrivateServer) -> AsyncIterator[Program]:
    async with AsyncExitStack() as stack:
        yield Program(valkey_server, stack)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_running_jobs_complete_and_nothing_else_is_begun(program: Program, number: signal.Signals) -> None:
    process = await program.start("short", 3, {"ms": 100})
    process.signal(number)
    assert await process.ended() == 0
    assert await program.states() == [("completed", 0, 0)] * 2 + [("waiting", 0, 0)]
    assert process.lines[-1] == f"stopped {number.name}"
    assert process.said("closed") == ["worker", "events"]  # who watches is closed last


@pytest.mark.parametrize("kind", ["endless", "polite_thread"])
async def test_what_lasts_longer_than_the_grace_period_is_given_back(program: Program, kind: str) -> None:
    process = await program.start(kind, 3, grace=100)
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert await program.states() == [("waiting", 0, 0)] * 3
    async with Worker[Any, Any](program.queue.name, _done, connection=program.server.url):
        for n in ("1", "2", "3"):
            job = await program.queue.get_job(n)
            assert job is not None
            await _completed(job)


async def _done(job: Job[Any, Any]) -> None:
    """Completes."""


async def _completed(job: Job[Any, Any]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await job.is_completed():  # noqa: ASYNC110 - it happens in the store
            await asyncio.sleep(POLL_SECONDS)


async def test_what_ignores_the_deadline_is_left_behind_and_recovered(program: Program) -> None:
    process = await program.start("stubborn", 1, grace=50, deadline=100, lease=LEASE_MS)
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert process.lines.index("cancelled 1") < process.lines.index("stopped SIGTERM")
    assert [state for state, _, _ in await program.states()] == ["active"]
    async with Worker[Any, Any](program.queue.name, _done, connection=program.server.url):
        job = await program.queue.get_job("1")
        assert job is not None
        await _completed(job)
    assert await program.states() == [("completed", 0, 1)]


async def test_a_second_signal_ends_the_wait_at_once(program: Program) -> None:
    process = await program.start("endless", 2, grace=LONG_MS)
    process.signal(signal.SIGTERM)
    await until(lambda: "stopping" in process.lines, "it begins to stop")  # two signals at once may be one
    async with Worker[Any, Any](program.queue.name, _done, connection=program.server.url) as other:
        late = await program.queue.add("b")  # taken by the other one, as the first is closing
        assert late is not None
        await _completed(late)
        assert other.is_running()
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0  # long before the grace period is over
        assert process.lines[-1] == "stopped SIGTERM"


async def test_a_thread_that_never_ends_holds_the_process_until_the_next_signal(program: Program) -> None:
    process = await program.start("stubborn_thread", 1, grace=50, deadline=50)
    process.signal(signal.SIGTERM)
    await until(lambda: "stopped SIGTERM" in process.lines, "it has shut down")
    process.signal(signal.SIGTERM)
    assert await process.ended() == -signal.SIGTERM
