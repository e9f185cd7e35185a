"""JOB: the model that everything else presupposes: what a job carries, its attempts, and who runs it."""

from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, NewJob, Queue

from .world import World, added, failing, nothing, noting, stored


async def test_JOB_1_a_job_carries_what_it_was_added_with(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "mail", {"to": "ä"}, priority=3, ttl=5_000, attempts=2, backoff=Backoff("fixed", 10))
    found = await stored(queue, job)
    assert (found.id, found.name, found.queue_name, found.data) == ("1", "mail", world.name, {"to": "ä"})
    assert found.opts == {"priority": 3, "ttl": 5_000, "attempts": 2, "backoff": Backoff("fixed", 10)}
    assert (found.timestamp, found.expire_at) == (world.now, world.now + 5_000)
    assert (found.attempts_made, found.progress, found.return_value, found.stalled_count) == (0, 0, None, 0)
    assert (found.failed_reason, found.stacktrace, found.processed_on, found.finished_on) == (None, None, None, None)
    assert not found.deserialization_failed


async def test_JOB_1_a_job_says_when_it_was_run_and_finished(world: World) -> None:
    queue = world.queue()
    begin = world.now

    async def work(job: Job[Any, Any]) -> int:
        assert job.processed_on == begin + 1_000
        await world.sleep(250)
        return 7

    await world.worker(work)
    job = await added(queue, "a", delay=1_000)
    await world.advance(1_250)
    found = await stored(queue, job)
    assert (found.timestamp, found.processed_on, found.finished_on) == (begin, begin + 1_000, begin + 1_250)
    assert found.return_value == 7


async def test_JOB_1_the_job_that_add_returns_is_the_one_that_is_stored(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", [1, "x"], ttl=9, lifo=True)
    found = await stored(queue, job)
    for field in ("id", "name", "data", "opts", "timestamp", "expire_at", "attempts_made", "priority", "delay"):
        assert getattr(job, field) == getattr(found, field)


async def test_JOB_2_attempts_made_is_0_while_the_first_attempt_runs_and_grows_with_each_failure(world: World) -> None:
    queue = world.queue()
    seen: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append(job.attempts_made)
        if job.attempts_made < 2:
            raise ValueError("again")

    await world.worker(work)
    job = await added(queue, "a", attempts=5)
    await world.settle()
    assert seen == [0, 1, 2]
    assert (await stored(queue, job)).attempts_made == 2


async def test_JOB_3_a_processor_that_returns_nothing_completes_without_a_value(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_completed()
    assert (await stored(queue, job)).return_value is None


async def test_JOB_4_success_clears_the_reason_of_an_earlier_failure(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(1))
    job = await added(queue, "a", attempts=2, backoff=Backoff("fixed", 100))
    await world.advance(99)
    assert (await stored(queue, job)).failed_reason == "boom"
    await world.advance(1)
    found = await stored(queue, job)
    assert (found.return_value, found.failed_reason, found.stacktrace) == ("done", None, None)


async def test_JOB_4_processed_on_is_the_start_of_the_latest_attempt(world: World) -> None:
    queue = world.queue()
    begin = world.now
    await world.worker(failing(1))
    job = await added(queue, "a", attempts=2, backoff=Backoff("fixed", 100))
    await world.advance(99)
    assert (await stored(queue, job)).processed_on == begin
    await world.advance(1)
    assert (await stored(queue, job)).processed_on == begin + 100


async def test_JOB_5_one_worker_runs_first_come_first_served(world: World) -> None:
    queue = world.queue()
    for number in range(20):
        await queue.add(str(number))
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert ran == [str(number) for number in range(20)]


async def test_JOB_5_two_workers_never_both_run_one_delivery(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.id)
        await world.sleep(1)

    for _ in range(2):
        await world.worker(work, concurrency=3)
    jobs = await queue.add_bulk([NewJob("a") for _ in range(40)])
    await world.advance(40)
    assert sorted(ran) == sorted(job.id for job in jobs)


async def test_JOB_6_a_job_whose_worker_died_runs_again(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**6))
    job = await added(queue, "a")
    await world.settle()
    await dying.close(force=True)
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(29_999)
    assert ran == []
    await world.advance(1)
    assert ran == ["a"]
    assert await job.is_completed()


async def test_JOB_6_a_completion_after_the_lease_was_lost_changes_nothing(world: World) -> None:
    queue = world.queue()
    late = await world.worker(world.working(1_000))
    job = await added(queue, "a")
    await world.settle()
    world.clock.set(world.now + 30_000)  # the server's clock is ahead: its lease has ended, the worker does not know
    other = await world.worker(world.working(3_000))
    completed: list[object] = []
    late.on("completed", lambda job, result: completed.append("late"))
    other.on("completed", lambda job, result: completed.append("other"))
    await world.advance(1_000)
    assert await job.is_active()
    assert completed == []
    assert [event.job_id for event in await world.events("lease-lost")] == [job.id]
    await world.advance(2_000)
    assert completed == ["other"]
    assert len(await world.events("completed")) == 1


async def test_JOB_6_a_failure_after_the_lease_was_lost_changes_nothing(world: World) -> None:
    queue = world.queue()

    async def fail_late(job: Job[Any, Any]) -> None:
        await world.sleep(1_000)
        raise ValueError("late")

    late = await world.worker(fail_late)
    failures: list[object] = []
    late.on("failed", lambda job, error: failures.append(error))
    job = await added(queue, "a", attempts=5)
    await world.settle()
    world.clock.set(world.now + 30_000)
    await world.worker(world.working(3_000))
    await world.advance(1_000)
    assert await job.is_active()
    await world.advance(2_000)
    assert (await stored(queue, job)).attempts_made == 0
    assert await job.is_completed()
    assert failures == []


async def test_JOB_11_a_missing_job_is_none_and_its_state_unknown(world: World) -> None:
    queue = world.queue()
    assert await queue.get_job("nobody") is None
    job = await added(queue, "a")
    await job.remove()
    assert await job.get_state() == "unknown"


@pytest.mark.parametrize("name", ["", "x" * 257, "a{b", "a}b", "a:b"])
async def test_JOB_12_a_bad_queue_name_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidOptionsError, match="name"):
        Queue(name, backend=world.line())


async def test_JOB_12_a_name_of_256_characters_works(world: World) -> None:
    queue = world.queue("ü" * 256)
    job = await added(queue, "a")
    assert (await stored(queue, job)).queue_name == "ü" * 256
