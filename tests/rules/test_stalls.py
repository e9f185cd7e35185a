"""STL: leases, and the recovery of jobs whose worker fell silent."""

from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, Worker
from glidemq_pb.semantics.limits import BACKUP_TIMER_MS

from .world import World, added, line_of, nothing, noting, stored


async def die_with(world: World, *, lock_duration: int = 30_000, **options: Any) -> Job[Any, Any]:
    """A job, active under a worker that is gone without a word."""
    queue = world.queue()
    dying = await world.worker(world.working(10**9), lock_duration=lock_duration)
    job = await added(queue, "a", **options)
    await world.settle()
    assert await job.is_active()
    await dying.close(force=True)
    return job


async def test_STL_1_a_lease_is_renewed_every_half_of_it(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(100_000))
    job = await added(queue, "a")
    await world.settle()
    for renewals in (0, 1, 2, 3):
        assert world.calls(worker)["extend"] == renewals
        await world.advance(14_999)
        assert world.calls(worker)["extend"] == renewals
        await world.advance(1)
    await world.advance(40_000)
    assert await job.is_completed()
    assert await world.events("stalled") == []


async def test_STL_1_a_job_may_have_its_own_duration(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10_000), concurrency=2)
    await queue.add("own", lock_duration=timedelta(seconds=2))
    await world.advance(1_000)
    assert world.calls(worker)["extend"] == 1
    await world.advance(8_999)
    assert world.calls(worker)["extend"] == 9
    await world.advance(1)
    assert len(await world.events("completed")) == 1


async def test_STL_1_one_call_renews_all_leases_that_are_due(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(20_000), concurrency=10)
    for _ in range(10):
        await queue.add("a")
    await world.advance(20_000)
    assert world.calls(worker)["extend"] <= 2
    assert len(await world.events("completed")) == 10


@pytest.mark.parametrize("duration", [999, 86_400_001, 0, -1, 1_000.0, True])
async def test_STL_1_a_duration_out_of_bounds_is_refused(world: World, duration: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="lock_duration"):
        await world.queue().add("a", lock_duration=duration)
    with pytest.raises(InvalidOptionsError, match="lock_duration"):
        world.idle_worker(nothing, lock_duration=duration)


@pytest.mark.parametrize("duration", [1_000, 86_400_000])
async def test_STL_1_the_bounds_themselves_are_allowed(world: World, duration: int) -> None:
    job = await added(world.queue(), "a", lock_duration=duration)
    assert job.opts == {"lock_duration": duration}


async def test_STL_1_without_a_confirmed_extension_the_lease_is_given_up_before_its_end(world: World) -> None:
    queue = world.queue()
    seen: list[tuple[int, str]] = []

    async def work(job: Job[Any, Any]) -> str:
        reason = await job.abort_signal.wait()
        seen.append((world.now - job.timestamp, reason))
        return "late"

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    line_of(worker).cut()
    await world.advance(28_999)
    assert seen == []
    await world.advance(1_000)
    ((at, reason),) = seen
    assert reason == "lease lost"
    assert 29_000 <= at < 30_000
    line_of(worker).mend()
    await world.settle()
    assert await job.is_active()  # the late result was not sent
    assert await world.events("completed") == []


async def test_STL_1_the_lease_is_counted_from_the_sending_of_the_call(world: World) -> None:
    """A reply that takes its time does not make the lease longer."""
    queue = world.queue()
    given_up: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        given_up.append(world.now - job.timestamp)

    worker = await world.worker(work)
    line_of(worker).hold_replies()
    await queue.add("a")
    await world.advance(5_000)
    line_of(worker).release_replies()
    await world.settle()
    line_of(worker).cut()
    await world.advance(24_999)
    assert len(given_up) == 1
    assert given_up[0] < 30_000


async def test_STL_1_with_cancel_on_abort_a_lost_lease_cancels_the_task(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**6), cancel_on_abort=True)
    completed: list[object] = []
    worker.on("failed", lambda job, error: completed.append(error))
    await queue.add("a")
    await world.settle()
    line_of(worker).cut()
    await world.advance(30_000)
    assert world.clock.sleepers == 0
    assert completed == []


async def test_STL_2_a_lease_of_five_minutes_is_not_reclaimed_at_the_cadence_of_the_checks(world: World) -> None:
    job = await die_with(world, lock_duration=300_000)
    ran: list[str] = []
    await world.worker(noting(ran), stalled_interval=30_000)
    await world.advance(299_999)
    assert ran == []
    assert await job.is_active()
    await world.advance(1)
    assert ran == ["a"]


async def test_STL_2_the_jobs_own_duration_counts_before_the_workers(world: World) -> None:
    await die_with(world, lock_duration=300_000, job_id="mine")
    other = await added(world.queue(), "b", lock_duration=2_000)
    dying = await world.worker(world.working(10**9), lock_duration=300_000)
    await world.settle()
    assert await other.is_active()
    await dying.close(force=True)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(1_999)
    assert ran == []
    await world.advance(1 + BACKUP_TIMER_MS)
    assert ran == ["b"]


@pytest.mark.parametrize("interval", [30_000, 3_600_000])
async def test_STL_2_the_end_of_a_lease_is_a_due_moment_whatever_the_interval(world: World, interval: int) -> None:
    """The dead worker was the one to look at that moment, so its backup does, shortly after."""
    await die_with(world, lock_duration=1_234)
    ran: list[str] = []
    await world.worker(noting(ran), stalled_interval=interval, block_timeout=3_600_000)
    await world.advance(1_233)
    assert ran == []
    await world.advance(1 + BACKUP_TIMER_MS)
    assert ran == ["a"]


async def test_STL_2_the_interval_bounds_how_long_an_idle_worker_sleeps(world: World) -> None:
    worker = await world.worker(nothing, stalled_interval=7_000, block_timeout=3_600_000)
    before = world.calls(worker)["settle_and_activate"]
    await world.advance(7_000)
    assert world.calls(worker)["settle_and_activate"] > before


async def test_STL_3_a_stalled_job_is_told_and_runs_again_without_an_attempt_consumed(world: World) -> None:
    job = await die_with(world)
    seen: list[str] = []
    queue = world.queue()
    worker = await world.worker(nothing)
    worker.on("stalled", seen.append)
    await world.advance(30_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.stalled_count, found.attempts_made) == ("completed", 1, 0)
    assert seen == [job.id]
    assert [event.job_id for event in await world.events("stalled")] == [job.id]


async def test_STL_3_beyond_max_stalled_count_it_fails_as_stalled(world: World) -> None:
    job = await die_with(world, attempts=5)
    queue = world.queue()
    second = await world.worker(world.working(10**9))
    await world.advance(30_000)
    assert await job.is_active()
    await second.close(force=True)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(30_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason) == ("failed", "stalled")
    assert (found.stalled_count, found.attempts_made, found.finished_on) == (2, 0, world.now)
    assert ran == []
    assert [event.name for event in await world.events("stalled", "failed")] == ["stalled", "stalled", "failed"]


@pytest.mark.parametrize("most", [0, 3])
async def test_STL_3_max_stalled_count_is_an_option(world: World, most: int) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    stalls = 0
    worker: Worker[Any, Any] = await world.worker(world.working(10**9), max_stalled_count=most)
    while True:
        await world.settle()
        await worker.close(force=True)
        worker = await world.worker(world.working(10**9), max_stalled_count=most)
        await world.advance(30_000)
        stalls += 1
        if await job.is_failed():
            break
        assert stalls < 10
    assert stalls == most + 1


@pytest.mark.parametrize(
    ("options", "others", "order"),
    [
        ({}, [{}, {"lifo": True}, {"priority": 1}], ["priority", "lifo", "a", "fifo"]),
        ({"lifo": True}, [{}, {"lifo": True}, {"priority": 1}], ["priority", "lifo", "a", "fifo"]),
        ({"priority": 5}, [{}, {"lifo": True}, {"priority": 5}], ["a", "priority", "lifo", "fifo"]),
    ],
    ids=["fifo", "lifo", "priority"],
)
async def test_STL_3_it_returns_to_its_own_lane_at_its_old_place(
    world: World, options: dict[str, Any], others: list[dict[str, Any]], order: list[str]
) -> None:
    await die_with(world, **options)
    queue = world.queue()
    for other in others:
        await queue.add(next(iter(other), "fifo"), **other)
    await world.advance(30_000)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == order


async def test_STL_3_a_stalled_job_of_a_retry_keeps_its_attempts(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        if job.attempts_made == 0:
            raise ValueError("first")
        await world.sleep(10**9)

    dying = await world.worker(work)
    job = await added(queue, "a", attempts=2, backoff=Backoff("fixed", 10))
    await world.advance(10)
    await dying.close(force=True)
    await world.worker(nothing)
    await world.advance(30_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made, found.stalled_count) == ("completed", 1, 1)


async def test_STL_4_one_stall_is_counted_once_by_many_workers(world: World) -> None:
    job = await die_with(world)
    seen: list[str] = []
    for _ in range(5):
        worker = await world.worker(world.working(10))
        worker.on("stalled", seen.append)
    await world.advance(31_000)
    assert (await stored(world.queue(), job)).stalled_count == 1
    assert seen == [job.id]
    assert len(await world.events("stalled")) == 1


async def test_STL_4_20_stalled_jobs_are_each_counted_once(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**9), concurrency=20)
    jobs = [await added(queue, "a") for _ in range(20)]
    await world.settle()
    await dying.close(force=True)
    for _ in range(2):
        await world.worker(nothing, concurrency=10)
    await world.advance(30_000)
    for job in jobs:
        found = await stored(queue, job)
        assert (await job.get_state(), found.stalled_count) == ("completed", 1)


async def test_STL_4_an_expired_stalled_job_fails_as_expired(world: World) -> None:
    job = await die_with(world, ttl=1_000)
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(30_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.stalled_count) == ("failed", "expired", 1)
    assert ran == []
    assert [event.name for event in await world.events("stalled", "expired", "failed")] == ["stalled", "expired"]


async def test_STL_5_a_stalled_job_leaves_active_and_frees_no_slot_twice(world: World) -> None:
    queue = world.queue()
    job = await die_with(world)
    await queue.pause()
    await world.worker(nothing)
    await world.advance(30_000)
    counts = await queue.get_job_counts()
    assert (counts.active, counts.waiting) == (0, 1)
    await queue.resume()
    await world.settle()
    assert await job.is_completed()
