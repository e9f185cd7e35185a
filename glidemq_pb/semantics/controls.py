"""Limits set from outside: of a group, and of the whole queue."""

from .calls import recall, remember
from .deadlines import lower_next_due
from .drains import note_drained
from .errors import Code
from .formats import is_foreign, stamp
from .gates import window_end
from .groups import new_group, pause_group, refresh_group, set_limits
from .keys import group_key, meta_key, ready_key
from .lang import number, operation, refuse, text
from .records import GlobalLimits, GroupLimits
from .rows import Meta, ParkedRow
from .store import Store
from .wakes import rearm, wake_if_startable


@operation
def set_group_limits(s: Store, q: str, now: int, key: str, limits: GroupLimits, events_keep: int) -> bool:
    """Change what is named of a group's limits; they stay when the group is idle (ORD-13)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    stamp(s, q, meta)
    new_group(s, q, key)
    s.hset(group_key(q, key), keeps=1)
    set_limits(s, q, now, key, limits)
    parked = s.read(meta_key(q), ParkedRow).parked
    ready = s.zcard(ready_key(q))
    refresh_group(s, q, now, events_keep, key)
    if s.zcard(ready_key(q)) + s.read(meta_key(q), ParkedRow).parked < ready + parked:
        note_drained(s, q, now, events_keep)  # jobs failed that cost more than a lowered capacity
    wake_if_startable(s, q, now)
    rearm(s, q, meta.next_due)
    return True


@operation
def rate_limit_group(
    s: Store, q: str, now: int, call: str, key: str, duration: int, replace: bool, events_keep: int
) -> int:
    """Pause a group, also one never seen: the instant at which it resumes (RRL-3)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return number(known)
    stamp(s, q, meta)
    new_group(s, q, key)
    until = pause_group(s, q, now, events_keep, key, duration, replace)
    refresh_group(s, q, now, events_keep, key)
    wake_if_startable(s, q, now)
    remember(s, q, now, meta.calls_until, call, text(until))
    rearm(s, q, meta.next_due)
    return until


@operation
def set_global_concurrency(s: Store, q: str, now: int, concurrency: int) -> bool:
    """At most so many active jobs over all workers; 0 removes the limit (GC-1, GC-4)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    stamp(s, q, meta)
    if concurrency == 0:
        s.hdel(meta_key(q), ["global_concurrency"])
    else:
        s.hset(meta_key(q), global_concurrency=concurrency)
    wake_if_startable(s, q, now)
    return True


@operation
def set_global_rate_limit(s: Store, q: str, now: int, most: int, duration: int) -> bool:
    """At most so many starts in a window over all workers; 0 removes the limit (GRATE-1..5)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    stamp(s, q, meta)
    if most == 0:
        s.hdel(meta_key(q), ["global_rate_max", "global_rate_ms", "global_window_at", "global_window_used"])
    else:
        s.hset(meta_key(q), global_rate_max=most, global_rate_ms=duration)
        if now >= window_end(meta):
            s.hdel(meta_key(q), ["global_window_at", "global_window_used"])
        else:
            lower_next_due(s, q, meta.global_window_at + duration)
    wake_if_startable(s, q, now)
    rearm(s, q, meta.next_due)
    return True


@operation(reads_only=True, may_lag=True)
def get_global_limits(s: Store, q: str, now: int) -> GlobalLimits:
    """The limits of the whole queue."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    return GlobalLimits(meta.global_concurrency, meta.global_rate_max, meta.global_rate_ms)
