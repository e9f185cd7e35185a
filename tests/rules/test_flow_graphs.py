"""FLW: graphs, in which a child may have several parents, and chains, groups and chords."""

from typing import Any

import pytest

from glidemq_pb import DagNode, DuplicateJobError, FlowJob, Job, chain, chord, group

from .flow_trees import PLACES, place
from .world import World, added, noting, stored


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_a_child_may_have_several_parents(world: World, where: str) -> None:
    name = place(world, where)
    jobs = await world.flow_producer().add_dag(
        [
            DagNode("load", queue_name=world.name, deps=["check", "transform"]),
            DagNode("extract", 1, queue_name=name),
            DagNode("check", 2, queue_name=world.name, deps=["extract"]),
            DagNode("transform", 3, queue_name=name, deps=["extract"]),
            DagNode("alone", queue_name=name),
        ]
    )
    ran: list[str] = []

    async def process(job: Job[Any, Any]) -> Any:
        ran.append(job.name)
        return {key.rpartition(":")[2]: value for key, value in (await job.get_children_values()).items()} or job.data

    await world.worker(process)
    if where == "two queues":
        await world.worker(process, name)
    await world.settle()
    order = {job: ran.index(job) for job in ("extract", "check", "transform", "load")}
    assert len(ran) == 5
    assert order["extract"] < order["check"] < order["load"]
    assert order["extract"] < order["transform"] < order["load"]
    load = await stored(world.queue(), jobs["load"])
    extract = jobs["extract"].id
    assert load.return_value == {jobs["check"].id: {extract: 1}, jobs["transform"].id: {extract: 1}}
    assert (await stored(world.queue(name), jobs["extract"])).parent_id == jobs["check"].id


async def test_FLW_4_a_taken_id_in_a_graph_and_nothing_is_created(world: World) -> None:
    other = world.other("b")
    await added(world.queue(other), "there", job_id="x")
    nodes = [
        DagNode("a", queue_name=world.name, key="1"),
        DagNode("a", queue_name=other, key="2", deps=["1"], job_id="x"),
        DagNode("a", queue_name=world.name, key="3", deps=["2"]),
    ]
    with pytest.raises(DuplicateJobError, match="'x'"):
        await world.flow_producer().add_dag(nodes)
    assert (await world.queue().get_job_counts()).waiting == 0
    assert (await world.queue(other).get_job_counts()).waiting == 1


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_chains_groups_and_chords(world: World, where: str) -> None:
    names = [world.name, place(world, where)]

    def step(name: str, number: int = 0) -> FlowJob:
        return FlowJob(name, queue_name=names[number % 2])

    flow = world.flow_producer()
    ran: list[str] = []
    await flow.add(chain(group(step("a1", 0), step("a2", 1)), step("b", 1), step("c", 0), step("d", 1)))
    await flow.add(chord([step(f"x{number}", number) for number in range(5)], step("y")))
    await flow.add_bulk(group(step("z1"), step("z2")))
    for name in dict.fromkeys(names):
        await world.worker(noting(ran), name)
    await world.settle()
    assert [name for name in ran if name in "bcd"] == ["b", "c", "d"]
    assert {ran.index("a1"), ran.index("a2")} < {*range(ran.index("b"))}
    assert all(ran.index(f"x{number}") < ran.index("y") for number in range(5))
    assert len(ran) == 13


async def test_FLW_1_a_long_chain(world: World) -> None:
    flow = world.flow_producer()
    other = world.other("b")
    node = await flow.add(chain(*(FlowJob(str(n), queue_name=(world.name, other)[n % 2]) for n in range(60))))
    ran: list[str] = []
    await world.worker(noting(ran))
    await world.worker(noting(ran), other)
    await world.settle()
    assert ran == [str(number) for number in range(60)]
    lines = str(await flow.get_flow(node)).splitlines()
    assert len(lines) == 60
    assert lines[0].endswith("completed: None")
