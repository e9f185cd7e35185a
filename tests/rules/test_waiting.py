"""JOB-15: waiting for the end of a job: its result, who may wait for which job, and what is refused."""

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
    Keep,
    Ordering,
    PayloadTooLargeError,
    SerializationError,
    TokenBucket,
)
from glidemq_pb.semantics import answers
from glidemq_pb.semantics.limits import WAITS_MAX

from .awaiting import begin, doubled, ended, traces
from .world import World, added, failing, line_of, nothing, root_of, stored

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
