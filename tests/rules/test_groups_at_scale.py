"""Many groups: nothing of them is left, and none starves. A tenth of the counts unless GLIDEMQ_DEEP is set."""

import os
from typing import Any

import pytest

from glidemq_pb import Job, NewJob, Ordering, RateLimit, TokenBucket

from .watching import group_keys
from .world import Side, World, nothing

DEEP = "GLIDEMQ_DEEP" in os.environ
GROUPS = 10_000 if DEEP else 1_000
BACKLOG = 100_000 if DEEP else 10_000
TENANTS = 100


async def test_ORD_14_no_key_is_left_of_groups_that_ran_one_job_each(world: World) -> None:
    queue = world.queue(events=False)
    await world.worker(nothing, concurrency=100, events=False)
    limits = [
        {"rate_limit": RateLimit(1, 60_000)}, {"token_bucket": TokenBucket(5, 0.1)}, {"concurrency": 3}, {},
    ]  # fmt: skip
    orderings = [Ordering(f"tenant {number}", **limits[number % 4]) for number in range(GROUPS)]  # type: ignore[arg-type]  # a union
    for first in range(0, GROUPS, 1_000):
        await queue.add_bulk(
            [NewJob("a", ordering=one, remove_on_complete=True) for one in orderings[first : first + 1_000]]
        )
    await world.settle()
    assert len(group_keys(world)) > GROUPS / 2  # windows are open, and buckets not full
    await world.advance(60_000)
    assert group_keys(world) == set()
    assert [key for key in world.dump() if "tenant" in key or key.startswith("job:")] == []


async def test_ORD_5_a_tenant_with_a_long_backlog_does_not_starve_a_hundred_with_one_job_each(
    world: World, side: Side
) -> None:
    backlog = BACKLOG // 10 if side.name == "valkey" else BACKLOG
    queue = world.queue(events=False)
    await queue.add_bulk([NewJob("big", ordering=Ordering("big")) for _ in range(backlog)])
    await queue.add_bulk([NewJob("small", ordering=Ordering(f"tenant {number}")) for number in range(TENANTS)])
    starts: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        starts.append(job.name)
        if len(starts) == 2 * TENANTS + 1:
            await worker.pause(force=True)

    worker = world.idle_worker(work, events=False)
    await worker.start()
    await world.settle()
    assert len(starts) == 2 * TENANTS + 1
    assert starts.count("small") == TENANTS


@pytest.mark.parametrize("concurrency", [1, 7])
async def test_ORD_5_tenants_of_equal_backlogs_advance_together(world: World, concurrency: int) -> None:
    queue = world.queue(events=False)
    for number in range(10):
        await queue.add_bulk([NewJob(str(number), ordering=Ordering(f"tenant {number}")) for _ in range(20)])
    starts: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        starts.append(job.name)

    await world.worker(work, concurrency=concurrency, events=False)
    await world.settle()
    for seen in range(0, len(starts), 20):
        done = [starts[:seen].count(str(number)) for number in range(10)]
        assert max(done) - min(done) <= 2
