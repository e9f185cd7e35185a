"""FLW: children of a running job: `parent=` and `move_to_waiting_children`."""

from typing import Any

import pytest

from glidemq_pb import InvalidStateError, Job, JobNotFoundError, NewJob

from .flow_trees import PLACES, place
from .world import World, added, failing, nothing, states, stored


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_a_running_job_gets_children_and_waits_for_them(world: World, where: str) -> None:
    name = place(world, where)
    children = world.queue(name)
    runs: list[str] = []

    async def parent(job: Job[Any, Any]) -> Any:
        runs.append(f"parent {job.attempts_made}")
        if not await job.get_children_values():
            for number in range(3):
                child = await added(children, "child", number, parent=job)
                assert (child.parent_id, child.parent_queue) == (job.id, world.name)
            await job.move_to_waiting_children()
        return await job.get_children_values()

    async def child(job: Job[Any, Any]) -> Any:
        runs.append(f"child {job.data}")
        await world.sleep(10)
        return job.data * 2

    processors = {"parent": parent, "child": child}
    await world.worker(processors)
    if where == "two queues":
        await world.worker(processors, name)
    job = await added(world.queue(), "parent")
    await world.settle()
    assert await job.is_waiting_children()
    await world.advance(30)
    ended = await stored(world.queue(), job)
    assert await ended.is_completed()
    assert list((ended.return_value or {}).values()) == [0, 2, 4]
    assert runs == ["parent 0", "child 0", "child 1", "child 2", "parent 0"]
    assert ended.attempts_made == 0


async def test_FLW_1_without_children_it_runs_again_at_once(world: World) -> None:
    runs: list[int] = []

    async def process(job: Job[Any, Any]) -> None:
        runs.append(world.now)
        if len(runs) < 3:
            await job.move_to_waiting_children()

    await world.worker(process)
    job = await added(world.queue(), "a")
    await world.settle()
    assert runs == [world.now] * 3
    assert await job.is_completed()


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_children_that_are_done_before_it_waits_are_done(world: World, where: str) -> None:
    name = place(world, where)
    children = world.queue(name)

    async def parent(job: Job[Any, Any]) -> Any:
        if await job.get_children_values():
            return "second run"
        await added(children, "child", parent=job)
        await world.sleep(50)
        assert len(await job.get_children_values()) == 1
        await job.move_to_waiting_children()
        return "not reached"

    async def child(job: Job[Any, Any]) -> int:
        return 1

    processors = {"parent": parent, "child": child}
    await world.worker(processors, concurrency=2)
    if where == "two queues":
        await world.worker(processors, name)
    job = await added(world.queue(), "parent")
    await world.advance(50)
    assert (await stored(world.queue(), job)).return_value == "second run"


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_a_parent_that_does_not_wait_may_end_before_its_children(world: World, where: str) -> None:
    name = place(world, where)
    children = world.queue(name)

    async def parent(job: Job[Any, Any]) -> None:
        await added(children, "child", parent=job, delay=10)

    processors = {"parent": parent, "child": nothing}
    await world.worker(processors)
    if where == "two queues":
        await world.worker(processors, name)
    job = await added(world.queue(), "parent", remove_on_complete=True)
    await world.settle()
    assert await job.get_state() == "unknown"
    await world.advance(10)
    assert (await children.get_job_counts()).completed == 1


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_a_job_that_does_not_run_any_more_gets_no_children(world: World, where: str) -> None:
    children = world.queue(place(world, where))
    kept: list[Job[Any, Any]] = []

    async def process(job: Job[Any, Any]) -> None:
        kept.append(job)
        await world.queue().revoke("nobody")
        if job.name == "removed":
            removed = await world.queue().get_job(job.id)
            assert removed is not None
            await removed.remove()
            with pytest.raises(JobNotFoundError):
                await children.add("child", parent=job)

    await world.worker(process)
    await added(world.queue(), "removed")
    await added(world.queue(), "ended")
    await world.settle()
    for job in kept:
        with pytest.raises(InvalidStateError):
            await children.add("child", parent=job)
    assert (await children.get_job_counts()).waiting == 0
    assert [key for key in world.dump(place(world, where)) if key.startswith(("held", "reservation"))] == []


@pytest.mark.parametrize("where", PLACES)
async def test_FLW_1_a_bulk_may_add_children_too(world: World, where: str) -> None:
    name = place(world, where)
    children = world.queue(name)
    order: list[str] = []

    async def parent(job: Job[Any, Any]) -> Any:
        if await job.get_children_values():
            return len(await job.get_children_values())
        jobs = await children.add_bulk(
            [NewJob("x"), NewJob("child", parent=job), NewJob("child", parent=job, job_id="x"), NewJob("y")]
        )
        assert [one.parent_id for one in jobs] == [None, job.id, job.id, None]
        assert await children.add("child", parent=job, job_id="x") is None
        await job.move_to_waiting_children()
        return None

    async def note(job: Job[Any, Any]) -> None:
        order.append(job.name)

    await world.worker({"parent": parent, "child": note, "x": note, "y": note})
    if where == "two queues":
        await world.worker(note, name)
    job = await added(world.queue(), "parent")
    await world.settle()
    assert order == ["x", "child", "child", "y"]
    assert (await stored(world.queue(), job)).return_value == 2


async def test_FLW_3_a_failed_child_of_a_running_job_follows_its_policy(world: World) -> None:
    queue = world.queue()

    async def parent(job: Job[Any, Any]) -> str:
        if not (await world.flow_producer().get_flow(job)).children:
            await added(queue, "child", parent=job)
            await job.move_to_waiting_children()
        return "went on"

    await world.worker({"parent": parent, "child": failing(9)})
    jobs = [await added(queue, "parent", on_child_failure=policy) for policy in ("wait", "fail", "ignore")]
    await world.settle()
    assert await states(queue, *jobs) == ["waiting-children", "failed", "completed"]
    assert (await stored(queue, jobs[1])).failed_reason == "boom"
    assert jobs[1].opts["on_child_failure"] == "fail"
