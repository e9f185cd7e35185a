"""graceful_shutdown: the order of closing, signals, failures; in memory. Real processes: tests/integration."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from glidemq_pb import (
    InvalidOptionsError,
    InvalidStateError,
    Job,
    Queue,
    QueueEvents,
    Worker,
    graceful_shutdown,
)
from glidemq_pb.backends.memory import MemoryBackend
from glidemq_pb.shutdown import SIGNALS

FOREVER = 3_600
HANGS_SECONDS = 60.0


@pytest.fixture(autouse=True)
def handlers_are_given_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


class Noting:
    """A component that says when it is closed."""

    def __init__(self, label: str, closed: list[str], error: Exception | None = None) -> None:
        self._label = label
        self._closed = closed
        self._error = error

    async def close(self) -> None:
        self._closed.append(self._label)
        if self._error is not None:
            raise self._error


async def begun(*components: Any, **options: Any) -> "asyncio.Task[signal.Signals]":
    """A shutdown that waits for its signal."""
    task = asyncio.ensure_future(graceful_shutdown(*components, **options))
    before = signal.getsignal(signal.SIGTERM)
    while signal.getsignal(signal.SIGTERM) is before:
        assert not task.done(), task.exception()
        await asyncio.sleep(0)
    return task


async def working(backend: MemoryBackend, seconds: float) -> Worker[Any, Any]:
    """A worker in the middle of a job."""
    started = asyncio.Event()

    async def process(job: Job[Any, Any]) -> None:
        started.set()
        await asyncio.sleep(seconds)

    worker = Worker[Any, Any]("q", process, backend=backend)
    await worker.start()
    await Queue[Any, Any]("q", backend=backend).add("a")
    await started.wait()
    return worker


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_workers_first_and_watchers_last(number: signal.Signals) -> None:
    backend = MemoryBackend()
    closed: list[str] = []
    worker = await working(backend, 0)
    worker.on("closed", lambda: closed.append("worker"))
    seen: list[str] = []
    events = QueueEvents("q", backend=backend)
    events.on("completed", lambda event: seen.append(event.job_id))
    await events.connect()
    closing = events.close

    async def close() -> None:
        closed.append("events")
        await closing()

    events.close = close  # type: ignore[method-assign]  # to note when
    task = await begun(events, Noting("producer", closed), worker)
    assert closed == []
    signal.raise_signal(number)
    assert await task == number
    assert closed == ["worker", "producer", "events"]


async def test_a_job_has_the_grace_period_then_it_is_given_back() -> None:
    backend = MemoryBackend()
    queue = Queue[Any, Any]("q", backend=backend)
    worker = await working(backend, FOREVER)
    task = await begun(worker, grace=10)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(task, HANGS_SECONDS)
    assert (await queue.get_job_counts()).waiting == 1


async def test_a_second_signal_leaves_behind_what_still_runs() -> None:
    backend = MemoryBackend()
    worker = await working(backend, FOREVER)
    closed: list[str] = []
    is_closing = asyncio.Event()
    worker.on("closing", is_closing.set)
    task = await begun(worker, Noting("producer", closed))
    signal.raise_signal(signal.SIGTERM)
    await is_closing.wait()
    signal.raise_signal(signal.SIGINT)
    assert await asyncio.wait_for(task, HANGS_SECONDS) == signal.SIGTERM
    assert closed == ["producer"]
    assert (await Queue[Any, Any]("q", backend=backend).get_job_counts()).active == 1


async def test_a_worker_that_fails_ends_the_wait_and_its_error_is_raised() -> None:
    backend = MemoryBackend()
    worker = await working(backend, 0)
    other = Worker[Any, Any]("another", print, backend=MemoryBackend())
    closed: list[str] = []
    task = await begun(worker, other, Noting("producer", closed))
    await other.close()  # on purpose: that ends nothing
    worker._fail(ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(task, HANGS_SECONDS)
    assert closed == ["producer"]


async def test_all_are_closed_also_when_one_cannot_be() -> None:
    closed: list[str] = []
    task = await begun(Noting("a", closed, ValueError("a")), Noting("b", closed, KeyError("b")), Noting("c", closed))
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(ExceptionGroup) as failed:
        await task
    assert closed == ["a", "b", "c"]
    assert [type(error) for error in failed.value.exceptions] == [ValueError, KeyError]


async def test_a_cancelled_wait_closes_nothing() -> None:
    closed: list[str] = []
    task = await begun(Noting("a", closed))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == []


async def test_what_cannot_be_closed_and_bad_durations_are_refused() -> None:
    thing: Any = object()
    with pytest.raises(InvalidOptionsError, match="close"):
        await graceful_shutdown(thing)
    seconds: Any = 1.5
    with pytest.raises(InvalidOptionsError, match="grace"):
        await graceful_shutdown(grace=seconds)
    with pytest.raises(InvalidOptionsError, match="deadline"):
        await graceful_shutdown(deadline=-1)


def test_another_thread_than_the_main_one_is_refused() -> None:
    refused: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(_shut_down())
        except InvalidStateError as error:
            refused.append(error)

    async def _shut_down() -> None:
        await graceful_shutdown()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(HANGS_SECONDS)
    assert "main thread" in str(refused[0])
