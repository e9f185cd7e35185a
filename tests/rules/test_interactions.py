"""X: rules that meet (BEHAVIOUR.md section 15), where no test of one of them shows it already."""

from typing import Any

import pytest

from glidemq_pb import Backoff, Deduplication, Job, NewJob, Ordering, RateLimit, TokenBucket

from .watching import Watch, group_keys
from .world import World, added, failing, line_of, nothing, stored

LANES: dict[str, dict[str, Any]] = {
    "priority": {"priority": 1},
    "lifo": {"lifo": True},
    "group": {"ordering": Ordering("g")},
}


async def test_X_global_concurrency_a_groups_and_a_limiter_all_hold_and_a_blocked_job_occupies_none(
    world: World,
) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(3)
    watch = Watch(world, takes=100)
    await world.worker(watch, concurrency=10, limiter=RateLimit(4, 1_000))
    await queue.add_bulk([NewJob("g", ordering=Ordering("g", 2)) for _ in range(5)])
    await queue.add_bulk([NewJob("a") for _ in range(3)])
    await world.advance(2_000)
    assert watch.most <= 3
    assert watch.most_in["g"] <= 2
    for window in range(0, 2_000, 1_000):
        assert sum(window <= at < window + 1_000 for at in watch.moments) <= 4
    assert len(watch.starts) == 8


async def test_X_a_job_blocked_at_one_gate_lets_others_through_all_the_rest(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(1)
    await queue.set_global_rate_limit(RateLimit(2, 1_000))
    await queue.rate_limit_group("g", 5_000)
    await queue.add_bulk([NewJob("g", ordering=Ordering("g"), priority=1) for _ in range(3)])
    await queue.add_bulk([NewJob("a") for _ in range(3)])
    watch = Watch(world)
    await world.worker(watch)
    await world.advance(1_000)
    assert watch.starts == [("a", 0), ("a", 0), ("a", 1_000)]


@pytest.mark.parametrize("lane", LANES)
async def test_X_a_custom_backoff_keeps_the_lane(world: World, lane: str) -> None:
    queue = world.queue()
    options = LANES[lane]
    watch = Watch(world, takes={"busy": 50}, fails={"again": 1})
    await world.worker(watch, backoff_strategies={"own": lambda attempts_made, error: 10})
    await queue.add("again", attempts=2, backoff=Backoff("own"), **options)
    await world.settle()
    await queue.add("busy")
    await queue.add("behind", ordering=Ordering("g") if lane == "group" else None)
    await world.advance(100)
    assert watch.starts[2:] == [("again", 50), ("behind", 50)]


@pytest.mark.parametrize("lane", LANES)
async def test_X_a_stalled_job_of_any_lane_returns_to_its_place_under_a_global_limit(world: World, lane: str) -> None:
    queue = world.queue()
    options = LANES[lane]
    await queue.set_global_concurrency(1)
    dying = await world.worker(world.working(10**9))
    await queue.add("first", **options)
    await world.settle()
    await queue.add("second", **options)
    line_of(dying).cut()
    watch = Watch(world)
    await world.worker(watch, concurrency=3)
    await world.advance(29_999)
    assert watch.names == []
    await world.advance(101)
    assert watch.names == (["second", "first"] if lane == "lifo" else ["first", "second"])


async def test_X_a_pause_lets_due_work_mature_and_limits_reset_but_starts_nothing(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add_bulk([NewJob("g", ordering=Ordering("g", 1, RateLimit(1, 100))) for _ in range(2)])
    await queue.add("late", delay=50, ordering=Ordering("h", token_bucket=TokenBucket(1, 10)))
    await world.settle()
    await queue.pause()
    await world.advance(1_000)
    assert watch.names == ["g"]
    assert (await queue.get_job_counts()).waiting == 2
    await queue.resume()
    await world.settle()
    assert sorted(watch.names) == ["g", "g", "late"]


@pytest.mark.parametrize("held_by", ["pause", "group pause", "window", "bucket", "limiter", "global rate", "order"])
async def test_X_ttl_ends_a_job_at_any_gate_and_the_turn_passes(world: World, held_by: str) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch, limiter=RateLimit(1, 1_000) if held_by == "limiter" else None)
    limits: dict[str, Any] = {}
    if held_by == "window":
        limits = {"rate_limit": RateLimit(1, 1_000)}
    if held_by == "bucket":
        limits = {"token_bucket": TokenBucket(1, 1)}
    if held_by == "global rate":
        await queue.set_global_rate_limit(RateLimit(1, 1_000))
    await queue.add("first", ordering=Ordering("g", 1, **limits))
    await world.settle()
    if held_by == "pause":
        await queue.pause()
    if held_by == "group pause":
        await queue.rate_limit_group("g", 1_000)
    if held_by == "order":
        await queue.add("before", ordering=Ordering("g"), delay=1_000)
    job = await added(queue, "expires", ordering=Ordering("g"), ttl=100)
    await queue.add("last", ordering=Ordering("g"))
    await world.advance(101)
    found = await stored(queue, job)
    assert (found.failed_reason, found.attempts_made) == ("expired", 0)
    await queue.resume()
    await world.advance(2_000)
    assert watch.names == (["first", "before", "last"] if held_by == "order" else ["first", "last"])


async def test_X_remove_of_an_active_member_frees_all_and_its_late_end_changes_nothing(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(1)
    dead = f"{world.name}-dead"
    watch = Watch(world, takes={"removed": 1_000})
    await world.worker(watch, concurrency=2, dead_letter_queue=dead)
    job = await added(queue, "removed", ordering=Ordering("g"), deduplication=Deduplication("d"))
    await queue.add("next", ordering=Ordering("g"))
    await world.settle()
    await job.remove()
    await world.settle()
    assert watch.names == ["removed", "next"]
    await world.advance(5_000)
    assert await queue.get_job(job.id) is None
    assert await queue.get_dead_letter_jobs() == []
    assert group_keys(world) == set()
    assert [key for key in world.dump() if key.startswith("dedup")] == []


async def test_X_debounce_with_ttl_priority_and_a_group_at_once(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    options: dict[str, Any] = {
        "deduplication": Deduplication("d", "debounce", 100),
        "ordering": Ordering("g"),
        "priority": 4,
    }
    for name in ("1", "2", "3"):
        await queue.add(name, ttl=150, **options)
        await world.advance(60)
    await world.advance(1_000)
    assert watch.starts == [("3", 220)]
    assert [event.name for event in await world.events("removed", "expired")] == ["removed", "removed"]


async def test_X_a_dead_letter_of_a_limited_group_is_replayed_under_its_limits(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(9), dead_letter_queue=f"{world.name}-dead")
    world.queue(f"{world.name}-dead")
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 1, RateLimit(1, 1_000))) for _ in range(3)])
    await world.advance(3_000)
    await worker.close()
    await world.advance(1_000)
    assert await queue.replay_dead_letter_jobs() == 3
    watch = Watch(world)
    begin = world.now
    await world.worker(watch)
    await world.advance(3_000)
    assert watch.moments == [0, 1_000, 2_000]
    assert world.now == begin + 3_000


async def test_X_a_revoked_job_that_waited_out_its_backoff_in_a_group_passes_its_turn_on(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"bad": 9})
    await world.worker(watch)
    job = await added(queue, "bad", attempts=9, backoff=Backoff("fixed", 10**6), ordering=Ordering("g"))
    await queue.add("next", ordering=Ordering("g"))
    await world.settle()
    assert watch.names == ["bad"]
    assert await queue.revoke(job.id) == "revoked"
    await world.settle()
    assert watch.names == ["bad", "next"]


async def test_X_a_change_of_delay_of_the_head_moves_its_whole_group(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.pause()
    head = await added(queue, "head", ordering=Ordering("g"))
    await queue.add("next", ordering=Ordering("g"))
    await head.change_delay(500)
    await queue.resume()
    await world.advance(499)
    assert watch.names == []
    await head.change_delay(0)
    await world.settle()
    assert watch.names == ["head", "next"]


async def test_X_move_to_delayed_keeps_the_turn_and_frees_the_slot(world: World) -> None:
    """JOB-14 in a group: successors wait until the step job has finished."""
    queue = world.queue()
    starts: list[tuple[str, int]] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        starts.append((job.name, world.now - begin))
        if job.name == "steps" and (job.data or {}).get("step") is None:
            await job.move_to_delayed(world.now + 300, next_step="second")

    await queue.set_global_concurrency(1)
    await world.worker(work)
    await queue.add("steps", {}, ordering=Ordering("g"))
    await queue.add("next", ordering=Ordering("g"))
    await queue.add("other")
    await world.advance(1_000)
    assert starts == [("steps", 0), ("other", 0), ("steps", 300), ("next", 300)]


async def test_X_each_event_of_an_end_is_one_of_five(world: World) -> None:
    """A job that ends emits exactly one of completed, failed, expired, revoked, removed."""
    queue = world.queue()
    await world.worker({"good": nothing, "bad": failing(9), "slow": world.working(10**6)}, concurrency=9)
    jobs = [
        await added(queue, "good"),
        await added(queue, "bad", attempts=2),
        await added(queue, "good", delay=50, ttl=10),
        await added(queue, "slow"),
        await added(queue, "good", delay=10**6),
        await added(queue, "good", delay=10**6),
    ]
    await world.advance(100)
    await queue.revoke(jobs[3].id)
    await queue.revoke(jobs[4].id)
    await jobs[5].remove()
    await world.advance(10**6)
    ends = [
        (event.job_id, event.name)
        for event in await world.events("completed", "failed", "expired", "revoked", "removed")
    ]
    assert sorted(ends) == [
        ("1", "completed"), ("2", "failed"), ("3", "expired"), ("4", "revoked"), ("5", "revoked"), ("6", "removed"),
    ]  # fmt: skip
