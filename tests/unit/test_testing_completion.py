"""`run_to_completion`: until when it moves time, and what holds it up."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError
from glidemq_pb.testing import NotCompletedError, TestQueue, TestWorker, VirtualClock, run
from tests.unit.testing_kit import HOUR, AnyJob, AnyQueue, both, play, succeed


@both
def test_run_to_completion_takes_retries_and_delays_and_no_longer(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", clock=VirtualClock(0))

        async def fail_twice(job: AnyJob) -> None:
            if job.attempts_made < 2:
                raise ValueError

        TestWorker(queue, fail_twice)
        await queue.add("x", {}, delay=1_000, attempts=3, backoff=Backoff("exponential", delay=1_000))
        await queue.run_to_completion()
        assert queue.clock.now() == 4_000
        await queue.run_to_completion()
        assert queue.clock.now() == 4_000

    play(runner, test())


@both
def test_run_to_completion_stops_at_until(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", clock=VirtualClock(0))

        async def again(_: AnyJob) -> None:
            await queue.add("x", {}, delay=HOUR)

        TestWorker(queue, again)
        await queue.add("x", {})
        await queue.run_to_completion(until=timedelta(hours=2, minutes=30))
        assert queue.clock.now() == 2.5 * HOUR
        await queue.run_to_completion(until=datetime.fromtimestamp(4 * 3_600, UTC))
        assert queue.clock.now() == 4 * HOUR
        await queue.run_to_completion(until=5 * HOUR)
        assert (await queue.get_job_counts()).completed == 6
        with pytest.raises(InvalidOptionsError, match="already"):
            await queue.run_to_completion(until=HOUR)
        with pytest.raises(InvalidOptionsError, match=r"until=1\.5"):
            await queue.run_to_completion(until=1.5)  # type: ignore[arg-type]  # what is refused
        with pytest.raises(NotCompletedError, match="seems to have no end"):
            await queue.run_to_completion()

    play(runner, test())


@both
def test_what_is_paused_or_has_no_worker_does_not_hold_completion_up(runner: Any) -> None:
    async def test() -> None:
        clock = VirtualClock(0)
        paused: AnyQueue = TestQueue("paused", clock=clock)
        alone: AnyQueue = TestQueue("alone", clock=clock)
        TestWorker(paused, succeed)
        await paused.pause()
        await paused.add("x", {}, delay=1_000)
        await alone.add("x", {})
        await paused.run_to_completion()
        assert clock.now() == 1_000
        assert (await paused.get_job_counts()).waiting == 1

    play(runner, test())


def test_a_processor_that_hangs_is_named_when_completion_is_asked_for() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def hang(_: AnyJob) -> None:
            await asyncio.Event().wait()

        TestWorker(queue, hang)
        await queue.add("stuck", {})
        await queue.advance(timedelta(days=1))
        assert [job.name for job in queue.running()] == ["stuck"]
        with pytest.raises(NotCompletedError, match="still running: stuck 1"):
            await queue.run_to_completion()

    run(test())
