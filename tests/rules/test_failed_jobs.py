"""JOB-7, JOB-10: jobs that fail for good at once, and the retry of a failed job."""

from typing import Any

import pytest

from glidemq_pb import InvalidStateError, Job, JobNotFoundError, NewJob, UnrecoverableError

from .world import World, added, failing, noting, stored

# --- JOB-7: failing for good ------------------------------------------------------------------------------------------


async def test_JOB_7_discard_makes_the_current_failure_terminal(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        job.discard()
        raise ValueError("no use")

    await world.worker(work)
    job = await added(queue, "a", attempts=5)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made, found.failed_reason) == ("failed", 1, "no use")


async def test_JOB_7_discard_does_not_make_a_success_a_failure(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        job.discard()

    await world.worker(work)
    job = await added(queue, "a", attempts=5)
    await world.settle()
    assert await job.is_completed()


async def test_JOB_7_an_unrecoverable_error_is_terminal_by_class_or_by_name(world: World) -> None:
    queue = world.queue()

    class RefusedError(UnrecoverableError):
        pass

    foreign = type("UnrecoverableError", (Exception,), {})

    async def work(job: Job[Any, Any]) -> None:
        raise {"class": UnrecoverableError, "subclass": RefusedError, "name": foreign}[job.name]("for good")

    await world.worker(work)
    for name in ("class", "subclass", "name"):
        job = await added(queue, name, attempts=5)
        await world.settle()
        found = await stored(queue, job)
        assert (await job.get_state(), found.attempts_made, found.failed_reason) == ("failed", 1, "for good")


# --- JOB-10: retry ----------------------------------------------------------------------------------------------------


async def test_JOB_10_retry_begins_anew_at_the_tail(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1))
    job = await added(queue, "again")
    await world.settle()
    await worker.close()
    await queue.add("before")
    failed = await stored(queue, job)
    assert (failed.attempts_made, failed.failed_reason) == (1, "boom")
    await failed.retry()
    for found in (failed, await stored(queue, job)):
        assert (found.attempts_made, found.failed_reason, found.finished_on, found.stacktrace) == (0, None, None, None)
    assert [found.name for found in await queue.get_jobs("waiting")] == ["before", "again"]
    assert [event.job_id for event in await world.events("retried")] == [job.id]
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == ["before", "again"]
    assert await job.is_completed()


async def test_JOB_10_retry_takes_the_jobs_lane(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1), concurrency=3)
    failed = await queue.add_bulk([NewJob("f"), NewJob("l", lifo=True), NewJob("p", priority=9)])
    await world.settle()
    await worker.close()
    await queue.add_bulk([NewJob("fifo"), NewJob("lifo", lifo=True), NewJob("prio", priority=9)])
    for job in failed:
        await job.retry()
    names = [found.name for found in await queue.get_jobs("waiting")]
    assert names == ["prio", "p", "l", "lifo", "fifo", "f"]


async def test_JOB_10_retry_is_only_possible_from_failed(world: World) -> None:
    queue = world.queue()
    waiting, delayed = await added(queue, "a"), await added(queue, "b", delay=100)
    for job in (waiting, delayed):
        with pytest.raises(InvalidStateError, match="failed"):
            await job.retry()
    await world.worker(world.working(50))
    await world.settle()
    with pytest.raises(InvalidStateError, match="failed"):
        await waiting.retry()
    assert await waiting.is_active()
    await world.advance(50)
    with pytest.raises(InvalidStateError, match="failed"):
        await waiting.retry()
    assert await waiting.is_completed()


async def test_JOB_10_retry_rebases_the_ttl(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    await worker.pause()
    job = await added(queue, "a", ttl=100)
    await world.advance(150)
    assert await job.is_failed()
    await job.retry()
    assert (await stored(queue, job)).expire_at == world.now + 100
    await worker.resume()
    await world.settle()
    assert ran == ["a"]


async def test_JOB_10_retry_of_a_job_that_is_gone_says_so(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    await job.remove()
    with pytest.raises(JobNotFoundError):
        await job.retry()
