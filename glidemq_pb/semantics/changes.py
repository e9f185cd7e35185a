"""Changing one job from outside its run, and what a run may write about its job."""

from typing import Final

from .answers import FAILED_ANSWER, answer_waits
from .calls import recall, remember
from .deadlines import lower_next_due
from .dedup import release
from .drains import note_drained, note_gone
from .endings import end_revoked
from .errors import Code
from .events import emit, emit_with
from .families import REMOVED_NEWS, tell_parents
from .formats import is_foreign, stamp
from .groups import refresh_group, wait_in_group
from .keys import job_key, keys_of_job, logs_key, meta_key, ready_key
from .lanes import moved_score, next_mark
from .lang import operation, refuse, text
from .leases import line_of, read_place
from .metrics import count_ended
from .parents import await_children
from .placing import leave_state, leave_waiting, make_delayed, make_ready, wait_again, watch_expiry
from .rows import Meta, ParentRow, PlaceRow
from .states import ACTIVE, COMPLETED, DELAYED, FAILED, WAITING, state_of
from .store import Store
from .timetable import job_ended
from .wakes import notify, rearm, wake_if_startable

NOT_FOUND: Final = "not_found"
WRONG_STATE: Final = "wrong_state"
DONE: Final = "done"
LOST: Final = "lost"
REVOKED: Final = "revoked"
FLAGGED: Final = "flagged"
FINISHED: Final = "finished"


@operation(frees_memory=True)
def remove(s: Store, q: str, now: int, call: str, job_id: str, events_keep: int) -> str:
    """Erase a job in any state, with its log (JOB-8). Its worker, if it has one, is told."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    if row.name == "":
        return NOT_FOUND

    erase(s, q, now, events_keep, job_id, row)
    refresh_group(s, q, now, events_keep, row.ordering_key)
    wake_if_startable(s, q, now)
    note_gone(s, q, now, events_keep, row.state)
    return answer(s, q, now, meta, call)


def erase(s: Store, q: str, now: int, keep: int, job_id: str, row: PlaceRow) -> None:
    """Take a job out of everything but the head of its group, which the caller refreshes."""
    leave_state(s, q, job_id, row)
    if row.state == ACTIVE:
        notify(s, q, line_of(row.token), "lost:" + job_id)
    waits = s.hget(job_key(q, job_id), "waits")
    if waits is not None:
        answer_waits(s, q, now, job_id, waits, FAILED_ANSWER + "removed")
    tell_parents(s, q, now, row.parents, job_id, REMOVED_NEWS, "")
    s.delete(keys_of_job(q, job_id))
    release(s, q, row.dedup_id, job_id)
    job_ended(s, q, now, row.scheduler_name, job_id)
    emit(s, q, now, keep, "removed", job_id)


@operation
def retry(s: Store, q: str, now: int, call: str, job_id: str, events_keep: int) -> str:
    """Run a failed job again as if it were new, at the end of its lane (JOB-10)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    if row.name == "":
        return NOT_FOUND
    if row.state != FAILED:
        return WRONG_STATE

    retry_job(s, q, now, events_keep, job_id, row)
    wake_if_startable(s, q, now)
    return answer(s, q, now, meta, call)


def retry_job(s: Store, q: str, now: int, keep: int, job_id: str, row: PlaceRow) -> None:
    """Let a failed job wait as if it were new; its time to live begins anew."""
    leave_state(s, q, job_id, row)
    job = job_key(q, job_id)
    stale = ["attempts_made", "failed_reason", "stacktrace", "finished_on", "stalled_count", "revoked", "child_failure"]
    s.hdel(job, stale)
    if row.ttl > 0:
        mark = next_mark(s, q)
        s.hset(job, expire_at=now + row.ttl, expiry_mark=mark)
        watch_expiry(s, q, job_id, now + row.ttl, mark)
        lower_next_due(s, q, now + row.ttl + 1)
    parent = s.read(job, ParentRow)
    never_free = parent.processed_on == 0 and s.hget(job, "children_left") is not None
    if parent.children_left > 0 or never_free:
        mark = next_mark(s, q)
        await_children(s, q, now, keep, job_id, mark)
    else:
        wait_again(s, q, job_id, row)
    refresh_group(s, q, now, keep, row.ordering_key)
    emit(s, q, now, keep, "retried", job_id)


@operation(frees_memory=True)
def revoke(s: Store, q: str, now: int, call: str, job_id: str, events_keep: int) -> str:
    """End a job as revoked: at once, or when its run has ended (REV-1..9).

    `revoked`; `flagged`: it runs, and its worker is told; `finished`: it had ended otherwise; NOT_FOUND.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    if row.name == "":
        return NOT_FOUND
    if row.state == COMPLETED or row.state == FAILED:
        return REVOKED if row.revoked == 1 else FINISHED

    if row.state == ACTIVE:
        s.hset(job_key(q, job_id), revoked=1)
        notify(s, q, line_of(row.token), "revoked:" + job_id)
        return FLAGGED
    leave_state(s, q, job_id, row)
    mark = next_mark(s, q)
    end_revoked(s, q, now, events_keep, job_id, mark)
    count_ended(s, q, now, FAILED, 1)
    refresh_group(s, q, now, events_keep, row.ordering_key)
    wake_if_startable(s, q, now)
    note_gone(s, q, now, events_keep, row.state)
    remember(s, q, now, meta.calls_until, call, REVOKED)
    rearm(s, q, meta.next_due)
    return REVOKED


@operation
def promote(s: Store, q: str, now: int, call: str, job_id: str, events_keep: int) -> str:
    """Make a delayed job ready now (DLY-2)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    if row.name == "":
        return NOT_FOUND
    if row.state != DELAYED:
        return WRONG_STATE

    leave_waiting(s, q, job_id, row)
    make_ready(s, q, job_id, row)
    refresh_group(s, q, now, events_keep, row.ordering_key)
    emit(s, q, now, events_keep, "promoted", job_id)
    wake_if_startable(s, q, now)
    return answer(s, q, now, meta, call)


@operation
def change_priority(s: Store, q: str, now: int, call: str, job_id: str, priority: int, events_keep: int) -> str:
    """Move a waiting or delayed job to another class, at the place it has (PRI-5)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    if row.name == "":
        return NOT_FOUND
    state = state_of(row.state)
    if state != WAITING and state != DELAYED:
        return WRONG_STATE
    if row.priority == priority:
        return DONE

    if priority == 0:
        s.hdel(job_key(q, job_id), ["priority"])
    else:
        s.hset(job_key(q, job_id), priority=priority)
    score = s.zscore(ready_key(q), job_id)
    if score is not None:
        s.zadd(ready_key(q), moved_score(score, priority, row.lifo), job_id)
    if state == WAITING and row.ordering_key != "":
        wait_in_group(s, q, row.ordering_key, job_id, priority, row.turn)
        refresh_group(s, q, now, events_keep, row.ordering_key)
    emit_with(s, q, now, events_keep, "priority-changed", job_id, "priority", text(priority))
    return answer(s, q, now, meta, call)


@operation
def change_delay(s: Store, q: str, now: int, call: str, job_id: str, delay: int, events_keep: int) -> str:
    """Hold a waiting or delayed job back for `delay` from now; 0 makes it ready (DLY-2)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    if row.name == "":
        return NOT_FOUND
    state = state_of(row.state)
    if state != WAITING and state != DELAYED:
        return WRONG_STATE

    if delay == 0:
        s.hdel(job_key(q, job_id), ["delay"])
    else:
        s.hset(job_key(q, job_id), delay=delay)
    if delay > 0:
        leave_waiting(s, q, job_id, row)
        mark = next_mark(s, q)
        make_delayed(s, q, job_id, row, now + delay, mark)
        lower_next_due(s, q, now + delay)
    elif state == DELAYED:
        leave_waiting(s, q, job_id, row)
        make_ready(s, q, job_id, row)
    refresh_group(s, q, now, events_keep, row.ordering_key)
    if delay == 0 or row.ordering_key != "":  # another member of the group may have become its head
        wake_if_startable(s, q, now)
    emit_with(s, q, now, events_keep, "delay-changed", job_id, "delay", text(delay))
    if delay > 0 and state == WAITING:
        note_drained(s, q, now, events_keep)
    return answer(s, q, now, meta, call)


@operation
def update_data(s: Store, q: str, now: int, job_id: str, token: str, data: str) -> str:
    """Replace the payload for the next attempt and every reader (JOB-13). From inside a run, under its token."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    row = read_place(s, q, job_id)
    status = may_write(row, token)
    if status == DONE:
        s.hset(job_key(q, job_id), data=data)
    return status


@operation
def update_progress(
    s: Store, q: str, now: int, call: str, job_id: str, token: str, progress: str, events_keep: int
) -> str:
    """Store the progress of a run and tell observers, once (PRG-1)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    status = may_write(row, token)
    if status == DONE:
        s.hset(job_key(q, job_id), progress=progress)
        emit_with(s, q, now, events_keep, "progress", job_id, "progress", progress)
        return answer(s, q, now, meta, call)
    return status


@operation
def add_log(s: Store, q: str, now: int, call: str, job_id: str, token: str, line: str) -> str:
    """Append a line to the job's log (JOB-13)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    row = read_place(s, q, job_id)
    status = may_write(row, token)
    if status == DONE:
        s.rpush(logs_key(q, job_id), line)
        return answer(s, q, now, meta, call)
    return status


def answer(s: Store, q: str, now: int, meta: Meta, call: str) -> str:
    """End a change that was made: keep the reply, and see that a worker knows the next due moment."""
    remember(s, q, now, meta.calls_until, call, DONE)
    rearm(s, q, meta.next_due)
    return DONE


def may_write(row: PlaceRow, token: str) -> str:
    """DONE when the job is there and a given token is its present one."""
    if row.name == "":
        return NOT_FOUND
    if token != "" and (row.state != ACTIVE or row.token != token):
        return LOST
    return DONE


@operation
def pause(s: Store, q: str, now: int, events_keep: int) -> bool:
    """Start no more jobs of this queue, on any worker (WRK-4): whether that is news."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    if meta.paused == 1:
        return False
    stamp(s, q, meta)
    s.hset(meta_key(q), paused=1)
    emit(s, q, now, events_keep, "paused", "")
    return True


@operation(frees_memory=True)
def resume(s: Store, q: str, now: int, events_keep: int) -> bool:
    """Start jobs again: whether that is news."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    if meta.paused == 0:
        return False
    s.hdel(meta_key(q), ["paused"])
    emit(s, q, now, events_keep, "resumed", "")
    wake_if_startable(s, q, now)
    return True
