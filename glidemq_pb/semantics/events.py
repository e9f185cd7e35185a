"""Events: a bounded stream that observers read. No rule depends on them."""

from .keys import events_key
from .lang import byte_length, text
from .limits import EVENT_VALUE_MAX
from .store import Store


def emit(s: Store, q: str, now: int, keep: int, event: str, job_id: str) -> None:
    """Append an event that says nothing but its job."""
    if keep > 0:
        s.xadd(events_key(q), keep, now, event, job_id, [])


def emit_with(s: Store, q: str, now: int, keep: int, event: str, job_id: str, field: str, value: str) -> None:
    """Append an event with one value, which is left out when it is long."""
    if byte_length(value) > EVENT_VALUE_MAX:
        emit(s, q, now, keep, event, job_id)
    elif keep > 0:
        s.xadd(events_key(q), keep, now, event, job_id, [field, value])


def emit_retrying(
    s: Store, q: str, now: int, keep: int, job_id: str, reason: str, attempts_made: int, delay: int
) -> None:
    """Append `retrying`, whose reason is left out when it is long."""
    if keep > 0:
        fields = ["attempts_made", text(attempts_made), "delay", text(delay)]
        if byte_length(reason) <= EVENT_VALUE_MAX:
            fields.append("failed_reason")
            fields.append(reason)
        s.xadd(events_key(q), keep, now, "retrying", job_id, fields)
