"""WRK-7, WRK-8, and how a worker runs its jobs: by name, so many at once, until one is aborted."""

from typing import Any

import pytest

from glidemq_pb import ClosedError, InvalidOptionsError, Job, JobAbortedError, NewJob, Worker

from .world import World, added, nothing, noting, stored


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
