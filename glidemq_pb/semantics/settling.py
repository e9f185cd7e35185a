"""What an active job's run came to. A stale token changes nothing (fencing, JOB-6)."""

from dataclasses import dataclass
from typing import Final

from .deadlines import lower_next_due
from .endings import complete_job, end_revoked, expire, fail_job, has_expired, keep_completed
from .events import emit, emit_retrying, emit_with
from .groups import leave_active, pause_group, refresh_group
from .keys import active_key, job_key
from .lang import pad
from .leases import give_lease, is_under, padded_mark, start_of, take_leases
from .parents import await_children
from .placing import make_delayed, make_ready, return_to_back, return_to_front, return_to_place, watch_expiry
from .records import (
    COMPLETED_RUN,
    DELAYED_RUN,
    FAILED_RUN,
    WAITING_CHILDREN_RUN,
    Caller,
    RunDetail,
    Settlement,
)
from .retries import attempts_remain, delay_before_retry
from .rows import AttemptRow, HeldRow, PlaceRow
from .states import ACTIVE, COMPLETED
from .store import Store

LOST: Final = "lost"
COMPLETED_STATUS: Final = "completed"
FAILED_STATUS: Final = "failed"
EXPIRED_STATUS: Final = "expired"
RETRYING_STATUS: Final = "retrying"
DELAYED_STATUS: Final = "delayed"
WAITING_CHILDREN_STATUS: Final = "waiting-children"
RETURNED_STATUS: Final = "returned"
REVOKED_STATUS: Final = "revoked"


@dataclass(frozen=True, slots=True)
class Settled:
    """What the settlements of a call came to."""

    statuses: list[str]
    """One for each; none when all completed."""
    completed: int
    failed: int
    readied: int
    beyond_jobs: bool
    """More than the jobs may have changed: due moments, groups, ..."""


def settle_all(s: Store, q: str, now: int, caller: Caller, settlements: list[Settlement], mark: int) -> Settled:
    """Settle in the order given, with the marks after `mark`."""
    statuses: list[str] = []
    completed = 0
    failed = 0
    readied = 0
    beyond_jobs = False
    left: list[str] = []
    ended: list[str] = []
    ids: list[str] = []
    for each in settlements:
        ids.append(each.job_id)
    leases = take_leases(s, q, ids)
    for i in range(len(settlements)):
        settlement = settlements[i]
        mark = mark + 1
        status = COMPLETED_STATUS
        if settlement.outcome == COMPLETED_RUN and is_under(leases[i], settlement.token):
            complete_plain(s, q, now, caller, settlement, leases[i], mark)
            left.append(padded_mark(leases[i]) + settlement.job_id)
            ended.append(pad(mark) + settlement.job_id)
        else:
            give_lease(s, q, settlement.job_id, leases[i])
            keep_completed(s, q, now, ended)  # before a retention may count them
            ended = []
            status = settle(s, q, now, caller, settlement, mark, left)
            beyond_jobs = True
        statuses.append(status)
        if status == COMPLETED_STATUS:
            completed = completed + 1
        elif status == FAILED_STATUS or status == EXPIRED_STATUS or status == REVOKED_STATUS:
            failed = failed + 1
        elif status != LOST:
            readied = readied + 1
    s.zrem_many(active_key(q), left)
    keep_completed(s, q, now, ended)
    if completed == len(settlements):
        statuses = []
    return Settled(statuses, completed, failed, readied, beyond_jobs)


def statuses_in(told: list[str], settlements: int) -> list[str]:
    """What a reply tells of so many settlements. Who reads it asks: mostly all have completed, and nothing is told."""
    if len(told) > 0:
        return told
    statuses: list[str] = []
    for _settlement in range(settlements):
        statuses.append(COMPLETED_STATUS)
    return statuses


def complete_plain(s: Store, q: str, now: int, caller: Caller, settlement: Settlement, lease: str, mark: int) -> None:
    """Complete a job of which nothing is stored that an end must heed; its lease is taken."""
    key = job_key(q, settlement.job_id)
    start = start_of(lease)
    s.hset(key, state=COMPLETED, return_value=settlement.value, processed_on=start, finished_on=now, mark=mark)
    emit_with(s, q, now, caller.events_keep, "completed", settlement.job_id, "return_value", settlement.value)


def settle(s: Store, q: str, now: int, caller: Caller, settlement: Settlement, mark: int, left: list[str]) -> str:
    """Take a job out of `active` as its run says: what became of it.

    Its member of `:active` goes into `left`.
    """
    job_id = settlement.job_id
    held = s.read(job_key(q, job_id), HeldRow)
    if held.state != ACTIVE or held.token != settlement.token:
        if held.name != "":
            emit(s, q, now, caller.events_keep, "lease-lost", job_id)
        return LOST
    left.append(pad(held.mark) + job_id)
    detail = detail_of(settlement)
    if held.ordering_key != "":
        leave_active(s, q, held.ordering_key)
        if detail.group_ms > 0:
            pause_group(s, q, now, caller.events_keep, held.ordering_key, detail.group_ms, detail.group_replace)
    status = leave_run(s, q, now, caller.events_keep, settlement, held, mark)
    refresh_group(s, q, now, caller.events_keep, held.ordering_key)
    return status


def detail_of(settlement: Settlement) -> RunDetail:
    """What a settlement says beside the usual."""
    detail = settlement.detail
    if detail is None:
        return RunDetail("", "", -1, 0, False, 0, False, False)
    return detail


def leave_run(s: Store, q: str, now: int, keep: int, settlement: Settlement, held: HeldRow, mark: int) -> str:
    """Put a job that has left `active` where its run says."""
    job_id = settlement.job_id
    detail = detail_of(settlement)
    if held.revoked == 1:
        end_revoked(s, q, now, keep, job_id, mark)
        return REVOKED_STATUS
    if settlement.outcome == COMPLETED_RUN:
        complete_job(s, q, now, keep, job_id, settlement.value, held, mark)
        return COMPLETED_STATUS
    if settlement.outcome == FAILED_RUN:
        return fail_attempt(s, q, now, keep, job_id, detail, mark)
    if settlement.outcome == DELAYED_RUN:
        return delay_run(s, q, now, keep, job_id, settlement.value, detail.until, mark)
    row = s.read(job_key(q, job_id), PlaceRow)
    if has_expired(row, now):
        expire(s, q, now, keep, job_id, mark)
        return EXPIRED_STATUS
    if row.expire_at > 0:
        watch_expiry(s, q, job_id, row.expire_at, row.expiry_mark)
        lower_next_due(s, q, row.expire_at + 1)
    if settlement.outcome == WAITING_CHILDREN_RUN:
        await_children(s, q, now, keep, job_id, mark)
        return WAITING_CHILDREN_STATUS
    if detail.back and row.ordering_key != "":
        return_to_back(s, q, job_id, row)
    elif detail.group_ms > 0 and row.ordering_key != "":
        return_to_front(s, q, job_id, row)
    else:
        return_to_place(s, q, job_id, row)
    return RETURNED_STATUS


def fail_attempt(s: Store, q: str, now: int, keep: int, job_id: str, detail: RunDetail, mark: int) -> str:
    """Count a failed attempt; then another one, or the end."""
    attempt = s.read(job_key(q, job_id), AttemptRow)
    s.hset(job_key(q, job_id), attempts_made=attempt.attempts_made + 1, failed_reason=detail.reason)
    if detail.trace != "":
        s.hset(job_key(q, job_id), stacktrace=detail.trace)
    if detail.final or not attempts_remain(attempt):
        fail_job(s, q, now, keep, job_id, detail.reason, mark)
        return FAILED_STATUS
    delay = delay_before_retry(attempt, detail)
    status = resume_later(s, q, now, keep, job_id, now + delay, mark, RETRYING_STATUS)
    if status == RETRYING_STATUS:
        emit_retrying(s, q, now, keep, job_id, detail.reason, attempt.attempts_made + 1, delay)
    return status


def delay_run(s: Store, q: str, now: int, keep: int, job_id: str, data: str, until: int, mark: int) -> str:
    """`move_to_delayed`: back at an instant, no attempt consumed (JOB-14)."""
    if data != "":
        s.hset(job_key(q, job_id), data=data)
    return resume_later(s, q, now, keep, job_id, until, mark, DELAYED_STATUS)


def resume_later(s: Store, q: str, now: int, keep: int, job_id: str, due: int, mark: int, status: str) -> str:
    """Hold a job back until `due`, which may be now; `status` says why, unless it has expired (TTL-5)."""
    row = s.read(job_key(q, job_id), PlaceRow)
    if has_expired(row, now):
        expire(s, q, now, keep, job_id, mark)
        return EXPIRED_STATUS
    if row.expire_at > 0:
        watch_expiry(s, q, job_id, row.expire_at, row.expiry_mark)
        lower_next_due(s, q, row.expire_at + 1)
    if due > now:
        make_delayed(s, q, job_id, row, due, mark)
        lower_next_due(s, q, due)
    else:
        make_ready(s, q, job_id, row)
    return status
