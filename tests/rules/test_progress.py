"""PRG: progress."""

from typing import Any

import pytest

from glidemq_pb import JSON_SERIALIZER, InvalidOptionsError, InvalidStateError, Job, PayloadTooLargeError
from glidemq_pb.errors import PAYLOAD_BYTES_MAX

from .world import World, added, failing, stored


@pytest.mark.parametrize("progress", [42, 0.5, {"done": 3, "of": "vier ß"}])
async def test_PRG_1_progress_is_stored_and_told(world: World, progress: Any) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await job.update_progress(progress)
        assert job.progress == progress

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert (await stored(queue, job)).progress == progress
    (event,) = await world.events("progress")
    assert event.job_id == job.id
    assert JSON_SERIALIZER.deserialize(event.data["progress"].encode()) == progress


async def test_PRG_1_above_one_megabyte_raises(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        with pytest.raises(PayloadTooLargeError, match="Progress exceeds maximum size"):
            await job.update_progress({"x": "x" * PAYLOAD_BYTES_MAX})

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_completed()
    assert (await stored(queue, job)).progress == 0


@pytest.mark.parametrize("progress", [True, "half", None, [1]])
async def test_PRG_1_only_a_number_or_a_dict_is_allowed(world: World, progress: Any) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        with pytest.raises(InvalidOptionsError, match="progress"):
            await job.update_progress(progress)

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_completed()


async def test_PRG_1_only_from_inside_a_processor(world: World) -> None:
    job = await added(world.queue(), "a")
    with pytest.raises(InvalidStateError):
        await job.update_progress(1)
    with pytest.raises(InvalidStateError):
        await job.log("a line")
    with pytest.raises(InvalidStateError):
        job.discard()


async def test_PRG_1_the_job_of_a_run_that_is_over_is_refused(world: World) -> None:
    queue = world.queue()
    kept: list[Job[Any, Any]] = []

    async def work(job: Job[Any, Any]) -> None:
        kept.append(job)

    await world.worker(work)
    job = await added(queue, "a")
    await world.settle()
    with pytest.raises(InvalidStateError):
        await kept[0].update_progress(1)
    assert (await stored(queue, job)).progress == 0


async def test_PRG_1_progress_outlives_a_failed_attempt(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> Any:
        if job.attempts_made == 0:
            await job.update_progress(50)
        else:
            assert job.progress == 50
        return await failing(1)(job)

    await world.worker(work)
    job = await added(queue, "a", attempts=2)
    await world.settle()
    assert await job.is_completed()
    assert (await stored(queue, job)).progress == 50


async def test_PRG_1_the_value_goes_through_the_serializer(world: World) -> None:
    class Reversed:
        name = "reversed"

        def serialize(self, value: Any) -> str:
            return repr(value)[::-1]

        def deserialize(self, raw: bytes) -> Any:
            return int(raw.decode()[::-1])

    queue = world.queue(serializer=Reversed())

    async def work(job: Job[Any, Any]) -> None:
        await job.update_progress(123)

    await world.worker(work, serializer=Reversed())
    job = await added(queue, "a", 7)
    await world.settle()
    assert (await stored(queue, job)).progress == 123
    (event,) = await world.events("progress")
    assert event.data == {"progress": "\x01reversed\x00321"}
