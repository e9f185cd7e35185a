"""GET: what listings and counts say."""

from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, Job, JobState, NewJob, Queue

from .world import World, added, noting, stored

STATES: tuple[JobState, ...] = ("waiting", "active", "delayed", "completed", "failed", "waiting-children")


async def names(queue: Queue[Any, Any], state: JobState, start: int = 0, end: int = -1) -> list[str]:
    return [job.name for job in await queue.get_jobs(state, start, end)]


async def a_bit_of_everything(world: World) -> Queue[Any, Any]:
    """A queue with jobs of every lane and state."""
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        if job.name.startswith("failed"):
            raise ValueError("boom")
        if job.name.startswith("active"):
            await world.sleep(10**6)

    await world.worker(work, concurrency=3)
    for name in ("failed 1", "completed 1", "completed 2", "failed 2"):
        await queue.add(name)
        await world.advance(1)
    await queue.add_bulk([NewJob("active 1", lifo=True), NewJob("active 2", priority=3), NewJob("active 3")])
    await world.settle()
    await queue.add_bulk(
        [
            NewJob("fifo"),
            NewJob("lifo", lifo=True),
            NewJob("prio", priority=9),
            NewJob("later", delay=2_000),
            NewJob("soon", delay=1_000),
        ]
    )
    return queue


async def test_GET_1_waiting_is_in_run_order(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk(
        [
            NewJob("fifo 1"),
            NewJob("prio 9", priority=9),
            NewJob("lifo 1", lifo=True),
            NewJob("fifo 2"),
            NewJob("prio 1", priority=1),
            NewJob("lifo 2", lifo=True),
        ]
    )
    listed = await names(queue, "waiting")
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.settle()
    assert listed == ran == ["prio 1", "prio 9", "lifo 2", "lifo 1", "fifo 1", "fifo 2"]


async def test_GET_1_delayed_is_by_due_time_and_ended_by_time_of_the_end(world: World) -> None:
    queue = await a_bit_of_everything(world)
    assert await names(queue, "delayed") == ["soon", "later"]
    assert await names(queue, "completed") == ["completed 1", "completed 2"]
    assert await names(queue, "failed") == ["failed 1", "failed 2"]


async def test_GET_1_the_end_is_inclusive_and_minus_1_is_all(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(str(number)) for number in range(5)])
    assert await names(queue, "waiting", 1, 3) == ["1", "2", "3"]
    assert await names(queue, "waiting", 2) == ["2", "3", "4"]
    assert await names(queue, "waiting", 0, 0) == ["0"]
    assert await names(queue, "waiting", 3, 99) == ["3", "4"]
    assert await names(queue, "waiting", 5) == []
    assert await names(queue, "waiting", 3, 2) == []


async def test_GET_1_a_long_listing_is_read_in_pages(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(str(number)) for number in range(1_234)])
    assert await names(queue, "waiting") == [str(number) for number in range(1_234)]
    assert await names(queue, "waiting", 400, 1_100) == [str(number) for number in range(400, 1_101)]


async def test_GET_1_exclude_data_leaves_the_payload_out(world: World) -> None:
    queue = world.queue()
    await queue.add("a", {"n": 1})
    (job,) = await queue.get_jobs("waiting", exclude_data=True)
    assert (job.name, job.data) == ("a", None)
    found = await queue.get_job(job.id, exclude_data=True)
    assert found is not None
    assert found.data is None
    assert (await stored(queue, job)).data == {"n": 1}


@pytest.mark.parametrize(
    ("state", "start", "end"), [("nonsense", 0, -1), ("waiting", -1, -1), ("waiting", 0, -2), ("waiting", 0.5, 1)]
)
async def test_GET_1_a_bad_argument_is_refused(world: World, state: Any, start: Any, end: Any) -> None:
    with pytest.raises(InvalidOptionsError):
        await world.queue().get_jobs(state, start, end)


async def test_GET_2_counts(world: World) -> None:
    queue = await a_bit_of_everything(world)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.active, counts.delayed, counts.completed, counts.failed) == (3, 3, 2, 2, 2)
    assert counts.waiting_children == 0
    assert await queue.count() == 3


async def test_GET_3_counts_sum_to_the_stored_jobs_and_listings_agree_with_them(world: World) -> None:
    queue = await a_bit_of_everything(world)
    for _ in range(3):
        counts = await queue.get_job_counts()
        stored_jobs = [key for key in world.dump() if key.startswith("job:")]
        listed = {state: await queue.get_jobs(state) for state in STATES}
        for state, jobs in listed.items():
            assert len(jobs) == getattr(counts, state.replace("-", "_"))
            assert {await job.get_state() for job in jobs} <= {state}
        assert sum(map(len, listed.values())) == len(stored_jobs) == 12
        await world.advance(1_000)


async def test_GET_3_prioritised_jobs_count_and_list_as_waiting(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", priority=5)
    assert await job.get_state() == "waiting"
    assert (await queue.get_job_counts()).waiting == 1
    assert await names(queue, "waiting") == ["a"]


async def test_GET_4_active_lists_jobs_of_every_lane(world: World) -> None:
    queue = await a_bit_of_everything(world)
    assert sorted(await names(queue, "active")) == ["active 1", "active 2", "active 3"]
    pages = [await names(queue, "active", position, position) for position in range(3)]
    assert [name for page in pages for name in page] == await names(queue, "active")
