"""Running one job's processor, and turning what came of it into a settlement."""

import asyncio
import contextvars
import logging
import math
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any, cast

from .clock import Clock, Timer
from .emitter import Emitter
from .errors import (
    GroupRateLimitError,
    InvalidOptionsError,
    InvalidStateError,
    JobAbortedError,
    RateLimitError,
    UnrecoverableError,
)
from .job import Job
from .payload import encode_value
from .run import Run, RunDelayed, RunEnd, RunRateLimited
from .semantics.limits import DELAY_MAX_MS, FRACTIONS
from .semantics.records import (
    COMPLETED_RUN,
    DELAYED_RUN,
    FAILED_RUN,
    RETURNED_RUN,
    WAITING_CHILDREN_RUN,
    RunDetail,
    Settlement,
)
from .wire import to_wire

logger = logging.getLogger("glidemq_pb")

TRACE_MAX = 16_384
"""Characters of a stack trace that are stored: its end, where the error is."""
ZOMBIE_LOG_MS = 30_000
"""How often a thread that outlives its attempt is named (TMO-2)."""

Processor = Callable[[Job[Any, Any]], Any]
BackoffStrategy = Callable[[int, BaseException], int | float | timedelta]


class Execution:
    """One job while it occupies a slot of its worker."""

    __slots__ = (
        "clock", "extend_at", "interrupted", "job", "lease_from", "lease_ms", "lost", "run", "settled", "task",
        "threaded", "timer",
    )  # fmt: skip

    def __init__(self, clock: Clock, job: Job[Any, Any], run: Run, lease_ms: int, sent_at: float) -> None:
        self.clock = clock
        self.job = job
        self.run = run
        self.lease_ms = lease_ms
        self.task: asyncio.Task[None] | None = None
        self.timer: Timer | None = None
        self.threaded = False
        self.settled = False
        self.lost = False
        self.interrupted = False
        self.lease_from = sent_at
        self.extend_at = sent_at + lease_ms / 2

    def grant(self, sent_at: float) -> None:
        """A call sent at `sent_at` (monotonic) was answered with the lease."""
        self.lease_from = sent_at
        self.extend_at = sent_at + self.lease_ms / 2

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it will reach the store."""
        return self.settled or self.lost

    @property
    def waits_in_kit(self) -> bool:
        """Whether the processor waits for virtual time or for its abort signal (see `clock.RunningJob`)."""
        return self.run.abort.waiting or (self.task is not None and self.clock.is_sleeping(self.task))

    @property
    def description(self) -> str:
        """The job's name and id, for messages."""
        return f"{self.job.name} {self.job.id}"

    @property
    def log_extra(self) -> dict[str, object]:
        """What every log record about it carries."""
        return {"job_id": self.job.id, "queue": self.job.queue_name, "attempt": self.job.attempts_made + 1}


@dataclass(slots=True)
class Outcome:
    """A settlement and what the worker's own events say of it."""

    execution: Execution
    settlement: Settlement
    result: object = None
    error: BaseException | None = None


class Executor:
    """Runs processors: coroutine functions as tasks, plain functions in threads, by job name where asked."""

    def __init__(
        self,
        processor: Processor | Mapping[str, Processor],
        *,
        concurrency: int,
        strategies: Mapping[str, BackoffStrategy],
        clock: Clock,
        emitter: Emitter,
        settle: Callable[[Outcome], None],
        free: Callable[[Execution], None],
        hold: Callable[[int], None],
    ) -> None:
        self._processor = processor
        self._concurrency = concurrency
        self._strategies = strategies
        self._clock = clock
        self._emitter = emitter
        self._settle = settle
        self._free = free
        self._hold = hold
        self._threads: ThreadPoolExecutor | None = None
        self._loop = asyncio.get_running_loop()
        self._runs_coroutines = callable(processor) and is_coroutine_function(processor)
        self._coroutine: Any = processor
        """The one coroutine function that runs all jobs, where there is one."""

    def start(self, execution: Execution) -> None:
        """Run the job's processor in a task of its own."""
        timeout = execution.job.timeout
        if timeout:
            execution.timer = self._clock.call_later(timeout, partial(self._time_out, execution))
        execution.task = self._loop.create_task(self._perform(execution))

    def lose(self, execution: Execution, reason: str, *, cancel: bool) -> None:
        """The lease is gone: tell the processor; its result is not sent."""
        execution.lost = True
        logger.warning("job %s: %s", execution.job.id, reason, extra=execution.log_extra)
        self.abort(execution, reason, cancel=cancel)

    def abort(self, execution: Execution, reason: str, *, cancel: bool) -> bool:
        """Fire the job's abort signal; with `cancel` also cancel an async processor: whether it was the first."""
        first = execution.run.abort.fire(reason)
        if cancel and not execution.threaded and execution.task is not None:
            execution.task.cancel()
        return first

    def interrupt(self, execution: Execution) -> None:
        """Make a run end. Unless it returns a result all the same, its job is given back, at no cost of an attempt."""
        if not execution.is_over:
            execution.interrupted = True
            self.abort(execution, "aborted", cancel=True)

    def shut_down(self) -> None:
        """Take no more threads. Threads that still run cannot be stopped and are left to end."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _perform(self, execution: Execution) -> None:
        try:
            outcome = await self._outcome_of(execution)
            if outcome is not None and not execution.is_over:
                execution.settled = True
                if execution.interrupted and outcome.error is not None:
                    outcome = self._outcome(execution, RETURNED_RUN)
                self._settle(outcome)
        finally:
            self._free(execution)

    async def _outcome_of(self, execution: Execution) -> Outcome | None:
        """Run the processor: what came of it, None for nothing that is to be told."""
        try:
            if self._runs_coroutines:
                result = await self._coroutine(execution.job)
            else:
                result = await self._call(execution)
        except RunEnd as ended:
            return self._ended(execution, ended)
        except BaseExceptionGroup as group:  # a TaskGroup of the processor wraps what ended its run
            ended_within = run_end_within(group)
            return self._failure(execution, group) if ended_within is None else self._ended(execution, ended_within)
        except GroupRateLimitError as error:
            return self._rate_limited(execution, error)
        except RateLimitError as error:
            self._hold(error.duration)
            return self._outcome(execution, RETURNED_RUN)
        except asyncio.CancelledError as error:
            return self._cancelled(execution, error)
        except (KeyboardInterrupt, SystemExit):  # not the job's: they end the program
            raise
        except BaseException as error:
            return self._failure(execution, error)
        else:
            return self._success(execution, result)
        finally:
            execution.run.over = True
            if execution.timer is not None:
                execution.timer.cancel()

    def _ended(self, execution: Execution, ended: RunEnd) -> Outcome:
        if isinstance(ended, RunDelayed):
            return self._outcome(execution, DELAYED_RUN, value=ended.data, until=ended.until)
        if isinstance(ended, RunRateLimited):
            return self._rate_limited(execution, ended.error)
        return self._outcome(execution, WAITING_CHILDREN_RUN)

    async def _call(self, execution: Execution) -> object:
        job = execution.job
        processor = self._processor_of(job)
        if is_coroutine_function(processor):
            return await processor(job)
        execution.threaded = True
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="glidemq_pb")
        context = contextvars.copy_context()
        call: Callable[[], object] = lambda: context.run(processor, job)  # noqa: E731 - a partial of `run` has no type
        result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        if isawaitable(result):  # a lambda or a partial around a coroutine function
            execution.threaded = False
            return await result
        return result

    def _processor_of(self, job: Job[Any, Any]) -> Processor:
        if callable(self._processor):
            return self._processor
        if job.name not in self._processor:
            raise UnrecoverableError(f"no processor for job name {job.name!r}")
        return self._processor[job.name]

    def _success(self, execution: Execution, result: object) -> Outcome:
        try:
            value = encode_value(execution.job.owner.serializer, result, "Return value")
        except Exception as error:  # SER-3: like a processor's own error
            return self._failure(execution, error)
        settlement = Settlement(execution.job.wire_id, execution.run.token, COMPLETED_RUN, value, None)
        return Outcome(execution, settlement, result)

    def _failure(self, execution: Execution, error: BaseException, limit: GroupRateLimitError | None = None) -> Outcome:
        job = execution.job
        final = execution.run.discarded or is_unrecoverable(error)
        until = -1
        if not final and job.attempts_made + 1 < job.attempts:
            until = self._custom_delay(execution, error)
        trace = "".join(traceback.format_exception(error))[-TRACE_MAX:]
        return self._outcome(
            execution, FAILED_RUN, reason="group rate limited" if limit is not None else reason_of(error), trace=trace,
            until=until, final=final, error=error, limit=limit,
        )  # fmt: skip

    def _rate_limited(self, execution: Execution, error: GroupRateLimitError) -> Outcome:
        """The job's group pauses; the job goes back to it, or this attempt fails (RRL-1, RRL-6, RRL-9)."""
        if execution.job.ordering_key is None:
            reason = InvalidStateError(f"{error}, but the job has no ordering key")
            reason.__cause__ = error
            return self._failure(execution, reason)
        if error.current_job == "fail":
            return self._failure(execution, error, limit=error)
        return self._outcome(execution, RETURNED_RUN, limit=error)

    def _cancelled(self, execution: Execution, error: asyncio.CancelledError) -> Outcome | None:
        if execution.is_over:  # timed out, lost, or a forced close
            return None
        reason = execution.run.abort.reason
        return self._failure(execution, error if reason is None else JobAbortedError(reason))

    def _time_out(self, execution: Execution) -> None:
        """The attempt fails now, whatever the processor does later (TMO-1, TMO-2)."""
        if execution.is_over:
            return
        outcome = self._failure(execution, TimeoutError("timed out"))
        execution.settled = True
        self.abort(execution, "timed out", cancel=True)
        execution.run.over = True  # after the signal, which the function's thread may be looking for
        self._settle(outcome)
        self._watch_zombie(execution)

    def _watch_zombie(self, execution: Execution) -> None:
        def name_it() -> None:
            if execution.task is not None and not execution.task.done():
                logger.warning(
                    "job %s: its processor still runs after its attempt timed out and keeps its slot",
                    execution.job.id,
                    extra=execution.log_extra,
                )
                execution.timer = self._clock.call_later(ZOMBIE_LOG_MS, name_it, weak=True)

        execution.timer = self._clock.call_later(ZOMBIE_LOG_MS, name_it, weak=True)

    def _custom_delay(self, execution: Execution, error: BaseException) -> int:
        """The delay of a registered strategy, or -1 for the job's own backoff (RET-3, RET-4)."""
        job = execution.job
        strategy = self._strategies.get(job.backoff_type)
        if strategy is None:
            return -1
        try:
            return whole_milliseconds(strategy(job.attempts_made + 1, error))
        except Exception as bad:
            self._emitter.error(bad, f"the backoff strategy {job.backoff_type!r} failed", **execution.log_extra)
            return job.backoff_delay

    def _outcome(
        self,
        execution: Execution,
        outcome: str,
        *,
        value: str = "",
        reason: str = "",
        trace: str = "",
        until: int = -1,
        final: bool = False,
        error: BaseException | None = None,
        limit: GroupRateLimitError | None = None,
    ) -> Outcome:
        job = execution.job
        fraction = int(self._clock.random() * FRACTIONS) if error is not None and job.has_jitter else 0
        detail = RunDetail(to_wire(reason), to_wire(trace), until, fraction, final, *limit_fields(limit))
        settlement = Settlement(job.wire_id, execution.run.token, outcome, value, detail)
        return Outcome(execution, settlement, error=error)


def is_coroutine_function(processor: Processor) -> bool:
    """Whether calling it gives a coroutine, as far as can be seen beforehand."""
    return iscoroutinefunction(processor) or iscoroutinefunction(getattr(processor, "__call__", None))  # noqa: B004


def limit_fields(limit: GroupRateLimitError | None) -> tuple[int, bool, bool]:
    """`group_ms`, `group_replace` and `back` of a settlement."""
    if limit is None:
        return 0, False, False
    return limit.duration, limit.extend == "replace", limit.requeue_position == "back"


def run_end_within(group: BaseExceptionGroup[BaseException]) -> RunEnd | None:
    """What ended the run, where it is among the exceptions of a group."""
    for error in group.exceptions:
        if isinstance(error, RunEnd):
            return error
        if isinstance(error, BaseExceptionGroup):
            within = run_end_within(cast("BaseExceptionGroup[BaseException]", error))
            if within is not None:
                return within
    return None


def reason_of(error: BaseException) -> str:
    """The error's text, or its type where it has none."""
    try:
        return str(error) or type(error).__name__
    except Exception:  # the processor's own class, whose __str__ is broken
        return type(error).__name__


def is_unrecoverable(error: BaseException) -> bool:
    """By class or by the error's name, so that other libraries can define their own (JOB-7)."""
    return isinstance(error, UnrecoverableError) or any(
        kind.__name__ == "UnrecoverableError" for kind in type(error).__mro__
    )


def whole_milliseconds(delay: object) -> int:
    """A backoff strategy's answer as milliseconds. InvalidOptionsError when it is none."""
    if isinstance(delay, timedelta):
        return whole_milliseconds(delay.total_seconds() * 1000)
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not math.isfinite(delay) or delay < 0:
        raise InvalidOptionsError(f"a backoff strategy returned {delay!r}; milliseconds, 0 or more, are allowed")
    return min(round(delay), DELAY_MAX_MS)
