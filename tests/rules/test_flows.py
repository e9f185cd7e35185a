"""FLW: parents that wait for their children, in one queue and over several."""

from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    DuplicateJobError,
    FlowJob,
    FlowNode,
    InvalidOptionsError,
    Job,
    Ordering,
    PayloadTooLargeError,
    RateLimit,
    SerializationError,
    TokenBucket,
    UnrecoverableError,
)

from .world import Processor, World, added, failing, line_of, nothing, noting, states, stored

PLACES = ["one queue", "two queues"]


def tree(world: World, where: str, *, children: int = 2, **options: Any) -> FlowJob:
    """A parent with some children: `child-0`, `child-1`, ..."""
    queue_name = world.name if where == "one queue" else world.other("children")
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


async def values_of(world: World, node: FlowNode) -> list[Any]:
    """What the root of a flow returned, when it returned the values of its children."""
    returned = (await stored(world.queue(), node.job)).return_value
    assert returned is not None
    return list(returned.values())


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


# --- FLW-3 ------------------------------------------------------------------------------------------------------------


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


# --- FLW-4 ------------------------------------------------------------------------------------------------------------


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
