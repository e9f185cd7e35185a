"""ORD-9, ORD-10, ORD-11: whose turn it is in a group, among retries, delays and priorities."""

from glidemq_pb import Backoff, NewJob

from .watching import G2, G, Watch, group_of
from .world import World

# --- ORD-9: retries ---------------------------------------------------------------------------------------------------


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


# --- ORD-10: delays ---------------------------------------------------------------------------------------------------


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


# --- ORD-11: priorities -----------------------------------------------------------------------------------------------


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
