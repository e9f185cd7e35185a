"""Every exception the library raises: who raises it, and what to do about it.

All of them can be pickled. The four at the end are raised *by* processors, to tell the worker something.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

PAYLOAD_BYTES_MAX = 1_048_576
DURATION_MS_MAX = 2**53 - 1


class GlideMQError(Exception):
    """The root: `except GlideMQError` catches whatever this library raises on purpose."""


class InvalidOptionsError(GlideMQError, ValueError):
    """An argument is not allowed. Raised before anything is sent: nothing was stored or changed.

    The message names the option, the value and what is allowed.
    """


class PayloadTooLargeError(InvalidOptionsError):
    """A serialized payload is above the limit. Store it elsewhere and put a reference into the job."""

    def __init__(self, size: int, *, what: str = "Job data", limit: int = PAYLOAD_BYTES_MAX) -> None:
        super().__init__(
            f"{what} exceeds maximum size ({size} bytes > {limit}); "
            "store the data elsewhere and put a reference to it into the job"
        )
        self.size = size
        self.limit = limit
        self._what = what

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_payload_too_large, (self.size, self._what, self.limit)


def _rebuild_payload_too_large(size: int, what: str, limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(size, what=what, limit=limit)


class SerializationError(GlideMQError):
    """The serializer refused a value; its own exception is the `__cause__`. Nothing was stored."""


class ClosedError(GlideMQError):
    """The component was closed before or during the call. Make a new one."""


class QueueConnectionError(GlideMQError, ConnectionError):
    """The store could not be reached, or would not serve, in time; the message names the address.

    Raised by whatever talks to the store, after its own retries. A call that was under way may
    have been executed all the same: look before repeating what must not happen twice.
    """

    def __init__(self, address: str, problem: str, *, may_pass: bool = True) -> None:
        super().__init__(f"{address}: {problem}")
        self.address = address
        self.problem = problem
        self.may_pass = may_pass
        """Whether it may be over by itself; otherwise somebody must do what `problem` says."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_connection_error, (type(self), self.address, self.problem, self.may_pass)


def _rebuild_connection_error(
    kind: type[QueueConnectionError], address: str, problem: str, may_pass: bool
) -> QueueConnectionError:
    return kind(address, problem, may_pass=may_pass)


class InvalidStateError(GlideMQError):
    """Not allowed in the present state: `retry` of a job that has not failed, `obliterate` with active
    jobs, a processor-only call outside its run, a component used on a second event loop, ...
    """


class JobNotFoundError(GlideMQError):
    """An action on a job that is gone: removed, cleaned, or never there."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"job {self.job_id!r} does not exist (it may have been removed)"


class DuplicateJobError(GlideMQError):
    """A flow or `add_and_wait` needs a new job, and this id is taken or was deduplicated. Nothing was added."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"job {self.job_id!r} exists already, or was deduplicated"


class BulkError(GlideMQError):
    """A bulk above 1,000 jobs or 8 MiB goes in chunks, and a later chunk was refused.

    `added` is what the call would have returned for the chunks before it, whose jobs are in the queue. The `__cause__`
    says why.
    """

    def __init__(self, added: Sequence[Any], problem: str) -> None:
        super().__init__(added, problem)
        self.added: list[Any] = list(added)
        self.problem = problem

    def __str__(self) -> str:
        added = sum(one is not None for one in self.added)
        return f"{added} jobs were added, then a chunk was refused: {self.problem}"


class FormatError(GlideMQError):
    """The queue was written by a release with another stored format. Drain it with that release, or obliterate it."""


class JobFailedError(GlideMQError):
    """The job that was waited for ended without a result: it failed, expired, was revoked or removed."""

    def __init__(self, job_id: str, failed_reason: str) -> None:
        super().__init__(job_id, failed_reason)
        self.job_id = job_id
        self.failed_reason = failed_reason

    def __str__(self) -> str:
        return f"job {self.job_id!r} failed: {self.failed_reason}"


class JobWaitTimeoutError(GlideMQError, TimeoutError):
    """The job that was waited for has not ended in time. It goes on; wait again, or revoke it."""

    def __init__(self, job_id: str, timeout: int) -> None:
        super().__init__(f"job {job_id!r} has not ended within {timeout} ms; it goes on")
        self.job_id = job_id
        self.timeout = timeout

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.job_id, self.timeout)


class JobAbortedError(GlideMQError):
    """Raised by `abort_signal.raise_if_aborted()`: let it leave the processor."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the job was aborted: {self.reason}"


class UnrecoverableError(GlideMQError):
    """Raise it in a processor: the job fails for good, whatever attempts are left."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class RateLimitError(GlideMQError):
    """Raise it in a processor: this worker starts nothing for `duration`; the job is requeued, no attempt consumed."""

    def __init__(self, duration: int | timedelta) -> None:
        super().__init__(duration)
        self.duration = duration_ms("duration", duration)
        """Milliseconds; 0 holds nothing back."""

    def __str__(self) -> str:
        return f"rate limited for {self.duration} ms"


class GroupRateLimitError(GlideMQError):
    """Raise it in a processor: the job's group starts nothing for `duration`; its running jobs go on.

    `current_job`: `requeue` (no attempt consumed; at the `front` or `back` of its group, as
    `requeue_position` says) or `fail` (an ordinary failed attempt). `extend`: `max` never shortens a
    pause in force, `replace` does.
    """

    def __init__(
        self,
        duration: int | timedelta,
        *,
        current_job: Literal["requeue", "fail"] = "requeue",
        requeue_position: Literal["front", "back"] = "front",
        extend: Literal["max", "replace"] = "max",
    ) -> None:
        super().__init__(duration)
        self.duration = duration_ms("duration", duration, minimum=1)
        self.current_job = _choice("current_job", current_job, ("requeue", "fail"))
        self.requeue_position = _choice("requeue_position", requeue_position, ("front", "back"))
        self.extend = _choice("extend", extend, ("max", "replace"))

    def __str__(self) -> str:
        return f"group rate limited for {self.duration} ms"


def duration_ms(option: str, value: int | timedelta, *, minimum: int = 0) -> int:
    """A duration option as whole milliseconds. It lives here because exceptions above take durations.

    Raises `InvalidOptionsError` for a float or a bool (nobody passes seconds by mistake), or one out of range.
    """
    if isinstance(value, timedelta):
        milliseconds = timedelta_ms(value)
    elif type(value) is int:
        milliseconds = value
    else:
        raise InvalidOptionsError(
            f"{option}={value!r}: a duration is an int of milliseconds or a timedelta, not {type(value).__name__}"
        )
    if not minimum <= milliseconds <= DURATION_MS_MAX:
        raise InvalidOptionsError(f"{option}={value!r}: a duration here is {minimum} to {DURATION_MS_MAX} milliseconds")
    return milliseconds


def timedelta_ms(duration: timedelta) -> int:
    """The duration in milliseconds, up: half a millisecond is not none; a negative one stays negative."""
    whole, rest = divmod(duration, timedelta(milliseconds=1))
    return whole + 1 if rest and whole >= 0 else whole


def _choice(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidOptionsError(f"{option}={value!r}: allowed are {', '.join(repr(choice) for choice in allowed)}")
    return value
