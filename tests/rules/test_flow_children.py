"""FLW, and where other rules meet it: children of a running job, graphs, and what else a flow's jobs go through."""

from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    DagNode,
    Deduplication,
    DuplicateJobError,
    FlowJob,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    JobNotFoundError,
    NewJob,
    Ordering,
    SerializationError,
    chain,
    chord,
    group,
)

from .world import World, added, failing, nothing, noting, states, stored

PLACES = ["one queue", "two queues"]


def place(world: World, where: str) -> str:
    """The queue of the children."""
    return world.name if where == "one queue" else world.other("children")


class Shouting:
    """A serializer of its own."""

    name = "shouting"

    def serialize(self, value: object) -> str:
        return f"{value}!"

    def deserialize(self, raw: bytes) -> str:
        return raw.decode()[:-1]


# --- parent= and move_to_waiting_children -----------------------------------------------------------------------------


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


# --- graphs and patterns ----------------------------------------------------------------------------------------------


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


# --- where other rules meet flows -------------------------------------------------------------------------------------


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
