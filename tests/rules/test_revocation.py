"""REV: revoking a job in any state."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import Backoff, Deduplication, InvalidOptionsError, Job, JobAbortedError, NewJob, Ordering

from .watching import Watch, group_keys
from .world import World, added, failing, line_of, nothing, stored

STATES = ["fifo", "lifo", "priority", "delayed", "ready priority", "retrying", "parked", "paused group", "requeued"]


@pytest.mark.parametrize("state", STATES)
async def test_REV_1_a_waiting_job_of_any_lane_is_revoked_and_never_runs(world: World, state: str) -> None:
    """B-20: LIFO jobs and promoted priority jobs were missed."""
    queue = world.queue()
    watch = Watch(world, fails={"a": 9 if state == "retrying" else 0})
    options: dict[str, Any] = {}
    if state in ("lifo", "priority"):
        options = {"lifo": True} if state == "lifo" else {"priority": 3}
    if state in ("delayed", "ready priority"):
        options = {"delay": 100, "priority": 3}
    if state == "retrying":
        options = {"attempts": 5, "backoff": Backoff("fixed", 1_000)}
    if state in ("parked", "paused group"):
        options = {"ordering": Ordering("g")}
        await queue.add("head", ordering=Ordering("g"))
    if state == "paused group":
        await queue.rate_limit_group("g", 100)
    if state == "retrying":
        await world.worker(watch)
    job = await added(queue, "a", **options)
    await world.settle()
    if state == "ready priority":
        await queue.pause()
        await world.worker(watch)
        await world.advance(100)
    revoked_at = world.now
    ran = len(watch.starts)
    assert await queue.revoke(job.id) == "revoked"
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.finished_on) == ("failed", "revoked", revoked_at)
    assert await job.is_revoked()
    assert job.id not in {one.id for one in [*await queue.get_jobs("waiting"), *await queue.get_jobs("delayed")]}
    assert [(event.job_id, dict(event.data)) for event in await world.events("revoked")] == [(job.id, {})]
    assert await world.events("failed") == []
    await queue.resume()
    await world.worker(watch)
    await world.advance(10_000)
    assert watch.names[ran:].count("a") == 0
    counts = await queue.get_job_counts()
    assert (counts.failed, counts.waiting, counts.delayed) == (1, 0, 0)


async def test_REV_2_flagged_not_found_and_bad_ids(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(100))
    job = await added(queue, "a")
    await world.settle()
    assert await queue.revoke(job.id) == "flagged"
    assert await queue.revoke(job.id) == "flagged"
    assert await job.is_revoked()
    assert await queue.revoke("unknown") == "not_found"
    bad: Any
    for bad in (5, None, "a:b", "x" * 257):
        with pytest.raises(InvalidOptionsError, match="job_id"):
            await queue.revoke(bad)


@pytest.mark.parametrize("full", [True, False])
async def test_REV_3_the_signal_fires_at_once_on_the_worker_that_runs_the_job(world: World, full: bool) -> None:
    """B-01b: a flag was set that nobody read."""
    queue = world.queue()
    reasons: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        reasons.append(job.abort_signal.reason)

    others = Watch(world)
    await world.worker({"a": work, "other": others}, concurrency=1 if full else 3)
    await world.worker({"a": work, "other": others}, concurrency=1)
    jobs = await queue.add_bulk([NewJob("a"), NewJob("a")])
    await world.settle()
    assert await world.queue().revoke(jobs[0].id) == "flagged"
    await world.settle()
    assert reasons == ["revoked"]
    assert await jobs[0].is_failed()
    assert await jobs[1].is_active()


async def test_REV_3_the_extension_of_its_lease_tells_it_too(world: World) -> None:
    """A message that was lost in a crash is made up for at half a lease."""
    queue = world.queue()
    at: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        at.append(world.now - job.timestamp)

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert worker._loop is not None
    listening = worker._loop._listening
    obey, listening._obey = listening._obey, lambda what, job_id: None  # as by a connection that broke
    assert await queue.revoke(job.id) == "flagged"
    await world.settle()
    listening._obey = obey
    assert at == []
    await world.advance(15_000)
    assert at == [15_000]
    assert (await stored(queue, job)).failed_reason == "revoked"


@pytest.mark.parametrize(
    "what", ["returns", "raises", "raise_if_aborted", "ignores", "unrecoverable", "delays", "group limit"]
)
async def test_REV_4_the_job_ends_as_revoked_whatever_its_processor_does(world: World, what: str) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        if what != "ignores":
            await job.abort_signal.wait()
        await world.sleep(100)
        if what == "raises":
            raise ValueError("own")
        if what == "raise_if_aborted":
            job.abort_signal.raise_if_aborted()
        if what == "unrecoverable":
            job.discard()
            raise ValueError("own")
        if what == "delays":
            await job.move_to_delayed(world.now + 10)
        if what == "group limit":
            await job.rate_limit_group(10)
        return "result"

    worker = await world.worker(work)
    told: list[BaseException] = []
    completed: list[Any] = []
    worker.on("failed", lambda job, error: told.append(error))
    worker.on("completed", lambda job, result: completed.append(result))
    job = await added(queue, "a", attempts=3, ordering=Ordering("g"))
    await world.settle()
    assert await queue.revoke(job.id) == "flagged"
    await world.advance(10_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.return_value) == ("failed", "revoked", None)
    assert [event.name for event in await world.events("revoked", "failed", "completed", "retrying")] == ["revoked"]
    assert (len(told), completed) == (1, [])
    assert group_keys(world) == set()
    await worker.close()


async def test_REV_4_with_cancel_on_abort_the_task_is_cancelled(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**6), cancel_on_abort=True)
    errors: list[BaseException] = []
    worker.on("failed", lambda job, error: errors.append(error))
    job = await added(queue, "a")
    await world.settle()
    await queue.revoke(job.id)
    await world.settle()
    assert (await stored(queue, job)).failed_reason == "revoked"
    assert [type(error) for error in errors] == [JobAbortedError]


async def test_REV_5_it_is_never_retried_and_never_dead_lettered(world: World) -> None:
    queue = world.queue()
    dead = f"{world.name}-dead"
    watch = Watch(world, takes=100, fails={"a": 9})
    await world.worker(watch, dead_letter_queue=dead)
    active = await added(queue, "a", attempts=5)
    waiting = await added(queue, "b", attempts=5)
    await world.settle()
    assert await queue.revoke(waiting.id) == "revoked"
    assert await queue.revoke(active.id) == "flagged"
    await world.advance(60_000)
    assert watch.names == ["a"]
    assert (await queue.get_job_counts()).failed == 2
    assert await world.queue(dead).count() == 0
    assert await queue.get_dead_letter_jobs() == []


async def test_REV_6_a_finished_job_is_left_alone(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(1))
    failed = await added(queue, "a")
    await world.settle()
    revoked = await added(queue, "c", delay=10)
    before = await stored(queue, failed)
    assert await queue.revoke(failed.id) == "finished"
    assert await queue.revoke(revoked.id) == "revoked"
    assert await queue.revoke(revoked.id) == "revoked"
    assert len(await world.events("revoked")) == 1
    after = await stored(queue, failed)
    assert (after.failed_reason, after.finished_on) == (before.failed_reason, before.finished_on)
    assert not await failed.is_revoked()


async def test_REV_6_a_completed_one_too(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    job = await added(queue, "a")
    await world.settle()
    assert await queue.revoke(job.id) == "finished"
    assert await job.is_completed()


async def test_REV_7_the_turn_the_slots_and_the_deduplication_follow_the_rules_of_an_end(world: World) -> None:
    queue = world.queue()
    await queue.set_global_concurrency(1)
    watch = Watch(world)

    async def work(job: Job[Any, Any]) -> None:
        if job.name == "revoked":
            await job.abort_signal.wait()
        else:
            await watch(job)

    await world.worker(work, concurrency=2)
    job = await added(queue, "revoked", ordering=Ordering("g"), deduplication=Deduplication("x"))
    await queue.add("next", ordering=Ordering("g"))
    await world.settle()
    await queue.revoke(job.id)
    await world.settle()
    assert watch.names == ["next"]
    assert await queue.add("again", deduplication=Deduplication("x")) is None  # it still exists
    await job.remove()
    assert await queue.add("again", deduplication=Deduplication("x")) is not None


async def test_REV_7_retention_of_failed_jobs_applies(world: World) -> None:
    queue = world.queue()
    waiting = await added(queue, "a", remove_on_fail=True)
    assert await queue.revoke(waiting.id) == "revoked"
    assert await queue.get_job(waiting.id) is None
    await world.worker(world.working(10))
    active = await added(queue, "a", remove_on_fail=True)
    await world.settle()
    await queue.revoke(active.id)
    await world.advance(10)
    assert await queue.get_job(active.id) is None
    assert len(await world.events("revoked")) == 2


async def test_REV_7_who_waits_for_its_result_is_not_answered_by_a_revoked_flag_alone(world: World) -> None:
    """The state says `failed` only when the run has ended."""
    queue = world.queue()
    await world.worker(world.working(1_000))
    job = await added(queue, "a")
    await world.settle()
    await queue.revoke(job.id)
    assert await job.get_state() == "active"
    await world.advance(1_000)
    assert await job.get_state() == "failed"


async def test_REV_8_retry_clears_it(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    await queue.revoke(job.id)
    await job.retry()
    assert not await job.is_revoked()
    await world.worker(nothing)
    await world.settle()
    assert await job.is_completed()


async def test_REV_8_a_job_that_was_retried_can_be_revoked_again(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    for _ in range(3):
        assert await queue.revoke(job.id) == "revoked"
        await job.retry()
    assert await job.is_waiting()
    assert len(await world.events("revoked")) == 3


async def test_REV_8_abort_job_is_the_workers_own(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        job.abort_signal.raise_if_aborted()

    worker = await world.worker(work)
    job = await added(queue, "a", attempts=1)
    await world.settle()
    assert worker.abort_job(job.id) is True
    await world.settle()
    assert (await stored(queue, job)).failed_reason is not None
    assert not await job.is_revoked()
    assert worker.abort_job(job.id) is False


async def test_REV_9_against_a_start_exactly_one_of_both_happens(world: World) -> None:
    queue = world.queue()
    started: set[str] = set()
    signalled: set[str] = set()

    async def work(job: Job[Any, Any]) -> None:
        started.add(job.id)
        await job.abort_signal.wait()
        signalled.add(job.id)

    for _ in range(2):
        await world.worker(work, concurrency=3)
    jobs: list[Job[Any, Any]] = []
    statuses: dict[str, str] = {}

    async def add_and_revoke() -> None:
        job = await added(queue, "a")
        jobs.append(job)
        statuses[job.id] = await queue.revoke(job.id)

    await asyncio.gather(*[add_and_revoke() for _ in range(30)])
    await world.settle()
    assert len(statuses) == 30
    for job in jobs:
        assert statuses[job.id] == ("flagged" if job.id in started else "revoked")
    assert signalled == started
    assert (await queue.get_job_counts()).failed == 30


async def test_REV_9_a_revoked_job_whose_worker_died_ends_as_revoked_not_stalled(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**9))
    job = await added(queue, "a", attempts=5)
    await world.settle()
    line_of(dying).cut()
    await queue.revoke(job.id)
    watch = Watch(world)
    await world.worker(watch)
    await world.advance(30_000)
    assert watch.names == []
    assert (await stored(queue, job)).failed_reason == "revoked"


@pytest.mark.parametrize("way", ["revoke", "remove"])
async def test_REV_9_a_message_that_overtakes_the_reply_which_starts_the_job_is_not_lost(
    world: World, way: str
) -> None:
    """The worker hears of the job before it knows that it runs it."""
    queue = world.queue()
    told: list[tuple[object, int]] = []

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        told.append((job.abort_signal.reason, world.now - job.timestamp))

    worker = await world.worker(work, concurrency=2)
    line_of(worker).hold_replies()
    job = await added(queue, "a")
    await world.settle()
    if way == "revoke":
        assert await queue.revoke(job.id) == "flagged"
    else:
        await job.remove()
    await world.settle()
    line_of(worker).release_replies()
    await world.settle()
    assert told == [("revoked" if way == "revoke" else "lease lost", 0)]
    assert (await queue.get_job_counts()).failed == (way == "revoke")
