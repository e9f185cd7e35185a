"""WRK: pausing, closing, and what a worker is by default."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import (
    ClosedError,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    JobAbortedError,
    NewJob,
    QueueConnectionError,
    RateLimitError,
    Worker,
)

from .world import PATIENCE_SECONDS, World, added, line_of, nothing, noting, stored

# --- WRK-2: a worker holds its own starts ----------------------------------------------------------------------------


async def test_WRK_2_rate_limit_holds_this_workers_further_starts(world: World) -> None:
    queue = world.queue()
    ran: list[tuple[str, int]] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        ran.append((job.name, world.now - begin))

    worker = await world.worker(work)
    worker.rate_limit(500)
    await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.advance(499)
    assert ran == []
    await world.advance(1)
    assert ran == [("a", 500), ("b", 500)]


async def test_WRK_2_0_has_no_effect(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    worker.rate_limit(0)
    await queue.add("a")
    await world.settle()
    assert ran == ["a"]


@pytest.mark.parametrize("duration", [-1, 1.5, True, "1"])
async def test_WRK_2_a_bad_duration_is_refused(world: World, duration: Any) -> None:
    worker = await world.worker(nothing)
    with pytest.raises(InvalidOptionsError, match="duration"):
        worker.rate_limit(duration)


async def test_WRK_2_a_rate_limit_error_requeues_to_the_front_without_an_attempt(world: World) -> None:
    queue = world.queue()
    ran: list[tuple[str, int, int]] = []
    begin = world.now

    async def work(job: Job[Any, Any]) -> None:
        ran.append((job.name, world.now - begin, job.attempts_made))
        if len(ran) == 1:
            raise RateLimitError(300)

    worker = await world.worker(work)
    failures: list[BaseException] = []
    worker.on("failed", lambda job, error: failures.append(error))
    job = await added(queue, "limited")
    await queue.add("next")
    await world.settle()
    assert await job.is_waiting()
    await world.advance(300)
    assert ran == [("limited", 0, 0), ("limited", 300, 0), ("next", 300, 0)]
    assert (await stored(queue, job)).attempts_made == 0
    assert failures == []


async def test_WRK_2_other_workers_go_on(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    held = await world.worker(nothing)
    held.rate_limit(10**6)
    await world.worker(noting(ran))
    await queue.add("a")
    await world.settle()
    assert ran == ["a"]


# --- WRK-4: the queue's pause ----------------------------------------------------------------------------------------


async def test_WRK_4_a_pause_stops_starts_on_all_workers_and_is_kept(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    for _ in range(2):
        await world.worker(noting(ran))
    assert not await queue.is_paused()
    await queue.pause()
    assert await world.queue().is_paused()
    await queue.add_bulk([NewJob("a"), NewJob("b", priority=1), NewJob("c", lifo=True)])
    await world.worker(noting(ran))
    await world.advance(60_000)
    assert ran == []
    assert (await queue.get_job_counts()).waiting == 3
    await queue.resume()
    await world.settle()
    assert sorted(ran) == ["a", "b", "c"]
    assert not await queue.is_paused()


async def test_WRK_4_running_jobs_finish(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(100))
    jobs = await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.settle()
    await queue.pause()
    await world.advance(1_000)
    assert [await job.get_state() for job in jobs] == ["completed", "waiting"]


async def test_WRK_4_delayed_jobs_mature_but_do_not_start(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    await world.worker(noting(ran))
    await queue.pause()
    job = await added(queue, "a", delay=100)
    await world.advance(99)
    assert await job.is_delayed()
    await world.advance(1)
    assert await job.is_waiting()
    assert ran == []
    await queue.resume()
    await world.settle()
    assert ran == ["a"]


async def test_WRK_4_due_work_is_moved_at_its_moment_when_all_workers_are_full(world: World) -> None:
    """Only starts wait: a worker without room hears of a nearer due moment all the same."""
    queue = world.queue()
    await world.worker(world.working(100_000))
    await queue.add("long")
    await world.settle()
    for delay in (5_000, 50, 2_000):
        job = await added(queue, "a", delay=delay)
        await world.advance(delay - 1)
        assert await job.is_delayed()
        await world.advance(1)
        assert await job.is_waiting()


async def test_WRK_4_due_work_is_moved_at_its_moment_when_the_worker_that_kept_the_timer_has_left(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(100_000), block_timeout=10**6, stalled_interval=10**6)
    await queue.add("long")
    await world.settle()
    keeping = await world.worker(world.working(100))
    await queue.add("short")
    job = await added(queue, "a", delay=1_000)
    await world.settle()
    closing = asyncio.ensure_future(keeping.close())
    await world.advance(100)
    await closing
    await world.advance(899)
    assert await job.is_delayed()
    await world.advance(1)
    assert await job.is_waiting()


async def test_WRK_4_nothing_spins_while_the_queue_is_paused(world: World) -> None:
    queue = world.queue()
    workers = [await world.worker(nothing) for _ in range(3)]
    await queue.pause()
    await queue.add_bulk([NewJob("a") for _ in range(5)])
    await world.settle()
    before = [sum(world.calls(worker).values()) for worker in workers]
    await world.advance(1_000)
    assert [sum(world.calls(worker).values()) for worker in workers] == before


# --- WRK-5: a worker's own pause -------------------------------------------------------------------------------------


async def test_WRK_5_pause_waits_for_running_jobs_and_starts_nothing_more(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(100)

    worker = await world.worker(work, concurrency=2)
    await queue.add_bulk([NewJob(str(number)) for number in range(10)])
    await world.settle()
    pausing = asyncio.ensure_future(worker.pause())
    await world.advance(99)
    assert not pausing.done()
    assert worker.is_paused()
    await world.advance(1)
    assert pausing.done()
    await world.advance(10_000)
    assert ran == ["0", "1"]
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.completed) == (8, 0, 2)


async def test_WRK_5_pause_by_force_does_not_wait(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(100))
    jobs = await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.settle()
    await asyncio.wait_for(worker.pause(force=True), PATIENCE_SECONDS)
    assert await jobs[0].is_active()
    await world.advance(1_000)
    assert [await job.get_state() for job in jobs] == ["completed", "waiting"]


async def test_WRK_5_resume_goes_on(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    await worker.pause()
    await queue.add("a")
    await world.settle()
    assert ran == []
    await worker.resume()
    assert not worker.is_paused()
    await world.settle()
    assert ran == ["a"]


async def test_WRK_5_a_paused_worker_leaves_the_work_to_others(world: World) -> None:
    queue = world.queue()
    paused: list[str] = []
    others: list[str] = []
    worker = await world.worker(noting(paused))
    await worker.pause()
    await world.worker(noting(others))
    for name in ("a", "b", "c"):
        await queue.add(name)
        await world.settle()
    assert (paused, others) == ([], ["a", "b", "c"])


async def test_WRK_5_a_paused_worker_that_is_closed_closes(world: World) -> None:
    worker = await world.worker(nothing)
    await worker.pause()
    await worker.close()
    assert not worker.is_running()


async def test_WRK_5_only_a_worker_that_was_started_can_be_paused(world: World) -> None:
    worker = world.idle_worker(nothing)
    with pytest.raises(InvalidStateError):
        await worker.pause()
    assert not worker.is_paused()


# --- WRK-6: closing --------------------------------------------------------------------------------------------------


async def test_WRK_6_close_waits_for_running_jobs_and_is_idempotent(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(100))
    told: list[str] = []
    worker.on("closing", lambda: told.append("closing"))
    worker.on("completed", lambda job, result: told.append("completed"))
    worker.on("closed", lambda: told.append("closed"))
    job = await added(queue, "a")
    await world.settle()
    closing = [asyncio.ensure_future(worker.close()) for _ in range(2)]
    await world.advance(99)
    assert not any(one.done() for one in closing)
    assert worker.is_running()
    await world.advance(1)
    await asyncio.gather(*closing)
    await worker.close()
    assert told == ["closing", "completed", "closed"]
    assert await job.is_completed()
    assert not worker.is_running()


async def test_WRK_6_close_by_force_returns_at_once_and_the_job_is_recovered_as_stalled(world: World) -> None:
    queue = world.queue()
    aborted: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        signal = job.abort_signal
        try:
            await world.sleep(10**6)
        finally:
            aborted.append(signal.reason)

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    await asyncio.wait_for(worker.close(force=True), PATIENCE_SECONDS)
    await world.settle()
    assert aborted == ["aborted"]
    assert await job.is_active()
    await world.worker(nothing)
    await world.advance(29_999)
    assert await job.is_active()
    await world.advance(1_000)
    found = await stored(queue, job)
    assert (await job.get_state(), found.stalled_count) == ("completed", 1)


async def test_WRK_6_nothing_that_runs_on_after_a_forced_close_reaches_the_store(world: World) -> None:
    queue = world.queue()
    seen: list[BaseException] = []

    async def work(job: Job[Any, Any]) -> str:
        try:
            await world.sleep(10**6)
        except asyncio.CancelledError:
            for write in (job.log("late"), job.update_progress(99), job.update_data({"late": True})):
                try:
                    await write
                except Exception as error:
                    seen.append(error)
        return "late"

    worker = await world.worker(work)
    job = await added(queue, "a", {"n": 1})
    await world.settle()
    await worker.close(force=True)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.data, found.progress, found.return_value) == ("active", {"n": 1}, 0, None)
    assert (await queue.get_job_logs(job.id)).count == 0
    assert [type(error) for error in seen] == [InvalidStateError] * 3


async def test_WRK_6_force_ends_a_graceful_close_that_hangs(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**9))
    await queue.add("a")
    await world.settle()
    graceful = asyncio.ensure_future(worker.close())
    await world.settle()
    assert not graceful.done()
    await asyncio.wait_for(worker.close(force=True), PATIENCE_SECONDS)
    await asyncio.wait_for(graceful, PATIENCE_SECONDS)


async def test_WRK_6_close_strands_no_job(world: World) -> None:
    """Under a backlog, at any moment of the loop: what was not run is waiting, not active (B-12)."""
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.id)
        await asyncio.sleep(0)

    await queue.add_bulk([NewJob("a") for _ in range(60)])
    for turns in range(12):
        worker = await world.worker(work, concurrency=3)
        for _ in range(turns):
            await asyncio.sleep(0)
        await worker.close()
        counts = await queue.get_job_counts()
        assert (counts.active, counts.failed) == (0, 0)
        assert counts.waiting + counts.completed == 60
    await world.worker(work, concurrency=3)
    await world.settle()
    assert sorted(map(int, ran)) == list(range(1, 61))
    assert await world.events("stalled") == []


async def test_WRK_6_a_closing_worker_hands_on_the_wake_it_took(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    leaving = await world.worker(nothing)
    await world.worker(noting(ran), block_timeout=10**6, stalled_interval=10**6)
    for number in range(10):
        closing = asyncio.ensure_future(leaving.close())
        await queue.add(str(number))
        await closing
        await world.settle()
        leaving = await world.worker(noting(ran))
    assert ran == [str(number) for number in range(10)]


async def test_WRK_6_a_worker_that_is_long_in_closing_takes_no_wake_from_others(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []
    leaving = await world.worker(world.working(100_000), concurrency=2)
    await queue.add("long")
    await world.settle()
    await world.worker(noting(ran), block_timeout=10**6, stalled_interval=10**6)
    closing = asyncio.ensure_future(leaving.close())
    await world.settle()
    for number in range(3):
        await queue.add(str(number))
        await world.settle()
    assert ran == ["0", "1", "2"]
    await world.advance(100_000)
    await closing


async def test_WRK_6_a_closed_worker_leaves_nothing_behind(world: World) -> None:
    worker = await world.worker(nothing)
    await world.settle()
    assert any(key.startswith("worker:") for key in world.dump())
    await worker.close()
    left = [key for key in world.dump() if key.startswith(("worker", "control"))]
    assert left == []


async def test_WRK_6_a_worker_that_was_never_started_closes(world: World) -> None:
    worker = world.idle_worker(nothing)
    await worker.close()
    with pytest.raises(ClosedError):
        await worker.start()


async def test_WRK_6_run_ends_with_close(world: World) -> None:
    worker = world.idle_worker(nothing)
    running = asyncio.ensure_future(worker.run())
    await world.until(worker.is_running)
    assert not running.done()
    await worker.close()
    await asyncio.wait_for(running, PATIENCE_SECONDS)


async def test_WRK_6_the_context_manager_takes_jobs_when_entered_and_closes_gracefully(world: World) -> None:
    queue = world.queue()
    async with world.idle_worker(world.working(10)) as worker:
        job = await added(queue, "a")
        await world.settle()
        assert await job.is_active()
        closing = asyncio.ensure_future(worker.close())
        await world.advance(10)
        await closing
    assert await job.is_completed()


# --- WRK-7, WRK-8, and what else a worker does -----------------------------------------------------------------------


async def test_WRK_7_defaults(world: World) -> None:
    """Concurrency 1, leases of 30 s, one stall forgiven."""
    queue = world.queue()
    worker = await world.worker(world.working(10**9))
    first, second = await added(queue, "a"), await added(queue, "b")
    await world.settle()
    assert [await first.get_state(), await second.get_state()] == ["active", "waiting"]
    (_, end), *_ = world.dump()["active"]
    assert end == world.now + 30_000
    await worker.close(force=True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("concurrency", 0),
        ("concurrency", 1.5),
        ("concurrency", True),
        ("stalled_interval", 0),
        ("stalled_interval", -5),
        ("block_timeout", 0.5),
        ("max_stalled_count", -1),
        ("lock_duration", 10),
        ("name", "a:b"),
        ("processor", "not a function"),
        ("serializer", object()),
    ],
)
async def test_WRK_7_a_bad_option_is_refused_by_name(world: World, option: str, value: Any) -> None:
    options: dict[str, Any] = {"name": world.name, "processor": nothing, "backend": world.line()} | {option: value}
    with pytest.raises(InvalidOptionsError, match=option):
        Worker(**options)


async def test_WRK_8_operations_after_close_raise(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    await queue.close()
    await queue.close()
    calls: list[Any] = [
        queue.add("b"),
        queue.add_bulk([NewJob("b")]),
        queue.get_job("1"),
        queue.get_jobs("waiting"),
        queue.get_job_counts(),
        queue.count(),
        queue.get_job_logs("1"),
        queue.get_metrics("completed"),
        queue.pause(),
        queue.resume(),
        queue.is_paused(),
        queue.connect(),
        job.remove(),
        job.retry(),
        job.promote(),
        job.get_state(),
        job.change_priority(1),
        job.change_delay(1),
        job.update_data(1),
    ]
    for call in calls:
        with pytest.raises(ClosedError):
            await call
    assert (await stored(world.queue(), job)).name == "a"


async def test_WRK_a_job_is_routed_by_its_name(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    def plain(job: Job[Any, Any]) -> str:
        ran.append(f"plain {job.name}")
        return "thread"

    worker = await world.worker({"a": noting(ran), "b": plain})
    completed: list[str] = []
    worker.on("completed", lambda job, _: completed.append(job.id))
    await queue.add("a")
    await world.settle()
    job = await added(queue, "b")
    await world.until(lambda: job.id in completed)
    lost = await added(queue, "c", attempts=5)
    await world.settle()
    assert ran == ["a", "plain b"]
    assert (await stored(queue, job)).return_value == "thread"
    found = await stored(queue, lost)
    assert (await lost.get_state(), found.failed_reason) == ("failed", "no processor for job name 'c'")


async def test_WRK_abort_job_fires_the_signal_of_a_job_that_runs_here(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await job.abort_signal.wait()
        job.abort_signal.raise_if_aborted()

    worker = await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert not worker.abort_job("nobody")
    assert worker.abort_job(job.id)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason) == ("failed", "the job was aborted: aborted")
    assert not worker.abort_job(job.id)


async def test_WRK_with_cancel_on_abort_the_task_is_cancelled_too(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10**6), cancel_on_abort=True)
    errors: list[BaseException] = []
    worker.on("failed", lambda job, error: errors.append(error))
    job = await added(queue, "a", attempts=2)
    await world.settle()
    assert worker.abort_job(job.id)
    await world.settle()
    assert await job.is_active()  # an ordinary failure, so its second attempt runs
    assert [type(error) for error in errors] == [JobAbortedError]


async def test_WRK_concurrency_is_the_number_of_jobs_that_run_at_once(world: World) -> None:
    queue = world.queue()
    running = 0
    most = 0

    async def work(job: Job[Any, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await world.sleep(10)
        running -= 1

    await world.worker(work, concurrency=7)
    await queue.add_bulk([NewJob("a") for _ in range(50)])
    await world.advance(79)
    assert (most, (await queue.get_job_counts()).completed) == (7, 49)
    await world.advance(1)
    assert (await queue.get_job_counts()).completed == 50


async def test_WRK_a_call_that_is_not_answered_is_not_made_twice(world: World) -> None:
    """Its reply comes late, and what it started runs then."""
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    line_of(worker).hold_replies()
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_active()
    assert ran == []
    line_of(worker).release_replies()
    await world.settle()
    assert ran == ["a"]
    assert await job.is_completed()


async def test_WRK_a_result_that_cannot_be_stored_fails_the_attempt(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> Any:
        return object() if job.attempts_made == 0 else "x" * 1_048_576

    await world.worker(work)
    job = await added(queue, "a", attempts=2)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made) == ("failed", 2)
    assert "Return value exceeds maximum size" in str(found.failed_reason)


async def test_WRK_an_undecodable_payload_is_flagged_and_told(world: World) -> None:
    class Other:
        name = "other"

        def serialize(self, value: Any) -> bytes:
            return b"?"

        def deserialize(self, raw: bytes) -> Any:
            return None

    queue = world.queue(serializer=Other())
    seen: list[tuple[object, bool]] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append((job.data, job.deserialization_failed))

    worker = await world.worker(work)
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    await queue.add("a", 1)
    await world.settle()
    assert seen == [({}, True)]
    (error,) = errors
    assert str(error).startswith(f"job 1 of queue {queue.name}: its data: it was made by the serializer 'other'")


# --- what may go wrong ------------------------------------------------------------------------------------------------


UNREACHABLE = QueueConnectionError("valkey://nowhere:1", "it cannot be reached")


@pytest.mark.parametrize("way", ["pause", "close", "rate_limit"])
async def test_WRK_a_job_that_arrives_after_the_worker_was_stopped_goes_back_to_its_place(
    world: World, way: str
) -> None:
    """The reply that hands it out was under way (B-10, B-12)."""
    queue = world.queue()
    ran: list[str] = []
    worker = await world.worker(noting(ran))
    line_of(worker).hold_replies()
    job = await added(queue, "first")
    await world.settle()
    await queue.add("second")
    assert await job.is_active()
    if way == "rate_limit":
        worker.rate_limit(500)
        stopping = asyncio.ensure_future(asyncio.sleep(0))
    else:
        stopping = asyncio.ensure_future(worker.pause() if way == "pause" else worker.close())
    await world.settle()
    line_of(worker).release_replies()
    await world.settle()
    await stopping
    assert ran == []
    assert [found.name for found in await queue.get_jobs("waiting")] == ["first", "second"]
    if way == "close":
        await world.worker(noting(ran))
    elif way == "pause":
        await worker.resume()
    await world.advance(500)
    assert ran == ["first", "second"]
    assert (await stored(queue, job)).stalled_count == 0


async def test_WRK_a_worker_whose_start_failed_can_be_started_again_and_closed(world: World) -> None:
    worker = world.idle_worker(nothing)
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    for _ in range(2):
        with pytest.raises(QueueConnectionError):
            await worker.start()
        assert not worker.is_running()
    line_of(worker).refusals.clear()
    job = await added(world.queue(), "a")
    await worker.start()
    await world.settle()
    assert await job.is_completed()
    await worker.close()


async def test_WRK_a_worker_whose_start_failed_closes(world: World) -> None:
    worker = world.idle_worker(nothing)
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    with pytest.raises(QueueConnectionError):
        await worker.start()
    await asyncio.wait_for(worker.close(), PATIENCE_SECONDS)


@pytest.mark.parametrize("force", [False, True])
async def test_WRK_a_worker_that_is_closed_while_it_starts_does_not_run(world: World, force: bool) -> None:
    worker = world.idle_worker(nothing)
    line_of(worker).hold_replies()
    starting = asyncio.ensure_future(worker.start())
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(worker.close(force=force))
    await world.settle()
    line_of(worker).release_replies()
    await asyncio.wait_for(closing, PATIENCE_SECONDS)
    await asyncio.wait({starting}, timeout=1)
    assert starting.done()
    starting.cancelled() or starting.exception()
    assert not worker.is_running()
    job = await added(world.queue(), "a")
    await world.settle()
    assert await job.is_waiting()


async def test_WRK_a_wake_that_cannot_be_handed_on_does_not_end_the_worker(world: World) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        await world.sleep(2_000)

    worker = await world.worker(work)
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    line_of(worker).refusals["pass_wake"] = UNREACHABLE
    await queue.add("a")
    await world.settle()
    await queue.add("b")
    await world.settle()
    line_of(worker).refusals.clear()
    await world.advance(4_000)
    await queue.add("c")
    await world.settle()
    assert ran == ["a", "b", "c"]
    assert errors in ([], [UNREACHABLE])


async def test_WRK_an_unreachable_store_is_told_once_and_the_call_repeated(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(world.working(10))
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    job = await added(queue, "a")
    await world.settle()
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    await world.advance(1_100)
    assert errors == [UNREACHABLE]
    line_of(worker).refusals.clear()
    await world.advance(500)
    assert await job.is_completed()
    assert len(await world.events("completed")) == 1
    line_of(worker).refusals["settle_and_activate"] = UNREACHABLE
    await queue.add("b")
    await world.advance(1_100)
    assert errors == [UNREACHABLE] * 2
    line_of(worker).refusals.clear()
    await world.advance(500)
    assert (await queue.get_job_counts()).completed == 2


async def test_WRK_a_defect_ends_the_worker_and_is_told_to_all_who_care(world: World) -> None:
    queue = world.queue()
    worker = world.idle_worker(world.working(10**6), concurrency=2)
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    running = asyncio.ensure_future(worker.run())
    await queue.add("a")
    await world.until(worker.is_running)
    defect = RuntimeError("a defect")
    line_of(worker).refusals["settle_and_activate"] = defect
    await queue.add("b")
    await world.until(running.done)
    assert running.exception() is defect
    assert errors == [defect]
    assert not worker.is_running()
    assert world.clock.sleepers == 0  # its jobs were aborted: nobody could settle them
    await asyncio.wait_for(worker.close(), PATIENCE_SECONDS)


async def test_WRK_a_listener_may_close_the_worker(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)

    @worker.on("drained")
    async def stop() -> None:
        await worker.close()

    await queue.add("a")
    await world.until(lambda: not worker.is_running())
    await asyncio.wait_for(worker.close(), PATIENCE_SECONDS)


@pytest.mark.parametrize("what", ["close", "pause"])
async def test_WRK_a_processor_cannot_wait_for_its_own_end(world: World, what: str) -> None:
    queue = world.queue()
    workers: list[Worker[Any, Any]] = []

    async def work(job: Job[Any, Any]) -> None:
        await (workers[0].close() if what == "close" else workers[0].pause())

    workers.append(await world.worker(work))
    job = await added(queue, "a")
    await world.settle()
    assert "inside a processor" in str((await stored(queue, job)).failed_reason)
    assert workers[0].is_running()
    assert not workers[0].is_paused()


async def test_WRK_no_exception_keeps_a_slot(world: World) -> None:
    class RudeError(BaseException):
        pass

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        raise {"rude": RudeError("rude"), "broken": BrokenError(), "empty": ValueError()}[job.name]

    await world.worker(work)
    jobs = [await added(queue, name) for name in ("rude", "broken", "empty")]
    await world.settle()
    assert [(await stored(queue, job)).failed_reason for job in jobs] == ["rude", "BrokenError", "ValueError"]
    assert (await queue.get_job_counts()).active == 0


async def test_WRK_a_processor_that_cancels_itself_fails_its_attempt(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        raise asyncio.CancelledError

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert (await stored(queue, job)).failed_reason == "CancelledError"
