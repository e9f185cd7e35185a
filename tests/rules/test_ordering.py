"""ORD: ordering keys: how many jobs of one run at once, beside which others, and what is left of them."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, Job, NewJob, Ordering, RateLimit, TokenBucket

from .watching import G, Watch, group_keys
from .world import World, added, line_of, nothing, stored

# --- ORD-1: the key ---------------------------------------------------------------------------------------------------


async def test_ORD_1_a_key_above_256_characters_is_refused(world: World) -> None:
    queue = world.queue()
    await queue.add("a", ordering=Ordering("é" * 256))
    with pytest.raises(InvalidOptionsError, match=r"ordering\.key"):
        Ordering("k" * 257)
    with pytest.raises(InvalidOptionsError, match=r"ordering\.key"):
        Ordering(7)  # type: ignore[arg-type]  # on purpose


async def test_ORD_1_an_empty_key_is_no_ordering(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", ordering=Ordering(""))
    assert (await stored(queue, job)).ordering_key is None
    assert group_keys(world) == set()
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=2)
    await queue.add("b", ordering=Ordering(""))
    await world.advance(10)
    assert watch.most == 2


@pytest.mark.parametrize("key", ["__", "a b", "{x}", "a:b", "'\"\\", "ключ", "\x00\x01", "1", "*", "[a-z]"])
async def test_ORD_1_any_other_text_is_a_key(world: World, key: str) -> None:
    queue = world.queue()
    job = await added(queue, "a", ordering=Ordering(key))
    await queue.add("b", ordering=Ordering(key))
    assert (await stored(queue, job)).ordering_key == key
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=2)
    await world.advance(20)
    assert watch.starts == [("a", 0), ("b", 10)]
    assert group_keys(world) == set()


# --- ORD-2: one at a time ---------------------------------------------------------------------------------------------


async def test_ORD_2_one_at_a_time_in_the_order_of_adding_across_workers(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=7)
    for _ in range(3):
        await world.worker(watch, concurrency=4)
    await queue.add_bulk([NewJob(f"bulk {number}", ordering=G) for number in range(10)])
    for number in range(5):
        await queue.add(f"one {number}", ordering=Ordering("g", concurrency=1))
    await queue.add_bulk([NewJob(f"last {number}", ordering=G) for number in range(5)])
    await world.advance(20 * 7)
    expected = [f"bulk {number}" for number in range(10)] + [f"one {number}" for number in range(5)]
    assert watch.names == expected + [f"last {number}" for number in range(5)]
    assert watch.most == 1


async def test_ORD_2_a_handler_that_outlives_its_lease_is_told_and_refused_at_its_end(world: World) -> None:
    queue = world.queue()
    told: list[object] = []
    ran: list[str] = []

    async def slow(job: Job[Any, Any]) -> str:
        await job.abort_signal.wait()
        told.append(job.abort_signal.reason)
        await world.sleep(50_000)
        return "late"

    async def quick(job: Job[Any, Any]) -> str:
        ran.append(job.name)
        return "right"

    first = await world.worker(slow)
    job = await added(queue, "a", ordering=G)
    await queue.add("b", ordering=G)
    await world.settle()
    line_of(first).cut()
    await world.worker(quick)
    await world.advance(31_000)
    assert told == ["lease lost"]
    assert ran == ["a", "b"]
    line_of(first).mend()
    await world.advance(60_000)
    assert (await stored(queue, job)).return_value == "right"
    assert group_keys(world) == set()


# --- ORD-3: N at a time -----------------------------------------------------------------------------------------------


async def test_ORD_3_at_most_n_are_active_over_all_workers(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=10)
    for _ in range(2):
        await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob(str(number), ordering=Ordering("g", concurrency=3)) for number in range(10)])
    await world.advance(39)
    assert watch.most == 3
    assert watch.moments == [0, 0, 0, 10, 10, 10, 20, 20, 20, 30]


@pytest.mark.parametrize("concurrency", [0, -1, -(10**15)])
async def test_ORD_3_less_than_1_is_1(world: World, concurrency: int) -> None:
    queue = world.queue()
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", concurrency=concurrency)) for _ in range(3)])
    await world.advance(30)
    assert watch.most == 1


@pytest.mark.parametrize("concurrency", [1.0, 1.5, True, "2"])
def test_ORD_3_what_is_no_integer_is_refused(concurrency: Any) -> None:
    with pytest.raises(InvalidOptionsError, match=r"ordering\.concurrency"):
        Ordering("g", concurrency=concurrency)


async def test_ORD_3_a_huge_concurrency_does_not_limit(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=20)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", concurrency=10**9)) for _ in range(20)])
    await world.settle()
    assert watch.most == 20


# --- ORD-4, ORD-5, ORD-6: beside others -------------------------------------------------------------------------------


async def test_ORD_4_parked_jobs_are_released_when_a_slot_frees_and_hold_no_global_slot(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(2)
    watch = Watch(world, takes={"member": 100, "other": 10})
    await world.worker(watch, concurrency=10)
    await queue.add_bulk([NewJob("member", ordering=G) for _ in range(3)])
    await queue.add_bulk([NewJob("other") for _ in range(3)])
    await world.settle()
    counts = await queue.get_job_counts()
    assert (counts.active, counts.waiting) == (2, 4)
    await world.advance(300)
    assert watch.starts == [("member", 0), ("other", 0), ("other", 10), ("other", 20), ("member", 100), ("member", 200)]


async def test_ORD_5_other_groups_and_ungrouped_jobs_are_unaffected(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=10)
    await queue.add_bulk([NewJob("a", ordering=Ordering("a")) for _ in range(5)])
    await queue.add_bulk([NewJob("b", ordering=Ordering("b", concurrency=2)) for _ in range(3)])
    await queue.add("c")
    await world.settle()
    assert sorted(watch.names) == ["a", "b", "b", "c"]


async def test_ORD_5_groups_take_turns(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob("g1", ordering=G), NewJob("g2", ordering=G), NewJob("f1")])
    watch = Watch(world)
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["g1", "f1", "g2"]


async def test_ORD_5_one_tenants_backlog_does_not_starve_the_others(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob("big", ordering=Ordering("big")) for _ in range(50)])
    await queue.add_bulk([NewJob("small", ordering=Ordering(f"t{number}")) for number in range(10)])
    watch = Watch(world)
    await world.worker(watch)
    await world.settle()
    assert watch.names[:21].count("small") == 10


@pytest.mark.parametrize(("of_queue", "of_group", "most"), [(2, 3, 2), (5, 2, 2)])
async def test_ORD_6_composes_with_global_concurrency(world: World, of_queue: int, of_group: int, most: int) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(of_queue)
    watch = Watch(world, takes=10)
    for _ in range(2):
        await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", concurrency=of_group)) for _ in range(8)])
    await world.advance(39)
    assert watch.most == most
    assert len(watch.starts) == 8


# --- ORD-14, ORD-15: what is left -------------------------------------------------------------------------------------


async def test_ORD_14_nothing_is_left_of_an_idle_group(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    ordering = Ordering("g", 2, RateLimit(3, 1_000), TokenBucket(5, 1))
    await queue.add_bulk([NewJob("a", ordering=ordering, remove_on_complete=True) for _ in range(3)])
    await queue.rate_limit_group("g", 2_000)
    await world.advance(2_000)
    assert group_keys(world) != set()  # the bucket is not full yet
    await world.advance(3_000)
    assert group_keys(world) == set()


async def test_ORD_14_not_of_many_groups_either(world: World) -> None:
    """Issue 4 (2), with 200 groups; `test_groups_at_scale` has the 10,000."""
    queue = world.queue()
    await world.worker(nothing, concurrency=50)
    ordering = [Ordering(f"g{number}", rate_limit=RateLimit(1, 1_000)) for number in range(200)]
    await queue.add_bulk([NewJob("a", ordering=one) for one in ordering])
    await world.advance(999)
    assert len(group_keys(world)) > 200
    await world.advance(1)
    assert group_keys(world) == set()


async def test_ORD_15_a_failing_job_lets_the_next_proceed_and_a_mixed_queue_drains_fully(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=3, fails={"bad": 1})
    drained = asyncio.Event()
    worker = await world.worker(watch, concurrency=3)
    worker.on("drained", drained.set)
    await queue.add_bulk(
        [NewJob("bad" if number % 3 == 0 else "good", ordering=Ordering(f"g{number % 4}") if number % 5 else None)
         for number in range(40)]
    )  # fmt: skip
    await world.advance(1_000)
    counts = await queue.get_job_counts()
    assert (counts.completed, counts.failed, counts.waiting, counts.active) == (26, 14, 0, 0)
    assert drained.is_set()
    assert group_keys(world) == set()


async def test_ORD_15_obliterate_removes_groups(world: World) -> None:
    """B-22: the groups' records, limits and windows outlived the queue."""
    queue = world.queue()
    await queue.set_group_limits("kept", concurrency=4)
    await queue.rate_limit_group("paused", 10**6)
    await queue.add_bulk([NewJob("a", ordering=Ordering(f"g{number % 3}", 2, RateLimit(1, 1))) for number in range(9)])
    await world.worker(world.working(10**6))
    await world.settle()
    await queue.obliterate(force=True)
    assert group_keys(world) == set()
