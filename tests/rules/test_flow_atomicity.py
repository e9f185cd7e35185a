"""FLW-4: a flow is added whole or not at all, and its ids are those of its queues."""

from typing import Any

import pytest

from glidemq_pb import (
    DuplicateJobError,
    FlowJob,
    InvalidOptionsError,
    Ordering,
    PayloadTooLargeError,
    SerializationError,
    TokenBucket,
)

from .flow_trees import PLACES, tree
from .world import World, added, line_of


def keys_but_counters(world: World, *names: str) -> dict[str, Any]:
    """What is stored of some queues, without what a refused flow may have taken: ids, and the queue's stamp."""
    return {
        f"{name}/{key}": value
        for name in names
        for key, value in world.dump(name).items()
        if key not in ("id", "meta", "calls", "wake")
    }


@pytest.mark.parametrize("where", ["root", "child", "nested", "twice", "far"])
async def test_FLW_4_a_taken_id_anywhere_and_nothing_is_created(world: World, where: str) -> None:
    other = world.other("b")
    queue, far = world.queue(), world.queue(other)
    ids = {place: place for place in ("root", "child", "nested", "far")}
    if where == "twice":
        ids["nested"] = "child"
    elif where == "far":
        await added(far, "there", job_id="far")
    else:
        await added(queue, "there", job_id=where)
    before = keys_but_counters(world, world.name, other)
    root = FlowJob(
        "root",
        queue_name=world.name,
        job_id=ids["root"],
        children=[
            FlowJob("far", queue_name=other, job_id=ids["far"], ordering=Ordering("g")),
            FlowJob(
                "child",
                queue_name=world.name,
                job_id=ids["child"],
                children=[FlowJob("nested", queue_name=world.name, job_id=ids["nested"])],
            ),
        ],
    )
    with pytest.raises(DuplicateJobError) as refused:
        await world.flow_producer().add(root)
    assert refused.value.job_id == ("child" if where == "twice" else where)
    assert keys_but_counters(world, world.name, other) == before


@pytest.mark.parametrize(
    "bad",
    [
        {"data": "x" * 1_048_577},
        {"data": object()},
    ],
)
async def test_FLW_4_the_whole_tree_is_checked_before_anything_is_sent(world: World, bad: dict[str, Any]) -> None:
    flow = world.flow_producer()
    root = FlowJob(
        "a",
        queue_name=world.name,
        children=[FlowJob("b", queue_name=world.name), FlowJob("c", queue_name=world.other("b"), **bad)],
    )
    with pytest.raises((PayloadTooLargeError, SerializationError)):
        await flow.add(root)
    assert line_of(flow).calls.total() == 0
    assert world.dump() == {}


async def test_FLW_4_a_cost_above_the_bucket_of_its_group_keeps_all_out(world: World) -> None:
    other = world.other("b")
    await world.queue(other).set_group_limits("g", token_bucket=TokenBucket(capacity=5, refill_rate=1))
    before = keys_but_counters(world, world.name, other)
    for name in (world.name, other):
        root = FlowJob("a", queue_name=name, children=[FlowJob("b", queue_name=other, ordering=Ordering("g"), cost=6)])
        with pytest.raises(InvalidOptionsError, match="cost"):
            await world.flow_producer().add(root)
    assert keys_but_counters(world, world.name, other) == before


async def test_FLW_4_an_id_is_free_again_after_its_job_is_gone(world: World) -> None:
    flow = world.flow_producer()
    job = await added(world.queue(), "there", job_id="x")
    with pytest.raises(DuplicateJobError):
        await flow.add(FlowJob("a", queue_name=world.name, job_id="x"))
    await job.remove()
    node = await flow.add(FlowJob("a", queue_name=world.name, job_id="x"))
    assert node.job.id == "x"


async def test_FLW_4_an_id_of_a_flow_is_taken_for_all_others(world: World) -> None:
    node = await world.flow_producer().add(tree(world, "one queue", job_id="p"))
    assert await world.queue().add("a", job_id="p") is None
    assert await world.queue().add("a", job_id=node.children[0].job.id) is None


async def test_FLW_4_a_flow_of_a_thousand_jobs_and_not_one_more(world: World) -> None:
    flow = world.flow_producer()
    with pytest.raises(InvalidOptionsError, match="more than 1000 jobs"):
        await flow.add(tree(world, "two queues", children=1000))
    assert line_of(flow).calls.total() == 0
    node = await flow.add(tree(world, "two queues", children=999))
    assert len(node.children) == 999
    assert (await world.queue(world.other("children")).get_job_counts()).waiting == 999


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_4_numeric_ids_of_the_flow_never_meet_those_of_the_counter(world: World, where: str) -> None:
    name = world.name if where == "one queue" else world.other("children")
    family = [FlowJob("c", queue_name=name, job_id="3" if number == 1 else None) for number in range(6)]
    node = await world.flow_producer().add(FlowJob("parent", queue_name=world.name, job_id="p", children=family))
    assert [child.job.id for child in node.children].count("3") == 1
    assert len({child.job.id for child in node.children}) == 6
    assert (await world.queue(name).get_job_counts()).waiting == 6
