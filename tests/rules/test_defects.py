"""B: defects of the original that must be impossible here, where no test of a rule shows it already.

The table in README.md names the test of each of them.
"""

import asyncio
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    BulkError,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    Keep,
    NewJob,
    Queue,
    SerializationError,
)
from glidemq_pb.adding import CHUNK_BYTES_MAX
from glidemq_pb.semantics.limits import BACKUP_TIMER_MS

from .world import World, added, failing, line_of, nothing, noting, stored


async def test_B_05_a_job_removed_while_it_waits_leaves_no_ghost(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10))
    await queue.add("busy")
    jobs = [await added(queue, "gone", **options) for options in ({}, {"lifo": True}, {"priority": 1})]
    for job in jobs:
        await job.remove()
    await world.advance(100)
    assert [key for key in world.dump() if key.startswith("job:")] == ["job:1"]
    assert await world.events("completed") != []
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.completed) == (0, 0, 1)
    await worker.close()


async def test_B_06_no_write_of_a_run_revives_a_removed_job(world: World) -> None:
    """Heartbeats, progress, logs, data and the end itself change nothing of a job that is gone."""
    queue = world.queue()
    refused: list[str] = []

    async def work(job: Job[Any, Any]) -> str:
        await world.sleep(20_000)  # past one heartbeat
        for write in (job.update_progress(1), job.log("a line"), job.update_data(2)):
            try:
                await write
            except Exception as error:
                refused.append(type(error).__name__)
        return "late"

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    await job.remove()
    await world.advance(100_000)
    assert refused == ["JobNotFoundError"] * 3
    assert [key for key in world.dump() if key.startswith(("job:", "logs:"))] == []
    counts = await queue.get_job_counts()
    assert (counts.active, counts.completed, counts.failed) == (0, 0, 0)


async def test_B_06_a_stall_of_a_removed_job_is_not_counted(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**9))
    job = await added(queue, "a")
    await world.settle()
    await dying.close(force=True)
    await job.remove()
    await world.worker(nothing)
    await world.advance(60_000)
    assert await world.events("stalled") == []
    assert await queue.get_job(job.id) is None


async def test_B_10_a_pause_holds_against_a_backlog(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    some_ran = asyncio.Event()

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.id)
        if len(ran) == 20:
            some_ran.set()
        await asyncio.sleep(0)

    worker = await world.worker(work, concurrency=4)
    await queue.add_bulk([NewJob("a") for _ in range(200)])
    await some_ran.wait()
    await worker.pause()
    there = len(ran)
    await world.advance(60_000)
    assert len(ran) == there
    counts = await queue.get_job_counts()
    assert (counts.active, counts.completed, counts.waiting) == (0, there, 200 - there)


async def test_B_11_a_reclaimed_job_is_completed_once(world: World) -> None:
    """Both of its workers finish; it is in one place, with the result of the one that held the lease."""
    queue = world.queue()

    def returning(result: str, milliseconds: int) -> Any:
        async def work(job: Job[Any, Any]) -> str:
            await world.sleep(milliseconds)
            return result

        return work

    await world.worker(returning("late", 2_000))
    job = await added(queue, "a")
    await world.settle()
    world.clock.set(world.now + 30_000)
    await world.worker(returning("right", 1_000))
    await world.advance(5_000)
    found = await stored(queue, job)
    assert found.return_value == "right"
    counts = await queue.get_job_counts()
    assert (counts.completed, counts.failed, counts.active) == (1, 0, 0)
    assert len(await world.events("completed")) == 1


async def test_B_12_two_rolling_restarts_do_not_fail_a_job_that_never_ran(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob("a") for _ in range(30)])
    for _ in range(4):
        worker = await world.worker(nothing)
        await asyncio.sleep(0)
        await worker.close()
        await world.advance(60_000)
    await world.worker(nothing)
    await world.settle()
    assert (await queue.get_job_counts()).completed == 30
    assert {job.stalled_count for job in await queue.get_jobs("completed")} == {0}


async def test_B_15_the_next_due_moment_is_that_of_all_priorities(world: World) -> None:
    queue = world.queue()
    ran: list[tuple[str, int]] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        ran.append((job.name, world.now - begin))

    await world.worker(work)
    await queue.add("far", priority=1, delay=50_000)
    await queue.add("near", priority=2048, delay=1_000)
    await queue.add("none", delay=500)
    await world.advance(50_000)
    assert ran == [("none", 500), ("near", 1_000), ("far", 50_000)]


async def test_B_17_equal_priorities_are_not_ordered_by_the_text_of_their_ids(world: World) -> None:
    """Also when they were promoted at one moment, or given the same priority later."""
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob(str(number), priority=7, delay=10) for number in range(11)])
    later = [await added(queue, f"moved {number}", priority=9) for number in range(2)]
    ran: list[str] = []
    await world.advance(10)
    for job in later:
        await job.change_priority(7)
    await world.worker(noting(ran))
    await world.settle()
    names = [job.name for job in jobs]
    assert [name for name in ran if not name.startswith("moved")] == names
    assert [name for name in ran if name.startswith("moved")] == ["moved 0", "moved 1"]


async def test_B_19_a_lifo_job_keeps_its_priority_through_a_delay_and_a_retry(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        if job.name == "both" and job.attempts_made == 0:
            raise ValueError("again")

    await queue.add("both", lifo=True, priority=3, delay=10, attempts=2)
    await queue.add("fifo 3", priority=3)
    await queue.add("lifo", lifo=True)
    await queue.add("two", priority=2)
    await world.advance(10)
    await world.worker(work)
    await world.settle()
    assert ran == ["two", "both", "both", "fifo 3", "lifo"]


async def test_B_18_an_order_is_not_frozen_by_promotion(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(f"five {number}", priority=5, delay=10) for number in range(3)])
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(1)

    await world.worker(work)
    await world.advance(10)
    await queue.add("one", priority=1)
    await world.advance(10)
    assert ran == ["five 0", "one", "five 1", "five 2"]


async def test_B_20_a_job_removed_from_a_promoted_lane_does_not_fail_later(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await world.worker(nothing)
    jobs = [
        await added(queue, "a", priority=3, delay=10, ttl=1_000),
        await added(queue, "b", lifo=True, delay=10, ttl=1_000),
    ]
    await world.advance(10)
    await jobs[0].change_priority(1)
    await jobs[1].change_delay(100)
    for job in jobs:
        await job.remove()
    await queue.resume()
    await world.advance(10_000)
    assert await world.events("failed", "expired", "active") == []


@pytest.mark.parametrize("job_id", ["007", "1" * 20, "1" * 400, "+5", "-5", "5.0", "٣", "1e3", "0x10"])
async def test_B_24_a_number_like_id_does_not_touch_the_counter(world: World, job_id: str) -> None:
    queue = world.queue()
    if len(job_id) > 256:
        with pytest.raises(InvalidOptionsError, match="job_id"):
            await queue.add("a", job_id=job_id)
        return
    await queue.add("a", job_id=job_id)
    assert [(await added(queue, "b")).id for _ in range(2)] == ["1", "2"]


async def test_B_31_a_bulk_with_one_bad_job_stores_none(world: World) -> None:
    queue = world.queue()
    with pytest.raises(SerializationError, match=r"jobs\[1\]"):
        await queue.add_bulk([NewJob("good"), NewJob("bad", object()), NewJob("good")])
    with pytest.raises(InvalidOptionsError, match=r"jobs\[2\]"):
        await queue.add_bulk([NewJob("good"), NewJob("good"), "bad"])  # type: ignore[list-item]  # on purpose
    assert world.dump() == {}


async def test_B_31_a_bulk_of_1000_is_one_call_and_more_go_in_chunks_in_order(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(str(number)) for number in range(1_000)])
    assert line_of(queue).calls["enqueue"] == 1
    jobs = await queue.add_bulk([NewJob(str(number)) for number in range(1_001)])
    assert line_of(queue).calls["enqueue"] == 3
    assert [job.id for job in jobs] == [str(number) for number in range(1_001, 2_002)]


async def test_B_31_a_bulk_above_8_mib_goes_in_chunks(world: World) -> None:
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob("a", "x" * 1_000_000) for _ in range(10)])
    assert len(jobs) == 10
    assert line_of(queue).calls["enqueue"] == -(-10_000_000 // CHUNK_BYTES_MAX)


async def test_B_34_the_worker_that_finds_a_stalled_job_says_so(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**9), concurrency=3)
    for options in ({}, {"lifo": True}, {"priority": 2}):
        await queue.add("a", **options)
    await world.settle()
    await dying.close(force=True)
    seen: list[str] = []
    worker = await world.worker(nothing)
    worker.on("stalled", seen.append)
    await world.advance(30_000)
    assert sorted(seen) == ["1", "2", "3"]


async def test_B_35_active_is_told_for_starts_and_for_nothing_else(world: World) -> None:
    """Not for a job that goes back to the queue: promoted, retried, moved or stalled."""
    queue = world.queue()
    await queue.pause()
    await world.worker(nothing)
    job = await added(queue, "a", delay=10)
    await job.change_delay(20)
    await world.advance(20)
    await job.change_priority(4)
    assert await world.events("active") == []
    await queue.resume()
    await world.settle()
    assert [event.job_id for event in await world.events("active")] == [job.id]


async def test_B_39_a_lease_keeps_its_length_when_the_connection_was_lost(world: World) -> None:
    """Both the worker's and the job's own duration are sent with every call."""
    queue = world.queue()
    worker = await world.worker(
        world.working(10**9), lock_duration=300_000, concurrency=2, block_timeout=10**6, stalled_interval=10**6
    )
    line_of(worker).cut()
    await world.advance(10_000)
    line_of(worker).mend()
    await queue.add("worker's")
    await queue.add("own", lock_duration=600_000)
    await world.settle()
    ends = sorted(end - world.now for _, end in world.dump()["active"])
    assert ends == [300_000, 600_000]
    line_of(worker).cut()
    await world.advance(10_000)
    line_of(worker).mend()
    await world.advance(140_000)
    ends = sorted(end - world.now for _, end in world.dump()["active"])
    assert ends[0] == 300_000


async def test_B_39_after_a_lost_connection_leases_are_extended_again(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(100_000))
    job = await added(queue, "a")
    await world.settle()
    line_of(worker).cut()
    await world.advance(20_000)
    line_of(worker).mend()
    await world.advance(80_000)
    assert await job.is_completed()
    assert await world.events("stalled", "lease-lost") == []


async def test_B_40_retry_clears_what_a_first_life_left(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    worker = await world.worker(failing(1))
    job = await added(queue, "a", ttl=100, attempts=2)
    await world.advance(101)
    assert (await stored(queue, job)).failed_reason == "expired"
    await job.retry()
    await queue.resume()
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("completed", None, 1)
    with pytest.raises(InvalidStateError):
        await job.retry()
    await worker.close()


async def test_B_40_retry_forgives_earlier_stalls(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    for _ in range(2):
        dying = await world.worker(world.working(10**9))
        await world.settle()
        await dying.close(force=True)
        await world.advance(30_000 + BACKUP_TIMER_MS)
    sweeping = await world.worker(nothing)
    await world.settle()
    await sweeping.close()
    assert (await stored(queue, job)).failed_reason == "stalled"
    await job.retry()
    dying = await world.worker(world.working(10**9))
    await world.settle()
    await dying.close(force=True)
    await world.advance(30_000)
    await world.worker(nothing)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.stalled_count) == ("completed", 1)


@pytest.mark.parametrize("way", ["true", "count", "age", "remove"])
async def test_B_41_whatever_removes_a_job_removes_all_of_it(world: World, way: str) -> None:
    queue = world.queue()
    keep = {"true": True, "count": 0, "age": Keep(age=10), "remove": False}[way]

    async def work(job: Job[Any, Any]) -> str:
        await job.log("a line")
        await job.update_progress(5)
        if job.attempts_made == 0:
            raise ValueError("first")
        return "done"

    await world.worker(work)
    job = await added(
        queue, "a", {"n": 1}, attempts=2, backoff=Backoff("fixed", 5), ttl=10_000, remove_on_complete=keep
    )
    await world.advance(20)
    if way == "remove":
        await job.remove()
    left = {key for key in world.dump() if not key.startswith(("worker", "meta", "events", "metrics", "calls"))}
    assert left == {"id"}


async def test_B_41_an_idle_queue_holds_no_garbage(world: World) -> None:
    """A day later only the counter, the events and what describes the queue are left."""
    queue = world.queue()
    worker = await world.worker(failing(1))
    await queue.add_bulk([NewJob("a", attempts=2, remove_on_complete=True) for _ in range(5)])
    await world.advance(1_000)
    await worker.close()
    await world.advance(25 * 3_600_000)
    for _ in range(3):  # replies to calls live in two generations
        passing = await world.worker(nothing)
        await world.advance(120_000)
        await passing.close()
    assert set(world.dump()) <= {"id", "meta", "events", "wake"}


async def test_B_43_a_large_result_is_not_repeated_by_its_event(world: World) -> None:
    queue = world.queue()
    large = "x" * 100_000

    async def work(job: Job[Any, Any]) -> str:
        await job.update_progress({"large": large})
        if job.name == "bad":
            raise ValueError(large)
        return large

    await world.worker(work)
    job = await added(queue, "good")
    await queue.add("bad", attempts=2)
    await world.settle()
    assert (await stored(queue, job)).return_value == large
    events = await world.events()
    assert {event.name for event in events} >= {"completed", "progress", "retrying", "failed"}
    assert max(len(value) for event in events for value in event.data.values()) < 100


async def test_B_31_a_later_chunk_that_is_refused_tells_what_was_added(world: World) -> None:
    queue: Queue[Any, Any] = world.queue()
    line_of(queue).after_calls(2, queue.close)
    with pytest.raises(BulkError) as caught:
        await queue.add_bulk([NewJob("a") for _ in range(5_000)])
    assert len(caught.value.added) == 2_000
    assert await world.queue().count() == 2_000
