"""What the kit waits for as it moves time: processors on either loop, listeners, a test that waits by itself."""

import asyncio
import threading
from typing import Any

import pytest

from glidemq_pb import NewJob
from glidemq_pb.testing import NothingCanHappenError, StillRunningWarning, TestQueue, TestWorker, VirtualClock, run
from tests.unit.testing_kit import HOUR, AnyJob, AnyQueue, both, play, succeed


def test_closing_a_worker_whose_processor_hangs_is_an_error_and_not_a_wait_for_ever() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")

        async def hang(_: AnyJob) -> None:
            await asyncio.Event().wait()

        async with TestWorker(queue, hang):
            await queue.add("stuck", {})
            await queue.run_until_idle()

    with pytest.raises(NothingCanHappenError, match="hang"):
        run(test())


def test_on_another_loop_a_processor_is_waited_for_up_to_the_patience() -> None:
    async def test() -> None:
        async def work(job: AnyJob) -> None:
            await asyncio.to_thread(threading.Event().wait, 0.02)

        patient: AnyQueue = TestQueue("patient", patience=60_000)
        TestWorker(patient, work)
        await patient.add("real", {})
        await patient.run_until_idle()
        assert (await patient.get_job_counts()).completed == 1

        async def hang(job: AnyJob) -> None:
            await asyncio.Event().wait()

        queue: AnyQueue = TestQueue("tasks", patience=100)
        TestWorker(queue, hang)
        await queue.add("hang", {}, timeout=HOUR)
        with pytest.warns(StillRunningWarning, match=r"after 100 ms of real time: hang 1"):
            await queue.run_until_idle()
        assert [job.id for job in queue.running()] == ["1"]
        await queue.advance(HOUR)
        job = await queue.get_job("1")
        assert job is not None
        assert job.failed_reason == "timed out"

    asyncio.run(test())


def test_much_work_on_another_loop_is_no_hanging_processor() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", patience=250)
        TestWorker(queue, succeed)
        for _ in range(5):
            await queue.add_bulk([NewJob("x")] * 1_000)
        await queue.run_until_idle()
        assert (await queue.get_job_counts()).completed == 5_000

    asyncio.run(test())


@both
def test_a_processor_that_waits_for_its_abort_signal_is_in_a_wait_of_the_kit(runner: Any) -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", patience=60_000)

        async def wait(job: AnyJob) -> str:
            return await job.abort_signal.wait()

        worker = TestWorker(queue, wait)
        await queue.add("x", {})
        await queue.advance(HOUR)
        assert len(queue.running()) == 1
        assert worker.abort_job("1")
        await queue.run_until_idle()
        job = await queue.get_job("1")
        assert job is not None
        assert job.return_value == "aborted"

    play(runner, test())


def test_processors_on_the_virtual_loop_may_use_asyncio_as_ever() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", clock=VirtualClock(0))

        async def sleep(_: AnyJob) -> int:
            await asyncio.sleep(3_600)
            return queue.clock.now()

        async def limit(_: AnyJob) -> int:
            try:
                async with asyncio.timeout(60):
                    await asyncio.sleep(3_600)
            except TimeoutError:
                return queue.clock.now()
            return -1

        async def gather(_: AnyJob) -> int:
            await asyncio.gather(asyncio.sleep(10), asyncio.sleep(20), queue.clock.sleep(30_000))
            return queue.clock.now()

        def plain(_: AnyJob) -> int:
            return queue.clock.now()

        TestWorker(queue, {"sleep": sleep, "limit": limit, "gather": gather, "plain": plain}, concurrency=4)
        added = await queue.add_bulk([NewJob("sleep"), NewJob("limit"), NewJob("gather"), NewJob("plain")])
        await queue.run_to_completion()
        ended = [await queue.get_job(job.id) for job in added]
        assert [job and job.return_value for job in ended] == [HOUR, 60_000, 30_000, 0]

    run(test())


def test_coroutines_of_listeners_are_waited_for() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks")
        worker = TestWorker(queue, succeed)
        heard: list[str] = []

        @worker.on("completed")
        async def hear(job: AnyJob, _: object) -> None:
            await asyncio.sleep(60)
            heard.append(job.id)

        await queue.add("x", {})
        await queue.advance(59_999)
        assert not heard
        await queue.advance(1)
        assert heard == ["1"]

    run(test())


def test_a_test_that_waits_by_itself_moves_time_too() -> None:
    async def test() -> None:
        queue: AnyQueue = TestQueue("tasks", clock=VirtualClock(0))
        TestWorker(queue, succeed)
        await queue.add("x", {}, delay=5_000)
        await asyncio.sleep(4)
        assert (await queue.get_job_counts()).delayed == 1
        await asyncio.sleep(2)
        assert (await queue.get_job_counts()).completed == 1
        await queue.advance(1_000)
        assert queue.clock.now() == 7_000

    run(test())
