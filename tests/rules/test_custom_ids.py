"""CID: ids of the caller's choice."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, NewJob

from .world import World, added, failing, line_of, nothing, stored


async def test_CID_1_ids_are_increasing_integers(world: World) -> None:
    queue = world.queue()
    assert [(await added(queue, "a")).id for _ in range(11)] == [str(number) for number in range(1, 12)]


async def test_CID_1_ids_are_unique_under_concurrent_adds(world: World) -> None:
    queues = [world.queue() for _ in range(3)]
    jobs = await asyncio.gather(*(added(queues[number % 3], "a") for number in range(50)))
    assert sorted(int(job.id) for job in jobs) == list(range(1, 51))


async def test_CID_1_ids_are_not_given_again_after_removal(world: World) -> None:
    queue = world.queue()
    await (await added(queue, "a")).remove()
    assert (await added(queue, "b")).id == "2"


@pytest.mark.parametrize("job_id", ["x" * 257, "a\x00", "a\nb", "\x1f", "\x7f", "a{b", "a}b", "a:b", 7, b"x"])
async def test_CID_2_a_bad_id_is_refused_before_anything_is_sent(world: World, job_id: Any) -> None:
    queue = world.queue()
    with pytest.raises(InvalidOptionsError, match="job_id"):
        await queue.add("a", job_id=job_id)
    with pytest.raises(InvalidOptionsError, match="job_id"):
        await queue.add_bulk([NewJob("good"), NewJob("bad", job_id=job_id)])
    assert sum(line_of(queue).calls.values()) == 0
    assert world.dump() == {}


@pytest.mark.parametrize("job_id", ["x" * 256, "ü" * 256, "a b/c#d", "0", " "])
async def test_CID_2_what_an_id_may_be(world: World, job_id: str) -> None:
    queue = world.queue()
    job = await added(queue, "a", job_id=job_id)
    assert job.id == job_id
    assert (await stored(queue, job_id)).id == job_id
    await world.worker(nothing)
    await world.settle()
    assert await job.is_completed()


@pytest.mark.parametrize("state", ["waiting", "delayed", "active", "completed", "failed"])
async def test_CID_3_a_taken_id_is_skipped_in_every_state(world: World, state: str) -> None:
    queue = world.queue()
    options = {"delay": 1_000} if state == "delayed" else {}
    job = await added(queue, "a", job_id="mine", **options)
    if state in ("active", "completed", "failed"):
        processor = {"active": world.working(1_000), "completed": nothing, "failed": failing(1)}[state]
        await world.worker(processor)
        await world.settle()
    assert await job.get_state() == state
    assert await queue.add("b", job_id="mine") is None
    jobs = await queue.add_bulk([NewJob("b", job_id="mine"), NewJob("c")])
    assert [found.name for found in jobs] == ["c"]


async def test_CID_3_an_id_is_free_again_once_its_job_is_gone(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    first = await added(queue, "a", job_id="mine", remove_on_complete=True)
    await world.settle()
    second = await added(queue, "b", job_id="mine", delay=1_000)
    await second.remove()
    third = await added(queue, "c", job_id="mine", delay=1_000)
    assert first.id == second.id == third.id
    assert (await stored(queue, "mine")).name == "c"


async def test_CID_4_the_first_of_a_bulk_wins(world: World) -> None:
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob("first", job_id="x"), NewJob("other"), NewJob("second", job_id="x")])
    assert [job.name for job in jobs] == ["first", "other"]
    assert (await stored(queue, "x")).name == "first"


async def test_CID_4_the_empty_id_counts_as_not_given(world: World) -> None:
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob("a", job_id=""), NewJob("b", job_id="")])
    assert [job.id for job in jobs] == ["1", "2"]
    assert (await added(queue, "c", job_id="")).id == "3"
    assert (await added(queue, "d", job_id=None)).id == "4"


async def test_CID_5_the_counter_advances_past_decimal_custom_ids(world: World) -> None:
    queue = world.queue()
    assert (await added(queue, "a")).id == "1"
    await queue.add("b", job_id="2")
    assert (await added(queue, "c")).id == "3"
    await queue.add("d", job_id="100")
    await queue.add("e", job_id="50")
    assert (await added(queue, "f")).id == "101"


async def test_CID_5_within_one_bulk_too(world: World) -> None:
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob("a"), NewJob("b", job_id="2"), NewJob("c"), NewJob("d", job_id="9")])
    assert [job.id for job in jobs] == ["1", "2", "3", "9"]
    assert (await added(queue, "e")).id == "10"


async def test_CID_5_a_decimal_of_12_digits_is_the_largest_that_counts(world: World) -> None:
    queue = world.queue()
    await queue.add("a", job_id="9" * 12)
    assert (await added(queue, "b")).id == "1" + "0" * 12
    await queue.add("c", job_id="8" * 13)
    assert (await added(queue, "d")).id == "1" + "0" * 11 + "1"


async def test_CID_7_a_duplicate_changes_nothing_and_tells_nothing(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", {"n": 1}, job_id="mine", delay=1_000, priority=4)
    before = world.dump()
    events = len(await world.events())
    assert await queue.add("b", {"n": 2}, job_id="mine", priority=1, ttl=5, attempts=3) is None
    after = world.dump()
    for kept in ("job:mine", "scheduled", "events"):
        assert after[kept] == before[kept]
    assert "ready" not in after
    assert "expiring" not in after
    assert len(await world.events()) == events
    found = await stored(queue, job)
    assert (found.name, found.data, found.opts) == ("a", {"n": 1}, {"delay": 1_000, "priority": 4})
