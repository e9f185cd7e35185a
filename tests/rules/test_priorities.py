"""PRI: priorities."""

from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, InvalidStateError, Job, JobNotFoundError, NewJob, Queue

from .world import World, added, failing, nothing, noting, stored


async def run_order(world: World) -> list[str]:
    """The names of all that is ready, in the order in which one worker runs it."""
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    await world.settle()
    await worker.close()
    return ran


async def waiting(queue: Queue[Any, Any]) -> list[str]:
    return [job.name for job in await queue.get_jobs("waiting")]


async def test_PRI_1_a_lower_number_runs_earlier(world: World) -> None:
    queue = world.queue()
    for priority in (5, 2048, 1, 700):
        await queue.add(str(priority), priority=priority)
    assert await run_order(world) == ["1", "5", "700", "2048"]


async def test_PRI_1_0_is_none(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "none", priority=0)
    await queue.add("lowest", priority=2048)
    assert (await stored(queue, job)).priority == 0
    assert await run_order(world) == ["lowest", "none"]


@pytest.mark.parametrize("priority", [2049, -1, 1.0, "1", True])
async def test_PRI_1_a_bad_priority_is_refused_everywhere(world: World, priority: Any) -> None:
    queue = world.queue()
    with pytest.raises(InvalidOptionsError, match="priority"):
        await queue.add("a", priority=priority)
    with pytest.raises(InvalidOptionsError, match="priority"):
        await queue.add_bulk([NewJob("good"), NewJob("bad", priority=priority)])
    job = await added(queue, "a")
    with pytest.raises(InvalidOptionsError, match="priority"):
        await job.change_priority(priority)
    assert await queue.count() == 1


async def test_PRI_2_any_priority_runs_before_lifo_and_fifo(world: World) -> None:
    queue = world.queue()
    await queue.add("fifo")
    await queue.add("lifo", lifo=True)
    await queue.add("prio", priority=2048)
    assert await run_order(world) == ["prio", "lifo", "fifo"]


async def test_PRI_3_equal_priorities_run_in_the_order_of_adding(world: World) -> None:
    """Past id 9, where an order by text would put 10 before 2 (B-17)."""
    queue = world.queue()
    names = [str(number) for number in range(1, 13)]
    for name in names:
        await queue.add(name, priority=7)
    assert await run_order(world) == names


async def test_PRI_4_a_better_priority_added_later_runs_next(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        if ran == ["ready 0"]:
            await queue.add("urgent", priority=1)

    await queue.add_bulk([NewJob(f"ready {number}", priority=5) for number in range(10)])
    await world.worker(work)
    await world.settle()
    assert ran[:3] == ["ready 0", "urgent", "ready 1"]


async def test_PRI_4_a_delayed_job_that_is_due_competes_by_its_priority(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(10)

    await queue.add_bulk([NewJob(f"ready {number}", priority=5) for number in range(4)])
    await queue.add("urgent", priority=1, delay=15)
    await world.worker(work)
    await world.advance(50)
    assert ran == ["ready 0", "ready 1", "urgent", "ready 2", "ready 3"]


async def test_PRI_5_change_priority_moves_a_waiting_job(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "late")
    await queue.add("other", priority=5)
    await job.change_priority(1)
    assert (job.priority, (await stored(queue, job)).priority) == (1, 1)
    (event,) = await world.events("priority-changed")
    assert (event.job_id, event.data) == (job.id, {"priority": "1"})
    assert await run_order(world) == ["late", "other"]


async def test_PRI_5_0_to_0_is_no_change(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "first")
    await queue.add("second")
    await job.change_priority(0)
    assert await world.events("priority-changed") == []
    assert await run_order(world) == ["first", "second"]


async def test_PRI_5_to_0_returns_to_fifo(world: World) -> None:
    queue = world.queue()
    await queue.add("before")
    job = await added(queue, "moved", priority=1)
    await queue.add("after")
    await job.change_priority(0)
    assert await run_order(world) == ["before", "moved", "after"]


async def test_PRI_5_a_delayed_job_keeps_its_due_time(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    job = await added(queue, "a", delay=100)
    await world.advance(50)
    await job.change_priority(3)
    assert await job.is_delayed()
    await world.advance(49)
    assert ran == []
    await world.advance(1)
    assert ran == ["a"]
    assert (await stored(queue, job)).priority == 3


@pytest.mark.parametrize("end", ["active", "completed", "failed"])
async def test_PRI_5_an_active_or_ended_job_is_refused(world: World, end: str) -> None:
    queue = world.queue()
    processor = {"active": world.working(1_000), "completed": nothing, "failed": failing(1)}[end]
    await world.worker(processor)
    job = await added(queue, "a")
    await world.settle()
    assert await job.get_state() == end
    with pytest.raises(InvalidStateError, match="waiting or delayed"):
        await job.change_priority(1)
    assert (await stored(queue, job)).priority == 0


async def test_PRI_5_a_job_that_is_gone_is_told_so(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    await job.remove()
    with pytest.raises(JobNotFoundError):
        await job.change_priority(1)


async def test_PRI_5_works_for_lifo_and_for_jobs_with_a_priority(world: World) -> None:
    queue = world.queue()
    lifo = await added(queue, "lifo", lifo=True)
    await queue.add("three", priority=3)
    nine = await added(queue, "nine", priority=9)
    await lifo.change_priority(4)
    await nine.change_priority(2)
    assert await waiting(queue) == ["nine", "three", "lifo"]
    await lifo.change_priority(0)
    await queue.add("fifo")
    assert await run_order(world) == ["nine", "three", "lifo", "fifo"]
