"""WRK-6: closing a worker, gracefully or by force."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import ClosedError, InvalidStateError, Job, NewJob, Worker

from .world import PATIENCE_SECONDS, World, added, line_of, nothing, noting, stored


async def test_WRK_6_close_waits_for_running_jobs_and_is_idempotent(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(100))
    told: list[str] = []
    worker.on("closing", lambda: told.append("closing"))
    worker.on("completed", lambda job, result: told.append("completed"))
    worker.on("closed", lambda: told.append("closed"))
    job = await added(queue, "a")
    await world.settle()
    closing = [asyncio.ensure_future(worker.close()) for _ in range(2)]
    await world.advance(99)
    assert not any(one.done() for one in closing)
    assert worker.is_running()
    await world.advance(1)
    await asyncio.gather(*closing)
    await worker.close()
    assert told == ["closing", "completed", "closed"]
    assert await job.is_completed()
    assert not worker.is_running()


async def test_WRK_6_close_by_force_returns_at_once_and_the_job_is_recovered_as_stalled(world: World) -> None:
    queue = world.queue()
    aborted: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        signal = job.abort_signal
        try:
            await world.sleep(10**6)
        finally:
            aborted.append(signal.reason)

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    await asyncio.wait_for(worker.close(force=True), PATIENCE_SECONDS)
    await world.settle()
    assert aborted == ["aborted"]
    assert await job.is_active()
    await world.worker(nothing)
    await world.advance(29_999)
    assert await job.is_active()
    await world.advance(1_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.stalled_count) == ("completed", 1)


async def test_WRK_6_nothing_that_runs_on_after_a_forced_close_reaches_the_store(world: World) -> None:
    queue = world.queue()
    seen: list[BaseException] = []

    async def work(job: Job[Any, Any]) -> str:
        try:
            await world.sleep(10**6)
        except asyncio.CancelledError:
            for write in (job.log("late"), job.update_progress(99), job.update_data({"late": True})):
                try:
                    await write
                except Exception as error:
                    seen.append(error)
        return "late"

    worker = await world.worker(work)
    job = await added(queue, "a", {"n": 1})
    await world.settle()
    await worker.close(force=True)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.data, found.progress, found.return_value) == ("active", {"n": 1}, 0, None)
    assert (await queue.get_job_logs(job.id)).count == 0
    assert [type(error) for error in seen] == [InvalidStateError] * 3


async def test_WRK_6_force_ends_a_graceful_close_that_hangs(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**9))
    await queue.add("a")
    await world.settle()
    graceful = asyncio.ensure_future(worker.close())
    await world.settle()
    assert not graceful.done()
    await asyncio.wait_for(worker.close(force=True), PATIENCE_SECONDS)
    await asyncio.wait_for(graceful, PATIENCE_SECONDS)


async def test_WRK_6_close_strands_no_job(world: World) -> None:
    """Under a backlog, at any moment of the loop: what was not run is waiting, not active (B-12)."""
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.id)
        await asyncio.sleep(0)

    await queue.add_bulk([NewJob("a") for _ in range(60)])
    for turns in range(12):
        worker = await world.worker(work, concurrency=3)
        for _ in range(turns):
            await asyncio.sleep(0)
        await worker.close()
        counts = await queue.get_job_counts()
        assert (counts.active, counts.failed) == (0, 0)
        assert counts.waiting + counts.completed == 60
    await world.worker(work, concurrency=3)
    await world.settle()
    assert sorted(map(int, ran)) == list(range(1, 61))
    assert await world.events("stalled") == []


async def test_WRK_6_a_closing_worker_hands_on_the_wake_it_took(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    leaving = await world.worker(nothing)
    await world.worker(noting(ran), block_timeout=10**6, stalled_interval=10**6)
    for number in range(10):
        closing = asyncio.ensure_future(leaving.close())
        await queue.add(str(number))
        await closing
        await world.settle()
        leaving = await world.worker(noting(ran))
    assert ran == [str(number) for number in range(10)]


async def test_WRK_6_a_worker_that_is_long_in_closing_takes_no_wake_from_others(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    leaving = await world.worker(world.working(100_000), concurrency=2)
    await queue.add("long")
    await world.settle()
    await world.worker(noting(ran), block_timeout=10**6, stalled_interval=10**6)
    closing = asyncio.ensure_future(leaving.close())
    await world.settle()
    for number in range(3):
        await queue.add(str(number))
        await world.settle()
    assert ran == ["0", "1", "2"]
    await world.advance(100_000)
    await closing


async def test_WRK_6_a_closed_worker_leaves_nothing_behind(world: World) -> None:
    worker = await world.worker(nothing)
    await world.settle()
    assert any(key.startswith("worker:") for key in world.dump())
    await worker.close()
    left = [key for key in world.dump() if key.startswith(("worker", "control"))]
    assert left == []


async def test_WRK_6_a_worker_that_was_never_started_closes(world: World) -> None:
    worker = world.idle_worker(nothing)
    await worker.close()
    with pytest.raises(ClosedError):
        await worker.start()


async def test_WRK_6_run_ends_with_close(world: World) -> None:
    worker = world.idle_worker(nothing)
    running = asyncio.ensure_future(worker.run())
    await world.until(worker.is_running)
    assert not running.done()
    await worker.close()
    await asyncio.wait_for(running, PATIENCE_SECONDS)


async def test_WRK_6_the_context_manager_takes_jobs_when_entered_and_closes_gracefully(world: World) -> None:
    queue = world.queue()
    async with world.idle_worker(world.working(10)) as worker:
        job = await added(queue, "a")
        await world.settle()
        assert await job.is_active()
        closing = asyncio.ensure_future(worker.close())
        await world.advance(10)
        await closing
    assert await job.is_completed()


@pytest.mark.parametrize("force", [False, True])
async def test_WRK_a_worker_that_is_closed_while_it_starts_does_not_run(world: World, force: bool) -> None:
    worker = world.idle_worker(nothing)
    line_of(worker).hold_replies()
    starting = asyncio.ensure_future(worker.start())
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(worker.close(force=force))
    await world.settle()
    line_of(worker).release_replies()
    await asyncio.wait_for(closing, PATIENCE_SECONDS)
    await asyncio.wait({starting}, timeout=1)
    assert starting.done()
    starting.cancelled() or starting.exception()
    assert not worker.is_running()
    job = await added(world.queue(), "a")
    await world.settle()
    assert await job.is_waiting()


async def test_WRK_a_listener_may_close_the_worker(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)

    @worker.on("drained")
    async def stop() -> None:
        await worker.close()

    await queue.add("a")
    await world.until(lambda: not worker.is_running())
    await asyncio.wait_for(worker.close(), PATIENCE_SECONDS)


@pytest.mark.parametrize("what", ["close", "pause"])
async def test_WRK_a_processor_cannot_wait_for_its_own_end(world: World, what: str) -> None:
    queue = world.queue()
    workers: list[Worker[Any, Any]] = []

    async def work(job: Job[Any, Any]) -> None:
        await (workers[0].close() if what == "close" else workers[0].pause())

    workers.append(await world.worker(work))
    job = await added(queue, "a")
    await world.settle()
    assert "inside a processor" in str((await stored(queue, job)).failed_reason)
    assert workers[0].is_running()
    assert not workers[0].is_paused()
