"""JOB-8 to JOB-10 for many jobs at once: drain, clean, obliterate, retry_jobs; and searching, and who works."""

import asyncio
import os
import socket
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    Deduplication,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    NewJob,
    Ordering,
    Queue,
    RateLimit,
    TokenBucket,
)
from glidemq_pb.semantics.limits import BATCH_MAX

from .watching import Watch, group_keys
from .world import World, added, failing, nothing, stored

LANES: list[dict[str, Any]] = [
    {}, {"lifo": True}, {"priority": 7}, {"ordering": Ordering("g")}, {"ordering": Ordering("h", 2)},
]  # fmt: skip


async def fill(queue: Queue[Any, Any], count: int, **options: Any) -> None:
    """Add jobs in every lane."""
    await queue.add_bulk([NewJob("a", **LANES[number % len(LANES)], **options) for number in range(count)])


# --- JOB-8: remove ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", range(len(LANES)))
@pytest.mark.parametrize("state", ["waiting", "delayed", "active", "completed", "failed"])
async def test_JOB_8_remove_erases_a_job_of_any_lane_in_any_state(world: World, lane: int, state: str) -> None:
    queue = world.queue()
    if state in ("active", "completed"):
        await world.worker(world.working(10**6 if state == "active" else 0))
    if state == "failed":
        await world.worker(failing(9))
    job = await added(queue, "a", delay=10**6 if state == "delayed" else 0, ttl=10**8, **LANES[lane])
    await world.settle()
    assert await job.get_state() == state
    await job.remove()
    await world.settle()
    assert await job.get_state() == "unknown"
    left = {
        key
        for key in world.dump()
        if not key.startswith(("id", "meta", "events", "metrics", "calls", "worker", "wake"))
    }
    assert left == set()
    assert [event.job_id for event in await world.events("removed")] == [job.id]
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.delayed, counts.completed, counts.failed) == (0,) * 5


async def test_JOB_8_a_removed_parked_job_passes_its_turn_on(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    jobs = await queue.add_bulk([NewJob(str(number), ordering=Ordering("g")) for number in range(5)])
    await jobs[0].remove()
    await jobs[3].remove()
    assert [job.name for job in await queue.get_jobs("waiting")] == ["1", "2", "4"]
    watch = Watch(world)
    await world.worker(watch)
    await queue.resume()
    await world.settle()
    assert watch.names == ["1", "2", "4"]


# --- JOB-9: drain -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delayed", [False, True])
async def test_JOB_9_drain_removes_what_waits_in_every_lane(world: World, delayed: bool) -> None:
    queue = world.queue()
    await queue.rate_limit_group("limited", 10**6)
    running = Watch(world, takes=1_000)
    await world.worker(running)
    await queue.add("running", ordering=Ordering("g"))
    await world.settle()
    await fill(queue, 25, deduplication=None)
    await queue.add_bulk([NewJob("limited", ordering=Ordering("limited")) for _ in range(3)])
    await queue.add("later", delay=5_000)
    await queue.add("later in g", delay=5_000, ordering=Ordering("g"))
    await queue.drain(delayed)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.delayed) == (0, 1, 0 if delayed else 2)
    assert await queue.get_jobs("waiting") == []
    assert len(await world.events("removed")) == 28 + (2 if delayed else 0)
    await fill(queue, 10)
    await world.advance(100_000)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.delayed) == (0, 0, 0)
    assert counts.completed == 1 + 10 + (0 if delayed else 2)


async def test_JOB_9_drain_says_drained_once_when_nothing_is_left(world: World) -> None:
    queue = world.queue()
    await fill(queue, 20)
    await queue.drain()
    assert len(await world.events("drained")) == 1
    await queue.drain()
    assert len(await world.events("drained")) == 1


async def test_JOB_9_drain_leaves_what_was_added_since_it_began(world: World) -> None:
    queue = world.queue()
    await fill(queue, 2 * BATCH_MAX)
    added_since: list[str] = []
    adding: list[asyncio.Task[None]] = []

    async def add_more() -> None:
        added_since.extend([(await added(queue, "new", **options)).id for options in LANES])

    def on_progress(removed: int) -> None:
        if not adding:
            adding.append(asyncio.get_running_loop().create_task(add_more()))

    await queue.drain(on_progress=on_progress)
    await adding[0]
    assert sorted(job.id for job in await queue.get_jobs("waiting")) == sorted(added_since)


async def test_JOB_9_drain_drops_deduplication_and_limits_of_groups_with_the_jobs(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk(
        [NewJob("a", deduplication=Deduplication(f"d{n}"), ordering=Ordering(f"g{n % 7}", 2)) for n in range(30)]
    )
    await queue.drain()
    assert group_keys(world) == set()
    assert [key for key in world.dump() if key.startswith("dedup")] == []


async def test_JOB_9_progress_is_told_and_grows(world: World) -> None:
    queue = world.queue()
    await fill(queue, 2 * BATCH_MAX + 50)
    seen: list[int] = []
    await queue.drain(on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 2 * BATCH_MAX + 50
    assert len(seen) >= 3
    assert max(later - earlier for earlier, later in zip([0, *seen], seen, strict=False)) <= BATCH_MAX


# --- JOB-9: clean -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["completed", "failed"])
async def test_JOB_9_clean_removes_the_oldest_that_ended_long_enough_ago(world: World, state: Any) -> None:
    queue = world.queue()
    await world.worker(failing(0 if state == "completed" else 9))
    jobs: list[Job[Any, Any]] = []
    for _ in range(5):
        jobs.append(await added(queue, "a"))
        await world.advance(1_000)
    other = "failed" if state == "completed" else "completed"
    assert await queue.clean(0, 10, other) == []  # type: ignore[arg-type]  # mypy does not know the other one
    assert await queue.clean(timedelta(seconds=3), 2, state) == [jobs[0].id, jobs[1].id]
    assert await queue.clean(3_000, 2, state) == [jobs[2].id]
    assert await queue.clean(3_000, 2, state) == []
    assert await queue.clean(0, 100, state) == [jobs[3].id, jobs[4].id]
    cleaned = [event.data["count"] for event in await world.events("cleaned")]
    assert cleaned == ["2", "1", "2"]
    assert await world.events("removed") == []
    assert [key for key in world.dump() if key.startswith(("job:", "logs:"))] == []


@pytest.mark.parametrize("limit", [0, -1])
async def test_JOB_9_clean_of_at_most_none_is_none(world: World, limit: int) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.add("a")
    await world.settle()
    assert await queue.clean(0, limit, "completed") == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((-1, 1, "completed"), "grace"), ((1.5, 1, "completed"), "grace"), ((0, 1.5, "failed"), "limit"),
     ((0, 1, "waiting"), "state")],
)  # fmt: skip
async def test_JOB_9_clean_refuses_bad_arguments(world: World, arguments: tuple[Any, ...], name: str) -> None:
    with pytest.raises(InvalidOptionsError, match=name):
        await world.queue().clean(*arguments)


async def test_JOB_9_clean_goes_on_over_batches_in_order(world: World) -> None:
    queue = world.queue()
    count = BATCH_MAX + 20
    await world.worker(nothing, concurrency=50, events=False)
    await queue.add_bulk([NewJob("a") for _ in range(count)])
    await world.settle()
    seen: list[int] = []
    ids = await queue.clean(0, count - 5, "completed", on_progress=seen.append)
    assert len(set(ids)) == count - 5
    assert seen[-1] == count - 5
    assert len(seen) == -(-(count - 5) // BATCH_MAX)
    assert (await queue.get_job_counts()).completed == 5


# --- JOB-9: obliterate ------------------------------------------------------------------------------------------------


async def test_JOB_9_obliterate_removes_everything(world: World) -> None:
    """B-22: priority jobs, parked ones, counters and signals were left, and an active count of ghosts."""
    queue = world.queue()
    worker = await world.worker(failing(1), limiter=RateLimit(4, 10**6), dead_letter_queue=None)
    await queue.set_global_concurrency(5)
    await queue.set_global_rate_limit(RateLimit(1_000, 1_000))
    await queue.set_group_limits("kept", concurrency=2, token_bucket=TokenBucket(5, 0.001))
    await queue.rate_limit_group("paused", 10**6)
    await fill(queue, 30, ttl=10**8)
    await queue.add_bulk(
        [NewJob("a", delay=5, deduplication=Deduplication(f"d{n}", "throttle", 10**6)) for n in range(9)]
    )
    await world.advance(100)
    await worker.close()
    await queue.obliterate()
    assert set(world.dump()) <= {"events", "sent", "inbox", "wake"}
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.delayed, counts.completed, counts.failed) == (0,) * 5
    assert await queue.get_global_concurrency() == 0
    assert await queue.get_global_rate_limit() is None
    watch = Watch(world)
    await world.worker(watch)
    assert (await added(queue, "again", ordering=Ordering("g"))).id == "1"
    await world.settle()
    assert watch.names == ["again"]


async def test_JOB_9_obliterate_refuses_while_anything_is_active_unless_forced(world: World) -> None:
    queue = world.queue()
    reasons: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        reasons.append(job.abort_signal.reason)
        await world.sleep(100)

    await world.worker(work, concurrency=2)
    await fill(queue, 8)
    await world.settle()
    with pytest.raises(InvalidStateError, match="2 active"):
        await queue.obliterate()
    assert await queue.count() == 6
    await queue.obliterate(force=True)
    await world.settle()
    assert reasons == ["lease lost", "lease lost"]
    await world.advance(60_000)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.completed, counts.failed) == (0, 0, 0, 0)
    assert [key for key in world.dump() if key.startswith("job:")] == []


async def test_JOB_9_an_old_token_does_not_end_a_job_of_the_same_id(world: World) -> None:
    """Ids begin again after `obliterate`."""
    queue = world.queue()
    slow = await world.worker(world.working(1_000))
    await queue.add("old")
    await world.settle()
    await queue.obliterate(force=True)
    await world.worker(world.working(10_000))
    job = await added(queue, "new")
    assert job.id == "1"
    await world.advance(2_000)
    assert await job.get_state() == "active"
    await slow.close()
    await world.advance(20_000)
    assert await job.is_completed()


async def test_JOB_9_events_of_obliterate_and_progress(world: World) -> None:
    queue = world.queue()
    await fill(queue, BATCH_MAX + 10)
    seen: list[int] = []
    await queue.obliterate(on_progress=seen.append)
    assert seen[-1] == BATCH_MAX + 10
    assert seen == sorted(seen)
    await queue.obliterate()
    await world.queue(f"{world.name}-never").obliterate()


@pytest.mark.parametrize("call", ["drain", "obliterate"])
async def test_JOB_9_flags_are_bools(world: World, call: str) -> None:
    with pytest.raises(InvalidOptionsError):
        await getattr(world.queue(), call)(1)


# --- JOB-10: retry_jobs -----------------------------------------------------------------------------------------------


async def test_JOB_10_retry_jobs_takes_the_oldest_failures_first_to_the_tail_of_their_lanes(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1))
    for number in range(4):
        await queue.add(str(number), attempts=1)
        await world.advance(10)
    await worker.close()
    await queue.add("waiting")
    assert await queue.retry_jobs(3) == 3
    assert [job.name for job in await queue.get_jobs("waiting")] == ["waiting", "0", "1", "2"]
    assert [job.name for job in await queue.get_jobs("failed")] == ["3"]
    assert await queue.retry_jobs(0) == 0
    assert await queue.retry_jobs() == 1
    assert await queue.retry_jobs() == 0
    for job in await queue.get_jobs("waiting"):
        assert (job.attempts_made, job.failed_reason, job.finished_on) == (0, None, None)
    assert len(await world.events("retried")) == 4


async def test_JOB_10_each_keeps_its_lane(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1))
    await queue.add_bulk(
        [NewJob("fifo"), NewJob("lifo", lifo=True), NewJob("p", priority=5), NewJob("g", ordering=Ordering("g"))]
    )
    await world.settle()
    await worker.close()
    await queue.add("waiting")
    assert await queue.retry_jobs() == 4
    names = [job.name for job in await queue.get_jobs("waiting")]
    assert names[:2] == ["p", "lifo"]
    assert names[2] == "waiting"
    assert sorted(names[3:]) == ["fifo", "g"]


async def test_JOB_10_a_job_that_fails_again_meanwhile_is_not_retried_twice(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"a": 9})
    await world.worker(watch, concurrency=20, events=False)
    count = BATCH_MAX + 30
    await queue.add_bulk([NewJob("a") for _ in range(count)])
    await world.settle()
    seen: list[int] = []
    assert await queue.retry_jobs(on_progress=seen.append) == count
    assert seen[-1] == count
    await world.settle()
    assert len(watch.starts) == 2 * count


async def test_JOB_10_its_time_to_live_and_revocation_begin_anew(world: World) -> None:
    queue = world.queue()
    expired = await added(queue, "a", ttl=100)
    revoked = await added(queue, "b")
    await queue.revoke(revoked.id)
    worker = await world.worker(nothing)
    await queue.pause()
    await world.advance(101)
    await queue.resume()
    await world.settle()
    await worker.close()
    failed = await queue.get_jobs("failed")
    assert await queue.retry_jobs() == len(failed) >= 1
    assert not await revoked.is_revoked()
    if await expired.is_waiting():
        assert (await stored(queue, expired)).expire_at == world.now + 100


@pytest.mark.parametrize("count", [-1, 1.5, True, "1"])
async def test_JOB_10_a_bad_count_is_refused(world: World, count: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="count"):
        await world.queue().retry_jobs(count)


# --- searching --------------------------------------------------------------------------------------------------------


async def test_JOB_search_jobs_finds_by_state_name_and_data_newest_first(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await queue.add_bulk([NewJob("mail" if n % 2 else "sms", {"n": n, "user": n % 3}) for n in range(12)])
    await queue.add("mail", {"n": 100, "user": 0}, delay=1_000)
    await queue.add("mail", "no mapping")
    assert [job.data["n"] for job in await queue.search_jobs("waiting", "sms")] == [10, 8, 6, 4, 2, 0]
    assert [job.data["n"] for job in await queue.search_jobs("waiting", data={"user": 1})] == [10, 7, 4, 1]
    assert [job.data["n"] for job in await queue.search_jobs(None, "mail", {"user": 0})] == [100, 9, 3]
    assert [job.data["n"] for job in await queue.search_jobs("waiting", "sms", limit=2)] == [10, 8]
    assert await queue.search_jobs(limit=0) == []
    assert await queue.search_jobs("failed") == []
    assert await queue.search_jobs(data={"user": 0, "n": 1}) == []
    assert len(await queue.search_jobs()) == 14


async def test_JOB_search_jobs_newest_first_in_every_state_and_lane(world: World) -> None:
    queue = world.queue()
    await world.worker({"good": nothing, "bad": failing(9), "slow": world.working(10**9)}, concurrency=3)
    for number in range(3):
        for name in ("good", "bad"):
            await queue.add(name, number)
            await world.advance(1)
    for state in ("completed", "failed"):
        assert [job.data for job in await queue.search_jobs(state)] == [2, 1, 0]
    await queue.add_bulk([NewJob("slow", number, lock_duration=10_000 - number) for number in range(3)])
    await world.settle()
    assert [job.data for job in await queue.search_jobs("active")] == [2, 1, 0]
    await queue.add_bulk([NewJob("later", number, delay=10_000 - number) for number in range(3)])
    assert [job.data for job in await queue.search_jobs("delayed")] == [2, 1, 0]
    await queue.add_bulk([NewJob("lane", number, **LANES[number]) for number in range(len(LANES))])
    await queue.add("lane", 9, lifo=True)
    assert [job.data for job in await queue.search_jobs("waiting")] == [9, 4, 3, 2, 1, 0]


async def test_JOB_search_jobs_reads_page_by_page(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(str(number % 10), number) for number in range(1_000)])
    await queue.add_bulk([NewJob(str(number % 10), number) for number in range(1_000, 1_200)])
    found = await queue.search_jobs("waiting", "3", limit=1_000)
    assert [job.data for job in found] == list(range(1_193, 0, -10))


@pytest.mark.parametrize(
    ("arguments", "name"), [({"state": "parked"}, "state"), ({"limit": -1}, "limit"), ({"limit": 1.5}, "limit")]
)
async def test_JOB_search_jobs_refuses_bad_arguments(world: World, arguments: Any, name: str) -> None:
    with pytest.raises(InvalidOptionsError, match=name):
        await world.queue().search_jobs(**arguments)


# --- get_workers ------------------------------------------------------------------------------------------------------


async def test_WRK_7_get_workers_lists_live_workers(world: World) -> None:
    queue = world.queue()
    assert await queue.get_workers() == []
    first = await world.worker(world.working(100_000), concurrency=3)
    await world.worker(world.working(100_000))
    await world.advance(10_000)
    await queue.add_bulk([NewJob("a") for _ in range(4)])
    await world.advance(10_000)
    workers = await queue.get_workers()
    assert {(one.host, one.pid) for one in workers} == {(socket.gethostname(), os.getpid())}
    assert len({one.id for one in workers}) == 2
    assert sorted(one.concurrency for one in workers) == [1, 3]
    assert all(world.now - 10_000 <= one.last_seen <= world.now for one in workers)
    await world.advance(20_000)
    assert sorted(one.active for one in await queue.get_workers()) == [1, 3]
    await world.advance(100_000)
    await first.close()
    assert [one.concurrency for one in await queue.get_workers()] == [1]


async def test_WRK_7_a_dead_worker_disappears(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(nothing)
    await world.worker(nothing)
    await dying.close(force=True)
    assert len(await queue.get_workers()) == 2
    await world.advance(65_000)
    assert len(await queue.get_workers()) == 1


async def test_JOB_9_group_backoff_survives_nothing_of_a_drained_group(world: World) -> None:
    """A member between attempts is delayed, so `drain(delayed=True)` removes it and its group."""
    queue = world.queue()
    worker = await world.worker(failing(9))
    await queue.add("a", attempts=3, backoff=Backoff("fixed", 1_000), ordering=Ordering("g"))
    await queue.add("b", ordering=Ordering("g"))
    await world.settle()
    await queue.drain(delayed=True)
    assert group_keys(world) == set()
    await worker.close()
