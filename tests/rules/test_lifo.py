"""LIFO: the newest first."""

from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, NewJob, Ordering

from .world import World, added, noting


async def test_LIFO_1_the_newest_ready_job_runs_first(world: World) -> None:
    queue = world.queue()
    for name in ("100", "101", "102"):
        await queue.add(name, lifo=True)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["102", "101", "100"]


async def test_LIFO_1_the_newest_of_a_bulk_is_its_last(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(str(number), lifo=True) for number in range(12)])
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == [str(number) for number in reversed(range(12))]


@pytest.mark.parametrize("lifo", [1, "yes", 0])
async def test_LIFO_1_only_true_and_false_are_allowed(world: World, lifo: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="lifo"):
        await world.queue().add("a", lifo=lifo)


async def test_LIFO_2_the_order_of_the_lanes_is_decided_at_every_pick(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    arrivals: dict[str, dict[str, Any]] = {
        "fifo 1": {"lifo": True},
        "lifo 1": {"priority": 9},
        "priority 1": {"lifo": True},
    }

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        if options := arrivals.pop(job.name, None):
            kind = "priority" if "priority" in options else "lifo"
            await queue.add(f"{kind} {1 + sum(name.startswith(kind) for name in ran)}", **options)

    await queue.add_bulk([NewJob("fifo 1"), NewJob("fifo 2")])
    await world.worker(work)
    await world.settle()
    assert ran == ["fifo 1", "lifo 1", "priority 1", "lifo 2", "fifo 2"]


async def test_LIFO_5_a_delayed_job_rejoins_on_top_when_due(world: World) -> None:
    queue = world.queue()
    await queue.add("delayed", lifo=True, delay=10)
    await queue.add("immediate", lifo=True)
    await world.advance(10)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["delayed", "immediate"]


async def test_LIFO_5_a_retried_job_rejoins_on_top(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(10)
        if job.name == "retried" and job.attempts_made == 0:
            raise ValueError("again")

    await queue.add("retried", lifo=True, attempts=2, backoff=Backoff("fixed", 5))
    await world.worker(work)
    await world.settle()
    for name in ("older", "old", "new"):
        await queue.add(name, lifo=True)
    await world.advance(60)
    assert ran == ["retried", "new", "retried", "old", "older"]


async def test_LIFO_5_a_stalled_job_rejoins_on_top(world: World) -> None:
    queue = world.queue()
    await queue.add("older", lifo=True)
    await queue.add("stalled", lifo=True)
    dying = await world.worker(world.working(10**6))
    await world.settle()
    await dying.close(force=True)
    await world.advance(30_000)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["stalled", "older"]


async def test_LIFO_6_priority_comes_first_and_lifo_decides_among_equals(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk(
        [
            NewJob("fifo 2", priority=2),
            NewJob("lifo 2 old", priority=2, lifo=True),
            NewJob("lifo 2 new", priority=2, lifo=True),
            NewJob("lifo 3", priority=3, lifo=True),
            NewJob("fifo 1", priority=1),
            NewJob("lifo", lifo=True),
        ]
    )
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["fifo 1", "lifo 2 new", "lifo 2 old", "fifo 2", "lifo 3", "lifo"]


async def test_LIFO_8_what_is_done_to_jobs_is_done_to_lifo_jobs_too(world: World) -> None:
    """remove, change_priority, change_delay and get_jobs see them like any other (B-20)."""
    queue = world.queue()
    removed, moved, held, stays = [
        await added(queue, name, lifo=True) for name in ("removed", "moved", "held", "stays")
    ]
    assert [job.name for job in await queue.get_jobs("waiting")] == ["stays", "held", "moved", "removed"]
    await removed.remove()
    await moved.change_priority(1)
    await held.change_delay(10)
    assert [job.id for job in await queue.get_jobs("waiting")] == [moved.id, stays.id]
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(10)
    assert ran == ["moved", "stays", "held"]


async def test_LIFO_3_not_together_with_an_ordering_key(world: World) -> None:
    queue = world.queue()
    message = r"lifo and ordering\.key cannot be used together"
    with pytest.raises(InvalidOptionsError, match=message):
        await queue.add("a", lifo=True, ordering=Ordering("g"))
    with pytest.raises(InvalidOptionsError, match=message):
        await queue.add_bulk([NewJob("good"), NewJob("a", lifo=True, ordering=Ordering("g"))])
    assert world.dump() == {}
    assert await queue.add("a", lifo=True, ordering=Ordering("")) is not None
    assert await queue.add("a", lifo=False, ordering=Ordering("g")) is not None
