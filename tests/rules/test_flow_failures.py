"""FLW-3: children that fail or are removed, and what becomes of their parent."""

from typing import Any

import pytest

from glidemq_pb import Backoff, FlowJob, FlowNode, Job, UnrecoverableError

from .flow_trees import PLACES, kin, returning_data, tree, work_on
from .world import World, failing, noting, states, stored


async def values_of(world: World, node: FlowNode) -> list[Any]:
    """What the root of a flow returned, when it returned the values of its children."""
    returned = (await stored(world.queue(), node.job)).return_value
    assert returned is not None
    return list(returned.values())


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_3_a_failed_child_holds_its_parent_until_a_retry_of_it_succeeds(world: World, where: str) -> None:
    node = await world.flow_producer().add(tree(world, where))
    attempts: list[str] = []

    async def process(job: Job[Any, Any]) -> Any:
        attempts.append(job.name)
        if job.name == "child-1" and attempts.count("child-1") < 3:
            raise ValueError("boom")
        return await returning_data(job)

    await work_on(world, where, process)
    await world.settle()
    assert await states(world.queue(), *kin(node)) == ["waiting-children", "completed", "failed"]
    await node.children[1].job.retry()
    await world.settle()
    assert await states(world.queue(), *kin(node)) == ["waiting-children", "completed", "failed"]
    await node.children[1].job.retry()
    await world.settle()
    assert await states(world.queue(), *kin(node)) == ["completed"] * 3
    assert await values_of(world, node) == [0, 1]


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_3_attempts_of_a_child_are_not_its_failure(world: World, where: str) -> None:
    name = world.name if where == "one queue" else world.other("children")
    child = FlowJob("c", queue_name=name, attempts=3, backoff=Backoff("fixed", 10))
    node = await world.flow_producer().add(
        FlowJob("parent", queue_name=world.name, children=[child], on_child_failure="fail")
    )
    await work_on(world, where, failing(2))
    await world.advance(10)
    assert await node.job.is_waiting_children()
    await world.advance(10)
    assert await node.children[0].job.is_completed()
    assert not await node.job.is_waiting_children()


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_3_a_parent_may_fail_with_its_child(world: World, where: str) -> None:
    grandparent = FlowJob(
        "parent-of-parent", queue_name=world.name, children=[tree(world, where, on_child_failure="fail")]
    )
    node = await world.flow_producer().add(grandparent)
    await work_on(world, where, failing(1))
    await world.settle()
    parent = await stored(world.queue(), node.children[0].job)
    assert parent.failed_reason == "boom"
    assert await states(world.queue(), node.job, parent) == ["waiting-children", "failed"]
    assert [event.job_id for event in await world.events("failed") if event.job_id == parent.id] == [parent.id]


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_3_a_parent_that_failed_with_its_child_can_be_retried(world: World, where: str) -> None:
    node = await world.flow_producer().add(tree(world, where, children=1, on_child_failure="fail"))
    fails = True

    async def process(job: Job[Any, Any]) -> Any:
        if fails:
            raise ValueError("boom")
        return job.name

    await work_on(world, where, process)
    await world.settle()
    assert await states(world.queue(), *kin(node)) == ["failed", "failed"]
    fails = False
    await node.job.retry()
    await world.settle()
    assert await node.job.is_waiting_children()
    await node.children[0].job.retry()
    await world.settle()
    assert await states(world.queue(), *kin(node)) == ["completed", "completed"]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("policy", ["wait", "fail", "ignore"])
@pytest.mark.parametrize("keep", [False, True])
async def test_FLW_3_what_a_failure_that_is_not_kept_means(world: World, where: str, policy: Any, keep: bool) -> None:
    name = world.name if where == "one queue" else world.other("children")
    child = FlowJob("c", queue_name=name, remove_on_fail=keep)
    node = await world.flow_producer().add(
        FlowJob("parent", queue_name=world.name, children=[child], on_child_failure=policy)
    )

    async def process(job: Job[Any, Any]) -> None:
        if job.name == "c":
            raise UnrecoverableError("boom")

    await work_on(world, where, process)
    await world.settle()
    expected = {"wait": "completed" if keep else "waiting-children", "fail": "failed", "ignore": "completed"}
    assert await node.job.get_state() == expected[policy]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("how", ["remove", "drain", "revoke", "obliterate"])
async def test_FLW_3_a_removed_child_releases_its_parent(world: World, where: str, how: str) -> None:
    name = world.name if where == "one queue" else world.other("children")
    held_back = FlowJob("x", queue_name=name, delay=5)
    node = await world.flow_producer().add(FlowJob("parent", queue_name=world.name, children=[held_back]))
    ran: list[str] = []
    await work_on(world, where, noting(ran))
    children = world.queue(name)
    if how == "remove":
        await node.children[0].job.remove()
    elif how == "drain":
        await children.drain(delayed=True)
    elif how == "revoke":
        await children.revoke(node.children[0].job.id)
        await world.settle()
        assert await node.job.is_waiting_children()
        await children.clean(0, 10, "failed")
    else:
        await children.obliterate()
    await world.settle()
    assert ran == ([] if how == "obliterate" and where == "one queue" else ["parent"])  # it took the parent too


async def test_FLW_3_removing_a_failed_child_releases_its_parent(world: World) -> None:
    node = await world.flow_producer().add(tree(world, "one queue"))

    async def process(job: Job[Any, Any]) -> Any:
        if job.name == "child-0":
            raise ValueError("boom")
        return await returning_data(job)

    await world.worker(process)
    await world.settle()
    assert await node.job.is_waiting_children()
    await world.queue().clean(0, 10, "failed")
    await world.settle()
    assert await values_of(world, node) == [1]


async def test_FLW_3_removing_a_completed_child_changes_nothing(world: World) -> None:
    node = await world.flow_producer().add(tree(world, "one queue"))

    async def process(job: Job[Any, Any]) -> Any:
        if job.name == "child-1":
            await world.sleep(100)
        return await returning_data(job)

    await world.worker(process)
    await world.settle()
    assert await node.children[0].job.is_completed()
    await node.children[0].job.remove()
    await world.advance(99)
    assert await node.job.is_waiting_children()
    await world.advance(1)
    assert await values_of(world, node) == [0, 1]
