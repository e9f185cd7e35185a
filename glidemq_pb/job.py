"""The Job: a snapshot of what is stored, with the actions on it."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, NoReturn, TypeVar, cast

from .errors import (
    PAYLOAD_BYTES_MAX,
    InvalidOptionsError,
    InvalidStateError,
    JobNotFoundError,
    PayloadTooLargeError,
    SerializationError,
)
from .job_options import JobOptions, decode_options
from .job_owner import JobOwner
from .options import check_duration, check_instant, check_priority
from .payload import decode_value, encode_value
from .run import AbortSignal, Run, RunDelayed
from .semantics import changes, reads
from .semantics.lang import Fields
from .semantics.states import state_of
from .serializers import JSON_SERIALIZER
from .wire import from_wire, to_wire

__all__ = ["Job", "JobOwner", "JobState"]

logger = logging.getLogger("glidemq_pb")

D = TypeVar("D")
R = TypeVar("R")

JobState = Literal["waiting", "active", "delayed", "completed", "failed", "waiting-children"]

_UNREAD: Any = object()
"""Stands for a value that was not decoded yet."""


class Job(Generic[D, R]):
    """One job, as it was when it was read; its own methods update it. Moments and durations are milliseconds.

    Made by the library: `queue.add`, `queue.get_job`, and by the worker for its processor. `data`, `return_value`
    and `progress` are decoded when they are first asked for.
    """

    __slots__ = (
        "_data", "_failed", "_fields", "_progress", "_return_value", "_run", "_started_at", "id", "owner", "wire_id",
    )  # fmt: skip

    def __init__(self, owner: JobOwner, job_id: str, fields: Fields, run: Run | None = None) -> None:
        pairs = iter(fields)
        self._fields: dict[str, str] = dict(zip(pairs, pairs, strict=True))
        self._run = run
        self._failed = False
        self._data: Any = _UNREAD
        self._return_value: Any = _UNREAD
        self._progress: Any = _UNREAD
        self._started_at = 0.0
        self.owner = owner
        """The component it belongs to."""
        self.wire_id = job_id
        self.id: str = from_wire(job_id)
        """Unique in its queue."""

    def __repr__(self) -> str:
        return f"<Job {self.id!r} {self.name!r} of queue {self.queue_name!r}>"

    # --- what is stored -----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What kind of job it is."""
        return from_wire(self._fields["name"])

    @property
    def queue_name(self) -> str:
        """The queue it is in."""
        return self.owner.queue_name

    @property
    def data(self) -> D:
        """The payload: None when there is none or it was not read, `{}` when it cannot be decoded."""
        if self._data is _UNREAD:
            self._data = self._decoded("data", {})
        return cast("D", self._data)

    @property
    def return_value(self) -> R | None:
        """The processor's result; None before it completed, for none, and when it cannot be decoded."""
        if self._return_value is _UNREAD:
            self._return_value = self._decoded("return_value", None)
        return cast("R | None", self._return_value)

    @property
    def progress(self) -> Any:
        """What the processor last gave to `update_progress`; 0 before."""
        if self._progress is _UNREAD:
            self._progress = self._decoded("progress", 0) if "progress" in self._fields else 0
        return self._progress

    @property
    def deserialization_failed(self) -> bool:
        """Whether the payload or the result cannot be decoded here. The stored bytes are kept as they are."""
        _ = self.data, self.return_value
        return self._failed

    def _decoded(self, field: str, otherwise: object) -> Any:
        fields = self._fields
        try:
            return decode_value(
                self.owner.serializer, fields.get("serializer", JSON_SERIALIZER.name), fields.get(field, "")
            )
        except SerializationError as error:
            self._failed = True
            logger.warning(
                "job %s of queue %s: its %s: %s", self.id, self.queue_name, field, error,
                extra={"job_id": self.id, "queue": self.queue_name},
            )  # fmt: skip
            return otherwise

    @property
    def opts(self) -> JobOptions:
        """The options it was added with, as changed since; without what is the default."""
        return decode_options(self._fields)

    @property
    def timestamp(self) -> int:
        """When it was added. On the Job that `add` returns, by this process's clock; read again, by the store's."""
        return self._int("timestamp")

    @property
    def attempts_made(self) -> int:
        """Failed attempts: 0 while the first one runs (JOB-2)."""
        return self._int("attempts_made")

    @property
    def failed_reason(self) -> str | None:
        """Why the last attempt failed, or the job; None after success."""
        return self._text("failed_reason")

    @property
    def stacktrace(self) -> str | None:
        """Where the last failed attempt raised."""
        return self._text("stacktrace")

    @property
    def processed_on(self) -> int | None:
        """When the latest attempt started."""
        return self._moment("processed_on")

    @property
    def finished_on(self) -> int | None:
        """When it completed or failed for good."""
        return self._moment("finished_on")

    @property
    def expire_at(self) -> int | None:
        """The last moment at which it may start (its `ttl`)."""
        return self._moment("expire_at")

    @property
    def priority(self) -> int:
        """1 to 2048, lower first; 0 is none."""
        return self._int("priority")

    @property
    def delay(self) -> int:
        """How long it was held back when it was added, or by `change_delay`."""
        return self._int("delay")

    @property
    def timeout(self) -> int:
        """How long one attempt may take; 0 is for ever."""
        return self._int("timeout")

    @property
    def lock_duration(self) -> int:
        """The length of its lease; 0: as the worker says."""
        return self._int("lock_duration")

    @property
    def attempts(self) -> int:
        """Runs it may have in all; 0 and 1 are one."""
        return self._int("attempts")

    @property
    def backoff_type(self) -> str:
        """`fixed`, `exponential`, the name of a strategy, or empty for none."""
        return from_wire(self._fields.get("backoff", ""))

    @property
    def backoff_delay(self) -> int:
        """The delay of its backoff."""
        return self._int("backoff_delay")

    @property
    def has_jitter(self) -> bool:
        """Whether its backoff leaves something to chance."""
        return "backoff_jitter" in self._fields

    @property
    def stalled_count(self) -> int:
        """How often its worker fell silent."""
        return self._int("stalled_count")

    def _int(self, field: str) -> int:
        return int(self._fields.get(field, "0"))

    def _moment(self, field: str) -> int | None:
        digits = self._fields.get(field)
        return None if digits is None else int(digits)

    def _text(self, field: str) -> str | None:
        wire = self._fields.get(field)
        return None if wire is None else from_wire(wire)

    # --- its state ----------------------------------------------------------------------------------------------------

    async def get_state(self) -> JobState | Literal["unknown"]:
        """The state it is in now, or `unknown` when it is gone."""
        fields = await self.owner.call(reads.get_job, self.wire_id, True)
        if not fields:
            return "unknown"
        pairs = iter(fields)
        stored = dict(zip(pairs, pairs, strict=True)).get("state", "")
        return cast("JobState", state_of(stored))

    async def is_completed(self) -> bool:
        """Whether it is completed now."""
        return await self.get_state() == "completed"

    async def is_failed(self) -> bool:
        """Whether it has failed for good."""
        return await self.get_state() == "failed"

    async def is_active(self) -> bool:
        """Whether a worker runs it now."""
        return await self.get_state() == "active"

    async def is_waiting(self) -> bool:
        """Whether it waits for a worker now, prioritised or not."""
        return await self.get_state() == "waiting"

    async def is_delayed(self) -> bool:
        """Whether it is held back now, also between attempts."""
        return await self.get_state() == "delayed"

    async def is_waiting_children(self) -> bool:
        """Whether it waits for its children now."""
        return await self.get_state() == "waiting-children"

    # --- from anywhere ------------------------------------------------------------------------------------------------
    # Each raises JobNotFoundError when the job is gone. A call that is cancelled may have taken effect.

    async def remove(self) -> None:
        """Erase it with its log, in any state. When it runs, its abort signal fires (`lease lost`)."""
        owner = self.owner
        self._expect(
            await owner.call(changes.remove, owner.token(), self.wire_id, owner.events_keep), "remove", "any state"
        )

    async def retry(self) -> None:
        """Run it again as if it were new, at the end of its lane. InvalidStateError unless it has failed."""
        owner = self.owner
        status = await owner.call(changes.retry, owner.token(), self.wire_id, owner.events_keep)
        self._expect(status, "retry", "failed")
        for field in ("attempts_made", "failed_reason", "stacktrace", "finished_on", "stalled_count", "expire_at"):
            self._fields.pop(field, None)
        self.note_added(owner.backend.clock.now())

    async def promote(self) -> None:
        """Make it ready now. InvalidStateError unless it is delayed."""
        owner = self.owner
        status = await owner.call(changes.promote, owner.token(), self.wire_id, owner.events_keep)
        self._expect(status, "promote", "delayed")

    async def change_priority(self, priority: int) -> None:
        """Give it another priority; 0 takes it away. InvalidStateError unless it is waiting or delayed."""
        check_priority("priority", priority)
        owner = self.owner
        status = await owner.call(changes.change_priority, owner.token(), self.wire_id, priority, owner.events_keep)
        self._expect(status, "change the priority", "waiting or delayed")
        self._put_number("priority", priority)

    async def change_delay(self, delay: int | timedelta) -> None:
        """Hold it back for `delay` from now; 0 makes it ready. InvalidStateError unless it is waiting or delayed."""
        milliseconds = check_duration("delay", delay)
        owner = self.owner
        status = await owner.call(changes.change_delay, owner.token(), self.wire_id, milliseconds, owner.events_keep)
        self._expect(status, "change the delay", "waiting or delayed")
        self._put_number("delay", milliseconds)

    async def update_data(self, data: D) -> None:
        """Replace the payload, for the next attempt and every reader.

        On the Job of a processor's run only while the run lasts: InvalidStateError afterwards, and when
        the lease is lost. SerializationError and PayloadTooLargeError as from `add`.
        """
        wire = self._encoded(data, "Job data")
        status = await self.owner.call(changes.update_data, self.wire_id, self._token, wire)
        self._expect(status, "update the data", "any state")
        self._put_data(wire)

    # --- from inside a processor --------------------------------------------------------------------------------------
    # Each raises InvalidStateError outside a run of the job, and once its lease is lost.

    @property
    def abort_signal(self) -> AbortSignal:
        """Fires when the processor should stop."""
        return self._running("abort_signal").abort

    async def update_progress(self, progress: float | Mapping[str, Any]) -> None:
        """Store how far it is, a number or a dict, and tell observers."""
        if isinstance(progress, bool) or not isinstance(progress, int | float | Mapping):
            raise InvalidOptionsError(f"progress={progress!r}: allowed: a number or a dict")
        run = self._running("update_progress")
        wire = self._encoded(progress, "Progress")
        owner = self.owner
        status = await owner.call(changes.update_progress, self.wire_id, run.token, wire, owner.events_keep)
        self._expect(status, "update the progress", "active")
        self._fields["progress"] = wire
        self._progress = _UNREAD

    async def log(self, line: str) -> None:
        """Append a line to the job's log (see `queue.get_job_logs`)."""
        if not isinstance(line, str):
            raise InvalidOptionsError(f"line={line!r}: allowed: a str")
        run = self._running("log")
        wire = to_wire(line)
        if len(wire) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLargeError(len(wire), what="Log line")
        owner = self.owner
        status = await owner.call(changes.add_log, owner.token(), self.wire_id, run.token, wire)
        self._expect(status, "log", "active")

    def discard(self) -> None:
        """If this attempt fails, the job fails for good, whatever attempts are left."""
        self._running("discard").discarded = True

    async def move_to_delayed(self, when: int | datetime | timedelta, next_step: object = None) -> NoReturn:
        """End this run of the processor; the job starts again at `when`, and no attempt is consumed.

        `when`: an instant (`int` epoch milliseconds or an aware datetime) or a timedelta from now; one in the
        past is now. `next_step` is stored as `data["step"]`, for which the data must be a dict.
        Nothing after the call runs but `finally` blocks: they must not swallow what it raises.
        """
        run = self._running("move_to_delayed")
        if isinstance(when, timedelta):
            until = self._store_now() + check_duration("when", when)
        else:
            until = check_instant("when", when)
        wire = ""
        if next_step is not None:
            data: Any = self.data
            if self._failed or not isinstance(data, dict):
                raise InvalidStateError(
                    f"job {self.id!r}: next_step needs data that is a dict and can be decoded, not {data!r:.100}"
                )
            wire = self._encoded({**data, "step": next_step}, "Job data")
            self._put_data(wire)
        run.over = True
        raise RunDelayed(until, wire)

    # --- what its owner tells it --------------------------------------------------------------------------------------

    def note_added(self, now: int) -> None:
        """It was added, or begins anew, at about `now`."""
        if ttl := self._int("ttl"):
            self._fields["expire_at"] = str(now + ttl)

    def note_start(self, now: int) -> None:
        """Its run began at `now`, by the store's clock."""
        self._fields["processed_on"] = str(now)
        self._started_at = self.owner.backend.clock.monotonic()

    def note_completion(self, result: object) -> None:
        """It is completed with this result."""
        self._return_value = result
        self._fields.pop("failed_reason", None)
        self._fields.pop("stacktrace", None)
        self._fields["finished_on"] = str(self._store_now())

    def note_failure(self, reason: str, trace: str, status: str) -> None:
        """An attempt failed with this reason and trace (wire text), and this became of the job."""
        fields = self._fields
        fields["attempts_made"] = str(self.attempts_made + 1)
        fields["failed_reason"] = "expired" if status == "expired" else reason
        if trace:
            fields["stacktrace"] = trace
        if status != "retrying":
            fields["finished_on"] = str(self._store_now())

    # --- helpers ------------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> str:
        return "" if self._run is None else self._run.token

    def _running(self, what: str) -> Run:
        if self._run is None:
            raise InvalidStateError(f"job {self.id!r}: {what} is only possible inside its processor")
        self._run.check_open(what)
        return self._run

    def _store_now(self) -> int:
        """The present by the store's clock, as far as a run can tell: its own clock may be wrong."""
        return self._int("processed_on") + round(self.owner.backend.clock.monotonic() - self._started_at)

    def _encoded(self, value: object, what: str) -> str:
        serializer = self.owner.serializer
        stored_by = self._fields.get("serializer", JSON_SERIALIZER.name)
        if stored_by != serializer.name:  # its tag would then be a lie
            raise SerializationError(
                f"{what}: job {self.id!r} was written by the serializer {stored_by!r}, "
                f"and {serializer.name!r} is in use here"
            )
        return encode_value(serializer, value, what)

    def _put_number(self, field: str, number: int) -> None:
        if number:
            self._fields[field] = str(number)
        else:
            self._fields.pop(field, None)

    def _put_data(self, wire: str) -> None:
        self._fields["data"] = wire
        self._data = _UNREAD
        self._failed = False

    def _expect(self, status: str, what: str, needed: str) -> None:
        """Raise what a status other than DONE means."""
        if status == changes.NOT_FOUND:
            raise JobNotFoundError(self.id)
        if status == changes.LOST:
            raise InvalidStateError(f"job {self.id!r}: lease lost: it is no longer this run's to {what}")
        if status == changes.WRONG_STATE:
            raise InvalidStateError(f"job {self.id!r}: to {what}, it must be {needed}")
