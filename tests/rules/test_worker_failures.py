"""WRK: what goes wrong around a worker: late replies, failed starts, an unreachable store, defects, rude processors."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import Job, QueueConnectionError

from .outages import UNREACHABLE
from .world import PATIENCE_SECONDS, World, added, line_of, nothing, noting, stored


async def test_WRK_a_call_that_is_not_answered_is_not_made_twice(world: World) -> None:
    """Its reply comes late, and what it started runs then."""
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    line_of(worker).hold_replies()
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_active()
    assert ran == []
    line_of(worker).release_replies()
    await world.settle()
    assert ran == ["a"]
    assert await job.is_completed()


@pytest.mark.parametrize("way", ["pause", "close", "rate_limit"])
async def test_WRK_a_job_that_arrives_after_the_worker_was_stopped_goes_back_to_its_place(
    world: World, way: str
) -> None:
    """The reply that hands it out was under way (B-10, B-12)."""
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    line_of(worker).hold_replies()
    job = await added(queue, "first")
    await world.settle()
    await queue.add("second")
    assert await job.is_active()
    if way == "rate_limit":
        worker.rate_limit(500)
        stopping = asyncio.ensure_future(asyncio.sleep(0))
    else:
        stopping = asyncio.ensure_future(worker.pause() if way == "pause" else worker.close())
    await world.settle()
    line_of(worker).release_replies()
    await world.settle()
    await stopping
    assert ran == []
    assert [found.name for found in await queue.get_jobs("waiting")] == ["first", "second"]
    if way == "close":
        await world.worker(noting(ran))
    elif way == "pause":
        await worker.resume()
    await world.advance(500)
    assert ran == ["first", "second"]
    assert (await stored(queue, job)).stalled_count == 0


async def test_WRK_a_worker_whose_start_failed_can_be_started_again_and_closed(world: World) -> None:
    worker = world.idle_worker(nothing)
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    for _ in range(2):
        with pytest.raises(QueueConnectionError):
            await worker.start()
        assert not worker.is_running()
    line_of(worker).refusals.clear()
    job = await added(world.queue(), "a")
    await worker.start()
    await world.settle()
    assert await job.is_completed()
    await worker.close()


async def test_WRK_a_worker_whose_start_failed_closes(world: World) -> None:
    worker = world.idle_worker(nothing)
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    with pytest.raises(QueueConnectionError):
        await worker.start()
    await asyncio.wait_for(worker.close(), PATIENCE_SECONDS)


async def test_WRK_a_wake_that_cannot_be_handed_on_does_not_end_the_worker(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(2_000)

    worker = await world.worker(work)
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    line_of(worker).refusals["pass_wake"] = UNREACHABLE
    await queue.add("a")
    await world.settle()
    await queue.add("b")
    await world.settle()
    line_of(worker).refusals.clear()
    await world.advance(4_000)
    await queue.add("c")
    await world.settle()
    assert ran == ["a", "b", "c"]
    assert errors in ([], [UNREACHABLE])


async def test_WRK_an_unreachable_store_is_told_once_and_the_call_repeated(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10))
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    job = await added(queue, "a")
    await world.settle()
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    await world.advance(1_100)
    assert errors == [UNREACHABLE]
    line_of(worker).refusals.clear()
    await world.advance(500)
    assert await job.is_completed()
    assert len(await world.events("completed")) == 1
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    await queue.add("b")
    await world.advance(1_100)
    assert errors == [UNREACHABLE] * 2
    line_of(worker).refusals.clear()
    await world.advance(500)
    assert (await queue.get_job_counts()).completed == 2


async def test_WRK_a_defect_ends_the_worker_and_is_told_to_all_who_care(world: World) -> None:
    queue = world.queue()
    worker = world.idle_worker(world.working(10**6), concurrency=2)
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    running = asyncio.ensure_future(worker.run())
    await queue.add("a")
    await world.until(worker.is_running)
    defect = RuntimeError("a defect")
    line_of(worker).refusals["settle_and_activate"] = defect
    await queue.add("b")
    await world.until(running.done)
    assert running.exception() is defect
    assert errors == [defect]
    assert not worker.is_running()
    assert world.clock.sleepers == 0  # its jobs were aborted: nobody could settle them
    await asyncio.wait_for(worker.close(), PATIENCE_SECONDS)


async def test_WRK_no_exception_keeps_a_slot(world: World) -> None:
    class RudeError(BaseException):
        pass

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        raise {"rude": RudeError("rude"), "broken": BrokenError(), "empty": ValueError()}[job.name]

    await world.worker(work)
    jobs = [await added(queue, name) for name in ("rude", "broken", "empty")]
    await world.settle()
    assert [(await stored(queue, job)).failed_reason for job in jobs] == ["rude", "BrokenError", "ValueError"]
    assert (await queue.get_job_counts()).active == 0


async def test_WRK_a_processor_that_cancels_itself_fails_its_attempt(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        raise asyncio.CancelledError

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert (await stored(queue, job)).failed_reason == "CancelledError"
