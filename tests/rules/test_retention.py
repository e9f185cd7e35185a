"""JOB-9: how long jobs that have ended are kept."""

from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, Job, Keep, NewJob, Queue

from .world import World, added, failing, nothing, states


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
