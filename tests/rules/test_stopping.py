"""WRK-6: a stop in stages. Running jobs have a grace period, then they are given back, then left behind."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, Job, NewJob, Ordering, Worker

from .world import PATIENCE_SECONDS, World, added, states, stored

GRACE, DEADLINE = 1_000, 200


async def closing(world: World, worker: Worker[Any, Any]) -> "asyncio.Future[None]":
    """A close with grace, begun."""
    task = asyncio.ensure_future(worker.close(grace=GRACE, deadline=timedelta(milliseconds=DEADLINE)))
    await world.settle()
    return task


async def test_WRK_6_what_ends_within_the_grace_period_completes(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(GRACE - 1))
    jobs = [await added(queue, name) for name in "ab"]
    await world.settle()
    ending = await closing(world, worker)
    await world.advance(GRACE - 1)
    await ending
    assert await states(queue, *jobs) == ["completed", "waiting"]


async def test_WRK_6_what_lasts_longer_is_interrupted_and_given_back_at_no_cost(world: World) -> None:
    queue = world.queue()
    aborted: list[tuple[str | None, int]] = []
    failures: list[Any] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        try:
            await world.sleep(10**6)
        finally:
            aborted.append((job.abort_signal.reason, world.now - begin))

    worker = await world.worker(work, concurrency=2)
    worker.on("failed", lambda job, error: failures.append(job))
    jobs = [await added(queue, name) for name in "abc"]
    await world.settle()
    ending = await closing(world, worker)
    await world.advance(GRACE - 1)
    assert not ending.done()
    await world.advance(1)
    await ending
    assert aborted == [("aborted", GRACE)] * 2
    assert failures == []
    assert await states(queue, *jobs) == ["waiting"] * 3
    again = await stored(queue, jobs[0])
    assert (again.attempts_made, again.stalled_count, again.failed_reason) == (0, 0, None)
    assert [job.name for job in await queue.get_jobs("waiting")] == list("abc")
    ran: list[str] = []

    async def note(job: Job[Any, Any]) -> None:
        ran.append(job.name)

    await world.worker(note)
    await world.settle()
    assert sorted(ran) == list("abc")


async def test_WRK_6_a_job_of_a_group_that_is_given_back_keeps_its_turn(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**6))
    jobs = [await added(queue, name, ordering=Ordering("g")) for name in "ab"]
    await world.settle()
    ending = await closing(world, worker)
    await world.advance(GRACE)
    await ending
    assert await states(queue, *jobs) == ["waiting"] * 2
    ran: list[str] = []

    async def note(job: Job[Any, Any]) -> None:
        ran.append(job.name)

    await world.worker(note)
    await world.settle()
    assert ran == ["a", "b"]


@pytest.mark.parametrize("how", ["returns", "raises", "takes its time"])
async def test_WRK_6_an_interrupted_job_that_returns_a_result_completes_and_one_that_raises_is_given_back(
    world: World, how: str
) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        try:
            await world.sleep(10**6)
        except asyncio.CancelledError:
            if how == "raises":
                raise ValueError("the connection was closed under it") from None
            if how == "takes its time":
                await world.sleep(DEADLINE - 1)
        return "half"

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    ending = await closing(world, worker)
    await world.advance(GRACE + DEADLINE - 1)
    await ending
    found = await stored(queue, job)
    if how == "raises":
        assert (await job.get_state(), found.attempts_made) == ("waiting", 0)
    else:
        assert (await job.get_state(), found.return_value) == ("completed", "half")


async def test_WRK_6_a_plain_function_is_told_by_its_abort_signal(world: World) -> None:
    queue = world.queue()
    begun = threading.Event()

    def work(job: Job[Any, Any]) -> None:
        begun.set()
        waiting = threading.Event()
        while not job.abort_signal.aborted:
            waiting.wait(0.001)
        job.abort_signal.raise_if_aborted()

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.until(begun.is_set)
    ending = await closing(world, worker)
    world.clock.advance_to(world.now + GRACE)
    await asyncio.wait_for(ending, PATIENCE_SECONDS)
    assert (await job.get_state(), (await stored(queue, job)).attempts_made) == ("waiting", 0)


async def test_WRK_6_what_ignores_the_interruption_is_left_behind_and_recovered_as_stalled(world: World) -> None:
    queue = world.queue()
    let_go = asyncio.Event()

    async def stubborn(job: Job[Any, Any]) -> str:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return "too late"

    worker = await world.worker(stubborn, lock_duration=10_000)
    job = await added(queue, "a")
    await world.settle()
    ending = await closing(world, worker)
    await world.advance(GRACE + DEADLINE - 1)
    assert not ending.done()
    await world.advance(1)
    await ending
    assert await job.get_state() == "active"
    let_go.set()
    await world.worker(world.working(1))
    await world.advance(10_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.return_value, found.stalled_count) == ("completed", None, 1)


async def test_WRK_6_no_grace_at_all_interrupts_at_once(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**6), concurrency=5)
    jobs = await queue.add_bulk([NewJob(name) for name in "abc"])
    await world.settle()
    ending = asyncio.ensure_future(worker.close(grace=0))
    await world.advance(0)
    await ending
    assert await states(queue, *jobs) == ["waiting"] * 3


async def test_WRK_6_grace_may_be_added_to_a_close_under_way(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**6))
    job = await added(queue, "a")
    await world.settle()
    patient = asyncio.ensure_future(worker.close())
    await world.settle()
    ending = await closing(world, worker)
    await world.advance(GRACE)
    await asyncio.gather(patient, ending)
    assert await job.get_state() == "waiting"


@pytest.mark.parametrize(("option", "value"), [("grace", -1), ("grace", 1.5), ("deadline", True)])
async def test_WRK_6_a_bad_duration_closes_nothing(world: World, option: str, value: Any) -> None:
    worker = await world.worker(world.working(1))
    options: dict[str, Any] = {option: value}
    with pytest.raises(InvalidOptionsError, match=option):
        await worker.close(**options)
    assert worker.is_running()
