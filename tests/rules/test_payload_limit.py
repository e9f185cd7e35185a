"""CMP-2: one limit of a payload, and one message, on every surface."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glidemq_pb import Job, JobTemplate, NewJob, PayloadTooLargeError, Producer, Queue, Schedule
from glidemq_pb.errors import PAYLOAD_BYTES_MAX

from .serializing import COMPRESSIONS
from .world import World, added, stored

AT_LIMIT = "ü" * ((PAYLOAD_BYTES_MAX - 2) // 2)
"""As JSON, with its quotes: exactly the limit, in bytes."""
ABOVE = AT_LIMIT + "x"
TOLD = rf"exceeds maximum size \({PAYLOAD_BYTES_MAX + 1} bytes > {PAYLOAD_BYTES_MAX}\); store the data elsewhere"


async def add_late(queue: Queue[Any, Any], value: Any) -> None:
    await queue.add_bulk([NewJob("a", 1), NewJob("b", value)])


async def update(queue: Queue[Any, Any], value: Any) -> None:
    await (await added(queue, "c", 1)).update_data(value)


async def schedule(queue: Queue[Any, Any], value: Any) -> None:
    await queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate(data=value))


async def add(queue: Queue[Any, Any], value: Any) -> None:
    await queue.add("a", value)


async def produce(queue: Queue[Any, Any], value: Any) -> None:
    producer = Producer[Any](queue.name, backend=queue.backend)
    await producer.add("a", value)


async def produce_late(queue: Queue[Any, Any], value: Any) -> None:
    await Producer[Any](queue.name, backend=queue.backend).add_bulk([NewJob("a", 1), NewJob("b", value)])


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("surface", [add, add_late, produce, produce_late, update, schedule])
async def test_CMP_2_the_limit_itself_is_allowed_and_one_byte_more_is_refused_on_every_surface(
    world: World, surface: Callable[[Queue[Any, Any], Any], Awaitable[None]], compression: Any
) -> None:
    queue = world.queue(compression=compression)
    with pytest.raises(PayloadTooLargeError, match=f"Job data {TOLD}"):
        await surface(queue, ABOVE)
    kept = [key for key in world.dump() if key.startswith(("job:", "scheduler:"))]
    assert kept == (["job:1"] if surface is update else [])
    await surface(queue, AT_LIMIT)


async def test_CMP_2_a_result_above_the_limit_fails_the_attempt(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        return ABOVE if job.attempts_made == 0 else AT_LIMIT

    worker = await world.worker(work)
    failures: list[Any] = []
    worker.on("failed", lambda job, error: failures.append(error))
    job = await added(queue, "a", attempts=2)
    await world.settle()
    assert (await stored(queue, job)).return_value == AT_LIMIT
    (error,) = failures
    assert isinstance(error, PayloadTooLargeError)
    assert str(error).startswith(f"Return value exceeds maximum size ({PAYLOAD_BYTES_MAX + 1} bytes > ")


async def test_CMP_2_progress_and_log_lines_have_the_same_limit(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        over = "x" * (PAYLOAD_BYTES_MAX + 1)
        with pytest.raises(PayloadTooLargeError, match=f"Log line {TOLD}"):
            await job.log(over)
        with pytest.raises(PayloadTooLargeError, match=f"Progress {TOLD}"):
            await job.update_progress({"p": over[8:]})
        with pytest.raises(PayloadTooLargeError, match=r"Job data exceeds maximum size"):
            await job.move_to_delayed(0, over)
        await job.log(over[1:])
        await job.update_progress({"p": over[9:]})

    await world.worker(work)
    job = await added(queue, "a", {})
    await world.settle()
    assert await job.is_completed()
    assert (await queue.get_job_logs(job.id)).count == 1
