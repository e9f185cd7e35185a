"""ORD-7, ORD-8, ORD-16: the slot of a running member, and the turn of one that never runs or runs again."""

from typing import Any

import pytest

from glidemq_pb import Backoff, Deduplication, InvalidOptionsError, Job, NewJob, Ordering, RateLimitError, TokenBucket

from .watching import G2, G, Watch, group_keys, group_of
from .world import World, added, line_of

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


# --- ORD-16: retried --------------------------------------------------------------------------------------------------


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
