"""GC, GRATE, WRK-1, WRK-3: limits of a whole queue, and of the workers that share a limiter."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, Job, NewJob, Ordering, RateLimit, Worker

from .watching import Watch
from .world import World, added, line_of, nothing, stored

# --- GC: global concurrency -------------------------------------------------------------------------------------------


async def test_GC_1_the_total_of_active_jobs_stays_within_it_over_all_workers(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(3)
    assert await world.queue().get_global_concurrency() == 3
    watch = Watch(world, takes=10)
    for _ in range(3):
        await world.worker(watch, concurrency=4)
    await queue.add_bulk([NewJob("a") for _ in range(10)])
    await world.advance(39)
    assert watch.most == 3
    assert watch.moments == [0, 0, 0, 10, 10, 10, 20, 20, 20, 30]


async def test_GC_1_0_removes_it(world: World) -> None:
    queue = world.queue()
    assert await queue.get_global_concurrency() == 0
    await queue.set_global_concurrency(1)
    await queue.set_global_concurrency(0)
    assert await queue.get_global_concurrency() == 0
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=4)
    await queue.add_bulk([NewJob("a") for _ in range(4)])
    await world.settle()
    assert watch.most == 4


@pytest.mark.parametrize("concurrency", [-1, 1.5, True, "1", None])
async def test_GC_1_a_bad_limit_is_refused(world: World, concurrency: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="concurrency"):
        await world.queue().set_global_concurrency(concurrency)
    assert world.dump() == {}


async def test_GC_2_it_holds_when_workers_go_from_job_to_job_and_call_at_once(world: World) -> None:
    """B-29: it was checked before the fetch, not with it, and not at all when a worker chained."""
    queue = world.queue()
    await queue.set_global_concurrency(1)
    watch = Watch(world)

    async def work(job: Job[Any, Any]) -> None:
        await watch(job)
        await asyncio.sleep(0)

    running = 0
    most = 0

    async def counted(job: Job[Any, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await work(job)
        running -= 1

    for _ in range(4):
        await world.worker(counted, concurrency=5)
    await queue.add_bulk([NewJob("a") for _ in range(50)])
    await world.settle()
    assert (most, len(watch.starts)) == (1, 50)


async def test_GC_3_it_counts_every_lane(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(2)
    watch = Watch(world, takes=10)
    for _ in range(2):
        await world.worker(watch, concurrency=10)
    await queue.add_bulk(
        [
            job
            for number in range(3)
            for job in (
                NewJob("fifo"),
                NewJob("lifo", lifo=True),
                NewJob("priority", priority=number + 1),
                NewJob("grouped", ordering=Ordering(f"g{number}", 2)),
            )
        ]
    )
    await world.advance(60)
    assert watch.most == 2
    assert len(watch.starts) == 12


async def test_GC_3_the_workers_own_concurrency_holds_too(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(5)
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=2)
    await queue.add_bulk([NewJob("a") for _ in range(4)])
    await world.advance(20)
    assert watch.most == 2


async def test_GC_4_lowering_preempts_nobody_and_starts_nothing_until_there_is_room(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes={"10": 10, "20": 20, "30": 30})
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob(name) for name in ("10", "20", "30")])
    await world.settle()
    await queue.set_global_concurrency(1)
    await queue.add("last")
    await world.advance(29)
    assert (await queue.get_job_counts()).active == 1
    await world.advance(1)
    assert watch.starts[3:] == [("last", 30)]


@pytest.mark.parametrize("concurrency", [3, 0])
async def test_GC_4_raising_and_removing_take_effect_at_once(world: World, concurrency: int) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(1)
    watch = Watch(world, takes=1_000)
    for _ in range(2):
        await world.worker(watch, concurrency=2, block_timeout=10**6, stalled_interval=10**6)
    await queue.add_bulk([NewJob("a") for _ in range(3)])
    await world.advance(100)
    await queue.set_global_concurrency(concurrency)
    await world.settle()
    assert watch.moments == [0, 100, 100]


@pytest.mark.parametrize("way", ["fail", "remove", "revoke", "stall"])
async def test_GC_5_every_exit_frees_the_slot(world: World, way: str) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(1)
    watch = Watch(world)

    async def work(job: Job[Any, Any]) -> None:
        if job.name == "next":
            await watch(job)
        elif way == "fail":
            raise ValueError
        elif way != "stall" or job.stalled_count == 0:
            await job.abort_signal.wait()

    worker = await world.worker(work, concurrency=2)
    job = await added(queue, "leaves")
    await queue.add("next")
    await world.settle()
    if way == "remove":
        await job.remove()
    if way == "revoke":
        await queue.revoke(job.id)
    if way == "stall":
        await worker.close(force=True)
        await world.worker(work, concurrency=2)
        await world.advance(30_000)
    await world.settle()
    assert watch.names == ["next"]
    assert (await queue.get_job_counts()).active == 0


async def test_GC_5_waiting_jobs_hold_none_and_removed_ones_leak_none(world: World) -> None:
    """B-05: a removed queued job took a slot with it."""
    queue = world.queue()
    await queue.set_global_concurrency(2)
    await queue.set_group_limits("paused", rate_limit=RateLimit(1, 10**6))
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("parked", ordering=Ordering("paused")) for _ in range(3)])
    await queue.add("later", delay=10**6)
    gone = await queue.add_bulk([NewJob("gone", delay=5), NewJob("gone", ordering=Ordering("paused"))])
    for job in gone:
        await job.remove()
    await world.advance(10)
    await queue.add_bulk([NewJob("a") for _ in range(4)])
    await world.advance(20)
    assert watch.starts[1:] == [("a", 10), ("a", 10), ("a", 20), ("a", 20)]
    assert watch.most == 2


async def test_GC_6_the_order_of_picking_is_unchanged(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(1)
    await queue.add_bulk(
        [NewJob("fifo 1"), NewJob("lifo 1", lifo=True), NewJob("p5", priority=5), NewJob("fifo 2"),
         NewJob("lifo 2", lifo=True), NewJob("p1", priority=1)]
    )  # fmt: skip
    watch = Watch(world)
    await world.worker(watch, concurrency=3)
    await world.settle()
    assert watch.names == ["p1", "p5", "lifo 2", "lifo 1", "fifo 1", "fifo 2"]


def test_GC_7_a_worker_takes_no_option_that_it_would_ignore(world: World) -> None:
    options: Any = {"global_concurrency": 5}
    with pytest.raises(TypeError, match="global_concurrency"):
        Worker("tasks", nothing, backend=world.line(), **options)


# --- GRATE: global rate limit -----------------------------------------------------------------------------------------


async def test_GRATE_1_set_get_and_remove(world: World) -> None:
    queue = world.queue()
    assert await queue.get_global_rate_limit() is None
    await queue.set_global_rate_limit(RateLimit(5, 1_000))
    assert await world.queue().get_global_rate_limit() == RateLimit(5, 1_000)
    await queue.remove_global_rate_limit()
    assert await queue.get_global_rate_limit() is None
    bad: Any
    for bad in (None, 5, (5, 1_000), {"max": 5}):
        with pytest.raises(InvalidOptionsError, match="rate_limit"):
            await queue.set_global_rate_limit(bad)


async def test_GRATE_2_at_most_max_starts_in_a_window_over_all_workers(world: World) -> None:
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(3, 1_000))
    watch = Watch(world)
    for _ in range(3):
        await world.worker(watch, concurrency=2)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 5) if number % 2 else None) for number in range(7)])
    await world.advance(3_000)
    assert watch.moments == [0, 0, 0, 1_000, 1_000, 1_000, 2_000]


async def test_GRATE_2_running_workers_see_it_at_once(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, block_timeout=10**6, stalled_interval=10**6)
    await queue.add_bulk([NewJob("a") for _ in range(5)])
    await world.settle()
    await queue.set_global_rate_limit(RateLimit(1, 1_000))
    await queue.add_bulk([NewJob("a") for _ in range(3)])
    await world.advance(2_000)
    assert watch.moments == [0, 0, 0, 0, 0, 0, 1_000, 2_000]


@pytest.mark.parametrize(("of_queue", "of_worker", "moments"), [(1, 3, [0, 1_000, 2_000]), (3, 1, [0, 1_000, 2_000])])
async def test_GRATE_3_both_it_and_the_workers_limiter_are_enforced(
    world: World, of_queue: int, of_worker: int, moments: list[int]
) -> None:
    """B-29b: a looser limit of the queue took the place of the worker's stricter one."""
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(of_queue, 1_000))
    watch = Watch(world)
    await world.worker(watch, concurrency=3, limiter=RateLimit(of_worker, 1_000))
    await queue.add_bulk([NewJob("a") for _ in range(3)])
    await world.advance(2_000)
    assert watch.moments == moments


async def test_GRATE_4_retries_count_and_removing_resumes_full_speed(world: World) -> None:
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(2, 1_000))
    watch = Watch(world, fails={"bad": 2})
    await world.worker(watch, block_timeout=10**6, stalled_interval=10**6)
    await queue.add("bad", attempts=3)
    await world.settle()
    await queue.add_bulk([NewJob("a") for _ in range(3)])
    await world.advance(1_000)
    assert watch.starts == [("bad", 0), ("bad", 0), ("bad", 1_000), ("a", 1_000)]
    await queue.remove_global_rate_limit()
    await world.settle()
    assert watch.starts[4:] == [("a", 1_000), ("a", 1_000)]


async def test_GRATE_4_composes_with_group_limits(world: World) -> None:
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(3, 1_000))
    watch = Watch(world)
    await world.worker(watch)
    limited = Ordering("g", 5, RateLimit(1, 2_000))
    await queue.add_bulk([NewJob("g", ordering=limited) for _ in range(2)])
    await queue.add_bulk([NewJob("a") for _ in range(4)])
    await world.advance(2_000)
    assert [at for name, at in watch.starts if name == "g"] == [0, 2_000]
    assert [at for name, at in watch.starts if name == "a"] == [0, 0, 1_000, 1_000]


async def test_GRATE_5_the_window_opens_at_a_start_and_waiting_jobs_stay_waiting(world: World) -> None:
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(1, 1_000))
    watch = Watch(world)
    await world.worker(watch)
    await world.advance(700)
    jobs = await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.advance(999)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.delayed) == (1, 0, 0)
    assert await jobs[1].is_waiting()
    await world.advance(1)
    assert watch.starts == [("a", 700), ("b", 1_700)]


async def test_GRATE_5_a_shorter_window_frees_the_next_start_at_its_own_end(world: World) -> None:
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(1, 10**6))
    watch = Watch(world)
    await world.worker(watch, block_timeout=10**6, stalled_interval=10**6)
    await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.advance(100)
    await queue.set_global_rate_limit(RateLimit(1, 500))
    await world.advance(400)
    assert watch.starts == [("a", 0), ("b", 500)]


async def test_GRATE_time_that_steps_back_gives_no_start_away(world: World) -> None:
    """A worker notices at its next look; the window counts from then on."""
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(1, 1_000))
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("a")
    await world.settle()
    world.clock.set(world.now - 50_000)
    await queue.add("b")
    await world.advance(999)
    assert watch.names == ["a"]
    await world.advance(1_001)
    assert watch.names == ["a", "b"]


# --- WRK-1: a limiter shared by workers -------------------------------------------------------------------------------


async def test_WRK_1_workers_with_the_same_limiter_share_a_window(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    for _ in range(3):
        await world.worker(watch, concurrency=2, limiter=RateLimit(4, 1_000))
    await queue.add_bulk([NewJob("a") for _ in range(9)])
    await world.advance(2_000)
    assert watch.moments == [0] * 4 + [1_000] * 4 + [2_000]


async def test_WRK_1_another_limiter_is_another_window_and_none_is_none(world: World) -> None:
    queue = world.queue()
    slow, fast, free = Watch(world), Watch(world), Watch(world)
    await world.worker(slow, limiter=RateLimit(1, 10**6))
    await world.worker(fast, limiter=RateLimit(2, 10**6))
    await queue.add_bulk([NewJob("a") for _ in range(10)])
    await world.settle()
    assert (len(slow.starts), len(fast.starts)) == (1, 2)
    await world.worker(free)
    await world.settle()
    assert len(free.starts) == 7


async def test_WRK_1_a_held_worker_keeps_no_wake_from_one_that_is_free(world: World) -> None:
    queue = world.queue()
    held, free = Watch(world), Watch(world)
    await world.worker(held, limiter=RateLimit(1, 10**6), block_timeout=10**6, stalled_interval=10**6)
    await queue.add("a")
    await world.settle()
    await world.worker(free, block_timeout=10**6, stalled_interval=10**6)
    for number in range(5):
        await queue.add("b")
        await world.settle()
        assert len(free.starts) == number + 1
    assert len(held.starts) == 1


async def test_WRK_1_the_window_outlives_the_worker_and_vanishes_when_it_ends(world: World) -> None:
    queue = world.queue()
    first, second = Watch(world), Watch(world)
    worker = await world.worker(first, limiter=RateLimit(1, 1_000))
    await queue.add("a")
    await world.settle()
    await worker.close()
    await queue.add("b")
    await world.worker(second, limiter=RateLimit(1, 1_000))
    await world.advance(1_000)
    assert second.moments == [1_000]
    await world.advance(1_000)
    assert [key for key in world.dump() if "limiter" in key] == []


@pytest.mark.parametrize("limiter", [5, (1, 2), {"max": 1, "duration": 1}])
async def test_WRK_1_a_bad_limiter_is_refused(world: World, limiter: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="limiter"):
        world.idle_worker(nothing, limiter=limiter)


async def test_WRK_1_nothing_spins_while_a_limiter_holds(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing, limiter=RateLimit(1, 100_000), block_timeout=10**6, stalled_interval=10**6)
    await queue.add_bulk([NewJob("a") for _ in range(5)])
    await world.settle()
    before = world.calls(worker)["settle_and_activate"]
    await world.advance(99_999)
    assert world.calls(worker)["settle_and_activate"] - before <= 2  # its record, and its heartbeat
    await world.advance(1)
    assert (await queue.get_job_counts()).completed == 2


# --- WRK-3 ------------------------------------------------------------------------------------------------------------


async def test_WRK_3_a_job_that_waits_for_a_limiter_is_not_active(world: World) -> None:
    """B-14: it was active while it waited, so it held slots and its time to live was not looked at."""
    queue = world.queue()
    await queue.set_global_concurrency(1)
    watch = Watch(world)
    held = await world.worker(watch, limiter=RateLimit(1, 1_000))
    await queue.add("first", ordering=Ordering("g"))
    await world.settle()
    job = await added(queue, "waits", ttl=500, ordering=Ordering("g"))
    last = await added(queue, "last", ordering=Ordering("g"))
    await world.advance(499)
    assert await job.is_waiting()
    counts = await queue.get_job_counts()
    assert (counts.active, counts.waiting) == (0, 2)
    assert world.dump().get("active", []) == []
    await world.advance(2)
    assert (await stored(queue, job)).failed_reason == "expired"
    await world.advance(499)
    assert watch.starts == [("first", 0), ("last", 1_000)]
    assert await last.is_completed()
    assert await world.events("stalled") == []
    assert line_of(held).calls["extend"] == 0


async def test_WRK_3_another_worker_may_take_it_meanwhile(world: World) -> None:
    queue = world.queue()
    held, free = Watch(world), Watch(world)
    await world.worker(held, limiter=RateLimit(1, 10**6))
    await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.settle()
    await world.worker(free)
    await world.settle()
    assert (held.names, free.names) == (["a"], ["b"])


async def test_WRK_4_a_paused_queue_starts_nothing_whatever_resumes(world: World) -> None:
    """B-01: no worker read the flag."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, limiter=RateLimit(1, 100))
    await queue.set_global_rate_limit(RateLimit(1, 100))
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 1, RateLimit(1, 100))) for _ in range(3)])
    await queue.add("delayed", delay=50)
    await world.settle()
    await queue.pause()
    await queue.set_group_limits("g", concurrency=5)
    await queue.set_global_concurrency(10)
    await queue.rate_limit_group("g", 10)
    await world.advance(10_000)
    assert watch.names == ["a"]
    await queue.resume()
    await world.advance(300)
    assert len(watch.starts) == 4
