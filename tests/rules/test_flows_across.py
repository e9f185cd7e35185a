"""FLW over several queues, where no atomic step reaches: all of a flow or nothing, whoever dies when."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import DuplicateJobError, FlowJob, Job, QueueConnectionError

from .world import World, added, line_of, nothing, noting, stored

IN_DOUBT_MS = 60_000
"""How long a reservation waits before somebody asks for its flow (`limits.RESERVED_MS`)."""


def three_queues(world: World) -> list[str]:
    """The queues of `wide`, the root's first."""
    return [world.name, world.other("b"), world.other("c")]


def wide(world: World) -> FlowJob:
    """A flow over three queues; the parent of the nested one is not in the root's."""
    a, b, c = three_queues(world)
    nested = FlowJob("nested", queue_name=b, job_id="n", children=[FlowJob("leaf", queue_name=c, job_id="l")])
    return FlowJob("root", queue_name=a, job_id="r", children=[nested, FlowJob("child", queue_name=c, job_id="c")])


def left_of_flows(world: World) -> list[str]:
    """Keys of what is under way between queues."""
    words = ("held", "reservation", "outbox", "letter", "flows", "freed")
    return [f"{name}/{key}" for name in three_queues(world) for key in world.dump(name) if key.startswith(words)]


async def jobs_of(world: World) -> list[bool]:
    """For each job of `wide`, whether it is there."""
    a, b, c = (world.queue(name) for name in three_queues(world))
    return [await queue.get_job(job_id) is not None for queue, job_id in ((a, "r"), (b, "n"), (c, "l"), (c, "c"))]


async def test_FLW_1_nothing_is_left_of_a_flow_over_three_queues(world: World) -> None:
    node = await world.flow_producer().add(wide(world))
    assert left_of_flows(world) == []
    ran: list[str] = []
    for name in three_queues(world):
        await world.worker(noting(ran), name)
    await world.settle()
    assert sorted(ran) == ["child", "leaf", "nested", "root"]
    assert ran.index("leaf") < ran.index("nested") < ran.index("root")
    assert await node.job.is_completed()
    assert left_of_flows(world) == []


CALLS = 10
"""Calls of `flow.add(wide)`: the root's clock, two reservations, the commit, and the delivery of its two letters."""


@pytest.mark.parametrize("dies_after", range(CALLS))
async def test_FLW_4_a_producer_that_dies_leaves_all_or_nothing(world: World, dies_after: int) -> None:
    flow = world.flow_producer()
    line = line_of(flow)

    async def die() -> None:
        line.cut()

    if dies_after:
        line.after_calls(dies_after, die)
    else:
        line.cut()
    adding = asyncio.ensure_future(flow.add(wide(world)))
    await world.settle()
    ran: list[str] = []
    for name in three_queues(world):
        await world.worker(noting(ran), name)
    await world.settle()
    committed = line.calls["add_flow"] == 1
    if committed:
        assert sorted(ran) == ["child", "leaf", "nested", "root"]
    else:
        assert ran == []
        assert await jobs_of(world) == [False] * 4
    await world.advance(2 * IN_DOUBT_MS)
    assert len(ran) == (4 if committed else 0)
    assert left_of_flows(world) == []
    if not committed:  # its ids are free again
        await world.flow_producer().add(wide(world))
        await world.settle()
        assert len(ran) == 4
    adding.cancel()


async def test_FLW_4_the_calls_of_the_test_above(world: World) -> None:
    flow = world.flow_producer()
    await flow.add(wide(world))
    assert line_of(flow).calls.total() == CALLS - 1
    assert list(line_of(flow).calls) == ["get_time", "reserve", "add_flow", "list_letters", "receive", "acknowledge"]


async def test_FLW_4_a_commit_whose_reply_is_lost_is_a_whole_flow(world: World) -> None:
    """Its producer is gone, and its queue has no worker: those of the other queues ask, and deliver."""
    flow = world.flow_producer()
    line = line_of(flow)

    async def die() -> None:
        line.hold_replies()

    line.after_calls(3, die)
    adding = asyncio.ensure_future(flow.add(wide(world)))
    ran: list[str] = []
    for name in three_queues(world)[1:]:
        await world.worker(noting(ran), name)
    await world.settle()
    assert ran == []
    await world.advance(IN_DOUBT_MS)
    assert sorted(ran) == ["child", "leaf", "nested"]
    await world.worker(noting(ran))
    await world.settle()
    assert ran[3:] == ["root"]
    assert left_of_flows(world) == []
    adding.cancel()


async def test_FLW_4_a_flow_that_was_not_committed_in_time_never_is(world: World) -> None:
    flow = world.flow_producer()
    line = line_of(flow)
    line.after_calls(3, lambda: _cut(line))
    adding = asyncio.ensure_future(flow.add(wide(world)))
    for name in three_queues(world):
        await world.worker(nothing, name)
    await world.advance(IN_DOUBT_MS)
    line.mend()
    with pytest.raises(QueueConnectionError, match="nothing of it was added"):
        await adding
    await world.settle()
    assert await jobs_of(world) == [False] * 4
    assert left_of_flows(world) == []


async def _cut(line: Any) -> None:
    line.cut()


async def test_FLW_4_reserved_jobs_are_seen_by_nobody(world: World) -> None:
    flow = world.flow_producer()
    line = line_of(flow)
    line.after_calls(3, lambda: _cut(line))
    adding = asyncio.ensure_future(flow.add(wide(world)))
    await world.settle()
    for name in three_queues(world):
        queue = world.queue(name)
        counts = await queue.get_job_counts()
        assert (counts.waiting, counts.waiting_children, counts.delayed) == (0, 0, 0)
        assert await queue.search_jobs() == []
        assert await world.events(queue=name) == []
    assert await jobs_of(world) == [False] * 4
    assert await world.queue(three_queues(world)[2]).add("x", job_id="l") is None
    with pytest.raises(DuplicateJobError):
        await world.flow_producer().add(wide(world))
    line.mend()
    await adding
    assert await jobs_of(world) == [True] * 4


async def test_FLW_4_reserved_jobs_outlive_an_obliterate_of_their_queue(world: World) -> None:
    flow = world.flow_producer()
    line = line_of(flow)
    line.after_calls(3, lambda: _cut(line))
    adding = asyncio.ensure_future(flow.add(wide(world)))
    await world.settle()
    for name in three_queues(world)[1:]:
        await world.queue(name).obliterate()
    line.mend()
    await adding
    ran: list[str] = []
    for name in three_queues(world):
        await world.worker(noting(ran), name)
    await world.settle()
    assert sorted(ran) == ["child", "leaf", "nested", "root"]


@pytest.mark.parametrize("dies_after", range(9))
async def test_FLW_1_a_child_of_a_running_job_is_added_whole_or_not_at_all(world: World, dies_after: int) -> None:
    other = world.other("b")
    children = world.queue(other)
    line = line_of(children)
    runs: list[str] = []

    async def die() -> None:
        line.cut()

    async def parent(job: Job[Any, Any]) -> int:
        runs.append("parent")
        if len(runs) == 1:
            adding = asyncio.ensure_future(children.add("child", parent=job))
            await world.sleep(10)
            adding.cancel()
            await job.move_to_waiting_children()
        return len(await job.get_children_values())

    async def child(job: Job[Any, Any]) -> None:
        runs.append("child")

    if dies_after:
        line.after_calls(dies_after, die)
    else:
        line.cut()
    await world.worker(parent)
    await world.worker(child, other)
    job = await added(world.queue(), "parent")
    await world.advance(10)
    adopted = line.calls["adopt"] == 1
    await world.advance(2 * IN_DOUBT_MS)
    assert sorted(runs) == (["child", "parent", "parent"] if adopted else ["parent", "parent"])
    assert (await stored(world.queue(), job)).return_value == (1 if adopted else 0)
    for name in (world.name, other):
        assert [key for key in world.dump(name) if key.startswith(("held", "reservation", "letter", "flows"))] == []


async def test_FLW_2_news_of_children_arrive_once_and_in_order_after_a_cut(world: World) -> None:
    """The worker of the children is cut off again and again, mended later, and delivers the same letters again."""
    other = world.other("b")
    family = [FlowJob("c", number, queue_name=other) for number in range(8)]
    node = await world.flow_producer().add(FlowJob("p", queue_name=world.name, children=family))
    ran: list[str] = []
    await world.worker(noting(ran))

    async def process(job: Job[Any, Any]) -> int:
        return job.data  # type: ignore[no-any-return]

    worker = await world.worker(process, other, concurrency=2)
    line = line_of(worker)
    for calls in range(line.calls.total() + 1, 40, 3):
        line.after_calls(calls, lambda: _cut(line))
        await world.settle()
        line.mend()
        await world.settle()
    await world.settle()
    assert ran == ["p"]
    assert list((await node.job.get_children_values()).values()) == list(range(8))
