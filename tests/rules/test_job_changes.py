"""JOB-13, JOB-14: what changes on a job: its data and its log, and the moment and the step at which it goes on."""

from typing import Any

import pytest

from glidemq_pb import InvalidStateError, Job, PayloadTooLargeError
from glidemq_pb.errors import PAYLOAD_BYTES_MAX

from .world import World, added, stored

# --- JOB-13: data and log ---------------------------------------------------------------------------------------------


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


# --- JOB-14: the moment and the step ----------------------------------------------------------------------------------


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
