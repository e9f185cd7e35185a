"""JOB: the model that everything else presupposes."""

from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    JobNotFoundError,
    Keep,
    NewJob,
    PayloadTooLargeError,
    Queue,
    UnrecoverableError,
)
from glidemq_pb.errors import PAYLOAD_BYTES_MAX

from .world import World, added, failing, nothing, noting, states, stored


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


@pytest.mark.parametrize(
    "options", [{}, {"lifo": True}, {"priority": 1}, {"delay": 50}], ids=["fifo", "lifo", "priority", "delayed"]
)
async def test_JOB_8_a_removed_job_is_never_seen_by_a_worker(world: World, options: dict[str, Any]) -> None:
    queue = world.queue()
    job = await added(queue, "gone", **options)
    await queue.add("stays")
    await job.remove()
    assert await queue.get_job(job.id) is None
    assert [event.job_id for event in await world.events("removed")] == [job.id]
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.advance(100)
    assert ran == ["stays"]


async def test_JOB_8_remove_erases_the_job_and_its_log(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await job.log("a line")

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert (await queue.get_job_logs(job.id)).count == 1
    await job.remove()
    assert (await queue.get_job_logs(job.id)).count == 0
    assert not [key for key in world.dump() if key.startswith(("job:", "logs:"))]


async def test_JOB_8_remove_of_an_active_job_fires_its_abort_signal_and_its_end_changes_nothing(world: World) -> None:
    queue = world.queue()
    reasons: list[str] = []

    async def work(job: Job[Any, Any]) -> str:
        reasons.append(await job.abort_signal.wait())
        return "late"

    worker = await world.worker(work)
    completed: list[object] = []
    worker.on("completed", lambda job, result: completed.append(result))
    job = await added(queue, "a")
    await world.settle()
    await job.remove()
    await world.settle()
    assert reasons == ["lease lost"]
    assert completed == []
    assert await queue.get_job(job.id) is None
    assert await world.events("completed") == []


async def test_JOB_8_remove_of_a_job_that_is_gone_says_so(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    await job.remove()
    with pytest.raises(JobNotFoundError):
        await job.remove()


async def end_some(world: World, queue: Queue[Any, Any], count: int, **options: Any) -> list[Job[Any, Any]]:
    """Run jobs one after the other, a millisecond apart."""
    jobs: list[Job[Any, Any]] = []
    for _ in range(count):
        jobs.append(await added(queue, "a", **options))
        await world.advance(1)
    return jobs


@pytest.mark.parametrize(
    ("option", "end", "times"), [("remove_on_complete", "completed", 0), ("remove_on_fail", "failed", 1)]
)
class TestRetention:
    """JOB-9, for both ends."""

    async def test_JOB_9_true_erases_at_once(self, world: World, option: str, end: str, times: int) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        job = await added(queue, "a", **{option: True})
        await world.settle()
        assert await queue.get_job(job.id) is None
        assert [event.name for event in await world.events(end, "removed")] == [end]

    async def test_JOB_9_a_number_keeps_the_newest(self, world: World, option: str, end: str, times: int) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        jobs = await end_some(world, queue, 5, **{option: 2})
        assert [job.id for job in await queue.get_jobs(end)] == [job.id for job in jobs[3:]]  # type: ignore[arg-type]  # a parameter

    async def test_JOB_9_the_number_0_keeps_none(self, world: World, option: str, end: str, times: int) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        (job,) = await end_some(world, queue, 1, **{option: 0})
        assert await queue.get_job(job.id) is None

    async def test_JOB_9_a_count_is_of_all_jobs_of_that_state(
        self, world: World, option: str, end: str, times: int
    ) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        await end_some(world, queue, 5)
        last = await end_some(world, queue, 1, **{option: Keep(count=1)})
        assert [job.id for job in await queue.get_jobs(end)] == [last[0].id]  # type: ignore[arg-type]  # a parameter

    async def test_JOB_9_false_keeps_all(self, world: World, option: str, end: str, times: int) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        await end_some(world, queue, 3, **{option: False})
        assert len(await queue.get_jobs(end)) == 3  # type: ignore[arg-type]  # a parameter

    async def test_JOB_9_an_age_is_each_jobs_own_deadline(
        self, world: World, option: str, end: str, times: int
    ) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        first = await added(queue, "a", **{option: Keep(age=200)})
        second = await added(queue, "b", **{option: Keep(age=100)})
        await added(queue, "c")
        await world.advance(99)
        assert await states(queue, first, second) == [end, end]
        await world.advance(1)
        assert await states(queue, first, second) == [end, "unknown"]
        await world.advance(100)
        assert [job.name for job in await queue.get_jobs(end)] == ["c"]  # type: ignore[arg-type]  # a parameter

    async def test_JOB_9_age_and_count_both_hold(self, world: World, option: str, end: str, times: int) -> None:
        queue = world.queue()
        await world.worker(failing(times))
        jobs = await end_some(world, queue, 4, **{option: Keep(age=100, count=2)})
        assert await states(queue, *jobs) == ["unknown", "unknown", end, end]
        await world.advance(100)
        assert await states(queue, *jobs) == ["unknown"] * 4

    async def test_JOB_9_without_a_worker_nothing_is_removed(
        self, world: World, option: str, end: str, times: int
    ) -> None:
        queue = world.queue()
        worker = await world.worker(failing(times))
        job = await added(queue, "a", **{option: Keep(age=100)})
        await world.settle()
        await worker.close()
        await world.advance(1_000)
        assert [found.id for found in await queue.get_jobs(end)] == [job.id]  # type: ignore[arg-type]  # a parameter
        await world.worker(nothing)
        await world.settle()
        assert await queue.get_job(job.id) is None

    async def test_JOB_9_retention_erases_logs_and_emits_nothing(
        self, world: World, option: str, end: str, times: int
    ) -> None:
        queue = world.queue()

        async def work(job: Job[Any, Any]) -> None:
            await job.log("a line")
            if times:
                raise ValueError("boom")

        await world.worker(work)
        await end_some(world, queue, 4, **{option: Keep(age=50, count=2)})
        await world.advance(100)
        assert await world.events("removed", "cleaned") == []
        assert not [key for key in world.dump() if key.startswith(("job:", "logs:"))]


async def test_JOB_9_a_long_excess_is_removed_in_bounded_steps_without_a_new_job(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing, concurrency=100)
    await queue.add_bulk([NewJob("a") for _ in range(350)])
    await world.settle()
    last = await added(queue, "a", remove_on_complete=1)
    await world.settle()
    assert [job.id for job in await queue.get_jobs("completed")] == [last.id]


@pytest.mark.parametrize("keep", [-1, 1.5, "2", None])
async def test_JOB_9_a_bad_count_is_refused(world: World, keep: Any) -> None:
    queue = world.queue()
    if keep is None:
        assert await queue.add("a", remove_on_complete=None) is not None
        return
    with pytest.raises(InvalidOptionsError, match="remove_on_complete"):
        await queue.add("a", remove_on_complete=keep)
    with pytest.raises(InvalidOptionsError, match="count"):
        Keep(count=keep)


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


async def test_JOB_13_update_data_is_seen_by_get_job_and_by_the_next_attempt(world: World) -> None:
    queue = world.queue()
    seen: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append(job.data)
        await job.update_data({"n": job.data["n"] + 1})
        assert job.data == {"n": len(seen) + 4}
        if len(seen) < 3:
            raise ValueError("again")

    await world.worker(work)
    job = await added(queue, "a", {"n": 4}, attempts=3)
    await world.settle()
    assert seen == [{"n": 4}, {"n": 5}, {"n": 6}]
    assert (await stored(queue, job)).data == {"n": 7}


async def test_JOB_13_update_data_from_outside(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", 1)
    await job.update_data(2)
    assert (job.data, (await stored(queue, job)).data) == (2, 2)


async def test_JOB_13_the_size_limit_applies_to_update_data(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", 1)
    await job.update_data("x" * (PAYLOAD_BYTES_MAX - 2))
    with pytest.raises(PayloadTooLargeError, match="Job data exceeds maximum size"):
        await job.update_data("x" * (PAYLOAD_BYTES_MAX - 1))
    assert len((await stored(queue, job)).data) == PAYLOAD_BYTES_MAX - 2


async def test_JOB_13_log_appends_and_is_read_in_ranges(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        for number in range(5):
            await job.log(f"line {number} ß")

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    logs = await queue.get_job_logs(job.id)
    assert (logs.logs, logs.count) == ([f"line {number} ß" for number in range(5)], 5)
    part = await queue.get_job_logs(job.id, 1, 2)
    assert (part.logs, part.count) == (["line 1 ß", "line 2 ß"], 5)
    assert (await queue.get_job_logs("nobody")).count == 0


async def test_JOB_13_a_log_of_several_pages_is_read_whole(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        for number in range(600):
            await job.log(str(number))

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert (await queue.get_job_logs(job.id)).logs == [str(number) for number in range(600)]
    assert (await queue.get_job_logs(job.id, 550, -1)).logs == [str(number) for number in range(550, 600)]


async def test_JOB_14_move_to_delayed_comes_back_at_its_moment_and_consumes_no_attempt(world: World) -> None:
    queue = world.queue()
    begin = world.now
    starts: list[tuple[int, int]] = []

    async def work(job: Job[Any, Any]) -> None:
        starts.append((world.now - begin, job.attempts_made))
        if len(starts) == 1:
            await job.move_to_delayed(begin + 500)
            starts.append((-1, -1))  # nothing after the call runs

    await world.worker(work)
    job = await added(queue, "a")
    await world.advance(499)
    assert await job.is_delayed()
    await world.advance(1)
    assert starts == [(0, 0), (500, 0)]
    assert await job.is_completed()
    assert (await stored(queue, job)).attempts_made == 0


async def test_JOB_14_next_step_is_stored_in_the_data(world: World) -> None:
    queue = world.queue()
    steps: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        steps.append(job.data.get("step"))
        if "step" not in job.data:
            await job.move_to_delayed(world.now + 10, "second")

    await world.worker(work)
    job = await added(queue, "a", {"n": 1})
    await world.advance(10)
    assert steps == [None, "second"]
    assert (await stored(queue, job)).data == {"n": 1, "step": "second"}


async def test_JOB_14_next_step_needs_data_that_is_a_dict(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await job.move_to_delayed(world.now + 10, "second")

    await world.worker(work)
    job = await added(queue, "a", [1])
    await world.settle()
    assert "dict" in str((await stored(queue, job)).failed_reason)


async def test_JOB_14_move_to_delayed_is_only_possible_while_active(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    with pytest.raises(InvalidStateError):
        await job.move_to_delayed(world.now + 10)
    assert await job.is_waiting()


async def test_JOB_14_a_moment_in_the_past_is_now(world: World) -> None:
    queue = world.queue()
    runs: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        runs.append(job.id)
        if len(runs) == 1:
            await job.move_to_delayed(world.now - 10_000)

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert runs == [job.id, job.id]


async def test_JOB_14_the_lane_is_kept(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        if ran.count("steps") == 1 and job.name == "steps":
            await job.move_to_delayed(world.now + 10)
        await world.sleep(5)

    await added(queue, "steps", priority=2)
    for name in ("a", "b", "c"):
        await added(queue, name)
    await world.worker(work)
    await world.advance(30)
    assert ran == ["steps", "a", "b", "steps", "c"]
