"""FLW: parents that wait for their children, in one queue and over several, and the options of both."""

from typing import Any

import pytest

from glidemq_pb import FlowJob, Job, Ordering, RateLimit

from .flow_trees import PLACES, kin, returning_data, tree, work_on
from .world import World, added, nothing, noting, states, stored

# --- FLW-1 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_a_parent_waits_for_its_children_and_then_runs_once(world: World, where: str) -> None:
    flow = world.flow_producer()
    node = await flow.add(tree(world, where))
    await world.settle()
    queue = world.queue()
    assert await node.job.is_waiting_children()
    assert [await child.job.get_state() for child in node.children] == ["waiting", "waiting"]
    counts = await queue.get_job_counts()
    assert (counts.waiting_children, counts.waiting) == (1, 2 if where == "one queue" else 0)
    assert [job.id for job in await queue.get_jobs("waiting-children")] == [node.job.id]
    ran: list[str] = []
    await work_on(world, where, noting(ran))
    await world.settle()
    assert sorted(ran) == ["child-0", "child-1", "parent"]
    assert ran[-1] == "parent"
    assert await states(queue, *kin(node)) == ["completed"] * 3
    assert [event.job_id for event in await world.events("waiting-children")] == [node.job.id]


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_children_are_queued_in_list_order(world: World, where: str) -> None:
    node = await world.flow_producer().add(tree(world, where, children=12))
    ran: list[str] = []
    await work_on(world, where, noting(ran))
    await world.settle()
    assert ran == [*(f"child-{number}" for number in range(12)), "parent"]
    assert [child.job.data for child in node.children] == list(range(12))


async def test_FLW_1_flows_nest_over_any_queues(world: World) -> None:
    names = [world.name, world.other("b"), world.other("c")]
    root = FlowJob("0", queue_name=names[0])
    for depth in range(1, 8):
        root = FlowJob(str(depth), queue_name=names[depth % 3], children=[root, FlowJob("x", queue_name=names[0])])
    node = await world.flow_producer().add(root)
    ran: list[str] = []
    for name in names:
        await world.worker(noting(ran), name)
    await world.settle()
    assert [name for name in ran if name != "x"] == [str(depth) for depth in range(8)]
    assert ran.count("x") == 7
    assert await node.job.is_completed()


async def test_FLW_1_a_bulk_is_independent_flows(world: World) -> None:
    flow = world.flow_producer()
    nodes = await flow.add_bulk(
        [tree(world, "two queues"), tree(world, "one queue"), FlowJob("a", queue_name="x:"[:1])]
    )
    assert [len(node.children) for node in nodes] == [2, 2, 0]
    assert await flow.add_bulk([]) == []
    await work_on(world, "two queues", nothing)
    await world.settle()
    assert await nodes[0].job.is_completed()
    assert await nodes[1].job.is_completed()


async def test_FLW_1_a_job_without_children_is_an_ordinary_job(world: World) -> None:
    node = await world.flow_producer().add(FlowJob("a", 5, queue_name=world.name, delay=10, job_id="x"))
    assert (node.job.id, node.job.data, node.children) == ("x", 5, [])
    assert await node.job.is_delayed()


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_the_jobs_know_their_parent(world: World, where: str) -> None:
    node = await world.flow_producer().add(tree(world, where))
    queue = world.queue(node.children[0].job.queue_name)
    child = await stored(queue, node.children[0].job)
    assert (child.parent_id, child.parent_queue) == (node.job.id, world.name)
    assert (node.children[0].job.parent_id, node.children[0].job.parent_queue) == (node.job.id, world.name)
    assert (node.job.parent_id, node.job.parent_queue) == (None, None)


# --- FLW-2 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("keep", [False, True])
async def test_FLW_2_the_parent_gets_what_its_children_returned(world: World, where: str, keep: bool) -> None:
    name = world.name if where == "one queue" else world.other("children")
    family = [FlowJob("c", value, queue_name=name, remove_on_complete=keep) for value in ("é", None, {"n": [1]})]
    node = await world.flow_producer().add(FlowJob("parent", queue_name=world.name, children=family))
    await work_on(world, where, returning_data)
    await world.settle()
    ids = [child.job.id for child in node.children]
    expected = {f"{name}:{ids[0]}": "é", f"{name}:{ids[1]}": None, f"{name}:{ids[2]}": {"n": [1]}}
    assert (await stored(world.queue(), node.job)).return_value == expected
    assert list(await node.job.get_children_values()) == list(expected)
    assert (await world.queue(name).get_job(ids[0]) is None) is keep


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_2_the_values_go_with_the_parent(world: World, where: str) -> None:
    node = await world.flow_producer().add(tree(world, where, remove_on_complete=True))
    await work_on(world, where, returning_data)
    await world.settle()
    assert await node.job.get_state() == "unknown"
    assert await node.job.get_children_values() == {}
    assert [key for key in world.dump() if key.startswith(("children", "outcomes", "freed", "waiting-"))] == []


async def test_FLW_2_only_of_completed_children(world: World) -> None:
    name = world.name
    family = [FlowJob("a", 1, queue_name=name), FlowJob("b", 2, queue_name=name)]
    node = await world.flow_producer().add(
        FlowJob("parent", queue_name=name, children=family, on_child_failure="ignore")
    )

    async def process(job: Job[Any, Any]) -> Any:
        if job.name == "b":
            raise ValueError("no")
        return await returning_data(job)

    await world.worker(process)
    await world.settle()
    assert (await stored(world.queue(), node.job)).return_value == {f"{name}:{node.children[0].job.id}": 1}


# --- FLW-5, B-04 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [None, 1, 2])
async def test_FLW_5_a_parent_takes_its_place_in_its_group_when_it_becomes_ready(
    world: World, concurrency: int | None
) -> None:
    ordering = Ordering("g", concurrency=concurrency)
    family = [FlowJob(f"child-{n}", queue_name=world.name, ordering=ordering) for n in range(3)]
    node = await world.flow_producer().add(FlowJob("parent", queue_name=world.name, ordering=ordering, children=family))
    await added(world.queue(), "later", ordering=Ordering("g"))
    ran: list[str] = []
    await world.worker(noting(ran), concurrency=5)
    await world.settle()
    assert ran == ["child-0", "child-1", "child-2", "later", "parent"]
    assert await node.job.is_completed()


async def test_B_04_parent_and_child_of_one_group_in_two_queues_do_not_deadlock(world: World) -> None:
    other = world.other("children")
    inner = FlowJob(
        "b",
        queue_name=other,
        ordering=Ordering("g"),
        children=[FlowJob("a", queue_name=world.name, ordering=Ordering("g"))],
    )
    node = await world.flow_producer().add(
        FlowJob("c", queue_name=world.name, ordering=Ordering("g"), children=[inner])
    )
    ran: list[str] = []
    await work_on(world, "two queues", noting(ran))
    await world.settle()
    assert ran == ["a", "b", "c"]
    assert await node.job.is_completed()


# --- FLW-6 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_6_priority_lifo_and_delay_of_children_are_honoured(world: World, where: str) -> None:
    name = world.name if where == "one queue" else world.other("children")
    family = [
        FlowJob("plain", queue_name=name),
        FlowJob("lifo-1", queue_name=name, lifo=True),
        FlowJob("lifo-2", queue_name=name, lifo=True),
        FlowJob("high", queue_name=name, priority=1),
        FlowJob("delayed", queue_name=name, delay=50),
    ]
    node = await world.flow_producer().add(FlowJob("parent", queue_name=world.name, children=family))
    assert [child.state for child in node.children] == ["waiting"] * 4 + ["delayed"]
    ran: list[str] = []
    await work_on(world, where, noting(ran))
    await world.advance(49)
    assert ran == ["high", "lifo-2", "lifo-1", "plain"]
    await world.advance(1)
    assert ran[4:] == ["delayed", "parent"]


async def test_FLW_6_the_rate_limit_of_a_childs_group_is_honoured(world: World) -> None:
    ordering = Ordering("g", concurrency=5, rate_limit=RateLimit(max=1, duration=100))
    family = [FlowJob(f"child-{n}", queue_name=world.name, ordering=ordering) for n in range(3)]
    await world.flow_producer().add(FlowJob("parent", queue_name=world.name, children=family))
    ran: list[str] = []
    await world.worker(noting(ran), concurrency=5)
    await world.advance(99)
    assert ran == ["child-0"]
    await world.advance(101)
    assert ran == ["child-0", "child-1", "child-2", "parent"]


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_6_a_child_that_expires_has_failed(world: World, where: str) -> None:
    name = world.name if where == "one queue" else world.other("children")
    node = await world.flow_producer().add(
        FlowJob(
            "parent",
            queue_name=world.name,
            on_child_failure="fail",
            children=[FlowJob("c", queue_name=name, delay=9, ttl=5)],
        )
    )
    await work_on(world, where, nothing)
    await world.advance(20)
    assert (await stored(world.queue(), node.job)).failed_reason == "expired"


async def test_FLW_6_a_parents_ttl_counts_from_the_adding_of_the_flow(world: World) -> None:
    node = await world.flow_producer().add(tree(world, "one queue", ttl=10))
    await world.queue().pause()
    await world.worker(nothing)
    await world.advance(10)
    assert await node.job.is_waiting_children()
    await world.advance(1)
    parent = await stored(world.queue(), node.job)
    assert (await parent.get_state(), parent.failed_reason) == ("failed", "expired")


async def test_FLW_6_a_parents_delay_counts_from_the_adding_of_the_flow(world: World) -> None:
    node = await world.flow_producer().add(tree(world, "one queue", delay=100))
    slow = await world.flow_producer().add(tree(world, "one queue", delay=1))
    ran: list[str] = []
    await world.worker(noting(ran), concurrency=9)
    await world.settle()
    assert await node.job.is_delayed()
    assert await slow.job.is_delayed()
    await world.advance(1)
    assert await states(world.queue(), node.job, slow.job) == ["delayed", "completed"]
    await world.advance(99)
    assert await node.job.is_completed()
