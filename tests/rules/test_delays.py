"""DLY: delays."""

from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, InvalidStateError, Job, JobNotFoundError, NewJob

from .world import World, added, failing, nothing, noting, stored


async def test_DLY_1_a_delayed_job_starts_when_it_is_due_and_never_earlier(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    job = await added(queue, "a", delay=timedelta(seconds=1))
    assert await job.is_delayed()
    await world.advance(999)
    assert ran == []
    await world.advance(1)
    assert ran == ["a"]
    assert (await stored(queue, job)).processed_on == job.timestamp + 1_000


async def test_DLY_1_due_jobs_become_ready_in_due_order(world: World) -> None:
    queue = world.queue()
    for delay in (30, 10, 20, 10):
        await queue.add(str(delay), delay=delay)
    await world.advance(100)  # nobody looks meanwhile
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["10", "10", "20", "30"]


async def test_DLY_1_jobs_due_at_one_moment_run_in_the_order_of_adding(world: World) -> None:
    """Past id 9, where an order by text would put 10 before 2."""
    queue = world.queue()
    names = [str(number) for number in range(12)]
    await queue.add_bulk([NewJob(name, delay=10) for name in names])
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(10)
    assert ran == names


@pytest.mark.parametrize("delay", [-1, float("nan"), 1.5, True, "5", timedelta(seconds=-1)])
async def test_DLY_1_a_bad_delay_is_refused(world: World, delay: Any) -> None:
    queue = world.queue()
    with pytest.raises(InvalidOptionsError, match="delay"):
        await queue.add("a", delay=delay)
    job = await added(queue, "a")
    with pytest.raises(InvalidOptionsError, match="delay"):
        await job.change_delay(delay)
    assert await job.is_waiting()


async def test_DLY_1_a_delay_of_0_is_none(world: World) -> None:
    queue = world.queue()
    assert await (await added(queue, "a", delay=0)).is_waiting()


async def test_DLY_2_change_delay_counts_from_now(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    job = await added(queue, "a", delay=100)
    await world.advance(90)
    await job.change_delay(50)
    assert (job.delay, (await stored(queue, job)).delay) == (50, 50)
    (event,) = await world.events("delay-changed")
    assert (event.job_id, event.data) == (job.id, {"delay": "50"})
    await world.advance(49)
    assert ran == []
    await world.advance(1)
    assert ran == ["a"]


async def test_DLY_2_change_delay_to_an_earlier_moment_rearms_the_timer(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    job = await added(queue, "a", delay=100_000)
    await world.settle()
    await job.change_delay(10)
    await world.advance(10)
    assert ran == ["a"]


@pytest.mark.parametrize("options", [{}, {"priority": 3}, {"lifo": True}], ids=["fifo", "priority", "lifo"])
async def test_DLY_2_change_delay_holds_a_waiting_job_back(world: World, options: dict[str, Any]) -> None:
    queue = world.queue()
    job = await added(queue, "held", **options)
    await queue.add("other")
    await job.change_delay(10)
    assert await job.is_delayed()
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(9)
    assert ran == ["other"]
    await world.advance(1)
    assert ran == ["other", "held"]


async def test_DLY_2_a_delay_of_0_promotes(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", delay=1_000)
    await job.change_delay(0)
    assert await job.is_waiting()
    assert (await stored(queue, job)).delay == 0


async def test_DLY_2_a_delay_of_0_promotes_into_the_jobs_priority(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "urgent", delay=1_000, priority=1)
    await queue.add("other", priority=2)
    await job.change_delay(0)
    assert [found.name for found in await queue.get_jobs("waiting")] == ["urgent", "other"]


@pytest.mark.parametrize("end", ["active", "completed", "failed"])
async def test_DLY_2_an_active_or_ended_job_is_refused(world: World, end: str) -> None:
    queue = world.queue()
    processor = {"active": world.working(1_000), "completed": nothing, "failed": failing(1)}[end]
    await world.worker(processor)
    job = await added(queue, "a")
    await world.settle()
    with pytest.raises(InvalidStateError, match="waiting or delayed"):
        await job.change_delay(10)
    with pytest.raises(InvalidStateError, match="delayed"):
        await job.promote()
    assert await job.get_state() == end


async def test_DLY_2_promote_makes_a_delayed_job_ready_and_says_so(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    job = await added(queue, "a", delay=1_000)
    await world.settle()
    await job.promote()
    await world.settle()
    assert ran == ["a"]
    assert [event.job_id for event in await world.events("promoted")] == [job.id]
    await world.advance(1_000)
    assert ran == ["a"]


async def test_DLY_2_promote_is_only_possible_from_delayed(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    with pytest.raises(InvalidStateError, match="delayed"):
        await job.promote()
    assert await world.events("promoted") == []


async def test_DLY_2_a_job_that_is_gone_is_told_so(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", delay=10)
    await job.remove()
    with pytest.raises(JobNotFoundError):
        await job.promote()
    with pytest.raises(JobNotFoundError):
        await job.change_delay(5)


async def test_DLY_2_a_job_between_two_attempts_is_delayed_and_can_be_promoted(world: World) -> None:
    queue = world.queue()
    ran: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.attempts_made)
        await job.move_to_delayed(world.now + 1_000)

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    await job.promote()
    await world.settle()
    assert ran == [0, 0]


async def test_DLY_3_a_due_job_starts_at_its_moment_whatever_else_is_due(world: World) -> None:
    queue = world.queue()
    starts: dict[str, int] = {}
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        starts[job.name] = world.now - begin

    await world.worker(work)
    await queue.add("7919", delay=7_919)
    await queue.add("far", delay=100_000)
    await world.settle()
    await queue.add("1", delay=1)
    await world.advance(10)
    await queue.add("313", delay=303)
    await world.advance(8_000)
    assert starts == {"1": 1, "313": 313, "7919": 7_919}


async def test_DLY_3_a_worker_that_is_full_moves_due_jobs_all_the_same(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(1_000))
    await queue.add("long")
    job = await added(queue, "a", delay=10)
    await world.advance(9)
    assert await job.is_delayed()
    await world.advance(1)
    assert await job.is_waiting()


async def test_DLY_3_with_20_idle_workers_a_due_job_causes_at_most_3_calls(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    workers = [await world.worker(noting(ran)) for _ in range(20)]
    await queue.add("a", delay=1_000)
    await world.advance(999)
    before = sum(world.calls(worker)["settle_and_activate"] for worker in workers)
    await world.advance(1)
    assert ran == ["a"]
    starting = sum(world.calls(worker)["settle_and_activate"] for worker in workers) - before
    # The call that starts it, the one that settles it, and at most one that was woken in vain.
    assert starting <= 3
