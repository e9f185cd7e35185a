"""TB: token buckets, and what jobs cost."""

from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, NewJob, Ordering, RateLimit, TokenBucket

from .watching import Watch, group_keys, group_of
from .world import World, added, nothing, stored


def bucket(capacity: float, refill: float, key: str = "g", concurrency: int | None = 10) -> Ordering:
    return Ordering(key, concurrency, token_bucket=TokenBucket(capacity, refill))


async def test_TB_1_a_full_bucket_pays_for_starts_and_the_rest_waits_for_its_refill(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=bucket(10, 1), cost=5) for _ in range(4)])
    await world.advance(20_000)
    assert watch.moments == [0, 0, 5_000, 10_000]


async def test_TB_1_the_cost_defaults_to_1(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(2, 2)) for _ in range(4)])
    await world.advance(1_000)
    assert watch.moments == [0, 0, 500, 1_000]


async def test_TB_2_costs_and_rates_have_steps_of_a_thousandth(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(0.003, 0.001), cost=0.001) for _ in range(5)])
    await world.advance(2_000)
    assert watch.moments == [0, 0, 0, 1_000, 2_000]


async def test_TB_2_it_resumes_when_the_missing_tokens_are_there_rounded_up(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(2, 3)) for _ in range(5)])
    await world.advance(1_001)
    # What the rounding adds is not lost: three tokens take a second, not three times 334 ms.
    assert watch.moments == [0, 0, 334, 667, 1_000]


async def test_TB_2_frequent_small_refills_lose_nothing(world: World) -> None:
    """Whatever looks at the bucket every millisecond, the next token comes at its moment."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(1, 7)) for _ in range(2)])
    for _ in range(142):
        await world.advance(1)
        await queue.set_group_limits("g", concurrency=3)
    assert watch.moments == [0]
    await world.advance(1)
    assert watch.moments == [0, 143]  # 1,000 / 7, rounded up


async def test_TB_2_it_never_exceeds_its_capacity(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("a", ordering=bucket(3, 1))
    await world.advance(1_000_000)
    await queue.add_bulk([NewJob("a", ordering=bucket(3, 1)) for _ in range(5)])
    await world.advance(2_000)
    assert watch.moments == [0, *[1_000_000] * 3, 1_001_000, 1_002_000]


async def test_TB_2_the_largest_bucket_is_exact(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    largest = bucket(1_000_000, 1_000_000)
    await queue.add_bulk([NewJob("a", ordering=largest, cost=1_000_000), NewJob("a", ordering=largest, cost=0.001)])
    await world.settle()
    assert watch.moments == [0]
    await world.advance(1)
    assert watch.moments == [0, 1]


async def test_TB_3_what_is_refused_by_concurrency_deducts_nothing(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=1_000)
    await world.worker(watch, concurrency=5)
    ordering = Ordering("g", 1, RateLimit(5, 10_000), TokenBucket(5, 0.001))
    await queue.add_bulk([NewJob("a", ordering=ordering) for _ in range(4)])
    await world.settle()
    assert (group_of(world)["tokens"], group_of(world)["window_used"]) == ("4000000", "1")


async def test_TB_3_what_is_refused_by_the_bucket_takes_no_place_in_the_window(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, concurrency=5)
    ordering = Ordering("g", 5, RateLimit(5, 10_000), TokenBucket(2, 1))
    await queue.add_bulk([NewJob("a", ordering=ordering) for _ in range(5)])
    await world.settle()
    assert group_of(world)["window_used"] == "2"
    await world.advance(3_000)
    assert watch.moments == [0, 0, 1_000, 2_000, 3_000]


async def test_TB_3_what_is_refused_by_the_window_pays_no_tokens(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, concurrency=5)
    ordering = Ordering("g", 5, RateLimit(1, 1_000), TokenBucket(5, 0.001))
    await queue.add_bulk([NewJob("a", ordering=ordering) for _ in range(3)])
    await world.settle()
    assert group_of(world)["tokens"] == "4000000"
    assert watch.moments == [0]


async def test_TB_4_a_cheap_job_never_overtakes_an_expensive_one(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, concurrency=5)
    for name, cost in (("first", 8), ("expensive", 10), ("cheap", 1), ("free", 0)):
        await queue.add(name, ordering=bucket(10, 1), cost=cost)
    await world.advance(20_000)
    assert watch.starts == [("first", 0), ("expensive", 8_000), ("cheap", 9_000), ("free", 9_000)]


@pytest.mark.parametrize(("capacity", "cost"), [(10, 10.001), (10, 1_000_000), (0.5, None)])
async def test_TB_5_a_cost_above_the_capacity_is_refused_and_nothing_changes(
    world: World, capacity: float, cost: float | None
) -> None:
    queue = world.queue()
    options: dict[str, Any] = {} if cost is None else {"cost": cost}
    with pytest.raises(InvalidOptionsError, match="cost"):
        await queue.add("a", ordering=bucket(capacity, 1), **options)
    with pytest.raises(InvalidOptionsError, match="cost"):
        await queue.add_bulk([NewJob("fine"), NewJob("a", ordering=bucket(capacity, 1), **options)])
    assert world.dump() == {}


async def test_TB_5_the_store_refuses_where_the_call_names_no_bucket(world: World) -> None:
    queue = world.queue()
    await queue.set_group_limits("g", token_bucket=TokenBucket(10, 1))
    before = world.dump()
    for jobs in (
        [NewJob("a", ordering=Ordering("g"), cost=11)],
        [NewJob("b"), NewJob("a", ordering=Ordering("g"), cost=11)],
    ):
        with pytest.raises(InvalidOptionsError, match="cost"):
            await queue.add_bulk(jobs)
    with pytest.raises(InvalidOptionsError, match="cost"):
        await queue.add("a", ordering=Ordering("g", concurrency=4), cost=11)
    assert world.dump() == before
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("next", ordering=Ordering("g"), cost=10)
    await world.settle()
    assert watch.names == ["next"]


async def test_TB_5_within_one_bulk_the_bucket_named_before_counts(world: World) -> None:
    queue = world.queue()
    with pytest.raises(InvalidOptionsError, match="cost"):
        await queue.add_bulk([NewJob("a", ordering=bucket(5, 1), cost=5), NewJob("b", ordering=Ordering("g"), cost=6)])
    assert world.dump() == {}
    jobs = [
        NewJob("a", ordering=bucket(5, 1), cost=5),
        NewJob("b", ordering=bucket(9, 1), cost=6),
        NewJob("c", ordering=Ordering("g"), cost=9),
    ]
    assert len(await queue.add_bulk(jobs)) == 3


async def test_TB_6_a_job_above_a_lowered_capacity_fails_at_its_turn_and_the_next_proceeds(world: World) -> None:
    """B-26: it was not dead-lettered, and the group stood still."""
    dead = f"{world.name}-dead"
    queue = world.queue()
    watch = Watch(world, takes=100)
    await world.worker(watch, concurrency=5, dead_letter_queue=dead)
    ordering = bucket(10, 10, concurrency=1)
    await queue.add("first", ordering=ordering)
    jobs = [await added(queue, "large", ordering=ordering, cost=8) for _ in range(2)]
    await queue.add("small", ordering=ordering, cost=2)
    await world.settle()
    await queue.set_group_limits("g", token_bucket=TokenBucket(5, 10))
    assert [await job.get_state() for job in jobs] == ["waiting", "waiting"]
    await world.advance(100)
    assert watch.starts == [("first", 0), ("small", 100)]
    for job in jobs:
        found = await stored(queue, job)
        assert (await job.get_state(), found.failed_reason, found.attempts_made) == (
            "failed", "cost exceeds capacity", 0,
        )  # fmt: skip
    letters = await world.queue(dead).get_jobs("waiting")
    assert [letter.data["failed_reason"] for letter in letters] == ["cost exceeds capacity"] * 2
    assert [event.data for event in await world.events("failed")] == [{"failed_reason": "cost exceeds capacity"}] * 2


async def test_TB_6_a_queue_that_runs_dry_so_says_it(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await queue.add("large", ordering=bucket(10, 10), cost=8)
    await queue.set_group_limits("g", concurrency=3)
    assert await world.events("drained") == []
    await queue.set_group_limits("g", token_bucket=TokenBucket(5, 10))
    assert len(await world.events("failed")) == len(await world.events("drained")) == 1


async def test_TB_6_many_such_jobs_do_not_stop_the_group(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await queue.add_bulk([NewJob("large", ordering=bucket(10, 10), cost=8) for _ in range(230)])
    await queue.add("small", ordering=Ordering("g"))
    await queue.set_group_limits("g", token_bucket=TokenBucket(5, 10))
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["small"]
    counts = await queue.get_job_counts()
    assert (counts.failed, counts.waiting, counts.completed) == (230, 0, 1)


@pytest.mark.parametrize("value", [0, -1, 0.0001, 1.0005, 1_000_001, float("inf"), float("nan"), True, "1"])
def test_TB_7_a_bad_capacity_or_rate_is_refused(value: Any) -> None:
    with pytest.raises(InvalidOptionsError, match=r"token_bucket\.capacity"):
        TokenBucket(value, 1)
    with pytest.raises(InvalidOptionsError, match=r"token_bucket\.refill_rate"):
        TokenBucket(1, value)


@pytest.mark.parametrize("cost", [-1, -0.001, 0.0001, 1_000_001, float("inf"), float("nan"), True, "1"])
async def test_TB_7_a_bad_cost_is_refused(world: World, cost: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="cost"):
        await world.queue().add("a", ordering=bucket(10, 1), cost=cost)


async def test_TB_7_a_cost_of_0_is_free(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk(
        [NewJob("paid", ordering=bucket(1, 0.001)), *[NewJob("free", ordering=bucket(1, 0.001), cost=0)] * 3]
    )
    await world.settle()
    assert watch.names == ["paid", "free", "free", "free"]


async def test_TB_8_an_idle_bucket_allows_no_double_burst(world: World) -> None:
    """B-25: while it was full its time stood still, and the next burst was refilled from then."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(5, 1)) for _ in range(2)])
    await world.advance(60_000)
    await queue.add_bulk([NewJob("a", ordering=bucket(5, 1)) for _ in range(12)])
    await world.settle()
    assert watch.moments == [0, 0, *[60_000] * 5]
    await world.advance(1_000)
    assert watch.moments[7:] == [61_000]


async def test_TB_8_a_lowered_capacity_clamps_what_is_in_the_bucket(world: World) -> None:
    """B-25: tokens from before the lowering were kept."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("a", ordering=bucket(100, 0.001))
    await world.settle()
    await queue.set_group_limits("g", token_bucket=TokenBucket(3, 0.001))
    await queue.add_bulk([NewJob("b", ordering=Ordering("g")) for _ in range(6)])
    await world.settle()
    assert watch.names == ["a", "b", "b", "b"]
    await queue.set_group_limits("g", token_bucket=TokenBucket(100, 0.001))
    await world.settle()
    assert watch.names == ["a", "b", "b", "b"]


async def test_TB_8_time_before_a_new_rate_refills_at_the_old_one(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(5, 0.001)) for _ in range(6)])
    await world.advance(60_000)
    assert len(watch.starts) == 5
    await queue.set_group_limits("g", token_bucket=TokenBucket(5, 1))
    await world.settle()
    assert len(watch.starts) == 5  # a minute gave 0.06 tokens
    await world.advance(940)
    assert watch.moments[5:] == [60_940]


async def test_TB_8_time_that_steps_back_refills_nothing(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=bucket(1, 1)) for _ in range(2)])
    await world.settle()
    world.clock.set(world.now - 100_000)
    await queue.add("b", ordering=Ordering("g"))
    await world.advance(999)
    assert len(watch.starts) == 1
    await world.advance(1)
    assert len(watch.starts) == 2


async def test_TB_9_composes_with_window_concurrency_and_the_global_rate(world: World) -> None:
    queue = world.queue()
    await queue.set_global_rate_limit(RateLimit(2, 1_000))
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=5)
    ordering = Ordering("g", 1, RateLimit(3, 2_000), TokenBucket(4, 0.5))
    await queue.add_bulk([NewJob("a", ordering=ordering) for _ in range(6)])
    await world.advance(10_000)
    # 0: two by the global rate; 1,000: the third of the window; 2,000: a token is left and one has come; then 2 s each
    assert watch.moments == [0, 10, 1_000, 2_000, 2_010, 4_000]


async def test_TB_9_a_cost_without_a_bucket_is_accepted_and_ignored(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    grouped = await added(queue, "a", ordering=Ordering("g"), cost=1_000_000)
    await queue.add("b", cost=5)
    await world.settle()
    assert watch.names == ["a", "b"]
    assert (await stored(queue, grouped)).cost == 1_000_000


async def test_TB_10_every_start_pays(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"bad": 2})
    await world.worker(watch)
    await queue.add("bad", attempts=3, ordering=bucket(2, 1), cost=2)
    await world.advance(10_000)
    assert watch.moments == [0, 2_000, 4_000]


async def test_TB_nothing_is_left_when_the_bucket_is_full_again(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.add("a", ordering=bucket(10, 1), cost=4, remove_on_complete=True)
    await world.advance(3_999)
    assert group_keys(world) != set()
    await world.advance(1)
    assert group_keys(world) == set()
