"""SCH-14 to SCH-16: the next run comes so long after the last one's end, however that came; B-02, B-03."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    InvalidOptionsError,
    Job,
    JobTemplate,
    Ordering,
    Queue,
    Schedule,
    TokenBucket,
    UnrecoverableError,
)
from glidemq_pb.semantics.limits import BACKUP_TIMER_MS

from .scheduling import gone, noting_times, scheduler
from .world import World, failing, nothing

AFTER = 10_000

Ending = Callable[[World, Queue[Any, Any], str], Awaitable[None]]


async def test_SCH_14_the_next_run_comes_so_long_after_the_last_ones_end(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts, takes=3_000))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(60_000)
    assert starts == [0, 13_000, 26_000, 39_000, 52_000]


async def test_SCH_14_runs_never_overlap_however_many_workers_there_are(world: World) -> None:
    queue, running, most = world.queue(), 0, 0

    async def process(job: Job[Any, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await world.sleep(7)
        running -= 1

    for _ in range(3):
        await world.worker(process, concurrency=3)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=1))
    await world.advance(800)
    assert most == 1
    assert (await scheduler(queue)).iteration_count == 101


async def test_SCH_14_while_its_job_is_out_there_is_no_next_run(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(3_000))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(1_000)
    info = await scheduler(queue)
    assert (info.next_run, info.iteration_count, info.last_run) == (None, 1, world.now - 1_000)
    await world.advance(2_000)
    assert (await scheduler(queue)).next_run == world.now + AFTER


# --- RAC x every end --------------------------------------------------------------------------------------------------


async def completed(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    await world.worker(nothing)
    await world.settle()


async def failed(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    await world.worker(failing(9))
    await world.settle()


async def unrecoverable(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    async def process(job: Job[Any, Any]) -> None:
        raise UnrecoverableError("no")

    await world.worker(process)
    await world.settle()


async def discarded(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    async def process(job: Job[Any, Any]) -> None:
        job.discard()
        raise ValueError("no")

    await world.worker(process)
    await world.settle()


async def expired(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    await queue.pause()
    await world.worker(nothing)
    await world.advance(5_001)
    await queue.resume()


async def revoked_while_waiting(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    assert await queue.revoke(job_id) == "revoked"


async def revoked_while_active(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    async def process(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()

    await world.worker(process)
    await world.settle()
    assert await queue.revoke(job_id) == "flagged"
    await world.settle()


async def removed_while_waiting(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    job = await queue.get_job(job_id)
    assert job is not None
    await job.remove()


async def removed_while_active(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    await world.worker(world.working(60_000), concurrency=2)
    await world.settle()
    await removed_while_waiting(world, queue, job_id)
    await world.settle()


async def drained(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    await queue.drain()


async def drained_while_delayed(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    job = await queue.get_job(job_id)
    assert job is not None
    await job.change_delay(60_000)
    assert (await scheduler(queue)).next_run is None
    await queue.drain(delayed=True)


async def stalled_out(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    for _ in range(2):
        dying = await world.worker(world.working(10**9))
        await world.settle()
        await dying.close(force=True)
        await world.advance(30_000)
    await world.worker(nothing)
    await world.settle()
    job = await queue.get_job(job_id)
    assert job is None or job.failed_reason == "stalled"


async def timed_out(world: World, queue: Queue[Any, Any], job_id: str) -> None:
    await world.worker(world.working(60_000), concurrency=2)
    await world.advance(2_000)


ENDINGS: list[Ending] = [
    completed, failed, unrecoverable, discarded, expired, revoked_while_waiting, revoked_while_active,
    removed_while_waiting, removed_while_active, drained, drained_while_delayed, stalled_out, timed_out,
]  # fmt: skip


@pytest.mark.parametrize("removing", [False, True], ids=["kept", "removed at its end"])
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
async def test_SCH_14_and_B_02_it_goes_on_after_every_end(world: World, ending: Ending, removing: bool) -> None:
    queue = world.queue()
    options: dict[str, Any] = {"expired": {"ttl": 5_000}, "timed_out": {"timeout": 2_000}}.get(ending.__name__, {})
    template = JobTemplate(remove_on_complete=removing, remove_on_fail=removing, **options)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=10**8, start_date=world.now + 1), template)
    await world.worker(nothing)
    await queue.pause()
    await world.advance(1)
    for worker in list(world._workers):
        await worker.close()
    (job,) = await queue.get_jobs("waiting")
    await queue.resume()
    assert (await scheduler(queue)).next_run is None
    await ending(world, queue, job.id)
    assert (await scheduler(queue)).next_run == world.now + 10**8
    assert (await scheduler(queue)).iteration_count == 1


async def test_SCH_14_and_DLQ_8_it_goes_on_after_dead_lettering(world: World) -> None:
    dead, queue, starts = world.queue("dead"), world.queue(), list[int]()
    note = noting_times(world, starts)

    async def process(job: Job[Any, Any]) -> None:
        await _result(note(job))
        raise ValueError("no")

    await world.worker(process, dead_letter_queue="dead")
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(25_000)
    assert starts == [0, 10_000, 20_000]
    assert (await dead.get_job_counts()).waiting == 3
    assert await gone(dead)


async def _result(made: Any) -> None:
    if made is not None:
        await made


async def test_SCH_14_and_B_26_it_goes_on_when_its_job_costs_more_than_its_group_holds(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts))
    await queue.set_group_limits("g", token_bucket=TokenBucket(2, 1))
    template = JobTemplate(ordering=Ordering("g"), cost=5)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER), template)
    await world.advance(25_000)
    assert starts == []
    assert (await scheduler(queue)).iteration_count == 3
    assert (await queue.get_job_counts()).failed == 3
    await queue.set_group_limits("g", token_bucket=TokenBucket(9, 1))
    await world.advance(10_000)
    assert starts == [30_000]


async def test_SCH_14_retries_of_one_run_are_one_run(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)

    async def process(job: Job[Any, Any]) -> None:
        await _result(note(job))
        if job.attempts_made < 2:
            raise ValueError("again")

    await world.worker(process)
    template = JobTemplate(attempts=3, backoff=Backoff("fixed", 2_000))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER), template)
    await world.advance(3_000)
    assert (await scheduler(queue)).next_run is None
    await world.advance(20_000)
    assert starts == [0, 2_000, 4_000, 14_000, 16_000, 18_000]
    assert (await scheduler(queue)).iteration_count == 2


async def test_SCH_14_a_run_put_off_is_still_out(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)

    async def process(job: Job[Any, Any]) -> None:
        await _result(note(job))
        if len(starts) == 1:
            await job.move_to_delayed(world.now + 50_000)

    await world.worker(process)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(61_000)
    assert starts == [0, 50_000, 60_000]


async def test_SCH_14_a_stall_that_is_recovered_is_the_same_run(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    dying = await world.worker(world.working(10**9))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.settle()
    await dying.close(force=True)
    await world.worker(noting_times(world, starts))
    await world.advance(50_000)
    assert starts[0] in range(30_000, 30_000 + BACKUP_TIMER_MS + 1)
    assert starts[1] == starts[0] + AFTER
    assert (await scheduler(queue)).iteration_count == 1 + len(starts[1:])


async def test_SCH_14_a_failed_run_that_is_retried_by_hand_does_not_re_arm_twice(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)

    async def process(job: Job[Any, Any]) -> None:
        await _result(note(job))
        if len(starts) == 1:
            raise ValueError("once")

    await world.worker(process)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(4_000)
    (job,) = await queue.get_jobs("failed")
    await job.retry()
    await world.advance(20_000)
    assert starts == [0, 4_000, 10_000, 20_000]


# --- SCH-15: an upsert by its own processor ---------------------------------------------------------------------------


async def test_SCH_15_and_B_03_its_processor_may_change_the_interval(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    running = 0

    async def process(job: Job[Any, Any]) -> None:
        nonlocal running
        running += 1
        assert running == 1
        starts.append(world.now - begin)
        await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=1_000 * (len(starts) + 1), limit=5))
        await world.sleep(500)
        running -= 1

    begin = world.now
    for _ in range(2):
        await world.worker(process, concurrency=2)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=1, limit=5))
    await world.advance(60_000)
    assert starts == [0, 2_500, 6_000, 10_500, 16_000]  # each waits as long as its predecessor said
    assert await gone(queue)


async def test_SCH_15_an_upsert_between_runs_counts_from_the_last_end(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=100_000))
    await world.advance(4_000)
    info = await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=6_000))
    assert (info.iteration_count, info.next_run) == (1, world.now + 2_000)
    await world.advance(7_000)
    info = await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=1_000))
    assert info.next_run == world.now  # it would have been due already
    await world.advance(1_500)
    assert starts == [0, 6_000, 11_000, 12_000]


async def test_SCH_15_another_mode_begins_anew(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts, takes=1_500), concurrency=9)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(1_000)
    info = await queue.upsert_job_scheduler("s", Schedule(every=2_000))
    assert (info.iteration_count, info.next_run) == (0, world.now + 2_000)
    await world.advance(4_500)
    assert starts == [0, 3_000, 5_000]


# --- SCH-16: bounds ---------------------------------------------------------------------------------------------------


async def test_SCH_16_it_ends_when_the_next_run_would_lie_behind_its_end(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts, takes=1_000))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER, end_date=world.now + 22_000))
    await world.advance(22_500)
    assert starts == [0, 11_000, 22_000]
    assert not await gone(queue)
    await world.advance(500)
    assert await gone(queue)


async def test_SCH_16_and_SCH_6_the_limit_counts_jobs_and_it_goes_with_the_last_end(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(1_000))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER, limit=2))
    await world.advance(11_500)
    assert (await scheduler(queue)).iteration_count == 2
    await world.advance(500)
    assert await gone(queue)
    await world.advance(60_000)
    assert (await queue.get_job_counts()).completed == 2


async def test_SCH_16_an_upsert_may_not_leave_the_next_run_behind_the_end(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    before = await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.settle()
    before = await scheduler(queue)
    for schedule in (
        Schedule(repeat_after_complete=AFTER, end_date=world.now + AFTER - 1),
        Schedule(repeat_after_complete=AFTER + 1, end_date=world.now + AFTER),
    ):
        with pytest.raises(InvalidOptionsError):
            await queue.upsert_job_scheduler("s", schedule)
    assert await scheduler(queue) == before
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER, end_date=world.now + AFTER))
    await world.advance(10 * AFTER)
    assert (await queue.get_job_counts()).completed == 2
    assert await gone(queue)


async def test_SCH_16_removed_in_flight_it_is_not_revived(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(1_000))
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(500)
    assert await queue.remove_job_scheduler("s")
    await world.advance(60_000)
    assert (await queue.get_job_counts()).completed == 1
    assert await gone(queue)


async def test_SCH_16_added_again_under_its_name_it_does_not_wait_for_the_old_job(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts, takes=5_000), concurrency=2)
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=AFTER))
    await world.advance(1_000)
    await queue.remove_job_scheduler("s")
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=1_000, start_date=world.now + 2_000))
    await world.advance(15_000)
    assert starts == [0, 3_000, 9_000, 15_000]


async def test_SCH_19_a_paused_queue_keeps_the_one_job_waiting(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts))
    await queue.pause()
    await queue.upsert_job_scheduler("s", Schedule(repeat_after_complete=1_000))
    await world.advance(30_000)
    assert (await queue.get_job_counts()).waiting == 1
    await queue.resume()
    await world.advance(1_000)
    assert starts == [30_000, 31_000]
