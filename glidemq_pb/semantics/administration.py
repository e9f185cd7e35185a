"""Whole-queue work in bounded calls: drain, clean, retry of many, obliterate.

Each acts on what was there when it began: sets are ordered by sequence numbers, and `Marks` are the last
ones given then. A call handles at most BATCH_MAX jobs and says where the next one goes on.
"""

from typing import Final

from .calls import recall, remember
from .changes import erase, retry_job
from .deadlines import lower_next_due
from .drains import note_drained
from .due import forget_workers
from .endings import MARK_DIGITS, forget_ended
from .errors import Code
from .events import emit_with
from .formats import is_foreign, stamp
from .groups import refresh_group
from .keys import (
    active_key,
    answering_key,
    calls_key,
    dedup_key,
    deduping_key,
    ended_key,
    events_key,
    group_key,
    group_queue_key,
    groups_key,
    id_key,
    job_key,
    limiter_key,
    limiters_key,
    meta_key,
    metrics_key,
    old_calls_key,
    outbox_key,
    rate_limited_key,
    ready_key,
    reservations_key,
    scheduled_key,
    scheduler_names_key,
    waiting_children_key,
    wake_key,
    worker_key,
    workers_key,
)
from .lanes import place_of
from .lang import drop, join, number, operation, refuse, split, take, text
from .leases import read_place
from .limits import BATCH_MAX, PAGE_MAX
from .records import ClearCursor, Cleared, Marks, Retried, WorkerEntry
from .rows import Meta, ParkedRow, PlaceRow, TurnRow, WorkerInfoRow
from .states import COMPLETED, FAILED
from .store import Store
from .timetable import forget_scheduler
from .wakes import rearm, wake, wake_if_startable

PARENTS_PHASE: Final = 0
"""First, so that no removal of a child makes its parent ready behind the phase of ready jobs."""
READY_PHASE: Final = 1
GROUPS_PHASE: Final = 2
DELAYED_PHASE: Final = 3
ACTIVE_PHASE: Final = 4
COMPLETED_PHASE: Final = 5
FAILED_PHASE: Final = 6


@operation(reads_only=True)
def get_marks(s: Store, q: str, now: int) -> Marks:
    """The last sequence numbers given."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    return Marks(meta.ready, meta.mark, s.read(meta_key(q), TurnRow).turn)


@operation(frees_memory=True)
def clear_some(
    s: Store, q: str, now: int, marks: Marks, cursor: ClearCursor, last_phase: int, events_keep: int
) -> Cleared:
    """Remove jobs, phase by phase up to `last_phase`.

    The phases: waiting for children, ready, in groups, delayed, active, completed, failed.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    cleared = clear_phase(s, q, now, marks, cursor, events_keep)
    wake_if_startable(s, q, now)
    lively = cursor.phase == READY_PHASE or cursor.phase == GROUPS_PHASE or cursor.phase == ACTIVE_PHASE
    if cleared.removed > 0 and lively:
        note_drained(s, q, now, events_keep)
    rearm(s, q, meta.next_due)
    return Cleared(cleared.removed, cleared.cursor, cleared.cursor.phase > last_phase)


def clear_phase(s: Store, q: str, now: int, marks: Marks, cursor: ClearCursor, keep: int) -> Cleared:
    """One batch of one phase."""
    if cursor.phase == PARENTS_PHASE:
        return clear_marked(s, q, now, waiting_children_key(q), marks, cursor, keep)
    if cursor.phase == READY_PHASE:
        return clear_ready(s, q, now, marks, cursor, keep)
    if cursor.phase == GROUPS_PHASE:
        return clear_groups(s, q, now, marks, cursor, keep)
    if cursor.phase == DELAYED_PHASE:
        return clear_marked(s, q, now, scheduled_key(q), marks, cursor, keep)
    if cursor.phase == ACTIVE_PHASE:
        return clear_marked(s, q, now, active_key(q), marks, cursor, keep)
    if cursor.phase == COMPLETED_PHASE:
        return clear_ended(s, q, now, COMPLETED, marks, cursor)
    return clear_ended(s, q, now, FAILED, marks, cursor)


def next_cursor(cursor: ClearCursor, seen: int, kept: int) -> ClearCursor:
    """On to the next phase when a batch was not full; the kept ones are passed over."""
    if seen < BATCH_MAX:
        return ClearCursor(cursor.phase + 1, 0, 0)
    return ClearCursor(cursor.phase, 0, cursor.skip + kept)


def clear_ready(s: Store, q: str, now: int, marks: Marks, cursor: ClearCursor, keep: int) -> Cleared:
    """Remove ready jobs of no group that were ready then."""
    picks = s.zrange_scored(ready_key(q), cursor.skip, cursor.skip + BATCH_MAX - 1)
    removed = 0
    for pick in picks:
        row = s.read(job_key(q, pick.member), PlaceRow)
        if row.ordering_key == "" and place_of(pick.score) <= marks.ready:
            erase(s, q, now, keep, pick.member, row)
            removed = removed + 1
    return Cleared(removed, next_cursor(cursor, len(picks), len(picks) - removed), False)


def clear_groups(s: Store, q: str, now: int, marks: Marks, cursor: ClearCursor, keep: int) -> Cleared:
    """Remove members that wait in their groups and joined before, one group a call."""
    keys = s.zrange(groups_key(q), cursor.group, cursor.group)
    if len(keys) == 0:
        return Cleared(0, ClearCursor(cursor.phase + 1, 0, 0), False)
    members = s.zrange(group_queue_key(q, keys[0]), cursor.skip, cursor.skip + BATCH_MAX - 1)
    removed = 0
    for job_id in members:
        row = s.read(job_key(q, job_id), PlaceRow)
        if row.turn <= marks.turn:
            erase(s, q, now, keep, job_id, row)
            removed = removed + 1
    refresh_group(s, q, now, keep, keys[0])
    if len(members) == BATCH_MAX:
        return Cleared(removed, ClearCursor(cursor.phase, cursor.group, cursor.skip + BATCH_MAX - removed), False)
    if s.exists(group_key(q, keys[0])):
        return Cleared(removed, ClearCursor(cursor.phase, cursor.group + 1, 0), False)
    return Cleared(removed, ClearCursor(cursor.phase, cursor.group, 0), False)


def clear_marked(s: Store, q: str, now: int, key: str, marks: Marks, cursor: ClearCursor, keep: int) -> Cleared:
    """Remove delayed or active jobs that were so then."""
    members = s.zrange(key, cursor.skip, cursor.skip + BATCH_MAX - 1)
    removed = 0
    for member in members:
        if number(take(member, MARK_DIGITS)) <= marks.mark:
            job_id = drop(member, MARK_DIGITS)
            row = read_place(s, q, job_id)
            erase(s, q, now, keep, job_id, row)
            refresh_group(s, q, now, keep, row.ordering_key)
            removed = removed + 1
    return Cleared(removed, next_cursor(cursor, len(members), len(members) - removed), False)


def clear_ended(s: Store, q: str, now: int, state: str, marks: Marks, cursor: ClearCursor) -> Cleared:
    """Remove jobs that had ended then."""
    members = s.zrange(ended_key(q, state), cursor.skip, cursor.skip + BATCH_MAX - 1)
    old: list[str] = []
    for member in members:
        if number(take(member, MARK_DIGITS)) <= marks.mark:
            old.append(member)
    forget_ended(s, q, now, state, old)
    return Cleared(len(old), next_cursor(cursor, len(members), len(members) - len(old)), False)


@operation(frees_memory=True)
def clean_some(
    s: Store, q: str, now: int, call: str, state: str, ended_before: int, limit: int, events_keep: int
) -> list[str]:
    """Remove the oldest jobs that ended as `state` at `ended_before` or earlier: their ids (JOB-9)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return split(known, "\n")
    members = s.zdue(ended_key(q, state), ended_before, min(limit, BATCH_MAX))
    ids: list[str] = []
    for member in members:
        ids.append(drop(member, MARK_DIGITS))
    if len(members) > 0:
        forget_ended(s, q, now, state, members)
        emit_with(s, q, now, events_keep, "cleaned", "", "count", text(len(members)))
        remember(s, q, now, meta.calls_until, call, join(ids, "\n"))
        rearm(s, q, meta.next_due)
    return ids


@operation
def retry_some(s: Store, q: str, now: int, call: str, marks: Marks, skip: int, limit: int, events_keep: int) -> Retried:
    """Let failed jobs wait as if they were new, the oldest failure first, as many as one call may."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        parts = split(known, ":")
        return Retried(number(parts[0]), number(parts[1]), parts[2] == "1")
    most = min(limit, BATCH_MAX)
    members = s.zrange(ended_key(q, FAILED), skip, skip + most - 1)
    retried = 0
    for member in members:
        if number(take(member, MARK_DIGITS)) <= marks.mark:
            job_id = drop(member, MARK_DIGITS)
            row = s.read(job_key(q, job_id), PlaceRow)
            retry_job(s, q, now, events_keep, job_id, row)
            retried = retried + 1
    last = "1" if len(members) < most else "0"
    kept = skip + len(members) - retried
    wake_if_startable(s, q, now)
    if retried > 0:
        remember(s, q, now, meta.calls_until, call, text(retried) + ":" + text(kept) + ":" + last)
        rearm(s, q, meta.next_due)
    return Retried(retried, kept, last == "1")


@operation(frees_memory=True)
def forget_queue(s: Store, q: str, now: int) -> bool:
    """Remove what an empty queue keeps: limits, counters, records; its events go, their ids go on.

    Living workers stay, and answers that are yet to be fetched. False, and nothing more, while it has jobs;
    one call removes a batch of groups, so call until True.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    if has_jobs(s, q):
        return False
    groups = s.zrange(groups_key(q), 0, BATCH_MAX - 1)
    keys: list[str] = []
    for key in groups:
        keys.append(group_key(q, key))
    s.delete(keys)
    s.zrem_many(groups_key(q), groups)
    s.zrem_many(rate_limited_key(q), groups)
    windows = s.zrange(deduping_key(q), 0, BATCH_MAX - 1)
    for dedup_id in windows:
        s.delete([dedup_key(q, dedup_id)])
    s.zrem_many(deduping_key(q), windows)
    schedulers = s.zrange(scheduler_names_key(q), 0, BATCH_MAX - 1)
    for name in schedulers:
        forget_scheduler(s, q, name)
    if len(groups) == BATCH_MAX or len(windows) == BATCH_MAX or len(schedulers) == BATCH_MAX:
        return False
    limiters: list[str] = []
    for limiter in s.zrange(limiters_key(q), 0, -1):
        limiters.append(limiter_key(q, limiter))
    s.delete(limiters)
    s.xclear(events_key(q))
    s.delete([meta_key(q), limiters_key(q), wake_key(q)])
    s.delete([calls_key(q), old_calls_key(q), metrics_key(q, COMPLETED), metrics_key(q, FAILED)])
    forget_workers(s, q, now, PAGE_MAX)
    living_until = s.zlowest(workers_key(q))
    if living_until is not None:  # they may not have read yet that their leases are lost
        stamp(s, q, s.read(meta_key(q), Meta))
        lower_next_due(s, q, living_until)
    in_doubt_at = s.zlowest(reservations_key(q))
    if in_doubt_at is None:
        s.delete([id_key(q)])
    else:  # the ids that are held were the counter's
        stamp(s, q, s.read(meta_key(q), Meta))
        lower_next_due(s, q, in_doubt_at)
    answers_until = s.zlowest(answering_key(q))
    if answers_until is not None:  # nor those who waited for its jobs that these are removed
        stamp(s, q, s.read(meta_key(q), Meta))
        lower_next_due(s, q, answers_until)
    if s.exists(outbox_key(q)):
        wake(s, q)  # the token that was to have them delivered may have gone with the list
    return True


def has_jobs(s: Store, q: str) -> bool:
    """Whether any job is stored."""
    waiting = s.zcard(ready_key(q)) + s.read(meta_key(q), ParkedRow).parked
    running = s.zcard(active_key(q)) + s.zcard(scheduled_key(q)) + s.zcard(waiting_children_key(q))
    return waiting + running + s.zcard(ended_key(q, COMPLETED)) + s.zcard(ended_key(q, FAILED)) > 0


@operation(reads_only=True, may_lag=True)
def list_workers(s: Store, q: str, now: int) -> list[WorkerEntry]:
    """The workers that were heard of lately, at most one page."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    entries: list[WorkerEntry] = []
    for worker in s.zrange_scored(workers_key(q), 0, PAGE_MAX - 1):
        if worker.score > now:
            row = s.read(worker_key(q, worker.member), WorkerInfoRow)
            if row.info == "":  # the name of more calls of another one
                continue
            entries.append(WorkerEntry(worker.member, row.info, row.seen_at))
    return entries
