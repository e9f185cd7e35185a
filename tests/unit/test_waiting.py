"""Waiting for the end of jobs in the test kit, and in real time in memory."""

import asyncio
import time
from typing import Any

import pytest

from glidemq_pb import Job, JobFailedError, JobWaitTimeoutError, Queue, Worker
from glidemq_pb.server import PrivateServer
from glidemq_pb.testing import TestQueue, TestWorker, run

AnyQueue = TestQueue[Any, Any]
MINUTE = 60_000


async def doubled(job: Job[Any, Any]) -> Any:
    return job.data * 2


def test_in_virtual_time_a_wait_lets_time_go_on_to_the_end_of_the_job() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def process(job: Job[Any, Any]) -> Any:
            await queue.clock.sleep(10 * MINUTE)
            return job.data * 2

        TestWorker(queue, process)
        began = queue.clock.now()
        assert await queue.add_and_wait("a", 21, delay=MINUTE, wait_timeout=60 * MINUTE) == 42
        assert queue.clock.now() == began + 11 * MINUTE
        with pytest.raises(JobWaitTimeoutError):
            await queue.add_and_wait("a", 21, wait_timeout=MINUTE)
        assert queue.clock.now() == began + 12 * MINUTE
        job = await queue.get_job("2")
        assert job is not None
        assert await job.wait_until_finished(60 * MINUTE) == 42
        assert queue.clock.now() == began + 21 * MINUTE

    real = time.monotonic()
    run(test())
    assert time.monotonic() - real < 60  # of more than 20 minutes


async def test_on_another_loop_a_job_of_this_moment_can_be_awaited_at_once() -> None:
    queue: AnyQueue = TestQueue("tasks")
    TestWorker(queue, doubled)
    assert await queue.add_and_wait("a", 21, remove_on_complete=True) == 42
    assert not [key for key in queue.snapshot() if "answer" in key]


async def test_on_another_loop_time_is_moved_beside_the_wait() -> None:
    queue: AnyQueue = TestQueue("tasks")
    TestWorker(queue, doubled)
    good = asyncio.create_task(queue.add_and_wait("a", 21, delay=MINUTE, wait_timeout=2 * MINUTE))
    late = asyncio.create_task(queue.add_and_wait("a", 21, delay=MINUTE, wait_timeout=MINUTE - 1))
    await queue.run_until_idle()
    assert not good.done()
    await queue.advance(MINUTE - 1)
    assert (good.done(), late.done()) == (False, True)
    await queue.advance(1)
    assert good.result() == 42
    with pytest.raises(JobWaitTimeoutError):
        late.result()


async def test_nobody_waits_to_completion_for_what_does_not_move() -> None:
    queue: AnyQueue = TestQueue("tasks")
    TestWorker(queue, doubled)
    await queue.pause()
    began = queue.clock.now()
    waiting = asyncio.create_task(queue.add_and_wait("a", 1))
    await queue.run_to_completion()
    assert (waiting.done(), queue.clock.now()) == (False, began)
    await queue.close()
    await asyncio.wait({waiting})
    assert "was closed" in str(waiting.exception())


def test_a_job_may_wait_for_another() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def process(job: Job[Any, Any]) -> Any:
            return 1 if job.data == 0 else job.data * await queue.add_and_wait("factorial", job.data - 1)

        TestWorker(queue, process, concurrency=10)
        assert await queue.add_and_wait("factorial", 5) == 120

    run(test())


async def test_in_real_time_in_memory() -> None:
    async def process(job: Job[Any, Any]) -> Any:
        if job.data is None:
            raise ValueError("nothing there")
        return job.data * 2

    connection = "memory://waiting"
    async with (
        Queue[Any, Any]("tasks", connection=connection) as queue,
        Worker[Any, Any]("tasks", process, connection=connection, concurrency=3),
    ):
        assert await asyncio.gather(*[queue.add_and_wait("a", n) for n in range(50)]) == [2 * n for n in range(50)]
        with pytest.raises(JobFailedError, match="nothing there"):
            await queue.add_and_wait("a")
        with pytest.raises(JobWaitTimeoutError):
            await queue.add_and_wait("a", delay=MINUTE, wait_timeout=20)


async def test_the_same_test_waits_on_a_real_store(valkey_server: PrivateServer) -> None:
    queue: AnyQueue = TestQueue.on(valkey_server.url)("waiting-in-the-kit")
    TestWorker(queue, doubled)
    try:
        assert await queue.add_and_wait("a", 21) == 42
    finally:
        await queue.end_test(erase=True)
