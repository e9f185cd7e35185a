"""What the tests of job schedulers share."""

from typing import Any

from glidemq_pb import Job, Queue, SchedulerInfo

from .world import Processor, World

HOUR = 3_600_000
DAY = 24 * HOUR


def noting_times(world: World, starts: list[int], *, takes: int = 0) -> Processor:
    """A processor that notes when each run starts, in milliseconds since now."""
    begin = world.now

    async def process(job: Job[Any, Any]) -> None:
        starts.append(world.now - begin)
        if takes:
            await world.sleep(takes)

    return process


async def scheduler(queue: Queue[Any, Any], name: str = "s") -> SchedulerInfo:
    """A scheduler that must be there."""
    found = await queue.get_job_scheduler(name)
    assert found is not None
    return found


async def gone(queue: Queue[Any, Any], name: str = "s") -> bool:
    """Whether there is no such scheduler, in any listing."""
    listed = [info.name for info in await queue.get_repeatable_jobs()]
    return await queue.get_job_scheduler(name) is None and name not in listed
