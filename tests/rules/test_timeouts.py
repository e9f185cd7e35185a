"""TMO: the time an attempt may take."""

import asyncio
import logging
import threading
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job

from .world import World, added, stored


async def test_TMO_1_an_attempt_that_takes_longer_fails_as_timed_out(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(10_000))
    job = await added(queue, "a", timeout=100)
    await world.advance(99)
    assert await job.is_active()
    await world.advance(1)
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("failed", "timed out", 1)
    assert found.finished_on == job.timestamp + 100


async def test_TMO_1_an_attempt_of_less_completes(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(99))
    job = await added(queue, "a", timeout=timedelta(milliseconds=100))
    await world.advance(200)
    assert await job.is_completed()


async def test_TMO_1_the_time_is_each_attempts_own_and_retries_apply(world: World) -> None:
    queue = world.queue()
    starts: list[int] = []

    async def work(job: Job[Any, Any]) -> str:
        starts.append(world.now - job.timestamp)
        await world.sleep(10_000 if len(starts) < 3 else 90)
        return "at last"

    await world.worker(work)
    job = await added(queue, "a", timeout=100, attempts=3, backoff=Backoff("fixed", 50))
    await world.advance(1_000)
    assert starts == [0, 150, 300]
    found = await stored(queue, job)
    assert (found.return_value, found.attempts_made) == ("at last", 2)


@pytest.mark.parametrize("options", [{}, {"timeout": 0}, {"timeout": None}])
async def test_TMO_1_0_and_absent_are_none(world: World, options: dict[str, Any]) -> None:
    queue = world.queue()
    await world.worker(world.working(120_000))
    job = await added(queue, "a", **options)
    await world.advance(119_999)
    assert await job.is_active()
    await world.advance(1)
    assert await job.is_completed()


@pytest.mark.parametrize("timeout", [-1, 1.5, True, "1"])
async def test_TMO_1_a_bad_timeout_is_refused(world: World, timeout: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="timeout"):
        await world.queue().add("a", timeout=timeout)


async def test_TMO_1_an_error_raised_earlier_wins(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await world.sleep(99)
        raise ValueError("own error")

    await world.worker(work)
    job = await added(queue, "a", timeout=100)
    await world.advance(500)
    assert (await stored(queue, job)).failed_reason == "own error"
    assert len(await world.events("failed")) == 1


async def test_TMO_1_a_timeout_of_one_millisecond(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(2))
    job = await added(queue, "a", timeout=1)
    await world.advance(1)
    assert (await stored(queue, job)).failed_reason == "timed out"


@pytest.mark.parametrize("late", ["result", "error"])
async def test_TMO_1_what_comes_after_the_timeout_is_ignored(world: World, late: str) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        try:
            await world.sleep(10_000)
        except asyncio.CancelledError:
            await world.sleep(50)
            if late == "error":
                raise ValueError("late") from None
        return "late"

    worker = await world.worker(work)
    told: list[str] = []
    worker.on("failed", lambda job, error: told.append(str(error)))
    worker.on("completed", lambda job, result: told.append(result))
    job = await added(queue, "a", timeout=100)
    await world.advance(1_000)
    assert told == ["timed out"]
    found = await stored(queue, job)
    assert (found.failed_reason, found.return_value, found.attempts_made) == ("timed out", None, 1)
    assert [event.name for event in await world.events("completed", "failed", "lease-lost")] == ["failed"]


async def test_TMO_2_the_abort_signal_fires_and_the_task_is_cancelled(world: World) -> None:
    queue = world.queue()
    seen: list[object] = []

    async def work(job: Job[Any, Any]) -> None:
        signal = job.abort_signal
        try:
            await world.sleep(10_000)
        except asyncio.CancelledError:
            seen.extend([signal.aborted, signal.reason])
            raise

    await world.worker(work)
    await queue.add("a", timeout=100)
    await world.advance(99)
    assert seen == []
    await world.advance(1)
    assert seen == [True, "timed out"]


async def test_TMO_2_the_next_attempt_does_not_overlap_the_timed_out_one(world: World) -> None:
    queue = world.queue()
    running = 0
    most = 0

    async def work(job: Job[Any, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await world.sleep(10_000)
        finally:
            running -= 1

    await world.worker(work)
    job = await added(queue, "a", timeout=100, attempts=3)
    await world.advance(300)
    assert (await stored(queue, job)).attempts_made == 3
    assert (running, most) == (0, 1)


class Stuck:
    """A plain function that cannot be stopped: it returns when the test says so."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, job: Job[Any, Any]) -> str:
        self.started.set()
        assert self.go_on.wait(30)
        return "late"


async def test_TMO_2_a_plain_functions_attempt_fails_at_once_and_its_slot_stays_taken(world: World) -> None:
    queue = world.queue()
    stuck = Stuck()
    ran: list[str] = []

    def other(job: Job[Any, Any]) -> None:
        ran.append(job.name)

    await world.worker({"stuck": stuck, "other": other})
    job = await added(queue, "stuck", timeout=100)
    await queue.add("other")
    await world.until(stuck.started.is_set)
    await world.advance(100)
    assert (await stored(queue, job)).failed_reason == "timed out"
    await world.advance(1_000)
    assert ran == []
    stuck.go_on.set()
    await world.until(lambda: ran == ["other"])
    assert (await stored(queue, job)).failed_reason == "timed out"


async def test_TMO_2_a_log_line_names_the_thread_each_30_seconds(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    queue = world.queue()
    stuck = Stuck()
    await world.worker(stuck)
    job = await added(queue, "stuck", timeout=100)
    await world.until(stuck.started.is_set)
    with caplog.at_level(logging.WARNING, "glidemq_pb"):
        await world.advance(100 + 29_999)
        assert [record for record in caplog.records if "still runs" in record.message] == []
        await world.advance(1)
        await world.advance(30_000)
    lines = [record for record in caplog.records if "still runs" in record.message]
    assert len(lines) == 2
    assert job.id in lines[0].message
    assert vars(lines[0])["job_id"] == job.id
    assert vars(lines[0])["queue"] == world.name
    stuck.go_on.set()


async def test_TMO_2_a_closing_worker_waits_for_the_thread(world: World) -> None:
    queue = world.queue()
    stuck = Stuck()
    worker = await world.worker(stuck)
    await queue.add("stuck", timeout=100)
    await world.until(stuck.started.is_set)
    await world.advance(100)
    closing = asyncio.ensure_future(worker.close())
    await world.settle()
    assert not closing.done()
    stuck.go_on.set()
    await closing


async def test_TMO_2_a_plain_function_may_look_at_its_signal_and_stop(world: World) -> None:
    queue = world.queue()
    started = threading.Event()
    over = threading.Event()

    def work(job: Job[Any, Any]) -> None:
        started.set()
        while not job.abort_signal.aborted:
            over.wait(0.001)
        over.set()

    await world.worker(work)
    await queue.add("a", timeout=100)
    await world.until(started.is_set)
    await world.advance(100)
    await world.until(over.is_set)
