"""DLQ-5: exactly one copy of each dead letter is delivered, whoever dies."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import Job, NewJob, Queue, UnrecoverableError, Worker
from glidemq_pb.postman import look_after
from glidemq_pb.semantics import inbox, letters

from .dead_lettering import cut_before, dead_name, dead_queue, failing_worker
from .world import World, added, failing, line_of


async def test_DLQ_5_the_letter_is_written_in_the_step_of_the_failure(world: World) -> None:
    """B-32: it was a second call."""
    queue = world.queue()
    worker = await failing_worker(world)
    cut_before(line_of(worker), letters.list_letters, executed=False)
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_failed()
    assert len(world.dump()["outbox"]) == 1


CUTS = ["before the letter is read", "before it is taken", "before it is acknowledged", "before the reply"]


@pytest.mark.parametrize("cut", CUTS)
async def test_DLQ_5_a_worker_that_dies_at_any_point_of_the_delivery_leaves_exactly_one_copy(
    world: World, cut: str
) -> None:
    queue = world.queue()
    dead = dead_queue(world)
    worker = await failing_worker(world)
    line = line_of(worker)
    stop_at = {
        CUTS[0]: letters.list_letters, CUTS[1]: inbox.receive, CUTS[2]: letters.acknowledge,
        CUTS[3]: letters.acknowledge,
    }[cut]  # fmt: skip
    cut_before(line, stop_at, executed=cut == CUTS[3])
    await queue.add("a", 7)
    await world.settle()
    await worker.close(force=True)
    assert await dead.count() == (0 if cut in CUTS[:2] else 1)
    await failing_worker(world)
    await world.settle()
    assert [letter.data["data"] for letter in await dead.get_jobs("waiting")] == [7]
    assert "outbox" not in world.dump()
    assert len(await world.events("added", queue=dead_name(world))) == 1


async def test_DLQ_5_two_workers_that_deliver_at_once_deliver_one_copy_of_each(world: World) -> None:
    queue = world.queue()
    for _ in range(3):
        await failing_worker(world, concurrency=4)
    await queue.add_bulk([NewJob(str(number)) for number in range(120)])
    await world.settle()
    await world.advance(5_000)
    names = [letter.name for letter in await queue.get_dead_letter_jobs()]
    assert sorted(names, key=int) == [str(number) for number in range(120)]
    assert "outbox" not in world.dump()


async def test_DLQ_5_a_letter_that_comes_when_a_delivery_is_about_to_end_is_delivered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    about_to_end, may_end = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> None:
        await look_after(*args)
        about_to_end.set()
        await may_end.wait()

    monkeypatch.setattr("glidemq_pb.postman.look_after", slow)
    queue, dead = world.queue(), world.queue(dead_name(world))
    worker = await world.worker(failing(9), dead_letter_queue=dead.name)
    await queue.add("a")
    await about_to_end.wait()
    await queue.add("b")
    await world.settle()
    assert await dead.count() == 1
    may_end.set()
    await worker.close()
    assert await dead.count() == 2


async def test_DLQ_5_the_letter_of_a_job_that_fails_while_its_worker_closes_is_delivered_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker has a connection of its own, which it gives up."""
    running, may_fail = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await look_after(*args)

    monkeypatch.setattr("glidemq_pb.postman.look_after", slow)

    async def work(job: Job[Any, Any]) -> None:
        running.set()
        await may_fail.wait()
        raise UnrecoverableError("for good")

    url = "memory://closing-with-a-letter"
    errors: list[BaseException] = []
    async with Queue[Any, Any]("q", connection=url) as queue, Queue[Any, Any]("dead", connection=url) as dead:
        worker: Worker[Any, Any] = Worker("q", work, connection=url, dead_letter_queue=dead.name)
        worker.on("error", errors.append)
        await worker.start()
        await queue.add("a")
        await running.wait()
        closing = asyncio.ensure_future(worker.close())
        for _ in range(10):  # it waits for the job by now
            await asyncio.sleep(0)
        may_fail.set()
        await closing
        assert (await dead.count(), errors) == (1, [])


async def test_DLQ_5_a_letter_stays_delivered_when_its_job_is_gone_again(world: World) -> None:
    """The number, not the job, says that it was taken."""
    queue = world.queue()
    dead = dead_queue(world)
    worker = await failing_worker(world)
    cut_before(line_of(worker), letters.acknowledge, executed=False)
    await queue.add("a")
    await world.settle()
    await worker.close(force=True)
    await (await dead.get_jobs("waiting"))[0].remove()
    await failing_worker(world)
    await world.settle()
    assert await dead.count() == 0
    assert "outbox" not in world.dump()


async def test_DLQ_5_numbers_outlive_obliterate(world: World) -> None:
    """A queue that begins again does not send letters that its dead letter queue has had already."""
    queue = world.queue()
    worker = await failing_worker(world)
    await queue.add("first")
    await world.settle()
    await worker.close()
    await queue.obliterate()
    await failing_worker(world)
    await queue.add("second")
    await world.settle()
    assert [letter.name for letter in await queue.get_dead_letter_jobs()] == ["first", "second"]


async def test_DLQ_5_a_dead_letter_queue_that_was_obliterated_takes_letters_again(world: World) -> None:
    queue = world.queue()
    dead = dead_queue(world)
    await failing_worker(world)
    await queue.add("first")
    await world.settle()
    await dead.obliterate()
    await queue.add("second")
    await world.settle()
    assert [letter.name for letter in await queue.get_dead_letter_jobs()] == ["second"]
