"""JOB-15: the other ends of a wait: failures, ends from outside, and its time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import ClosedError, Deduplication, JobFailedError, JobWaitTimeoutError, Queue
from glidemq_pb.semantics.limits import ANSWER_KEPT_MS, BACKUP_TIMER_MS

from .awaiting import begin, ended, traces
from .world import World, added, failing, nothing, stored

# --- other ends -------------------------------------------------------------------------------------------------------


async def test_JOB_15_a_failure_raises_its_reason(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(9, "bö"))
    waiting = begin(queue.add_and_wait("a", job_id="ä", remove_on_fail=True))
    await world.settle()
    with pytest.raises(JobFailedError, match="job 'ä' failed: bö") as failed:
        ended(waiting)
    assert (failed.value.job_id, failed.value.failed_reason) == ("ä", "bö")
    assert traces(world) == set()


async def remove(queue: Queue[Any, Any]) -> None:
    job = await queue.get_job("x")
    assert job is not None
    await job.remove()


async def revoke(queue: Queue[Any, Any]) -> None:
    await queue.revoke("x")


async def drain(queue: Queue[Any, Any]) -> None:
    await queue.drain(delayed=True)


async def obliterate(queue: Queue[Any, Any]) -> None:
    await queue.obliterate(force=True)


async def replace(queue: Queue[Any, Any]) -> None:
    await queue.add("b", deduplication=Deduplication("d", "debounce", ttl=1_000))


@pytest.mark.parametrize(
    ("end", "reason", "options"),
    [
        (remove, "removed", {}),
        (revoke, "revoked", {}),
        (drain, "removed", {"delay": 5}),
        (obliterate, "removed", {}),
        (replace, "removed", {"deduplication": Deduplication("d", "debounce", ttl=1_000)}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_JOB_15_whoever_ends_it_from_outside_ends_the_wait(
    world: World, end: Any, reason: str, options: Any
) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a", job_id="x", **options))
    await world.settle()
    assert not waiting.done()
    await end(world.queue())
    await world.settle()
    with pytest.raises(JobFailedError) as failed:
        ended(waiting)
    assert (failed.value.job_id, failed.value.failed_reason) == ("x", reason)
    assert traces(world) == set()


async def test_JOB_15_an_active_job_that_is_removed_ends_the_wait_and_its_late_result_does_not(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(1_000))
    waiting = begin(queue.add_and_wait("a", job_id="x"))
    await world.settle()
    await remove(queue)
    await world.advance(1_000)
    with pytest.raises(JobFailedError, match="removed"):
        ended(waiting)
    assert traces(world) == set()


@pytest.mark.parametrize(
    ("reason", "options"), [("timed out", {"timeout": 10}), ("stalled", {}), ("expired", {"ttl": 10, "delay": 20})]
)
async def test_JOB_15_the_ends_that_time_brings(world: World, reason: str, options: Any) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(60_000), max_stalled_count=0, lock_duration=1_000)
    waiting = begin(queue.add_and_wait("a", **options))
    await world.settle()
    if reason == "stalled":
        await worker.close(force=True)
        await world.worker(nothing, max_stalled_count=0)
    await world.advance(1_000 + BACKUP_TIMER_MS)
    with pytest.raises(JobFailedError, match=reason):
        ended(waiting)
    await world.advance(60_000)
    assert traces(world) == set()


# --- not in time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [1_500, timedelta(milliseconds=1_500)])
async def test_JOB_15_a_wait_ends_at_its_time_and_the_job_goes_on(world: World, timeout: Any) -> None:
    queue = world.queue()
    await world.worker(world.working(10_000))
    waiting = begin(queue.add_and_wait("a", job_id="x", wait_timeout=timeout))
    await world.advance(1_499)
    assert not waiting.done()
    await world.advance(1)
    with pytest.raises(JobWaitTimeoutError, match="job 'x' has not ended within 1500 ms") as late:
        ended(waiting)
    assert isinstance(late.value, TimeoutError)
    assert (late.value.job_id, late.value.timeout) == ("x", 1_500)
    job = await stored(queue, "x")
    assert await job.is_active()
    again = begin(job.wait_until_finished(timeout=60_000))
    await world.advance(8_500)
    assert ended(again) is None


async def test_JOB_15_the_default_is_half_a_minute(world: World) -> None:
    queue = world.queue()
    one = begin(queue.add_and_wait("a"))
    await world.settle()
    other = begin((await stored(queue, "1")).wait_until_finished())
    await world.advance(29_999)
    assert (one.done(), other.done()) == (False, False)
    await world.advance(1)
    for waiting in (one, other):
        with pytest.raises(JobWaitTimeoutError):
            ended(waiting)


async def test_JOB_15_what_was_given_up_leaves_nothing_behind(world: World) -> None:
    """One is cancelled, one times out, one loses its queue; their jobs end later, kept or not."""
    queue, lost = world.queue(), world.queue()
    await world.worker(world.working(5_000), concurrency=4)
    cancelled = begin(queue.add_and_wait("a", remove_on_complete=True))
    late = begin(queue.add_and_wait("b", wait_timeout=1_000))
    gone = begin(lost.add_and_wait("c"))
    later = begin(queue.add_and_wait("d", wait_timeout=1_000, delay=ANSWER_KEPT_MS, job_id="d"))
    await world.advance(1_000)
    cancelled.cancel()
    await lost.close()
    await world.advance(4_000)
    assert len(traces(world)) == 5, "answers of two queues, a call that nobody heard, and the delayed job"
    await world.advance(ANSWER_KEPT_MS)
    assert (await stored(queue, "d")).finished_on == world.now
    assert traces(world) == set()
    assert (await queue.get_job_counts()).completed == 3
    with pytest.raises(asyncio.CancelledError):
        ended(cancelled)
    with pytest.raises(ClosedError):
        ended(gone)
    for waiting in (late, later):
        with pytest.raises(JobWaitTimeoutError):
            ended(waiting)


async def test_JOB_15_many_short_waits_for_one_long_job_do_not_pile_up(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    most = 0
    for _ in range(100):
        waiting = begin(job.wait_until_finished(2_000))
        await world.advance(2_000)
        most = max(most, len(world.dump()[f"job:{job.id}"]["waits"].split(",")))
        with pytest.raises(JobWaitTimeoutError):
            ended(waiting)
    assert most <= 1 + (ANSWER_KEPT_MS + 2_000) // 2_000
