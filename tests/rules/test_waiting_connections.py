"""JOB-15: the connection that waits of a queue share, and what breaks it."""

import pytest

from glidemq_pb import ClosedError, JobFailedError, QueueConnectionError
from glidemq_pb.waiting import LOOK_MS, RETRY_MS

from .awaiting import begin, doubled, ended, traces
from .outages import UNREACHABLE
from .world import World, added, failing, line_of


async def test_JOB_15_a_hundred_waits_of_one_queue_share_one_more_connection(world: World) -> None:
    queue = world.queue()
    await world.worker(doubled, concurrency=50)
    assert len(line_of(queue).listeners) == 0
    waiting = [begin(queue.add_and_wait("a", n, remove_on_complete=True)) for n in range(100)]
    await world.settle()
    assert [ended(task) for task in waiting] == [2 * n for n in range(100)]
    assert len(line_of(queue).listeners) == 1
    assert traces(world) == set()


async def test_JOB_15_a_token_that_a_connection_lost_loses_no_answer_and_an_outage_is_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a", 21))
    await world.settle()
    line_of(queue).cut()  # its token is popped, and what it tells cannot be fetched
    await world.worker(doubled)
    await world.settle()
    assert not waiting.done()
    line_of(queue).refusals["fetch_answers"] = UNREACHABLE
    line_of(queue).mend()
    await world.advance(3 * RETRY_MS)
    line_of(queue).refusals.clear()
    await world.advance(RETRY_MS)
    assert ended(waiting) == 42
    assert len([record for record in caplog.records if "cannot be heard of" in record.getMessage()]) == 1


async def test_JOB_15_the_store_is_asked_now_and_then_without_a_token(world: World) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a", 21))
    await world.advance(LOOK_MS - 1)
    line_of(queue).loses_values = True
    await world.worker(doubled)
    await world.settle()
    assert not waiting.done()
    await world.advance(1)
    assert ended(waiting) == 42


async def test_JOB_15_closing_the_queue_ends_its_waits(world: World) -> None:
    queue = world.queue()
    waiting = begin(queue.add_and_wait("a"))
    await world.settle()
    await queue.close()
    with pytest.raises(ClosedError, match="closed while it waited"):
        ended(waiting)


async def test_JOB_15_without_the_connection_nothing_is_added_and_it_may_be_tried_again(world: World) -> None:
    queue = world.queue()
    await world.worker(doubled)
    line_of(queue).refusals["listener"] = UNREACHABLE
    with pytest.raises(QueueConnectionError):
        await queue.add_and_wait("a", 1)
    assert await queue.count() == 0
    line_of(queue).refusals.clear()
    waiting = begin(queue.add_and_wait("a", 1))
    await world.settle()
    assert ended(waiting) == 2


async def test_JOB_15_a_defect_while_listening_ends_the_waits_and_is_told(world: World) -> None:
    queue = world.queue()
    await world.worker(doubled)
    line_of(queue).refusals["fetch_answers"] = RuntimeError("a defect")
    waiting = begin(queue.add_and_wait("a", 1))
    await world.settle()
    with pytest.raises(RuntimeError, match="a defect"):
        ended(waiting)
    line_of(queue).refusals.clear()
    again = begin(queue.add_and_wait("a", 2))
    await world.settle()
    assert ended(again) == 4


async def test_JOB_15_one_that_has_ended_answers_at_once_and_needs_no_connection(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(1))
    bad, good = await added(queue, "a"), await added(queue, "a", attempts=2)
    await world.settle()
    line_of(queue).refusals["listener"] = UNREACHABLE
    assert await good.wait_until_finished(0) == "done"
    with pytest.raises(JobFailedError, match="boom"):
        await bad.wait_until_finished(0)
    assert traces(world) == set()
