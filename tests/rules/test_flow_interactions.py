"""Where other rules meet flows: what else a flow's jobs go through."""

from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    Deduplication,
    DuplicateJobError,
    FlowJob,
    InvalidOptionsError,
    Job,
    Ordering,
    SerializationError,
)

from .flow_trees import PLACES, place
from .world import World, added, nothing, noting, states, stored


class Shouting:
    """A serializer of its own."""

    name = "shouting"

    def serialize(self, value: object) -> str:
        return f"{value}!"

    def deserialize(self, raw: bytes) -> str:
        return raw.decode()[:-1]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("policy", ["wait", "fail", "ignore"])
async def test_REV_7_a_revoked_child_has_failed(world: World, where: str, policy: Any) -> None:
    name = place(world, where)
    node = await world.flow_producer().add(
        FlowJob("p", queue_name=world.name, on_child_failure=policy, children=[FlowJob("c", queue_name=name, delay=5)])
    )
    await world.worker(nothing)
    if where == "two queues":
        await world.worker(nothing, name)
    await world.queue(name).revoke(node.children[0].job.id)
    await world.settle()
    expected = {"wait": "waiting-children", "fail": "failed", "ignore": "completed"}
    parent = await stored(world.queue(), node.job)
    assert await parent.get_state() == expected[policy]
    assert parent.failed_reason == ("revoked" if policy == "fail" else None)


async def test_REV_7_a_waiting_parent_can_be_revoked_and_its_children_go_on(world: World) -> None:
    queue = world.queue()
    node = await world.flow_producer().add(
        FlowJob("p", queue_name=world.name, children=[FlowJob("c", queue_name=world.name, delay=5)])
    )
    assert await queue.revoke(node.job.id) == "revoked"
    await world.worker(nothing)
    await world.advance(5)
    assert await states(queue, node.job, node.children[0].job) == ["failed", "completed"]


async def test_ORD_7_waiting_for_children_gives_the_slot_back_and_takes_the_tail(world: World) -> None:
    queue = world.queue()
    ordering = Ordering("g")
    ran: list[str] = []

    async def process(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        if job.name == "p" and not await job.get_children_values():
            await added(queue, "c", parent=job, ordering=ordering)
            await job.move_to_waiting_children()

    await added(queue, "p", ordering=ordering)
    await added(queue, "next", ordering=ordering)
    await world.worker(process, concurrency=5)
    await world.settle()
    assert ran == ["p", "next", "c", "p"]
    assert "group:g" not in world.dump()


async def test_DED_8_a_debounced_child_releases_its_parent(world: World) -> None:
    queue = world.queue()
    debounce = Deduplication("d", mode="debounce", ttl=100)
    node = await world.flow_producer().add(
        FlowJob("p", queue_name=world.name, children=[FlowJob("c", queue_name=world.name, deduplication=debounce)])
    )
    assert await node.job.is_waiting_children()
    ran: list[str] = []
    await world.worker(noting(ran))
    await added(queue, "later", deduplication=debounce)
    await world.settle()
    assert ran == ["p"]
    await world.advance(100)
    assert ran == ["p", "later"]


async def test_SER_2_values_of_children_go_through_the_serializer(world: World) -> None:
    flow = world.flow_producer(serializer=Shouting())
    node = await flow.add(FlowJob("p", queue_name=world.name, children=[FlowJob("c", "é", queue_name=world.name)]))
    seen: list[Any] = []

    async def process(job: Job[Any, Any]) -> Any:
        seen.append(await job.get_children_values() if job.name == "p" else job.data)
        return "ü"

    await world.worker(process, serializer=Shouting())
    await world.settle()
    child = node.children[0].job
    assert seen == ["é", {f"{world.name}:{child.id}": "ü"}]
    plain = await stored(world.queue(), node.job)
    with pytest.raises(SerializationError, match="return value of the child"):
        await plain.get_children_values()


async def test_LIFO_3_not_in_flows_either(world: World) -> None:
    with pytest.raises(InvalidOptionsError, match=r"lifo and ordering\.key cannot be used together"):
        FlowJob("a", queue_name=world.name, lifo=True, ordering=Ordering("g"))


async def test_GET_3_a_waiting_parent_is_in_exactly_one_state(world: World) -> None:
    queue = world.queue()
    node = await world.flow_producer().add(
        FlowJob("p", queue_name=world.name, children=[FlowJob("c", queue_name=world.name)])
    )
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.waiting_children, counts.delayed, counts.active) == (1, 1, 0, 0)
    assert [job.id for job in await queue.get_jobs("waiting-children")] == [node.job.id]
    assert [job.id for job in await queue.search_jobs("waiting-children", name="p")] == [node.job.id]
    assert [job.name for job in await queue.search_jobs()] == ["c", "p"]


async def test_CID_3_a_flow_raises_where_an_id_is_taken(world: World) -> None:
    await added(world.queue(), "a", job_id="x")
    with pytest.raises(DuplicateJobError, match="'x'"):
        await world.flow_producer().add(FlowJob("b", queue_name=world.name, job_id="x"))
    assert (await stored(world.queue(), "x")).name == "a"


async def test_RET_1_a_parents_attempts_do_not_wait_for_its_children_again(world: World) -> None:
    node = await world.flow_producer().add(
        FlowJob(
            "p",
            queue_name=world.name,
            attempts=3,
            backoff=Backoff("fixed", 10),
            children=[FlowJob("c", queue_name=world.name)],
        )
    )
    runs: list[str] = []

    async def process(job: Job[Any, Any]) -> int:
        runs.append(job.name)
        if job.name == "p" and job.attempts_made < 2:
            raise ValueError("boom")
        return len(await job.get_children_values())

    await world.worker(process)
    await world.advance(20)
    assert runs == ["c", "p", "p", "p"]
    assert (await stored(world.queue(), node.job)).return_value == 1


async def test_DLQ_1_a_child_that_failed_for_good_is_a_dead_letter_too(world: World) -> None:
    dead = world.other("dead")
    queue = world.queue(dead_letter_queue=dead)
    node = await world.flow_producer().add(
        FlowJob("p", queue_name=world.name, children=[FlowJob("c", 5, queue_name=world.name)])
    )
    fails = True

    async def process(job: Job[Any, Any]) -> int:
        if fails and job.name == "c":
            raise ValueError("boom")
        return 1

    await world.worker(process, dead_letter_queue=dead)
    await world.settle()
    [letter] = await queue.get_dead_letter_jobs()
    assert (letter.data["data"], letter.parent_id) == (5, None)
    assert await node.job.is_waiting_children()
    fails = False
    assert await queue.replay_dead_letter_jobs() == 1
    await world.settle()
    assert await node.job.is_waiting_children()  # the replayed one is a job of its own
    await node.children[0].job.retry()
    await world.settle()
    assert await node.job.is_completed()


@pytest.mark.parametrize("where", PLACES)
async def test_DED_1_a_flow_with_a_job_that_is_deduplicated_is_refused(world: World, where: str) -> None:
    name = place(world, where)
    queue, flow = world.queue(name), world.flow_producer()
    once = Deduplication("once")
    child = FlowJob("c", queue_name=name, deduplication=once)
    await added(queue, "there", deduplication=once)
    with pytest.raises(DuplicateJobError, match="once"):
        await flow.add(FlowJob("p", queue_name=world.name, children=[child]))
    with pytest.raises(DuplicateJobError, match="once"):
        await flow.add(FlowJob("p", queue_name=name, deduplication=once, children=[FlowJob("c", queue_name=name)]))
    assert (await world.queue().get_job_counts()).waiting_children == 0
    [there] = await queue.get_jobs("waiting")
    await there.remove()
    with pytest.raises(DuplicateJobError, match="once"):
        await flow.add(FlowJob("p", queue_name=world.name, children=[child, child]))
    node = await flow.add(FlowJob("p", queue_name=world.name, children=[child]))
    assert await queue.add("again", deduplication=once) is None
    await world.worker(nothing)
    if where == "two queues":
        await world.worker(nothing, name)
    await world.settle()
    assert await node.job.is_completed()


@pytest.mark.parametrize("where", PLACES)
async def test_DED_4_a_debounced_job_of_a_flow_takes_the_place_of_a_pending_one(world: World, where: str) -> None:
    name = place(world, where)
    queue = world.queue(name)
    debounce = Deduplication("d", mode="debounce", ttl=100)
    pending = await added(queue, "pending", deduplication=debounce)
    child = FlowJob("c", queue_name=name, deduplication=debounce)
    node = await world.flow_producer().add(FlowJob("p", queue_name=world.name, children=[child]))
    assert await pending.get_state() == "unknown"
    ran: list[str] = []
    await world.worker(noting(ran))
    if where == "two queues":
        await world.worker(noting(ran), name)
    await world.advance(99)
    assert ran == []
    await world.advance(1)
    assert ran == ["c", "p"]
    assert await node.job.is_completed()


async def test_DED_1_a_waiting_parent_exists_under_its_deduplication_id(world: World) -> None:
    queue = world.queue()
    once = Deduplication("once")
    node = await world.flow_producer().add(
        FlowJob("p", queue_name=world.name, deduplication=once, children=[FlowJob("c", queue_name=world.name)])
    )
    assert await queue.add("again", deduplication=once) is None
    await node.job.remove()
    assert await queue.add("again", deduplication=once) is not None
