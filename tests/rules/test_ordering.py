"""ORD: ordering keys, and how many jobs of one run at once."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    Deduplication,
    InvalidOptionsError,
    Job,
    NewJob,
    Ordering,
    RateLimit,
    RateLimitError,
    TokenBucket,
)

from .watching import Watch, group_keys, group_of
from .world import World, added, line_of, nothing, stored

G = Ordering("g")
G2 = Ordering("g", concurrency=2)


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


# --- ORD-7: the slot --------------------------------------------------------------------------------------------------


async def leave(world: World, job: Job[Any, Any], way: str) -> None:
    """What a processor does that leaves its slot in some way; the other ways come from outside."""
    if way == "fail":
        job.discard()
        raise ValueError(way)
    if way in ("retry", "expire"):
        raise ValueError(way)
    if way == "delay":
        await job.move_to_delayed(world.now + 10**6)
    if way == "group limit":
        await job.rate_limit_group(1)
    if way == "rate limit":
        raise RateLimitError(1)
    if way != "complete":
        await world.sleep(10**9)


WAYS = [
    "complete", "fail", "retry", "stall", "remove", "revoke", "timeout", "expire", "delay", "group limit",
    "rate limit", "lease lost",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_ORD_7_every_way_out_of_active_frees_the_slot_once(world: World, way: str) -> None:
    queue = world.queue()
    watch = Watch(world, takes=10)

    async def work(job: Job[Any, Any]) -> None:
        if job.name == "next":
            await watch(job)
        elif len(leaving) < 2:
            leaving.append(job)
            await leave(world, job, way)

    leaving: list[Job[Any, Any]] = []
    options: dict[str, Any] = {"attempts": 2, "backoff": Backoff("fixed", 10**6), "ordering": G2}
    if way == "timeout":
        options |= {"timeout": 5}
    if way == "expire":
        options |= {"ttl": 5}
    worker = await world.worker(work, concurrency=2, cancel_on_abort=True)
    jobs = [await added(queue, "leaves", **options) for _ in range(2)]
    await world.settle()
    for job in jobs:
        if way == "remove":
            await job.remove()
        if way == "revoke":
            await queue.revoke(job.id)
    if way == "stall":
        await worker.close(force=True)
    if way == "lease lost":
        line_of(worker).cut()
    second = await world.worker(work, concurrency=4)
    await world.advance(31_000)
    line_of(worker).mend()
    await queue.add_bulk([NewJob("next", ordering=G2) for _ in range(6)])
    await world.advance(30)
    assert watch.most == 2
    assert watch.moments == [31_000, 31_000, 31_010, 31_010, 31_020, 31_020]
    assert group_of(world).get("active", "0") == "0"
    await second.close()


# --- ORD-8: gone without ever running ---------------------------------------------------------------------------------

EXITS = ["revoked", "removed", "drained", "expired", "cost", "debounced", "rejected"]


@pytest.mark.parametrize("way", EXITS)
async def test_ORD_8_an_exit_without_a_run_passes_the_turn_on(world: World, way: str) -> None:
    """B-04: any of these blocked the group for ever."""
    queue = world.queue()
    watch = Watch(world)
    options: dict[str, Any] = {"ordering": G, "delay": 10**6}
    if way == "expired":
        options |= {"ttl": 10}
    if way == "debounced":
        options |= {"deduplication": Deduplication("d", "debounce", 10**6)}
    if way == "cost":
        options = {"ordering": Ordering("g", token_bucket=TokenBucket(10, 1)), "cost": 10}
        await queue.pause()
    if way == "rejected":
        with pytest.raises(InvalidOptionsError, match="cost"):
            await queue.add("head", ordering=Ordering("g", token_bucket=TokenBucket(10, 1)), cost=11)
    else:
        head = await added(queue, "head", **options)
    if way == "drained":
        await queue.drain(delayed=True)
    await queue.add("next", ordering=G)
    await world.worker(watch)
    await world.settle()
    if way in ("revoked", "removed", "expired", "cost", "debounced"):
        assert watch.starts == []
    if way == "revoked":
        assert await queue.revoke(head.id) == "revoked"
    if way == "removed":
        await head.remove()
    if way == "cost":
        await queue.set_group_limits("g", token_bucket=TokenBucket(5, 1))
        await queue.resume()
    if way == "debounced":
        await queue.add("other", deduplication=Deduplication("d", "debounce", 10**6))
    await world.advance(11)
    assert watch.names == ["next"]


# --- ORD-9, ORD-10, ORD-11: retries, delays, priorities ---------------------------------------------------------------


async def test_ORD_9_with_concurrency_1_successors_wait_behind_a_retry(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"payment": 2})
    await world.worker(watch, concurrency=3)
    await queue.add("payment", attempts=3, backoff=Backoff("fixed", 100), ordering=G)
    await queue.add("receipt", ordering=G)
    await queue.add("other")
    await world.advance(1_000)
    assert watch.starts == [
        ("payment", 0), ("other", 0), ("payment", 100), ("payment", 200), ("receipt", 200),
    ]  # fmt: skip


async def test_ORD_9_its_slot_is_free_during_the_backoff(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"payment": 1})
    await world.worker(watch)
    await queue.add("payment", attempts=2, backoff=Backoff("fixed", 100), ordering=G)
    await world.settle()
    assert group_of(world).get("active", "0") == "0"


async def test_ORD_9_with_more_siblings_may_start_during_the_backoff(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"payment": 1})
    await world.worker(watch, concurrency=3)
    await queue.add("payment", attempts=2, backoff=Backoff("fixed", 100), ordering=G2)
    await queue.add("receipt", ordering=G)
    await world.advance(1_000)
    assert watch.starts == [("payment", 0), ("receipt", 0), ("payment", 100)]


async def test_ORD_9_an_immediate_retry_keeps_its_turn(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"1": 2})
    await queue.add_bulk([NewJob(name, ordering=G, attempts=3) for name in ("1", "2", "3")])
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["1", "1", "1", "2", "3"]


async def test_ORD_9_a_stalled_member_runs_before_its_successors(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**9))
    await queue.add_bulk([NewJob(name, ordering=G) for name in ("1", "2", "3")])
    await world.settle()
    await dying.close(force=True)
    watch = Watch(world)
    await world.worker(watch, concurrency=3)
    await world.advance(29_999)
    assert watch.names == []
    await world.advance(101)
    assert watch.names == ["1", "2", "3"]


async def test_ORD_10_with_concurrency_1_later_jobs_wait_for_a_delayed_head(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("late", delay=500, ordering=G)
    await queue.add("soon", ordering=G)
    await world.advance(499)
    assert watch.starts == []
    await world.advance(1)
    assert watch.starts == [("late", 500), ("soon", 500)]


async def test_ORD_10_a_delayed_job_behind_others_does_not_hold_them(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    for name, delay in (("1", 0), ("2", 500), ("3", 0)):
        await queue.add(name, delay=delay, ordering=G)
    await world.advance(500)
    assert watch.starts == [("1", 0), ("2", 500), ("3", 500)]


async def test_ORD_10_with_more_only_ready_jobs_compete(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("late", delay=500, ordering=G2)
    await queue.add("soon", ordering=G2)
    await world.advance(500)
    assert watch.starts == [("soon", 0), ("late", 500)]


async def test_ORD_11_with_concurrency_1_the_order_of_adding_wins_over_priority(world: World) -> None:
    queue = world.queue()
    await queue.add("first", ordering=G)
    await queue.add("urgent", priority=1, ordering=G)
    await queue.add("plain")
    watch = Watch(world)
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["first", "urgent", "plain"]  # as the head, `urgent` goes before other work


async def test_ORD_11_priority_raises_a_groups_head_before_other_work(world: World) -> None:
    queue = world.queue()
    await queue.add("plain")
    await queue.add("head", priority=3, ordering=G)
    await queue.add("urgent", priority=2)
    watch = Watch(world)
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["urgent", "head", "plain"]


async def test_ORD_11_with_more_priority_decides_within_the_group(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk(
        [NewJob("plain", ordering=G2), NewJob("3", priority=3, ordering=G2), NewJob("1", priority=1, ordering=G2)]
    )
    watch = Watch(world)
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["1", "3", "plain"]


async def test_ORD_11_a_changed_priority_counts_at_once(world: World) -> None:
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob(name, ordering=G2) for name in ("1", "2", "3")])
    await jobs[2].change_priority(1)
    watch = Watch(world)
    await world.worker(watch)
    await world.settle()
    assert watch.names == ["3", "1", "2"]


# --- ORD-12, ORD-13: limits -------------------------------------------------------------------------------------------


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


# --- ORD-14, ORD-15, ORD-16 -------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("many", [False, True])
async def test_ORD_16_a_retried_member_takes_a_slot_like_a_new_start_at_the_tail(world: World, many: bool) -> None:
    """B-08: it ran beside the others, and freed a slot that it had not taken."""
    queue = world.queue()
    watch = Watch(world, takes=10, fails={"bad": 1})
    worker = await world.worker(watch, concurrency=5)
    job = await added(queue, "bad", ordering=G)
    await world.advance(10)
    await queue.add_bulk([NewJob(name, ordering=G) for name in ("1", "2")])
    if many:
        assert await queue.retry_jobs() == 1
    else:
        await job.retry()
    await queue.add("3", ordering=G)
    await world.advance(60)
    assert watch.names[:4] == ["bad", "1", "2", "bad"]
    assert watch.names[-1] == "3"
    assert watch.most == 1
    assert group_keys(world) == set()
    await worker.close()
