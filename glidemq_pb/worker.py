"""The Worker: runs a queue's jobs."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from .backends.backend import Backend
from .clock import outlasts
from .component import Component, root_key
from .connection import Connection
from .emitter import Emitter
from .errors import InvalidOptionsError, InvalidStateError
from .execution import BackoffStrategy, Executor, Processor
from .job import Job
from .options import check_bool, check_duration, check_int, check_lock_duration, check_record, refuse_option
from .ordering import RateLimit
from .postman import deliver
from .queue_dead_letters import check_dead_letter_queue
from .semantics import inbox
from .serializers import JSON_SERIALIZER, Serializer
from .settings import Settings
from .work_loop import WorkLoop

if TYPE_CHECKING:
    from .backends import Client

D = TypeVar("D")
R = TypeVar("R")
L = TypeVar("L", bound=Callable[..., Any])

logger = logging.getLogger("glidemq_pb")

EVENTS = frozenset({"active", "completed", "failed", "stalled", "error", "drained", "closing", "closed"})
DEADLINE_MS = 5_000
"""How long jobs that were interrupted have to end."""
CONCURRENCY_MAX = 1000
"""One call settles and starts at most so many jobs."""


class Worker(Component, Generic[D, R]):
    """Runs the jobs of one queue, up to `concurrency` at a time.

    `processor` is a coroutine function, a plain function (it runs in a thread), or a mapping of job names to
    such functions. It gets the `Job` and returns the job's result. Raising fails the attempt; the job is run
    again while attempts remain (RET-1).

    `client` (or `command_client`): a glide client of yours to send calls with, which stays open; `connection` then
    serves the blocking wait for work, which needs a connection of its own (SC-1..10).

    Durations are `int` milliseconds or `timedelta`:

    - `lock_duration` (30 s): a job whose worker is silent for so long is given to another one.
    - `stalled_interval` (30 s), `block_timeout` (5 s): the longest an idle worker sleeps, whichever is less.
    - `max_stalled_count` (1): how often a job may lose its worker before it fails as `stalled`.
    - `backoff_strategies`: names for `Backoff(name)`; `fn(attempts_made, error)` returns a delay.
    - `limiter`: at most so many starts in a window, over all workers of the queue with the same limiter (WRK-1).
    - `cancel_on_abort`: also cancel an async processor's task when its abort signal fires.
    - `dead_letter_queue`: where a copy of each job goes that failed for good (DLQ-1..8).
    - `events`, `metrics`: whether this worker's transitions are written to the queue's event stream and counts.

    Example:
        async def process(job):
            return job.data["n"] * 2

        async with Worker("tasks", process, connection="valkey://localhost:6379", concurrency=10) as worker:
            ...
    """

    _role = "worker"

    def __init__(
        self,
        name: str,
        processor: Callable[[Job[D, R]], Any] | Mapping[str, Callable[[Job[D, R]], Any]],
        *,
        connection: str | Connection | None = None,
        client: "Client | None" = None,
        command_client: "Client | None" = None,
        backend: Backend | None = None,
        prefix: str = "glide",
        concurrency: int = 1,
        lock_duration: int | timedelta = 30_000,
        stalled_interval: int | timedelta = 30_000,
        max_stalled_count: int = 1,
        block_timeout: int | timedelta = 5_000,
        limiter: RateLimit | None = None,
        cancel_on_abort: bool = False,
        backoff_strategies: Mapping[str, BackoffStrategy] | None = None,
        dead_letter_queue: str | None = None,
        serializer: Serializer = JSON_SERIALIZER,
        events: bool = True,
        metrics: bool = True,
    ) -> None:
        if client is not None and command_client is not None:
            raise InvalidOptionsError("client and command_client are the same thing: give one of them")
        super().__init__(
            name, connection=connection, client=command_client if client is None else client, backend=backend,
            prefix=prefix, serializer=serializer, events=events,
        )  # fmt: skip
        check_processor(processor)
        self._dead_letter_queue = check_dead_letter_queue(name, dead_letter_queue)
        self._settings = Settings(
            concurrency=check_int("concurrency", concurrency, 1, CONCURRENCY_MAX),
            lock_duration=check_lock_duration("lock_duration", lock_duration),
            stalled_interval=check_duration("stalled_interval", stalled_interval, least=1),
            max_stalled_count=check_int("max_stalled_count", max_stalled_count, 0, 1_000_000),
            block_timeout=check_duration("block_timeout", block_timeout, least=1),
            cancel_on_abort=check_bool("cancel_on_abort", cancel_on_abort),
            metrics=check_bool("metrics", metrics),
            limiter=check_record("limiter", limiter, RateLimit),
        )
        self._processor: Processor | Mapping[str, Processor] = processor
        check_functions("backoff_strategies", backoff_strategies or {}, "a mapping of names to functions")
        self._strategies = dict(backoff_strategies or {})
        self._emitter = Emitter(EVENTS, f"worker of queue {name!r}")
        self._loop: WorkLoop | None = None
        self._starting: asyncio.Task[None] | None = None
        self._closed_event = asyncio.Event()
        self._failure: BaseException | None = None
        self._closing: asyncio.Task[None] | None = None

    # --- events -------------------------------------------------------------------------------------------------------

    @overload
    def on(self, event: str, listener: L) -> L: ...
    @overload
    def on(self, event: str) -> Callable[[L], L]: ...
    def on(self, event: str, listener: L | None = None) -> L | Callable[[L], L]:
        """Call `listener` at each `event`; also a decorator: `@worker.on("failed")`.

        Events: `active(job)`, `completed(job, result)`, `failed(job, error)` (every failed attempt),
        `stalled(job_id)`, `error(error)`, `drained()`, `closing()`, `closed()`. A listener that raises is
        reported as `error` and changes nothing. InvalidOptionsError for another name.
        """
        if listener is None:
            return lambda function: self.on(event, function)
        self._emitter.on(event, listener)
        return listener

    # --- life cycle ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect and begin to take jobs; returns once it does. QueueConnectionError when it cannot."""
        self._check_open()
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())
            self._starting.add_done_callback(self._note_start)
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        await self.connect()
        if self._dead_letter_queue is not None:
            target = root_key(self._owner.prefix, self._dead_letter_queue)
            await self._owner.call(inbox.set_dead_letters, target)
            await deliver(self.backend, target, self._owner.events_keep)  # replayed ones that a crash left behind
        loop = WorkLoop(self.backend, self._owner, self._settings, self._emitter, self._fail)
        executor = Executor(
            self._processor,
            concurrency=self._settings.concurrency,
            strategies=self._strategies,
            clock=self.backend.clock,
            emitter=self._emitter,
            settle=loop.settle,
            free=loop.free,
            hold=loop.hold,
        )
        await loop.start(executor)
        self._loop = loop

    def _note_start(self, task: asyncio.Task[None]) -> None:
        """One that failed may be tried again."""
        if task.cancelled() or task.exception() is not None:
            self._starting = None

    def _fail(self, error: BaseException) -> None:
        """The loop ended by an error, and its jobs were aborted."""
        self._failure = error
        self._closed_event.set()

    async def run(self) -> None:
        """Take jobs until `close()`. Raises what else ended it: FormatError, ClosedError, or a defect of ours."""
        await self.start()
        await self._closed_event.wait()
        if self._failure is not None:
            raise self._failure

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(
        self, force: bool = False, *, grace: int | timedelta | None = None, deadline: int | timedelta = DEADLINE_MS
    ) -> None:
        """Stop. Running jobs end and are settled first (WRK-6); idempotent. InvalidStateError inside a processor.

        With `grace` they have so long. What still runs then is interrupted: its abort signal fires (`aborted`), an
        async processor is cancelled, and unless it returns a result all the same, the job goes back to the front of
        its lane, at no cost of an attempt. What has not ended `deadline` (5 s) later is left behind, as with `force`.

        With `force` it returns at once: leases are renewed no more, processors are aborted and cancelled,
        nothing they do reaches the store, and their jobs are recovered as stalled when the lease ends.
        """
        grace_ms = None if grace is None else check_duration("grace", grace)
        deadline_ms = check_duration("deadline", deadline)
        if self._loop is not None and not force:
            self._loop.check_outside("close")
        self._emitter.waits_inside()
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        if force:
            await self._stop()
        elif grace_ms is not None:
            await self._close_in_time(self._closing, grace_ms, deadline_ms)
        await asyncio.shield(self._closing)

    async def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        if self._loop is not None:
            await self._loop.stop()

    async def _close_in_time(self, closing: asyncio.Task[None], grace: int, deadline: int) -> None:
        clock = self.backend.clock
        if await outlasts(clock, closing, grace):
            self._warn("interrupted after the grace period")
            if self._loop is not None:
                self._loop.interrupt()
            if await outlasts(clock, closing, deadline):
                self._warn("left behind, to be recovered when its lease ends")
                await self._stop()

    def _warn(self, what: str) -> None:
        """Say of each running job what a stop makes of it."""
        for execution in self._loop.running() if self._loop is not None else ():
            logger.warning("job %s: %s", execution.job.id, what, extra=execution.log_extra)

    async def _close(self) -> None:
        self._emitter.emit("closing")
        if self._starting is not None:
            await asyncio.wait({self._starting})
        loop = self._loop
        if loop is not None:
            await loop.finish()
            loop.shut_down()
        await super().close()
        self._emitter.emit("closed")
        if loop is None or not loop.stopped:
            await self._emitter.settled()
        else:
            self._emitter.cancel()
        self._closed_event.set()

    # --- control ------------------------------------------------------------------------------------------------------

    async def pause(self, force: bool = False) -> None:
        """Start nothing more; returns when running jobs have ended, with `force` at once (WRK-5).

        InvalidStateError inside a processor, which would wait for itself.
        """
        loop = self._running_loop()
        if not force:
            loop.check_outside("pause")
        loop.holding = True
        if not force:
            await loop.drained_slots()

    async def resume(self) -> None:
        """Start jobs again."""
        self._running_loop().resume()

    def is_running(self) -> bool:
        """Whether it takes jobs or finishes them: started and not closed."""
        return self._loop is not None and not self._closed_event.is_set()

    def is_paused(self) -> bool:
        """Whether `pause()` holds it."""
        return self._loop is not None and self._loop.holding

    def abort_job(self, job_id: str) -> bool:
        """Fire the abort signal (`aborted`) of a job that runs here: whether it does."""
        return self._loop is not None and self._loop.abort(job_id)

    def rate_limit(self, duration: int | timedelta) -> None:
        """Start nothing for so long; 0 changes nothing. This worker only, lost on its restart (WRK-2)."""
        self._running_loop().hold(check_duration("duration", duration))

    def _running_loop(self) -> WorkLoop:
        self._check_open()
        if self._loop is None:
            raise InvalidStateError("the worker has not been started")
        return self._loop


def check_processor(processor: object) -> None:
    """A function, or a mapping of names to functions. InvalidOptionsError otherwise."""
    if not callable(processor):
        check_functions("processor", processor, "a function, or a mapping of job names to them")


def check_functions(option: str, functions: object, allowed: str) -> None:
    """A mapping of names to functions. InvalidOptionsError otherwise."""
    if not isinstance(functions, Mapping):
        refuse_option(option, functions, allowed)
    for name, function in cast("Mapping[object, object]", functions).items():
        if not callable(function):
            refuse_option(f"{option}[{name!r}]", function, "a function")
