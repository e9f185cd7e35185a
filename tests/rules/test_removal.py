"""JOB-8: a job that is removed."""

from typing import Any

import pytest

from glidemq_pb import Job, JobNotFoundError

from .world import World, added, noting


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
