"""Deduplication: which arrivals are skipped, and which pending job a debounced one takes the place of.

`:dedup:<id>` counts the jobs that exist under an id and remembers the last acceptance. The incoming call's
mode decides (DED-7). A record goes when its jobs are gone and its window has passed.
"""

from typing import Final

from .deadlines import lower_next_due
from .keys import dedup_key, deduping_key, job_key
from .lang import Fields, lookup, lookup_int
from .rows import DedupRow, PlaceRow
from .states import DELAYED
from .store import Store

THROTTLE: Final = "throttle"
DEBOUNCE: Final = "debounce"


def is_duplicate(s: Store, q: str, now: int, dedup_id: str, options: Fields) -> bool:
    """Whether an arrival is skipped (DED-1, DED-2)."""
    mode = lookup(options, "dedup_mode")
    if mode == DEBOUNCE:
        return False
    row = s.read(dedup_key(q, dedup_id), DedupRow)
    ttl = lookup_int(options, "dedup_ttl", 0)
    if mode == THROTTLE:
        return row.accepted_at > 0 and now < row.accepted_at + ttl
    return row.jobs > 0 and (ttl == 0 or now < row.accepted_at + ttl)


def pending_job(s: Store, q: str, now: int, dedup_id: str, options: Fields) -> str:
    """The job that this arrival takes the place of: it is still held back by its window (DED-4, DED-5)."""
    if lookup(options, "dedup_mode") != DEBOUNCE:
        return ""
    row = s.read(dedup_key(q, dedup_id), DedupRow)
    if row.pending == "" or now >= row.pending_until:
        return ""
    held = s.read(job_key(q, row.pending), PlaceRow)
    if held.state != DELAYED or held.token != "":  # it has run, and waits for its next attempt
        return ""
    return row.pending


def delay_of(options: Fields) -> int:
    """How long a job is held back: a debounced one at least for its window."""
    delay = lookup_int(options, "delay", 0)
    if lookup(options, "dedup_mode") == DEBOUNCE:
        return max(delay, lookup_int(options, "dedup_ttl", 0))
    return delay


def accept(s: Store, q: str, now: int, dedup_id: str, job_id: str, options: Fields) -> None:
    """Remember that a job was accepted."""
    key = dedup_key(q, dedup_id)
    s.hincrby(key, "jobs", 1)
    s.hset(key, accepted_at=now)
    window = lookup_int(options, "dedup_ttl", 0)
    if lookup(options, "dedup_mode") == DEBOUNCE:
        window = delay_of(options)
        s.hset(key, pending=job_id, pending_until=now + window)
    if window > 0:
        s.hset(key, until=now + window)
        s.zadd(deduping_key(q), now + window, dedup_id)
        lower_next_due(s, q, now + window)


def release(s: Store, q: str, dedup_id: str, job_id: str) -> None:
    """A job is erased; the empty id is a job without deduplication."""
    if dedup_id == "":
        return
    key = dedup_key(q, dedup_id)
    row = s.read(key, DedupRow)
    if row.jobs <= 1 and row.until == 0:
        s.delete([key])
        return
    s.hset(key, jobs=row.jobs - 1)
    if row.pending == job_id:
        s.hdel(key, ["pending", "pending_until"])


def close_dedup_windows(s: Store, q: str, now: int, limit: int) -> int:
    """Forget windows that have passed: how many (DED-6)."""
    ids = s.zdue(deduping_key(q), now, limit)
    s.zrem_many(deduping_key(q), ids)
    for dedup_id in ids:
        key = dedup_key(q, dedup_id)
        if s.read(key, DedupRow).jobs == 0:
            s.delete([key])
        else:
            s.hdel(key, ["until", "pending", "pending_until"])
    return len(ids)
