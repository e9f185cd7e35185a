"""What the tests of flows share: a parent with some children, in one queue or in two, and who works on them."""

from typing import Any

from glidemq_pb import FlowJob, FlowNode, Job

from .world import Processor, World

PLACES = ["one queue", "two queues"]


def place(world: World, where: str) -> str:
    """The queue of the children."""
    return world.name if where == "one queue" else world.other("children")


def tree(world: World, where: str, *, children: int = 2, **options: Any) -> FlowJob:
    """A parent with some children: `child-0`, `child-1`, ..."""
    queue_name = place(world, where)
    family = [FlowJob(f"child-{number}", number, queue_name=queue_name) for number in range(children)]
    return FlowJob("parent", queue_name=world.name, children=family, **options)


async def returning_data(job: Job[Any, Any]) -> Any:
    """A processor that returns its data; a parent, what its children returned."""
    return await job.get_children_values() if job.name.startswith("parent") else job.data


async def work_on(world: World, where: str, processor: Processor, **options: Any) -> None:
    """Workers for all queues of `tree`."""
    await world.worker(processor, **options)
    if where == "two queues":
        await world.worker(processor, world.other("children"), **options)


def kin(node: FlowNode) -> list[Job[Any, Any]]:
    """The job of a node and those of its children."""
    return [node.job, *(child.job for child in node.children)]
