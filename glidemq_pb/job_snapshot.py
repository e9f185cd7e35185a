"""A job as it was read: its fields, and the values that are decoded when they are first asked for."""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from .errors import SerializationError
from .job_options import JobOptions, decode_options
from .job_owner import JobOwner
from .ordering import tokens
from .payload import decode_value
from .refs import Ref, name_of, parse_ref
from .run import Run
from .semantics.lang import Fields
from .semantics.limits import COST_DEFAULT
from .wire import from_wire

logger = logging.getLogger("glidemq_pb")

D = TypeVar("D")
R = TypeVar("R")

UNREAD: Any = object()
"""Stands for a value that was not decoded yet."""
ALL_DECODABLE: Mapping[str, SerializationError] = MappingProxyType({})


def by_name(fields: Fields) -> dict[str, str]:
    """A flat list of fields by their names."""
    pairs = iter(fields)
    return dict(zip(pairs, pairs, strict=True))


class JobSnapshot(Generic[D, R]):
    """The part of a Job that never talks to the store. Moments and durations are milliseconds.

    `fields` are those of the store, as wire text, flat or already by name; `run` is the run of a processor, None
    outside.
    """

    __slots__ = (
        "_data", "_fields", "_progress", "_return_value", "_run", "_started_at", "_undecodable", "id", "owner",
        "wire_id",
    )  # fmt: skip

    def __init__(self, owner: JobOwner, job_id: str, fields: Fields | dict[str, str], run: Run | None = None) -> None:
        self._fields: dict[str, str] = fields if isinstance(fields, dict) else by_name(fields)
        self._run = run
        self._undecodable = ALL_DECODABLE
        self._data: Any = UNREAD
        self._return_value: Any = UNREAD
        self._progress: Any = UNREAD
        self._started_at = 0.0
        self.owner = owner
        """The component it belongs to."""
        self.wire_id = job_id
        self.id: str = job_id if job_id.isascii() else from_wire(job_id)  # a call less, for each of a bulk
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
        if self._data is UNREAD:
            read = self._decoded("data", {})
            self._data = self._dead_letter(read) if "dead_queue" in self._fields else read
        data: D = self._data
        return data

    def _dead_letter(self, data: object) -> dict[str, object]:
        """What a dead letter says of the job that it is a copy of (DLQ-2)."""
        root = self._fields["dead_queue"]
        return {
            "original_queue": name_of(root),
            "original_job_id": self._text("dead_id"),
            "data": data,
            "failed_reason": self._text("dead_reason"),
            "attempts_made": int(self._fields["dead_attempts"] or "0"),
        }

    def is_dead_letter_of(self, root: str) -> bool:
        """Whether it is a copy of a job of the queue with this root key."""
        return self._fields.get("dead_queue") == root

    @property
    def return_value(self) -> R | None:
        """The processor's result; None before it completed, for none, and when it cannot be decoded."""
        if self._return_value is UNREAD:
            self._return_value = self._decoded("return_value", None) if "return_value" in self._fields else None
        return cast("R | None", self._return_value)

    @property
    def progress(self) -> Any:
        """What the processor last gave to `update_progress`; 0 before."""
        if self._progress is UNREAD:
            self._progress = self._decoded("progress", 0) if "progress" in self._fields else 0
        return self._progress

    @property
    def deserialization_failed(self) -> bool:
        """Whether payload, result or progress cannot be decoded here. The stored bytes are kept as they are."""
        return self.deserialization_error is not None

    @property
    def deserialization_error(self) -> SerializationError | None:
        """What of it cannot be decoded here, and why."""
        if self._data is UNREAD:
            _ = self.data
        if "return_value" in self._fields:
            _ = self.return_value
        if "progress" in self._fields:
            _ = self.progress
        return next(iter(self._undecodable.values())) if self._undecodable else None

    def _decoded(self, field: str, otherwise: object) -> Any:
        try:
            return decode_value(self.owner.serializer, self._fields.get(field, ""))
        except SerializationError as error:
            failure = SerializationError(f"job {self.id} of queue {self.queue_name}: its {field}: {error}")
            failure.__cause__ = error.__cause__
            self._undecodable = {**self._undecodable, field: failure}
            logger.warning("%s", failure, extra={"job_id": self.id, "queue": self.queue_name})
            return otherwise

    @property
    def opts(self) -> JobOptions:
        """The options it was added with, as changed since; without what is the default."""
        return decode_options(self._fields)

    @property
    def timestamp(self) -> int:
        """When it was added. On the Job that `add` returns, by this process's clock; read again, by the store's."""
        return self._int("added")

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
    def ordering_key(self) -> str | None:
        """The group it belongs to."""
        return self._text("ordering_key")

    @property
    def scheduler_name(self) -> str | None:
        """The job scheduler that added it."""
        return self._text("scheduler_name")

    @property
    def parent_id(self) -> str | None:
        """The job that waits for it; the first one, where several do (see `flow.add_dag`)."""
        return None if (parent := self._parent) is None else parent.job_id

    @property
    def parent_queue(self) -> str | None:
        """The queue of the job that waits for it."""
        return None if (parent := self._parent) is None else parent.queue_name

    @property
    def _parent(self) -> Ref | None:
        parents = self._fields.get("parents")
        return None if parents is None else parse_ref(parents.partition("\n")[0])

    @property
    def cost(self) -> float:
        """Tokens that each of its starts takes from its group's bucket."""
        return tokens(int(self._fields.get("cost", str(COST_DEFAULT))))

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
        digits = self._fields.get(field)
        return 0 if digits is None else int(digits)

    def _moment(self, field: str) -> int | None:
        digits = self._fields.get(field)
        return None if digits is None else int(digits)

    def _text(self, field: str) -> str | None:
        wire = self._fields.get(field)
        return None if wire is None else from_wire(wire)

    # --- what its owner tells it --------------------------------------------------------------------------------------

    def note_id(self, job_id: str) -> None:
        """The store gave it this id."""
        self.wire_id = job_id
        self.id = job_id if job_id.isascii() else from_wire(job_id)

    def note_options(self, options: Fields, now: int) -> None:
        """It was added with these options at about `now`."""
        self._fields.update(by_name(options))
        self.note_added(now)

    def note_added(self, now: int) -> None:
        """It was added, or begins anew, at about `now`."""
        if ttl := self._int("ttl"):
            self._fields["expire_at"] = str(now + ttl)

    def note_start(self, now: str, monotonic: float) -> None:
        """Its run began at `now`, by the store's clock (in digits), and at `monotonic` by its worker's."""
        self._fields["processed_on"] = now
        self._started_at = monotonic

    def note_completion(self, result: object, now: str) -> None:
        """It was completed with this result at `now`, by the store's clock."""
        self._return_value = result
        self._fields.pop("failed_reason", None)
        self._fields.pop("stacktrace", None)
        self._fields["finished_on"] = now

    def note_failure(self, reason: str, trace: str, status: str, now: str) -> None:
        """An attempt failed with this reason and trace (wire text), and this became of the job at `now`."""
        fields = self._fields
        fields["attempts_made"] = str(self.attempts_made + 1)
        fields["failed_reason"] = "expired" if status == "expired" else reason
        if trace:
            fields["stacktrace"] = trace
        if status != "retrying":
            fields["finished_on"] = now

    def _store_now(self) -> int:
        """The present by the store's clock, as far as a run can tell: its own clock may be wrong."""
        return self._int("processed_on") + round(self.owner.backend.clock.monotonic() - self._started_at)

    def _put_number(self, field: str, number: int) -> None:
        if number:
            self._fields[field] = str(number)
        else:
            self._fields.pop(field, None)

    def _put_data(self, wire: str) -> None:
        self._fields["data"] = wire
        self._data = UNREAD
        self._forget_failure("data")

    def _put_progress(self, wire: str) -> None:
        self._fields["progress"] = wire
        self._progress = UNREAD
        self._forget_failure("progress")

    def _forget_failure(self, field: str) -> None:
        """Another value took the place of one that may have been undecodable."""
        if self._undecodable:
            self._undecodable = {name: error for name, error in self._undecodable.items() if name != field}
