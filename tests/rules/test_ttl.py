"""TTL: the time in which a job must start."""

from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, NewJob

from .world import World, added, noting, stored


async def expired(world: World) -> list[str]:
    return [event.job_id for event in await world.events("expired")]


@pytest.mark.parametrize(
    "options", [{}, {"lifo": True}, {"priority": 1}, {"delay": 50}], ids=["fifo", "lifo", "priority", "delayed"]
)
async def test_TTL_1_the_clock_starts_at_creation(world: World, options: dict[str, Any]) -> None:
    queue = world.queue()
    job = await added(queue, "a", ttl=100, **options)
    assert job.expire_at == world.now + 100
    await world.advance(60)
    worker = await world.worker(world.working(10**6), concurrency=1, name="other")
    await worker.close()
    await queue.pause()
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(40)
    assert await job.get_state() == "waiting"
    await world.advance(1)
    assert await job.get_state() == "failed"
    await queue.resume()
    await world.settle()
    assert ran == []


async def test_TTL_1_the_deadline_spans_all_attempts(world: World) -> None:
    queue = world.queue()
    starts: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        starts.append(world.now - job.timestamp)
        raise ValueError("again")

    await world.worker(work)
    job = await added(queue, "a", ttl=100, attempts=9, backoff=Backoff("fixed", 40))
    await world.advance(1_000)
    assert starts == [0, 40, 80]
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("failed", "expired", 3)


async def test_TTL_2_an_expired_job_fails_as_expired_and_is_not_run(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", ttl=timedelta(milliseconds=10))
    await world.advance(11)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == []
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason) == ("failed", "expired")
    assert await expired(world) == [job.id]


async def test_TTL_2_it_is_checked_when_a_delayed_job_is_due(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    job = await added(queue, "a", ttl=10, delay=11)
    await world.advance(11)
    await world.worker(noting(ran))
    await world.settle()
    assert ran == []
    assert await expired(world) == [job.id]


async def test_TTL_3_an_active_job_is_not_interrupted_and_completes(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(500))
    job = await added(queue, "a", ttl=10)
    await world.advance(499)
    assert await job.is_active()
    await world.advance(1)
    assert await job.is_completed()
    assert await expired(world) == []


@pytest.mark.parametrize("ttl", [0, None])
async def test_TTL_4_0_and_absent_are_never(world: World, ttl: int | None) -> None:
    queue = world.queue()
    job = await added(queue, "a", ttl=ttl)
    await world.advance(10**9)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["a"]
    assert (await stored(queue, job)).expire_at is None


@pytest.mark.parametrize("ttl", [-1, float("nan"), float("inf"), 1.0, True, "1"])
async def test_TTL_4_a_bad_ttl_is_refused(world: World, ttl: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="ttl"):
        await world.queue().add("a", ttl=ttl)


@pytest.mark.parametrize(("after", "runs"), [(100, True), (101, False)])
async def test_TTL_4_the_deadline_itself_is_in_time(world: World, after: int, runs: bool) -> None:
    queue = world.queue()
    await queue.add("a", ttl=100)
    await world.advance(after)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == (["a"] if runs else [])


async def test_TTL_4_a_job_due_at_its_deadline_starts(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    await queue.add("a", ttl=100, delay=100)
    await world.advance(100)
    assert ran == ["a"]


async def test_TTL_5_a_longer_delay_always_expires(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    job = await added(queue, "a", ttl=1, delay=100)
    await world.advance(2)
    assert await job.is_failed()
    await world.advance(1_000)
    assert ran == []


async def test_TTL_5_a_backoff_past_the_deadline_expires_instead_of_running_again(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        raise ValueError("boom")

    await world.worker(work)
    job = await added(queue, "a", ttl=50, attempts=3, backoff=Backoff("fixed", 2_000))
    await world.advance(50)
    assert await job.is_delayed()
    await world.advance(1)
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("failed", "expired", 1)
    await world.advance(5_000)
    assert ran == ["a"]


async def test_TTL_5_an_attempt_that_fails_after_the_deadline_is_not_repeated(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await world.sleep(100)
        raise ValueError("boom")

    worker = await world.worker(work)
    failures: list[str | None] = []
    worker.on("failed", lambda job, error: failures.append(job.failed_reason))
    job = await added(queue, "a", ttl=50, attempts=3)
    await world.advance(100)
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("failed", "expired", 1)
    assert failures == ["expired"]
    assert await world.events("retrying", "failed") == []
    assert await expired(world) == [job.id]


async def test_TTL_6_an_expiry_is_a_failure_that_counts_and_leaves_attempts_made(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    worker = await world.worker(noting([]))
    told: list[str] = []
    worker.on("failed", lambda job, error: told.append("failed"))
    worker.on("active", lambda job: told.append("active"))
    job = await added(queue, "a", ttl=10, attempts=5)
    await world.advance(11)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.failed) == (0, 1)
    found = await stored(queue, job)
    assert (found.attempts_made, found.finished_on, found.processed_on) == (0, world.now, None)
    assert told == []
    assert [event.name for event in await world.events()] == ["paused", "added", "expired", "drained"]
    assert (await queue.get_metrics("failed")).count == 1


async def test_TTL_6_retention_applies_to_an_expiry(world: World) -> None:
    queue = world.queue()
    await world.worker(noting([]))
    job = await added(queue, "a", ttl=10, delay=20, remove_on_fail=True)
    await world.advance(11)
    assert await queue.get_job(job.id) is None


async def test_TTL_8_a_long_run_of_expired_jobs_does_not_delay_live_ones(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob("dead", ttl=10) for _ in range(650)])
    await queue.add("alive")
    await world.advance(11)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["alive"]
    assert (await queue.get_job_counts()).failed == 650


async def test_TTL_8_an_expiry_happens_at_its_moment_when_nobody_has_room(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(10_000))
    await queue.add("long")
    await world.settle()
    job = await added(queue, "a", ttl=100)
    await world.advance(100)
    assert await job.is_waiting()
    await world.advance(1)
    assert await job.is_failed()
