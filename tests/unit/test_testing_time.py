"""Moving virtual time: every due moment is visited in order, and nothing else moves it."""

import ast
import asyncio
import inspect
import os
import time
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Keep, NewJob, Queue, Worker
from glidemq_pb.semantics import due, keys
from glidemq_pb.testing import TestQueue, TestWorker, VirtualClock, run
from glidemq_pb.testing.kit import DUE_KEYS
from tests.unit.testing_kit import HOUR, AnyJob, AnyQueue, both, play, succeed


def lines(queue: AnyQueue) -> list[tuple[int, str, str | None]]:
    """(milliseconds since the start, event, job id) of a timeline."""
    begin = VirtualClock().now()
    return [(moment.at - begin, moment.event, moment.job_id) for moment in queue.timeline()]


@both
def test_the_example_of_the_api(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        TestWorker(queue, succeed)
        await queue.add("remind", {}, delay=HOUR)
        await queue.run_until_idle()
        assert (await queue.get_job_counts()).delayed == 1
        await queue.advance(timedelta(hours=1))
        assert (await queue.get_job_counts()).completed == 1

    play(runner, test())


@both
def test_two_timers_on_the_way_fire_each_at_its_own_moment(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        TestWorker(queue, succeed)
        for seconds in (20, 10, 30):
            await queue.add("x", seconds, delay=seconds * 1_000)
        await queue.advance(29_999)
        active = [(at, job_id) for at, event, job_id in lines(queue) if event == "active"]
        assert active == [(10_000, "2"), (20_000, "1")]
        assert queue.clock.now() == VirtualClock().now() + 29_999
        await queue.advance(1)
        assert lines(queue)[-2][:2] == (30_000, "completed")

    play(runner, test())


@both
def test_without_a_worker_due_work_is_moved_at_its_moment(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        await queue.add("late", {}, delay=10_000)
        await queue.add("short", {}, ttl=5_000)
        await queue.add("aged", {}, remove_on_complete=True)
        await queue.advance(20_000)
        counts = await queue.get_job_counts()
        assert (counts.waiting, counts.failed, counts.delayed) == (2, 1, 0)
        assert (5_001, "expired", "2") in lines(queue)
        assert [job.id for job in await queue.get_jobs("waiting")] == ["3", "1"]

    play(runner, test())


@both
def test_a_processor_that_ends_at_its_timeout_is_in_time(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def sleep(job: AnyJob) -> str:
            await queue.clock.sleep(job.data)
            await asyncio.sleep(0)
            return "in time"

        TestWorker(queue, sleep, concurrency=2)
        await queue.add("exact", 10_000, timeout=10_000)
        await queue.add("late", 10_001, timeout=10_000)
        await queue.advance(10_000)
        exact, late = await queue.get_job("1"), await queue.get_job("2")
        assert exact is not None
        assert exact.return_value == "in time"
        assert late is not None
        assert late.failed_reason == "timed out"

    play(runner, test())


@both
def test_ends_come_before_expiries_and_promotions_and_these_before_starts(runner: Any) -> None:
    """With one exception: the first worker that settles also sweeps, before the next one settles."""

    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def work(job: AnyJob) -> None:
            if job.name == "long":
                await queue.clock.sleep(job.data)
                for _ in range(3):
                    await asyncio.sleep(0)

        TestWorker(queue, work)
        TestWorker(queue, work)
        await queue.add("long", 10_000)
        await queue.add("long", 10_000)
        await queue.add("expires", {}, ttl=9_999)
        await queue.add("due second", {}, delay=10_000)
        await queue.add("due third", {}, delay=10_000, priority=1)
        await queue.advance(10_000)
        at_the_moment = [(event, job_id) for at, event, job_id in lines(queue) if at == 10_000]
        assert at_the_moment[:3] == [("completed", "1"), ("expired", "3"), ("completed", "2")]
        assert [job_id for event, job_id in at_the_moment if event == "active"] == ["5", "4"]
        assert {event for event, _ in at_the_moment[3:]} == {"active", "completed", "drained"}

    play(runner, test())


@both
def test_no_worker_starts_a_job_before_all_that_ended_is_settled(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def work(job: AnyJob) -> None:
            await queue.clock.sleep(1_000)
            if job.name == "last":
                for _ in range(5):
                    await asyncio.sleep(0)
                await queue.add("urgent", {}, priority=1)

        TestWorker(queue, work)
        TestWorker(queue, work)
        await queue.add_bulk([NewJob("first"), NewJob("last"), NewJob("waits"), NewJob("waits")])
        await queue.advance(1_000)
        started = [moment.job_name for moment in queue.timeline() if moment.event == "active"]
        assert started == ["first", "last", "urgent", "waits"]

    play(runner, test())


@both
def test_several_queues_and_workers_of_one_clock_move_together(runner: Any) -> None:
    async def test() -> None:
        clock = VirtualClock(0)
        first: AnyQueue = TestQueue("first", clock=clock)
        second: AnyQueue = TestQueue("second", backend=first.backend)

        async def pass_on(job: AnyJob) -> None:
            await second.add("next", job.data, delay=1_000)

        TestWorker(first, pass_on)
        async with Worker("second", succeed, backend=second.backend):
            plain: Queue[Any, Any] = Queue("first", backend=first.backend)
            await plain.add("x", {}, delay=1_000)
            await second.advance(2_000)
            assert (await second.get_job_counts()).completed == 1
            assert clock.now() == 2_000
            job = await second.get_job("1")
            assert job is not None
            assert (job.timestamp, job.finished_on) == (1_000, 2_000)

    play(runner, test())


@both
def test_a_sleeper_of_the_test_itself_is_driven(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", clock=VirtualClock(0))
        seen: list[int] = []

        async def watch() -> None:
            for _ in range(3):
                await queue.clock.sleep(timedelta(seconds=1))
                seen.append(queue.clock.now())

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        await queue.advance(2_500)
        assert seen == [1_000, 2_000]
        await queue.run_to_completion()
        await watching
        assert queue.clock.now() == 3_000

    play(runner, test())


@both
def test_an_idle_worker_stays_known_and_costs_nothing(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        for _ in range(3):
            TestWorker(queue, succeed)
        await queue.run_until_idle()
        await queue.advance(timedelta(days=365))
        records = [key for key in queue.snapshot() if ":worker:" in key]
        assert len(records) == 3
        await queue.add("x", {})
        await queue.run_until_idle()
        assert (await queue.get_job_counts()).completed == 1

    play(runner, test())


@both
def test_a_long_processor_keeps_its_lease(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def sleep(_: AnyJob) -> None:
            await queue.clock.sleep(timedelta(hours=10))

        TestWorker(queue, sleep)
        TestWorker(queue, sleep)
        await queue.add("x", {})
        await queue.advance(timedelta(hours=10))
        assert [event for _, event, _ in lines(queue)] == ["added", "active", "completed", "drained"]

    play(runner, test())


@both
def test_a_job_whose_worker_was_closed_by_force_is_recovered_at_the_end_of_its_lease(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        runs: list[int] = []

        async def hang_once(_: AnyJob) -> None:
            runs.append(queue.clock.now())
            if len(runs) == 1:
                await queue.clock.sleep(HOUR)

        lost = TestWorker(queue, hang_once, lock_duration=10_000)
        await queue.add("x", {})
        await queue.run_until_idle()
        TestWorker(queue, hang_once)
        await queue.advance(1_000)
        await lost.close(force=True)
        await queue.advance(HOUR)
        assert [run - runs[0] for run in runs] == [0, 10_000]
        assert (10_000, "stalled", "1") in lines(queue)

    play(runner, test())


@both
def test_retention_by_age_is_exact(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        TestWorker(queue, succeed)
        await queue.add("x", {}, remove_on_complete=Keep(age=HOUR))
        await queue.run_to_completion()
        await queue.advance(HOUR - 1)
        assert await queue.get_job("1") is not None
        await queue.advance(1)
        assert await queue.get_job("1") is None

    play(runner, test())


@both
def test_durations_are_checked(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        for bad in (1.5, True, -1):
            with pytest.raises(InvalidOptionsError):
                await queue.advance(bad)  # type: ignore[arg-type]  # what is refused
        with pytest.raises(InvalidOptionsError):
            TestQueue("tasks", patience=-1)

    play(runner, test())


def test_every_due_moment_of_the_semantics_is_known_to_the_kit() -> None:
    """A new kind of due moment must be told to the kit, or declared to be housekeeping here."""
    housekeeping = {"workers_key", "limiters_key", "deduping_key", "answering_key", "reservations_key"}
    tree = ast.parse(inspect.getsource(due.find_next_due))
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id.endswith("_key")}
    assert named - {"meta_key"} - housekeeping == {key.__name__ for key in DUE_KEYS}
    fields = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.endswith("_until")}
    assert fields == {"calls_until", "metrics_until"}
    assert all(getattr(keys, name) for name in named)


DEEP = "GLIDEMQ_DEEP" in os.environ
HOURS = 8_760 if DEEP else 876
YEAR_SECONDS_MAX = 10.0


def test_a_year_of_hourly_work_is_quick_and_repeats() -> None:
    """Each job fails once and is retried after a backoff. Without GLIDEMQ_DEEP it is a tenth of a year."""

    async def year() -> str:
        queue: AnyQueue = TestQueue("tasks")

        async def fail_once(job: AnyJob) -> None:
            if job.attempts_made == 0:
                raise ValueError("at first")

        TestWorker(queue, fail_once)
        hourly = Backoff("exponential", delay=60_000, jitter=0.5)
        await queue.add_bulk([NewJob("hourly", n, delay=n * HOUR, attempts=2, backoff=hourly) for n in range(HOURS)])
        await queue.advance(HOURS * HOUR)
        assert (await queue.get_job_counts()).completed == HOURS
        return str(queue.timeline())

    begin = time.process_time()  # a machine may be busy
    first = run(year())
    assert time.process_time() - begin < YEAR_SECONDS_MAX
    assert first == run(year())
