"""GRL: at most so many starts of a group in a window."""

from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, Job, NewJob, Ordering, RateLimit

from .watching import Watch, group_of
from .world import World, added, nothing, stored

LIMITED = Ordering("g", concurrency=10, rate_limit=RateLimit(2, 1_000))


async def test_GRL_1_at_most_max_starts_in_a_window_whatever_the_concurrency(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    for _ in range(2):
        await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=LIMITED) for _ in range(5)])
    await world.advance(3_000)
    assert watch.moments == [0, 0, 1_000, 1_000, 2_000]


async def test_GRL_1_both_gates_must_pass(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=700)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 1, RateLimit(2, 1_000))) for _ in range(3)])
    await queue.add_bulk([NewJob("b", ordering=Ordering("h", 1, RateLimit(2, 1_500))) for _ in range(4)])
    await world.advance(3_000)
    assert [at for name, at in watch.starts if name == "a"] == [0, 700, 1_400]
    assert [at for name, at in watch.starts if name == "b"] == [0, 700, 1_500, 2_200]


@pytest.mark.parametrize(
    ("most", "duration"), [(0, 1), (-1, 1), (1, 0), (1, -1), (1.5, 1), (1, 1.5), (True, 1), ("1", 1)]
)
def test_GRL_1_a_bad_limit_is_refused(most: Any, duration: Any) -> None:
    with pytest.raises(InvalidOptionsError, match=r"rate_limit\.(max|duration)"):
        RateLimit(most, duration)


async def test_GRL_2_a_window_opens_at_the_first_start_after_the_previous_one_ended(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await world.advance(300)
    await queue.add("a", ordering=LIMITED)
    await world.advance(900)  # 1,200: the window is open until 1,300
    await queue.add_bulk([NewJob("b", ordering=LIMITED), NewJob("c", ordering=LIMITED)])
    await world.advance(2_000)
    assert watch.starts == [("a", 300), ("b", 1_200), ("c", 1_300)]
    await queue.add_bulk([NewJob("d", ordering=LIMITED) for _ in range(3)])
    await world.advance(1_000)  # the window of `c` ended at 2,300, so one opens at 3,200
    assert watch.moments[3:] == [3_200, 3_200, 4_200]


async def test_GRL_2_it_is_a_fixed_window(world: World) -> None:
    """Twice `max` may start around its end, and no more."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("a", ordering=LIMITED)
    await world.advance(999)
    await queue.add_bulk([NewJob("a", ordering=LIMITED) for _ in range(4)])
    await world.advance(2_000)
    assert watch.moments == [0, 999, 1_000, 1_000, 2_000]


async def test_GRL_3_jobs_over_the_limit_are_released_at_the_reset_in_the_order_of_adding(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, concurrency=5)
    names = [str(number) for number in range(7)]
    await queue.add_bulk([NewJob(name, ordering=Ordering("g", 5, RateLimit(3, 1_000))) for name in names])
    await world.settle()
    counts = await queue.get_job_counts()
    assert (counts.completed, counts.waiting, counts.delayed) == (3, 4, 0)
    await world.advance(999)
    assert len(watch.starts) == 3
    await world.advance(1_001)
    assert watch.names == names
    assert watch.moments == [0, 0, 0, 1_000, 1_000, 1_000, 2_000]


async def test_GRL_3_the_reset_needs_no_poll(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing, block_timeout=10**6, stalled_interval=10**6)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 1, RateLimit(1, 60_000))) for _ in range(2)])
    await world.settle()
    calls = world.calls(worker)
    await world.advance(59_999)
    assert world.calls(worker)["settle_and_activate"] - calls["settle_and_activate"] <= 1
    await world.advance(1)
    assert (await queue.get_job_counts()).completed == 2


async def test_GRL_4_retries_consume_a_slot_and_failures_refund_none(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"bad": 1})
    await world.worker(watch)
    ordering = Ordering("g", 5, RateLimit(3, 1_000))
    await queue.add_bulk([NewJob("bad", attempts=2, ordering=ordering), *[NewJob("a", ordering=ordering)] * 3])
    await world.advance(2_000)
    assert watch.moments == [0, 0, 0, 1_000, 1_000]


async def test_GRL_4_a_retry_may_wait_for_the_next_window(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"bad": 2})
    await world.worker(watch)
    job = await added(queue, "bad", attempts=3, ordering=Ordering("g", 1, RateLimit(1, 500)))
    await world.settle()
    assert await job.is_waiting()
    await world.advance(1_000)
    assert watch.moments == [0, 500, 1_000]


async def test_GRL_5_without_a_concurrency_it_is_sequential(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=10)
    await world.worker(watch, concurrency=5)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", rate_limit=RateLimit(3, 1_000))) for _ in range(5)])
    await world.advance(2_000)
    assert watch.moments == [0, 10, 20, 1_000, 1_010]
    assert watch.most == 1


async def test_GRL_5_priority_and_chained_picks_do_not_bypass_it(world: World) -> None:
    """B-09: a worker that went from priority job to priority job passed the gates by."""
    queue = world.queue()
    watch = Watch(world)
    await queue.add_bulk([NewJob(str(number), priority=5 - number, ordering=LIMITED) for number in range(5)])
    await world.worker(watch)
    await world.advance(2_000)
    assert watch.starts == [("4", 0), ("3", 0), ("2", 1_000), ("1", 1_000), ("0", 2_000)]


@pytest.mark.parametrize("way", ["ttl", "revoke", "remove", "queue pause", "group pause"])
async def test_GRL_6_jobs_that_wait_for_a_window_can_still_be_reached(world: World, way: str) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    ordering = Ordering("g", 1, RateLimit(1, 1_000))
    await queue.add("first", ordering=ordering)
    parked = await added(queue, "parked", ordering=ordering, ttl=500 if way == "ttl" else None)
    await queue.add("last", ordering=ordering)
    await world.settle()
    assert await parked.is_waiting()
    if way == "revoke":
        assert await queue.revoke(parked.id) == "revoked"
    if way == "remove":
        await parked.remove()
    if way == "queue pause":
        await queue.pause()
    if way == "group pause":
        await queue.rate_limit_group("g", 1_500)
    await world.advance(1_500)
    if way == "queue pause":
        assert watch.names == ["first"]
        await queue.resume()
    await world.settle()
    expected = {"queue pause": ("parked", 1_500), "group pause": ("parked", 1_500)}
    assert watch.starts[1] == expected.get(way, ("last", 1_000))
    if way == "ttl":
        assert (await stored(queue, parked)).failed_reason == "expired"
        assert (await stored(queue, parked)).finished_on == parked.timestamp + 501


async def test_GRL_a_tighter_or_looser_limit_counts_from_the_next_look_on(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 1, RateLimit(1, 10_000))) for _ in range(6)])
    await world.advance(100)
    await queue.set_group_limits("g", rate_limit=RateLimit(3, 10_000))
    await world.settle()
    assert watch.moments == [0, 100, 100]
    await queue.set_group_limits("g", rate_limit=RateLimit(1, 500))
    await world.advance(399)
    assert watch.moments == [0, 100, 100]
    await world.advance(1)
    assert watch.moments == [0, 100, 100, 500]
    await queue.set_group_limits("g", rate_limit=None)
    await world.settle()
    assert watch.moments == [0, 100, 100, 500, 500, 500]


async def test_GRL_time_that_steps_back_gives_no_start_away_and_makes_no_longer_wait(world: World) -> None:
    """A failover or NTP: the open window counts from then on, with what it held."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("a", ordering=LIMITED) for _ in range(3)])
    await world.settle()
    world.clock.set(world.now - 50_000)
    await queue.add("b", ordering=LIMITED)
    await world.advance(999)
    assert len(watch.starts) == 2
    await world.advance(1)
    assert len(watch.starts) == 4


async def test_GRL_each_group_has_its_own_window(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk(
        [NewJob(key, ordering=Ordering(key, 1, RateLimit(most, 1_000))) for key, most in (("a", 1), ("b", 2))
         for _ in range(3)]
    )  # fmt: skip
    await world.settle()
    assert sorted(watch.names) == ["a", "b", "b"]
    assert group_of(world, "a")["window_used"] == "1"


async def test_GRL_a_run_that_is_delayed_counts_again(world: World) -> None:
    queue = world.queue()
    starts: list[int] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        starts.append(world.now - begin)
        if len(starts) == 1:
            await job.move_to_delayed(world.now)

    await world.worker(work)
    await queue.add("a", ordering=Ordering("g", 1, RateLimit(1, 1_000)))
    await world.advance(1_000)
    assert starts == [0, 1_000]
