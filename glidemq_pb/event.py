"""One event of a queue, as observers get it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .errors import SerializationError
from .payload import decode_value
from .semantics.store import Event
from .serializers import Serializer
from .wire import from_wire

MISSED: Final = "missed"
# fmt: off
EVENT_NAMES: Final = frozenset({
    "added", "active", "progress", "completed", "failed", "retrying", "stalled", "expired", "revoked", "removed",
    "promoted", "delay-changed", "priority-changed", "paused", "resumed", "drained", "cleaned", "retried",
    "waiting-children", "group-rate-limited", "lease-lost", MISSED,
})
# fmt: on
SERIALIZED: Final = frozenset({"progress", "return_value"})
NUMBERS: Final = frozenset({"attempts_made", "count", "delay", "duration", "priority", "resume_at"})


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """Something that happened in a queue.

    `data` has what the event says beside its job: `return_value` of `completed`, `failed_reason` of `failed`, and so
    on; a value above 4 KiB is left out. Durations and instants are milliseconds.
    """

    id: str
    """Its place in the queue's stream: what `last_event_id` takes to go on after it."""
    name: str
    job_id: str | None
    """None where the event is about the whole queue."""
    data: dict[str, Any]
    timestamp: int
    """When it happened, epoch milliseconds by the store's clock."""
    deserialization_failed: bool = False
    """A value was there that this serializer cannot read; it is left out of `data`."""


def decode_event(event: Event, serializer: Serializer, report: Callable[[BaseException, str], None]) -> QueueEvent:
    """An event of the stream for observers. A value that cannot be read is reported, flagged and left out."""
    pairs = iter(event.fields)
    job_id = from_wire(event.job_id)
    data: dict[str, Any] = {}
    failed = False
    for field, wire in zip(pairs, pairs, strict=True):
        if field in SERIALIZED:
            try:
                data[field] = decode_value(serializer, wire)
            except SerializationError as error:
                failed = True
                report(error, f"the {field} in event {event.number} ({event.name} of job {job_id}) cannot be read")
        else:
            data[field] = int(wire) if field in NUMBERS else from_wire(wire)
    return QueueEvent(str(event.number), event.name, job_id or None, data, event.at, failed)


def missed_event(count: int, before: QueueEvent) -> QueueEvent:
    """Says that so many events are gone that stood before one that is still there."""
    return QueueEvent(str(int(before.id) - 1), MISSED, None, {"count": count}, before.timestamp)
