"""The Job: reading a snapshot, acting on it from anywhere, and from inside a run."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from glidemq_pb import (
    InvalidOptionsError,
    InvalidStateError,
    Job,
    JobLogs,
    JobNotFoundError,
    PayloadTooLargeError,
    Queue,
    SerializationError,
)
from glidemq_pb.run import RunDelayed
from glidemq_pb.semantics.records import FAILED_RUN
from tests.unit.components import NOW, CountingBackend, FakeWorker, Reversed


@pytest.fixture
def backend() -> CountingBackend:
    return CountingBackend()


@pytest.fixture
def queue(backend: CountingBackend) -> Queue[Any, Any]:
    return Queue("tasks", backend=backend)


async def added(queue: Queue[Any, Any], data: Any = None, **options: Any) -> Job[Any, Any]:
    job = await queue.add("a", data, **options)
    assert job is not None
    return job


async def reread(queue: Queue[Any, Any], job: Job[Any, Any]) -> Job[Any, Any]:
    found = await queue.get_job(job.id)
    assert found is not None
    return found


async def failed(queue: Queue[Any, Any], **options: Any) -> Job[Any, Any]:
    """A job whose only attempt failed."""
    job = await added(queue, **options)
    worker = FakeWorker(queue)
    await worker.end(await worker.start(), FAILED_RUN, reason="boom")
    return job


# --- states ----------------------------------------------------------------------------------------------------------


async def test_the_state_is_asked_for_anew(queue: Queue[Any, Any]) -> None:
    job = await added(queue, delay=5)
    assert (await job.get_state(), await job.is_delayed(), await job.is_waiting()) == ("delayed", True, False)
    await job.promote()
    assert (await job.get_state(), await job.is_waiting()) == ("waiting", True)
    worker = FakeWorker(queue)
    running = await worker.start()
    assert (await job.get_state(), await job.is_active()) == ("active", True)
    await worker.end(running)
    assert (await job.get_state(), await job.is_completed()) == ("completed", True)
    assert not await job.is_failed()
    assert not await job.is_waiting_children()
    await job.remove()
    assert await job.get_state() == "unknown"


async def test_an_action_on_a_job_that_is_gone_says_so(queue: Queue[Any, Any]) -> None:
    job = await added(queue)
    await job.remove()
    for attempt in (
        job.remove(),
        job.retry(),
        job.promote(),
        job.change_priority(1),
        job.change_delay(1),
        job.update_data(1),
    ):
        with pytest.raises(JobNotFoundError) as gone:
            await attempt
        assert gone.value.job_id == "1"


async def test_an_action_in_the_wrong_state_names_the_right_one(queue: Queue[Any, Any]) -> None:
    job = await failed(queue)
    for attempt, needed in (
        (job.promote(), "to promote, it must be delayed"),
        (job.change_priority(1), "to change the priority, it must be waiting or delayed"),
        (job.change_delay(1), "to change the delay, it must be waiting or delayed"),
    ):
        with pytest.raises(InvalidStateError, match=f"job '1': {needed}"):
            await attempt
    await job.retry()
    with pytest.raises(InvalidStateError, match="job '1': to retry, it must be failed"):
        await job.retry()


# --- changing --------------------------------------------------------------------------------------------------------


async def test_job_10_retry_begins_anew(queue: Queue[Any, Any]) -> None:
    job = await reread(queue, await failed(queue, ttl=500))
    assert (job.failed_reason, job.attempts_made, job.finished_on) == ("boom", 1, NOW)
    await job.retry()
    for one in (job, await reread(queue, job)):
        assert (one.failed_reason, one.attempts_made, one.finished_on) == (None, 0, None)
        assert one.expire_at == NOW + 500
    assert await job.is_waiting()


async def test_changes_show_in_the_job_and_in_the_store(queue: Queue[Any, Any]) -> None:
    job = await added(queue, {"n": 1})
    assert job.data == {"n": 1}
    await job.change_priority(7)
    await job.change_delay(timedelta(seconds=2))
    await job.update_data({"n": 2})
    for one in (job, await reread(queue, job)):
        assert (one.priority, one.delay, one.data) == (7, 2_000, {"n": 2})
        assert one.opts == {"priority": 7, "delay": 2_000}
    assert await job.is_delayed()
    await job.change_priority(0)
    await job.change_delay(0)
    for one in (job, await reread(queue, job)):
        assert (one.priority, one.delay, one.opts) == (0, 0, {})
    assert await job.is_waiting()


async def test_bad_values_are_refused_before_anything_is_sent(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    calls = len(backend.calls)
    for attempt, error in (
        (job.change_priority(2_049), InvalidOptionsError),
        (job.change_priority(-1), InvalidOptionsError),
        (job.change_delay(-1), InvalidOptionsError),
        (job.change_delay(0.5), InvalidOptionsError),  # type: ignore[arg-type]
        (job.update_data(object()), SerializationError),
        (job.update_data("x" * 1_048_575), PayloadTooLargeError),
        (job.update_progress("half"), InvalidOptionsError),  # type: ignore[arg-type]
        (job.update_progress(True), InvalidOptionsError),
        (job.update_progress({"x": object()}), SerializationError),
        (job.log(5), InvalidOptionsError),  # type: ignore[arg-type]
        (job.log("é" * 524_289), PayloadTooLargeError),
        (job.move_to_delayed(1.5), InvalidOptionsError),  # type: ignore[arg-type]
        (job.move_to_delayed(datetime(2026, 1, 1)), InvalidOptionsError),
        (job.move_to_delayed(timedelta(-1)), InvalidOptionsError),
    ):
        with pytest.raises(error):
            await attempt
    assert len(backend.calls) == calls


# --- inside a run ----------------------------------------------------------------------------------------------------


async def test_prg_1_progress_is_a_number_or_a_dict(queue: Queue[Any, Any]) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    for progress in (50, 0.5, {"done": [1, 2]}):
        await job.update_progress(progress)
        assert job.progress == progress
        assert (await reread(queue, job)).progress == progress


async def test_job_13_a_run_logs_and_replaces_its_data(queue: Queue[Any, Any]) -> None:
    await added(queue, 1)
    job = await FakeWorker(queue).start()
    await job.log("é")
    await job.log("")
    await job.update_data({"n": 2})
    assert await queue.get_job_logs("1") == JobLogs(["é", ""], 2)
    assert (await reread(queue, job)).data == {"n": 2}


async def test_discard_and_the_abort_signal_belong_to_the_run(queue: Queue[Any, Any]) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    assert job.abort_signal.aborted is False
    assert job._run is not None
    assert job.abort_signal is job._run.abort
    job.discard()
    assert job._run.discarded


async def test_outside_a_run_the_processors_actions_are_refused(queue: Queue[Any, Any]) -> None:
    outside = await added(queue)
    over = await FakeWorker(queue).start()
    assert over._run is not None
    over._run.over = True
    for job in (outside, over):
        for attempt in (job.update_progress(1), job.log("x"), job.move_to_delayed(1)):
            with pytest.raises(InvalidStateError, match="is only possible"):
                await attempt
        with pytest.raises(InvalidStateError, match="discard is only possible"):
            job.discard()
        with pytest.raises(InvalidStateError, match="abort_signal is only possible"):
            _ = job.abort_signal


async def test_job_6_a_run_that_lost_its_lease_writes_nothing(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    await added(queue, 1)
    late = await FakeWorker(queue, "late").start()
    clock: Any = backend.clock
    clock.advance_to(NOW + 30_000)
    present = await FakeWorker(queue, "present").start()
    assert present.id == late.id
    assert present.stalled_count == 1
    for attempt in (late.update_data(2), late.update_progress(2), late.log("x")):
        with pytest.raises(InvalidStateError, match="job '1': lease lost"):
            await attempt
    await present.update_progress(3)
    job = await reread(queue, present)
    assert (job.data, job.progress) == (1, 3)
    assert (await queue.get_job_logs("1")).count == 0
    assert late.data == 1


async def test_actions_of_a_run_on_a_removed_job_say_so(queue: Queue[Any, Any]) -> None:
    outside = await added(queue)
    job = await FakeWorker(queue).start()
    await outside.remove()
    for attempt in (job.update_data(2), job.update_progress(2), job.log("x")):
        with pytest.raises(JobNotFoundError):
            await attempt


# --- move_to_delayed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "until"),
    [
        (NOW + 5, NOW + 5),
        (0, 0),
        (datetime(2026, 1, 2, tzinfo=UTC), NOW + 86_400_000),
        (timedelta(seconds=5), NOW + 1_000 + 5_000),
    ],
)
async def test_job_14_a_run_ends_with_the_moment_of_the_next(
    queue: Queue[Any, Any], backend: CountingBackend, when: Any, until: int
) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    clock: Any = backend.clock
    clock.advance_to(NOW + 1_000)
    with pytest.raises(RunDelayed) as ended:
        await job.move_to_delayed(when)
    assert (ended.value.until, ended.value.data) == (until, "")


async def test_job_14_a_next_step_goes_into_the_data(queue: Queue[Any, Any]) -> None:
    await added(queue, {"n": 1, "step": "a"})
    job = await FakeWorker(queue).start()
    with pytest.raises(RunDelayed) as ended:
        await job.move_to_delayed(timedelta(1), "b")
    assert ended.value.data == '{"n":1,"step":"b"}'
    assert job.data == {"n": 1, "step": "b"}
    await job.log("a finally block may still write")


async def test_an_exception_handler_does_not_swallow_the_end_of_a_run(queue: Queue[Any, Any]) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()

    async def careless() -> None:
        try:
            await job.move_to_delayed(timedelta(1))
        except Exception as error:
            raise AssertionError from error

    with pytest.raises(RunDelayed):
        await careless()


@pytest.mark.parametrize("data", [None, 5, "x", [1]])
async def test_a_next_step_needs_a_dict(queue: Queue[Any, Any], data: Any) -> None:
    await added(queue, data)
    job = await FakeWorker(queue).start()
    with pytest.raises(InvalidStateError, match="next_step needs data that is a dict"):
        await job.move_to_delayed(timedelta(1), "b")


async def test_times_from_now_are_by_the_stores_clock(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    clock: Any = backend.clock
    clock.advance_to(NOW + 10)
    clock.set(NOW - 3_600_000)  # this machine's wall clock is an hour late
    with pytest.raises(RunDelayed) as ended:
        await job.move_to_delayed(timedelta(milliseconds=5))
    assert ended.value.until == NOW + 15


# --- what cannot be decoded ------------------------------------------------------------------------------------------


async def test_ser_5_another_serializers_payload_is_flagged_and_kept(
    queue: Queue[Any, Any], backend: CountingBackend, caplog: pytest.LogCaptureFixture
) -> None:
    other = Queue[Any, Any]("tasks", backend=backend, serializer=Reversed())
    await other.add("a", "12")  # stored as 21, which is JSON
    with caplog.at_level(logging.WARNING, "glidemq_pb"):
        job = await FakeWorker(queue).start()
        assert job.deserialization_failed is True
        assert job.data == {}
        assert job.deserialization_failed is True
    [record] = caplog.records
    assert "made by the serializer 'reversed', and 'json' is in use here" in record.getMessage()
    assert (record.__dict__["job_id"], record.__dict__["queue"]) == ("1", "tasks")
    with pytest.raises(InvalidStateError, match="can be decoded"):
        await job.move_to_delayed(timedelta(1), "b")
    kept = await other.get_job("1")
    assert kept is not None
    assert kept.data == "12"


async def test_ser_5_each_value_is_read_by_the_serializer_that_made_it(
    queue: Queue[Any, Any], backend: CountingBackend
) -> None:
    other = Queue[Any, Any]("tasks", backend=backend, serializer=Reversed())
    await other.add("a", "12")
    job = await FakeWorker(queue).start()
    await job.update_progress(34)
    assert (job.progress, job.data) == (34, {})
    await job.update_data(56)
    assert (job.data, job.deserialization_failed) == (56, False)
    seen = await other.get_job("1")
    assert seen is not None
    assert (seen.data, seen.progress, seen.deserialization_failed) == ({}, 0, True)


class Fragile(Reversed):
    """Reads nothing that is not to its taste."""

    def deserialize(self, raw: bytes) -> str:
        if raw.startswith(b"bad"):
            raise ValueError("not to my taste")
        return super().deserialize(raw)


class Picky(Reversed):
    """Reads no digits."""

    def deserialize(self, raw: bytes) -> str:
        if raw.isdigit():
            raise ValueError("digits")
        return super().deserialize(raw)


async def test_ser_4_a_bad_payload_result_or_progress_is_flagged(backend: CountingBackend) -> None:
    queue = Queue[Any, Any]("tasks", backend=backend, serializer=Fragile())
    worker = FakeWorker(queue)
    await queue.add("a", "dab")
    await queue.add("a", "fine")
    bad = await worker.start()
    assert (bad.data, bad.deserialization_failed) == ({}, True)
    await worker.end(bad)
    job = await worker.start()
    assert job.deserialization_failed is False
    await worker.end(job, value="bad")
    stored = await reread(queue, job)
    assert stored.data == "fine"
    assert (stored.deserialization_failed, stored.return_value) == (True, None)


async def test_a_bad_progress_is_flagged_whatever_is_asked_first(backend: CountingBackend) -> None:
    queue = Queue[Any, Any]("tasks", backend=backend, serializer=Picky())
    await queue.add("a", "fine")
    job = await FakeWorker(queue).start()
    await job.update_progress(5)
    stored = await reread(queue, job)
    assert stored.deserialization_failed is True
    assert (stored.progress, stored.data) == (0, "fine")


async def test_a_new_payload_can_be_read_again(backend: CountingBackend) -> None:
    queue = Queue[Any, Any]("tasks", backend=backend, serializer=Fragile())
    job = await added(queue, "dab")
    assert job.deserialization_failed
    assert "not to my taste" in str(job.deserialization_error)
    await job.update_data("good")
    assert (job.data, job.deserialization_failed) == ("good", False)


# --- what the worker tells it ----------------------------------------------------------------------------------------


async def test_the_worker_keeps_the_snapshot_true(queue: Queue[Any, Any]) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    assert (job.processed_on, job.finished_on) == (NOW, None)
    job.note_failure("b\xc3\xa9", "trace", "retrying", str(NOW + 5))
    assert (job.attempts_made, job.failed_reason, job.stacktrace) == (1, "bé", "trace")
    assert job.finished_on is None
    job.note_completion({"x": 1}, str(NOW + 5))
    assert (job.return_value, job.failed_reason, job.stacktrace) == ({"x": 1}, None, None)
    assert job.finished_on == NOW + 5


@pytest.mark.parametrize(("status", "reason"), [("failed", "boom"), ("expired", "expired")])
async def test_a_last_failure_is_the_end(queue: Queue[Any, Any], status: str, reason: str) -> None:
    await added(queue)
    job = await FakeWorker(queue).start()
    job.note_failure("boom", "", status, str(NOW))
    assert (job.attempts_made, job.failed_reason, job.stacktrace, job.finished_on) == (1, reason, None, NOW)
