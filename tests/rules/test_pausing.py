"""WRK-2, WRK-4, WRK-5: what holds starts: a worker's rate limit, the queue's pause, a worker's own pause."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, InvalidStateError, Job, NewJob, RateLimitError

from .world import PATIENCE_SECONDS, World, added, nothing, noting, stored

# --- WRK-2: a worker holds its own starts ----------------------------------------------------------------------------


async def test_WRK_2_rate_limit_holds_this_workers_further_starts(world: World) -> None:
    queue = world.queue()
    ran: list[tuple[str, int]] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        ran.append((job.name, world.now - begin))

    worker = await world.worker(work)
    worker.rate_limit(500)
    await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.advance(499)
    assert ran == []
    await world.advance(1)
    assert ran == [("a", 500), ("b", 500)]


async def test_WRK_2_0_has_no_effect(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    worker.rate_limit(0)
    await queue.add("a")
    await world.settle()
    assert ran == ["a"]


@pytest.mark.parametrize("duration", [-1, 1.5, True, "1"])
async def test_WRK_2_a_bad_duration_is_refused(world: World, duration: Any) -> None:
    worker = await world.worker(nothing)
    with pytest.raises(InvalidOptionsError, match="duration"):
        worker.rate_limit(duration)


async def test_WRK_2_a_rate_limit_error_requeues_to_the_front_without_an_attempt(world: World) -> None:
    queue = world.queue()
    ran: list[tuple[str, int, int]] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        ran.append((job.name, world.now - begin, job.attempts_made))
        if len(ran) == 1:
            raise RateLimitError(300)

    worker = await world.worker(work)
    failures: list[BaseException] = []
    worker.on("failed", lambda job, error: failures.append(error))
    job = await added(queue, "limited")
    await queue.add("next")
    await world.settle()
    assert await job.is_waiting()
    await world.advance(300)
    assert ran == [("limited", 0, 0), ("limited", 300, 0), ("next", 300, 0)]
    assert (await stored(queue, job)).attempts_made == 0
    assert failures == []


async def test_WRK_2_other_workers_go_on(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    held = await world.worker(nothing)
    held.rate_limit(10**6)
    await world.worker(noting(ran))
    await queue.add("a")
    await world.settle()
    assert ran == ["a"]


# --- WRK-4: the queue's pause ----------------------------------------------------------------------------------------


async def test_WRK_4_a_pause_stops_starts_on_all_workers_and_is_kept(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    for _ in range(2):
        await world.worker(noting(ran))
    assert not await queue.is_paused()
    await queue.pause()
    assert await world.queue().is_paused()
    await queue.add_bulk([NewJob("a"), NewJob("b", priority=1), NewJob("c", lifo=True)])
    await world.worker(noting(ran))
    await world.advance(60_000)
    assert ran == []
    assert (await queue.get_job_counts()).waiting == 3
    await queue.resume()
    await world.settle()
    assert sorted(ran) == ["a", "b", "c"]
    assert not await queue.is_paused()


async def test_WRK_4_running_jobs_finish(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(100))
    jobs = await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.settle()
    await queue.pause()
    await world.advance(1_000)
    assert [await job.get_state() for job in jobs] == ["completed", "waiting"]


async def test_WRK_4_delayed_jobs_mature_but_do_not_start(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    await queue.pause()
    job = await added(queue, "a", delay=100)
    await world.advance(99)
    assert await job.is_delayed()
    await world.advance(1)
    assert await job.is_waiting()
    assert ran == []
    await queue.resume()
    await world.settle()
    assert ran == ["a"]


async def test_WRK_4_due_work_is_moved_at_its_moment_when_all_workers_are_full(world: World) -> None:
    """Only starts wait: a worker without room hears of a nearer due moment all the same."""
    queue = world.queue()
    await world.worker(world.working(100_000))
    await queue.add("long")
    await world.settle()
    for delay in (5_000, 50, 2_000):
        job = await added(queue, "a", delay=delay)
        await world.advance(delay - 1)
        assert await job.is_delayed()
        await world.advance(1)
        assert await job.is_waiting()


async def test_WRK_4_due_work_is_moved_at_its_moment_when_the_worker_that_kept_the_timer_has_left(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(100_000), block_timeout=10**6, stalled_interval=10**6)
    await queue.add("long")
    await world.settle()
    keeping = await world.worker(world.working(100))
    await queue.add("short")
    job = await added(queue, "a", delay=1_000)
    await world.settle()
    closing = asyncio.ensure_future(keeping.close())
    await world.advance(100)
    await closing
    await world.advance(899)
    assert await job.is_delayed()
    await world.advance(1)
    assert await job.is_waiting()


async def test_WRK_4_nothing_spins_while_the_queue_is_paused(world: World) -> None:
    queue = world.queue()
    workers = [await world.worker(nothing) for _ in range(3)]
    await queue.pause()
    await queue.add_bulk([NewJob("a") for _ in range(5)])
    await world.settle()
    before = [sum(world.calls(worker).values()) for worker in workers]
    await world.advance(1_000)
    assert [sum(world.calls(worker).values()) for worker in workers] == before


# --- WRK-5: a worker's own pause -------------------------------------------------------------------------------------


async def test_WRK_5_pause_waits_for_running_jobs_and_starts_nothing_more(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(100)

    worker = await world.worker(work, concurrency=2)
    await queue.add_bulk([NewJob(str(number)) for number in range(10)])
    await world.settle()
    pausing = asyncio.ensure_future(worker.pause())
    await world.advance(99)
    assert not pausing.done()
    assert worker.is_paused()
    await world.advance(1)
    assert pausing.done()
    await world.advance(10_000)
    assert ran == ["0", "1"]
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.completed) == (8, 0, 2)


async def test_WRK_5_pause_by_force_does_not_wait(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(100))
    jobs = await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.settle()
    await asyncio.wait_for(worker.pause(force=True), PATIENCE_SECONDS)
    assert await jobs[0].is_active()
    await world.advance(1_000)
    assert [await job.get_state() for job in jobs] == ["completed", "waiting"]


async def test_WRK_5_resume_goes_on(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    await worker.pause()
    await queue.add("a")
    await world.settle()
    assert ran == []
    await worker.resume()
    assert not worker.is_paused()
    await world.settle()
    assert ran == ["a"]


async def test_WRK_5_a_paused_worker_leaves_the_work_to_others(world: World) -> None:
    queue = world.queue()
    paused: list[str] = []
    others: list[str] = []
    worker = await world.worker(noting(paused))
    await worker.pause()
    await world.worker(noting(others))
    for name in ("a", "b", "c"):
        await queue.add(name)
        await world.settle()
    assert (paused, others) == ([], ["a", "b", "c"])


async def test_WRK_5_a_paused_worker_that_is_closed_closes(world: World) -> None:
    worker = await world.worker(nothing)
    await worker.pause()
    await worker.close()
    assert not worker.is_running()


async def test_WRK_5_only_a_worker_that_was_started_can_be_paused(world: World) -> None:
    worker = world.idle_worker(nothing)
    with pytest.raises(InvalidStateError):
        await worker.pause()
    assert not worker.is_paused()
