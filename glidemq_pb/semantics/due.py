"""Moving what has fallen due: expiries and lost leases, then promotions, then housekeeping.

Bounded: at most SWEEP_MAX entries a call. While anything due is left nothing is started, so what is
picked is always right and the only price is time.
"""

from .answers import forget_old_answers
from .calls import turn_calls
from .dedup import close_dedup_windows
from .endings import MARK_DIGITS, end_revoked, expire, fail_job, forget_ended, has_expired, trim
from .events import emit
from .gates import close_windows, window_end
from .groups import leave_active, refresh_group
from .keys import (
    active_key,
    answering_key,
    control_key,
    deduping_key,
    expiring_key,
    freed_key,
    group_key,
    job_key,
    limiters_key,
    meta_key,
    rate_limited_key,
    reservations_key,
    retained_key,
    scheduled_key,
    schedulers_key,
    worker_key,
    workers_key,
)
from .lanes import next_mark
from .lang import drop
from .leases import own_leases
from .limits import RESERVED_MS, SWEEP_MAX
from .metrics import forget_minutes
from .parents import free_parents
from .placing import leave_state, make_ready, return_to_place, watch_expiry
from .records import Swept
from .rows import Meta, PlaceRow, TrimRow
from .schedulers import fire_due
from .states import COMPLETED, DELAYED, FAILED, WAITING_CHILDREN
from .store import Store


def sweep(s: Store, q: str, now: int, stalled_max: int, keep: int) -> Swept:
    """Move what is due at `now`, and note when the next thing will be."""
    moved = 0
    failed = 0
    left = 0
    readied = 0
    stalled: list[str] = []

    expired = s.zdue(expiring_key(q), now, SWEEP_MAX)
    for member in expired:
        if expire_waiting(s, q, now, keep, drop(member, MARK_DIGITS)):
            left = left + 1
    moved = moved + len(expired)
    failed = failed + len(expired)

    lost = s.zdue(active_key(q), now, SWEEP_MAX - moved)
    s.zrem_many(active_key(q), lost)
    for member in lost:
        stalled.append(drop(member, MARK_DIGITS))
    own_leases(s, q, stalled)
    for job_id in stalled:
        if recover(s, q, now, keep, stalled_max, job_id):
            readied = readied + 1
        else:
            failed = failed + 1
            left = left + 1
    moved = moved + len(lost)

    freed = free_parents(s, q, now, keep, SWEEP_MAX - moved)
    moved = moved + freed.readied + freed.failed
    readied = readied + freed.readied
    failed = failed + freed.failed

    promoted = promote_due(s, q, now, keep, SWEEP_MAX - moved)
    moved = moved + promoted
    readied = readied + promoted

    fired = fire_due(s, q, now, keep, SWEEP_MAX - moved)
    moved = moved + fired
    readied = readied + fired

    woken = wake_groups(s, q, now, keep, SWEEP_MAX - moved)
    moved = moved + woken
    readied = readied + woken

    passed = close_dedup_windows(s, q, now, SWEEP_MAX - moved)
    moved = moved + passed
    aged = forget_aged(s, q, now, SWEEP_MAX - moved)
    moved = moved + aged
    silent = forget_workers(s, q, now, SWEEP_MAX - moved)
    moved = moved + silent
    in_doubt = doubt_reservations(s, q, now, SWEEP_MAX - moved)
    moved = moved + in_doubt
    answered = forget_old_answers(s, q, now, SWEEP_MAX - moved)
    moved = moved + answered
    if close_windows(s, q, now, s.read(meta_key(q), Meta)):
        readied = readied + 1
    keep_house(s, q, now)
    find_next_due(s, q, now)
    return Swept(moved, failed, left, readied, stalled, in_doubt)


def expire_waiting(s: Store, q: str, now: int, keep: int, job_id: str) -> bool:
    """Fail a waiting or delayed job whose time to live has passed (TTL-2, TTL-8): whether it was waiting."""
    row = s.read(job_key(q, job_id), PlaceRow)
    leave_state(s, q, job_id, row)
    mark = next_mark(s, q)
    expire(s, q, now, keep, job_id, mark)
    refresh_group(s, q, now, keep, row.ordering_key)
    return row.state != DELAYED and row.state != WAITING_CHILDREN


def recover(s: Store, q: str, now: int, keep: int, stalled_max: int, job_id: str) -> bool:
    """A job whose lease ended goes back to its place, or fails (STL-3, STL-4): whether it went back."""
    row = s.read(job_key(q, job_id), PlaceRow)
    s.hset(job_key(q, job_id), stalled_count=row.stalled_count + 1)
    emit(s, q, now, keep, "stalled", job_id)
    if row.ordering_key != "":
        leave_active(s, q, row.ordering_key)
    if row.revoked == 0 and row.stalled_count + 1 <= stalled_max and not has_expired(row, now):
        return_to_place(s, q, job_id, row)
        if row.expire_at > 0:
            watch_expiry(s, q, job_id, row.expire_at, row.expiry_mark)
        refresh_group(s, q, now, keep, row.ordering_key)
        return True
    mark = next_mark(s, q)
    if row.revoked == 1:
        end_revoked(s, q, now, keep, job_id, mark)
    elif row.stalled_count + 1 > stalled_max:
        fail_job(s, q, now, keep, job_id, "stalled", mark)
    else:
        expire(s, q, now, keep, job_id, mark)
    refresh_group(s, q, now, keep, row.ordering_key)
    return False


def promote_due(s: Store, q: str, now: int, keep: int, limit: int) -> int:
    """Make jobs ready that were held back until now: how many (DLY-1)."""
    members = s.zdue(scheduled_key(q), now, limit)
    s.zrem_many(scheduled_key(q), members)
    for member in members:
        job_id = drop(member, MARK_DIGITS)
        row = s.read(job_key(q, job_id), PlaceRow)
        make_ready(s, q, job_id, row)
        refresh_group(s, q, now, keep, row.ordering_key)
    return len(members)


def doubt_reservations(s: Store, q: str, now: int, limit: int) -> int:
    """Reservations of flows that have waited long, or long again: how many."""
    flows = s.zdue(reservations_key(q), now, limit)
    for flow in flows:
        s.zadd(reservations_key(q), now + RESERVED_MS, flow)
    return len(flows)


def wake_groups(s: Store, q: str, now: int, keep: int, limit: int) -> int:
    """Look again at groups that slept until now: how many."""
    keys = s.zdue(rate_limited_key(q), now, limit)
    s.zrem_many(rate_limited_key(q), keys)
    for key in keys:
        s.hdel(group_key(q, key), ["looks_at"])
        refresh_group(s, q, now, keep, key)
    return len(keys)


def forget_aged(s: Store, q: str, now: int, limit: int) -> int:
    """Remove ended jobs whose retention age has passed: how many (JOB-9)."""
    members = s.zdue(retained_key(q), now, limit)
    completed: list[str] = []
    failed: list[str] = []
    for member in members:
        row = s.read(job_key(q, drop(member, MARK_DIGITS)), PlaceRow)
        if row.state == COMPLETED:
            completed.append(member)
        else:
            failed.append(member)
    if len(completed) > 0:
        forget_ended(s, q, now, COMPLETED, completed)
    if len(failed) > 0:
        forget_ended(s, q, now, FAILED, failed)
    return len(members)


def forget_workers(s: Store, q: str, now: int, limit: int) -> int:
    """Remove the records of workers that fell silent: how many."""
    workers = s.zdue(workers_key(q), now, limit)
    keys: list[str] = []
    for worker in workers:
        keys.append(worker_key(q, worker))
        keys.append(control_key(q, worker))
    s.delete(keys)
    s.zrem_many(workers_key(q), workers)
    return len(workers)


def keep_house(s: Store, q: str, now: int) -> None:
    """The rest of a retention count, the generations of calls, the oldest minutes of the metrics."""
    owed = s.read(meta_key(q), TrimRow)
    if owed.trim_completed > 0:
        s.hdel(meta_key(q), ["trim_completed"])
        trim(s, q, now, COMPLETED, owed.trim_completed - 1)
    if owed.trim_failed > 0:
        s.hdel(meta_key(q), ["trim_failed"])
        trim(s, q, now, FAILED, owed.trim_failed - 1)
    meta = s.read(meta_key(q), Meta)
    if meta.calls_until > 0 and now >= meta.calls_until:
        turn_calls(s, q, now)
    if meta.metrics_until > 0 and now >= meta.metrics_until:
        forget_minutes(s, q, now)


def find_next_due(s: Store, q: str, now: int) -> None:
    """Store the exact next due moment of everything that has one."""
    meta = s.read(meta_key(q), Meta)
    due = 0
    for key in [
        expiring_key(q),
        active_key(q),
        scheduled_key(q),
        rate_limited_key(q),
        limiters_key(q),
        deduping_key(q),
        schedulers_key(q),
        freed_key(q),
        reservations_key(q),
        retained_key(q),
        workers_key(q),
        answering_key(q),
    ]:
        at = s.zlowest(key)
        if at is not None and (due == 0 or at < due):
            due = at
    for at_house in [meta.calls_until, meta.metrics_until, window_end(meta)]:
        if at_house > 0 and (due == 0 or at_house < due):
            due = at_house
    owed = s.read(meta_key(q), TrimRow)
    if owed.trim_completed > 0 or owed.trim_failed > 0:
        due = now
    if due == 0:
        s.hdel(meta_key(q), ["next_due"])
    else:
        s.hset(meta_key(q), next_due=due)
