"""ORD-12, ORD-13: how a group's limits are set and changed."""

from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, NewJob, Ordering, RateLimit, TokenBucket

from .watching import G, Watch, group_of
from .world import World


async def test_ORD_12_the_latest_named_value_wins_and_omission_keeps(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await queue.add("a", ordering=Ordering("g", 3, RateLimit(5, 1_000), TokenBucket(7, 2)))
    await queue.add("b", ordering=Ordering("g"))
    group = group_of(world)
    assert (group["concurrency"], group["rate_max"], group["rate_ms"]) == ("3", "5", "1000")
    assert (group["capacity"], group["refill"]) == ("7000", "2000")
    await queue.add("c", ordering=Ordering("g", rate_limit=RateLimit(9, 2_000)))
    await queue.add("d", ordering=Ordering("g", concurrency=2))
    group = group_of(world)
    assert (group["concurrency"], group["rate_max"], group["rate_ms"]) == ("2", "9", "2000")
    assert (group["capacity"], group["refill"]) == ("7000", "2000")


async def test_ORD_12_set_group_limits_changes_what_is_given_and_none_removes(world: World) -> None:
    queue = world.queue()
    await queue.set_group_limits("g", concurrency=3, rate_limit=RateLimit(5, 1_000), token_bucket=TokenBucket(7, 0.5))
    await queue.set_group_limits("g", rate_limit=None)
    group = group_of(world)
    assert (group["concurrency"], group["capacity"], group["refill"]) == ("3", "7000", "500")
    assert "rate_max" not in group
    await queue.set_group_limits("g", concurrency=None, token_bucket=None)
    group = group_of(world)
    assert (group["concurrency"], "capacity" in group) == ("1", False)


async def test_ORD_12_what_set_group_limits_said_stays_when_the_group_is_idle(world: World) -> None:
    queue = world.queue()
    await queue.set_group_limits("g", concurrency=2)
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=G) for _ in range(4)])
    await world.advance(20)
    await queue.add_bulk([NewJob("a", ordering=G) for _ in range(4)])
    await world.advance(20)
    assert watch.most == 2
    assert watch.moments == [0, 0, 10, 10, 20, 20, 30, 30]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"key": ""}, "key"),
        ({"key": "k" * 257}, "key"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"rate_limit": 5}, "rate_limit"),
        ({"token_bucket": RateLimit(1, 1)}, "token_bucket"),
    ],
)
async def test_ORD_12_a_bad_limit_is_refused_by_name(world: World, arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidOptionsError, match=name):
        await world.queue().set_group_limits(**{"key": "g", **arguments})
    assert world.dump() == {}


async def test_ORD_13_raising_concurrency_releases_parked_jobs_at_once(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=1_000)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=G) for _ in range(4)])
    await world.advance(100)
    await queue.set_group_limits("g", concurrency=3)
    await world.settle()
    assert watch.moments == [0, 100, 100]
    await queue.add("b", ordering=Ordering("g", concurrency=4))
    await world.settle()
    assert watch.moments == [0, 100, 100, 100]


async def test_ORD_13_lowering_never_preempts(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=100)
    await world.worker(watch, concurrency=5)
    jobs = await queue.add_bulk([NewJob("a", ordering=Ordering("g", concurrency=3)) for _ in range(5)])
    await world.settle()
    await queue.set_group_limits("g", concurrency=1)
    assert (await queue.get_job_counts()).active == 3
    await world.advance(299)
    assert watch.moments == [0, 0, 0, 100, 200]
    await world.advance(1)
    assert await jobs[4].is_completed()
