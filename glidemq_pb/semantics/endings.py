"""How a job ends, and how long it is kept."""

from typing import Final

from .answers import COMPLETED_ANSWER, FAILED_ANSWER, answer_waits
from .deadlines import lower_next_due
from .dedup import release
from .events import emit, emit_with
from .families import COMPLETED_NEWS, FAILED_NEWS, LOST_NEWS, REMOVED_NEWS, tell_parents
from .keys import ended_key, expiring_key, job_key, keys_of_job, meta_key, retained_key
from .lang import drop, number, pad
from .letters import bury
from .limits import TRIM_MAX
from .rows import EndedRow, FailedKeepRow, HeldRow, PlaceRow, TrimRow
from .states import COMPLETED, FAILED
from .store import Store
from .timetable import job_ended

MARK_DIGITS: Final = 16
"""The width of the mark in front of an id (see `lang.pad`)."""


def complete_job(s: Store, q: str, now: int, keep: int, job_id: str, value: str, held: HeldRow, mark: int) -> None:
    """End a job well. Its lease is gone already."""
    key = job_key(q, job_id)
    tell_parents(s, q, now, held.parents, job_id, COMPLETED_NEWS, value)
    answer_waits(s, q, now, job_id, held.waits, COMPLETED_ANSWER + value)
    if held.remove_on_complete == 1:
        s.delete(keys_of_job(q, job_id))
        release(s, q, held.dedup_id, job_id)
    else:
        s.hset(key, state=COMPLETED, return_value=value, finished_on=now, mark=mark)
        s.zadd(ended_key(q, COMPLETED), now, pad(mark) + job_id)
        if held.attempts_made > 0:
            s.hdel(key, ["failed_reason", "stacktrace"])
        retain(s, q, now, COMPLETED, pad(mark) + job_id, held.keep_completed, held.keep_completed_ms)
    job_ended(s, q, now, held.scheduler_name, job_id)
    emit_with(s, q, now, keep, "completed", job_id, "return_value", value)


def keep_completed(s: Store, q: str, now: int, members: list[str]) -> None:
    """Put jobs that completed now into their set."""
    moments: list[int] = []
    for _member in members:
        moments.append(now)
    s.zadd_many(ended_key(q, COMPLETED), moments, members)


def fail_job(s: Store, q: str, now: int, keep: int, job_id: str, reason: str, mark: int) -> None:
    """End a job badly. It has left every set already."""
    bury(s, q, job_id, reason)
    keep_failed(s, q, now, job_id, reason, mark)
    emit_with(s, q, now, keep, "failed", job_id, "failed_reason", reason)


def expire(s: Store, q: str, now: int, keep: int, job_id: str, mark: int) -> None:
    """Fail a job whose time to live has passed (TTL-2); it is in no set any more."""
    keep_failed(s, q, now, job_id, "expired", mark)
    emit(s, q, now, keep, "expired", job_id)


def end_revoked(s: Store, q: str, now: int, keep: int, job_id: str, mark: int) -> None:
    """Fail a job that somebody revoked (REV-1, REV-4); it is in no set any more."""
    s.hset(job_key(q, job_id), revoked=1)
    keep_failed(s, q, now, job_id, "revoked", mark)
    emit(s, q, now, keep, "revoked", job_id)


def keep_failed(s: Store, q: str, now: int, job_id: str, reason: str, mark: int) -> None:
    """Store how a job failed, for as long as its retention says."""
    row = s.read(job_key(q, job_id), FailedKeepRow)
    job_ended(s, q, now, row.scheduler_name, job_id)
    answer_waits(s, q, now, job_id, row.waits, FAILED_ANSWER + reason)
    if row.remove_on_fail == 1:
        tell_parents(s, q, now, row.parents, job_id, LOST_NEWS, reason)
        s.delete(keys_of_job(q, job_id))
        release(s, q, row.dedup_id, job_id)
    else:
        tell_parents(s, q, now, row.parents, job_id, FAILED_NEWS, reason)
        s.hset(job_key(q, job_id), state=FAILED, failed_reason=reason, finished_on=now, mark=mark)
        s.zadd(ended_key(q, FAILED), now, pad(mark) + job_id)
        retain(s, q, now, FAILED, pad(mark) + job_id, row.keep_failed, row.keep_failed_ms)


def retain(s: Store, q: str, now: int, state: str, member: str, count: str, age_ms: int) -> None:
    """Apply a job's own retention as it ends (JOB-9)."""
    if age_ms > 0:
        s.zadd(retained_key(q), now + age_ms, member)
        lower_next_due(s, q, now + age_ms)
    if count != "":
        trim(s, q, now, state, number(count))


def trim(s: Store, q: str, now: int, state: str, count: int) -> None:
    """Remove the oldest ended jobs beyond `count`: at most TRIM_MAX now, the rest is due work."""
    excess = s.zcard(ended_key(q, state)) - count
    if excess > 0:
        forget_ended(s, q, now, state, s.zrange(ended_key(q, state), 0, min(excess, TRIM_MAX) - 1))
    if excess > TRIM_MAX:
        owed = s.read(meta_key(q), TrimRow)  # never raised: an earlier ending may owe a lower count
        if state == COMPLETED:
            if owed.trim_completed == 0 or count + 1 < owed.trim_completed:
                s.hset(meta_key(q), trim_completed=count + 1)
        elif owed.trim_failed == 0 or count + 1 < owed.trim_failed:
            s.hset(meta_key(q), trim_failed=count + 1)
        lower_next_due(s, q, now)


def forget_ended(s: Store, q: str, now: int, state: str, members: list[str]) -> None:
    """Erase ended jobs, named by their members of the state's set; who waits for a failed one waits no longer."""
    keys: list[str] = []
    for member in members:
        job_id = drop(member, MARK_DIGITS)
        row = s.read(job_key(q, job_id), EndedRow)
        release(s, q, row.dedup_id, job_id)
        if state == FAILED:
            tell_parents(s, q, now, row.parents, job_id, REMOVED_NEWS, "")
        for key in keys_of_job(q, job_id):
            keys.append(key)
    s.delete(keys)
    s.zrem_many(ended_key(q, state), members)
    s.zrem_many(retained_key(q), members)


def has_expired(row: PlaceRow, now: int) -> bool:
    """Whether the deadline has passed; it is itself in time (TTL-4)."""
    return row.expire_at > 0 and now > row.expire_at


def leave_expiring(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """An active, ended or removed job does not expire."""
    if row.expire_at > 0:
        s.zrem(expiring_key(q), pad(row.expiry_mark) + job_id)
