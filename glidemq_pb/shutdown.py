"""Stopping a program by a signal: in order, in time, and with nothing lost."""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterable
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Any, Final, Protocol, Self, cast

from .errors import InvalidOptionsError, InvalidStateError
from .options import check_duration
from .queue_events import QueueEvents
from .worker import DEADLINE_MS, Worker

logger = logging.getLogger("glidemq_pb")

GRACE_MS: Final = 20_000
"""How long running jobs may go on by default: what is left of the 30 s that most platforms give is for the rest."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Closable(Protocol):
    """A component, or whatever else is to be closed with them."""

    async def close(self) -> None:
        """Give it up."""
        ...


async def graceful_shutdown(
    *components: Closable, grace: int | timedelta = GRACE_MS, deadline: int | timedelta = DEADLINE_MS
) -> signal.Signals:
    """Wait for SIGTERM or SIGINT, then close all: workers, then what adds jobs, then `QueueEvents`. Returns the signal.

    Workers take no new jobs. Running ones have `grace` (20 s) to end; then they are interrupted and given back to the
    queue, and what has not ended `deadline` (5 s) later is left behind: see `Worker.close`. A second signal leaves
    behind at once what still runs. After that, and when this returns, signals mean again what they meant before.

    A worker that ends by itself, by an error, ends the wait too: all is closed and its error raised. What the closing
    of a component raises is raised when all were closed, as an ExceptionGroup. Call it in the main thread
    (InvalidStateError elsewhere).

    Example:
        async def main() -> None:
            queue = Queue("mail", connection=url)
            worker = Worker("mail", process, connection=url)
            await worker.start()
            await graceful_shutdown(queue, worker)
    """
    grace_ms, deadline_ms = check_duration("grace", grace), check_duration("deadline", deadline)
    for component in components:
        if not callable(getattr(component, "close", None)):
            raise InvalidOptionsError(f"{component!r}: allowed: what has a `close` method, such as a Queue or a Worker")
    workers: list[Worker[Any, Any]] = [one for one in components if isinstance(one, Worker)]
    loop = asyncio.get_running_loop()
    with Signals() as signals:
        failure = await signal_or_failure(signals, workers)
        closing = loop.create_task(close_all(components, grace_ms, deadline_ms))
        again = loop.create_task(signals.received(2))
        await asyncio.wait({closing, again}, return_when=asyncio.FIRST_COMPLETED)
        again.cancel()
    if not closing.done():
        logger.warning("a second signal: what still runs is left behind")
        await asyncio.gather(*(worker.close(force=True) for worker in workers), return_exceptions=True)
    errors = await closing
    if failure is not None:
        raise failure
    if errors:
        raise ExceptionGroup("graceful_shutdown", errors)
    return signals.seen[0]


class Signals:
    """Catches SIGTERM and SIGINT within a `with` block, and then gives them back to whom they belonged."""

    def __init__(self) -> None:
        self.seen: list[signal.Signals] = []
        self._loop = asyncio.get_running_loop()
        self._waiters: list[asyncio.Future[None]] = []
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise InvalidStateError("graceful_shutdown works in the main thread only, as only there signals arrive")
        # Not the loop's own handlers: those it cannot give back, and not every platform has them.
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _catch(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as `signal` calls it
        self._loop.call_soon_threadsafe(self._note, signal.Signals(number))

    def _note(self, number: signal.Signals) -> None:
        self.seen.append(number)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def received(self, count: int) -> None:
        """Wait until so many have come."""
        while len(self.seen) < count:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter


async def signal_or_failure(signals: Signals, workers: Iterable[Worker[Any, Any]]) -> BaseException | None:
    """Wait for a signal, or for a worker that ends by an error: that error."""
    loop = asyncio.get_running_loop()
    signalled = loop.create_task(signals.received(1))
    failing = {loop.create_task(failure_of(worker)) for worker in workers}
    try:
        done, _ = await asyncio.wait({signalled, *failing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (signalled, *failing):
            task.cancel()
    return next((task.result() for task in failing & done), None)


async def failure_of(worker: Worker[Any, Any]) -> BaseException:
    """Wait until a worker ends by an error; for ever, when it does not."""
    await worker._closed_event.wait()
    if worker._failure is None:  # it was closed on purpose
        await asyncio.get_running_loop().create_future()
    return cast("BaseException", worker._failure)


def stage_of(component: object) -> int:
    """Workers stop first, as they use the rest; who watches goes last, to see the end."""
    if isinstance(component, Worker):
        return 0
    return 2 if isinstance(component, QueueEvents) else 1


async def close_all(components: Iterable[Closable], grace: int, deadline: int) -> list[Exception]:
    """Close workers, then what they and others may still use, then who watches: what went wrong."""
    stages: tuple[list[Closable], list[Closable], list[Closable]] = ([], [], [])
    for component in components:
        stages[stage_of(component)].append(component)
    errors: list[Exception] = []
    for stage in stages:
        closing = (
            one.close(grace=grace, deadline=deadline) if isinstance(one, Worker) else one.close() for one in stage
        )
        results = await asyncio.gather(*closing, return_exceptions=True)
        errors += [error for error in results if isinstance(error, Exception)]
    return errors
