"""JOB-15: waiting for the end of a job."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    ClosedError,
    Deduplication,
    DuplicateJobError,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    JobFailedError,
    JobNotFoundError,
    JobWaitTimeoutError,
    Keep,
    Ordering,
    PayloadTooLargeError,
    Queue,
    QueueConnectionError,
    SerializationError,
    TokenBucket,
)
from glidemq_pb.semantics import answers
from glidemq_pb.semantics.limits import ANSWER_KEPT_MS, BACKUP_TIMER_MS, WAITS_MAX
from glidemq_pb.waiting import LOOK_MS, RETRY_MS

from .world import World, added, failing, line_of, nothing, root_of, stored

UNREACHABLE = QueueConnectionError("valkey://nowhere:1", "it cannot be reached")


def begin(waiting: Awaitable[Any]) -> asyncio.Future[Any]:
    """Wait in a task of its own."""
    return asyncio.ensure_future(waiting)


def ended(waiting: asyncio.Future[Any]) -> Any:
    """The result of a wait that must be over."""
    assert waiting.done(), "it still waits"
    return waiting.result()


def traces(world: World) -> set[str]:
    """What waiting has left in the store."""
    dump = world.dump()
    kept = {key for key in dump if key.startswith(("answer", "reply:"))}
    return kept | {key for key, value in dump.items() if key.startswith("job:") and "waits" in value}


async def doubled(job: Job[Any, Any]) -> Any:
    """A processor with a result."""
    return job.data * 2


# --- the result -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True, 0, 1, Keep(age=1)])
async def test_JOB_15_the_result_comes_whatever_the_retention(world: World, keep: Any) -> None:
    queue = world.queue()
    await world.worker(doubled)
    waiting = [begin(queue.add_and_wait("a", n, remove_on_complete=keep)) for n in (1, 2, 3)]
    await world.settle()
    assert [ended(task) for task in waiting] == [2, 4, 6]
    assert traces(world) == set()


async def test_JOB_15_no_event_is_involved(world: World) -> None:
    queue = world.queue(events=False)
    await world.worker(doubled, events=False)
    waiting = begin(queue.add_and_wait("a", [1]))
    await world.settle()
    assert ended(waiting) == [1, 1]
    assert await world.events() == []


async def test_JOB_15_a_processor_that_returns_nothing_gives_none(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    waiting = begin(queue.add_and_wait("a"))
    await world.settle()
    assert ended(waiting) is None


async def test_JOB_15_it_takes_every_option_of_add(world: World) -> None:
    queue = world.queue()
    watch: list[Any] = []

    async def work(job: Job[Any, Any]) -> str:
        watch.append((world.now, job.id, job.opts))
        return "done"

    await world.worker(work)
    began = world.now
    waiting = begin(queue.add_and_wait("a", 1, job_id="mine", delay=1_000, priority=3, attempts=2))
    await world.advance(1_000)
    assert ended(waiting) == "done"
    assert watch == [(began + 1_000, "mine", {"delay": 1_000, "priority": 3, "attempts": 2})]


async def test_JOB_15_only_the_last_attempt_is_the_end(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(2))
    waiting = begin(queue.add_and_wait("a", attempts=3, backoff=Backoff("fixed", 1_000)))
    await world.advance(1_999)
    assert not waiting.done()
    await world.advance(1)
    assert ended(waiting) == "done"


async def test_JOB_15_results_go_through_the_serializer_and_a_mismatch_is_told(world: World) -> None:
    class Reversed:
        name = "reversed"

        def serialize(self, value: object) -> str:
            return str(value)[::-1]

        def deserialize(self, raw: bytes) -> str:
            return raw.decode()[::-1]

    own, other = world.queue(serializer=Reversed()), world.queue()
    await world.worker(doubled, serializer=Reversed())
    mine = begin(own.add_and_wait("a", "ab"))
    await world.settle()
    assert ended(mine) == "abab"
    job = await added(own, "a", "cd")
    await world.settle()
    with pytest.raises(SerializationError, match=r"job 2 of .*: its return_value: it was made by .*'reversed'"):
        await (await stored(other, job)).wait_until_finished()


async def test_JOB_15_a_large_result_and_many_at_once(world: World) -> None:
    """Ten results of 1 MB do not fit one reply."""
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        return job.name * 1_000_000

    await world.worker(work, concurrency=10)
    waiting = [begin(queue.add_and_wait(str(n), remove_on_complete=True)) for n in range(10)]
    await world.settle()
    assert [ended(task) for task in waiting] == [str(n) * 1_000_000 for n in range(10)]
    assert traces(world) == set()


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


# --- a job that is there ----------------------------------------------------------------------------------------------


async def test_JOB_15_any_job_can_be_waited_for_by_any_number(world: World) -> None:
    queue, other = world.queue(), world.queue()
    job = await added(queue, "a", 21)
    waiting = [begin((await stored(one, job)).wait_until_finished(1_000)) for one in (queue, queue, other)]
    await world.settle()
    await world.worker(doubled)
    await world.settle()
    assert [ended(task) for task in waiting] == [42, 42, 42]
    assert traces(world) == set()


async def test_JOB_15_one_that_has_ended_answers_at_once_and_needs_no_connection(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(1))
    bad, good = await added(queue, "a"), await added(queue, "a", attempts=2)
    await world.settle()
    line_of(queue).refusals["listener"] = UNREACHABLE
    assert await good.wait_until_finished(0) == "done"
    with pytest.raises(JobFailedError, match="boom"):
        await bad.wait_until_finished(0)
    assert traces(world) == set()


async def test_JOB_15_one_that_is_gone_is_told(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    await job.remove()
    with pytest.raises(JobNotFoundError):
        await job.wait_until_finished()


async def test_JOB_15_a_job_that_failed_and_is_retried_ends_again(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1))
    job = await added(queue, "a")
    await world.settle()
    await worker.close()
    await job.retry()
    waiting = begin(job.wait_until_finished())
    await world.worker(doubled)
    await world.settle()
    with pytest.raises(JobFailedError, match="NoneType"):
        ended(waiting)


async def test_JOB_15_a_run_cannot_wait_for_its_own_end_but_for_another_job(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> Any:
        if job.name == "outer":
            with pytest.raises(InvalidStateError, match="its own run"):
                await job.wait_until_finished()
            return await queue.add_and_wait("inner", remove_on_complete=True)
        return "inner"

    await world.worker(work, concurrency=2)
    waiting = begin(queue.add_and_wait("outer"))
    await world.settle()
    assert ended(waiting) == "inner"


async def test_JOB_15_a_dead_letter_can_be_waited_for_too_until_its_queue_object_is_closed(world: World) -> None:
    dead = f"{world.name}-dead"
    queue = world.queue()
    await world.worker(failing(9), dead_letter_queue=dead)
    await added(queue, "a")
    await added(queue, "b")
    await world.settle()
    waiting = [begin(letter.wait_until_finished()) for letter in await queue.get_dead_letter_jobs()]
    await world.settle()
    assert len(line_of(queue).listeners) == 1
    world.queue(dead)
    worker = await world.worker(world.working(1_000), dead)
    await world.advance(1_000)
    assert ended(waiting[0]) is None
    await queue.close()
    await worker.close(force=True)
    with pytest.raises(ClosedError):
        await waiting[1]


async def test_JOB_15_so_many_may_wait_for_one_job(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    for n in range(WAITS_MAX):
        await line_of(queue).call(answers.wait_for, root_of(queue.name), "w", n, job.id, 1_000)
    with pytest.raises(InvalidStateError, match=f"{WAITS_MAX} waits"):
        await job.wait_until_finished()


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["id", "deduplication"])
async def test_DED_9_a_wait_for_what_was_not_added_raises(world: World, reason: str) -> None:
    queue = world.queue()
    options: Any = {"job_id": "x"} if reason == "id" else {"deduplication": Deduplication("x")}
    await queue.add("a", 1, **options)
    before = world.dump()
    with pytest.raises(DuplicateJobError, match="job 'x' exists already, or was deduplicated") as refused:
        await queue.add_and_wait("b", 2, **options)
    assert refused.value.job_id == "x"
    after = world.dump()
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= {"calls", "meta"}


@pytest.mark.parametrize("timeout", [-1, 0.5, True, None, "1", 10**18, timedelta(seconds=-1)])
async def test_JOB_15_a_bad_timeout_is_refused_before_anything_is_sent(world: World, timeout: Any) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    before = world.dump()
    with pytest.raises(InvalidOptionsError, match="wait_timeout"):
        await queue.add_and_wait("a", wait_timeout=timeout)
    with pytest.raises(InvalidOptionsError, match="timeout"):
        await job.wait_until_finished(timeout)
    assert world.dump() == before


async def test_JOB_15_what_add_refuses_is_refused(world: World) -> None:
    queue = world.queue()
    for attempt, error in (
        (queue.add_and_wait("a", "x" * 1_048_576), PayloadTooLargeError),
        (queue.add_and_wait("a", object()), SerializationError),
        (queue.add_and_wait("", 1), InvalidOptionsError),
        (queue.add_and_wait("a", priority=-1), InvalidOptionsError),
        (
            queue.add_and_wait("a", ordering=Ordering("g", token_bucket=TokenBucket(1, 1)), cost=2),
            InvalidOptionsError,
        ),
    ):
        with pytest.raises(error):
            await attempt
    assert world.dump() == {}
    await queue.close()
    with pytest.raises(ClosedError):
        await queue.add_and_wait("a")


# --- connections ------------------------------------------------------------------------------------------------------


async def test_JOB_15_a_hundred_waits_of_one_queue_share_one_more_connection(world: World) -> None:
    queue = world.queue()
    await world.worker(doubled, concurrency=50)
    assert len(line_of(queue).listeners) == 0
    waiting = [begin(queue.add_and_wait("a", n, remove_on_complete=True)) for n in range(100)]
    await world.settle()
    assert [ended(task) for task in waiting] == [2 * n for n in range(100)]
    assert len(line_of(queue).listeners) == 1
    assert traces(world) == set()


async def test_JOB_15_a_token_that_a_connection_lost_loses_no_answer_and_an_outage_is_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a", 21))
    await world.settle()
    line_of(queue).cut()  # its token is popped, and what it tells cannot be fetched
    await world.worker(doubled)
    await world.settle()
    assert not waiting.done()
    line_of(queue).refusals["fetch_answers"] = UNREACHABLE
    line_of(queue).mend()
    await world.advance(3 * RETRY_MS)
    line_of(queue).refusals.clear()
    await world.advance(RETRY_MS)
    assert ended(waiting) == 42
    assert len([record for record in caplog.records if "cannot be heard of" in record.getMessage()]) == 1


async def test_JOB_15_the_store_is_asked_now_and_then_without_a_token(world: World) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a", 21))
    await world.advance(LOOK_MS - 1)
    line_of(queue).loses_values = True
    await world.worker(doubled)
    await world.settle()
    assert not waiting.done()
    await world.advance(1)
    assert ended(waiting) == 42


async def test_JOB_15_closing_the_queue_ends_its_waits(world: World) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a"))
    await world.settle()
    await queue.close()
    with pytest.raises(ClosedError, match="closed while it waited"):
        ended(waiting)


async def test_JOB_15_without_the_connection_nothing_is_added_and_it_may_be_tried_again(world: World) -> None:
    queue = world.queue()
    await world.worker(doubled)
    line_of(queue).refusals["listener"] = UNREACHABLE
    with pytest.raises(QueueConnectionError):
        await queue.add_and_wait("a", 1)
    assert await queue.count() == 0
    line_of(queue).refusals.clear()
    waiting = begin(queue.add_and_wait("a", 1))
    await world.settle()
    assert ended(waiting) == 2


async def test_JOB_15_a_defect_while_listening_ends_the_waits_and_is_told(world: World) -> None:
    queue = world.queue()
    await world.worker(doubled)
    line_of(queue).refusals["fetch_answers"] = RuntimeError("a defect")
    waiting = begin(queue.add_and_wait("a", 1))
    await world.settle()
    with pytest.raises(RuntimeError, match="a defect"):
        ended(waiting)
    line_of(queue).refusals.clear()
    again = begin(queue.add_and_wait("a", 2))
    await world.settle()
    assert ended(again) == 4
