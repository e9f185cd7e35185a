"""Jobs that wait for their children: into that state, and out of it once nothing holds them."""

from .endings import fail_job, leave_expiring
from .events import emit
from .families import free_if_done
from .flow_records import Freed
from .groups import join_turns, limits_in, refresh_group, set_limits
from .keys import freed_key, job_key, waiting_children_key
from .lanes import next_mark
from .lang import drop, pad
from .placing import make_delayed, make_ready
from .rows import ParentRow, PlaceRow
from .states import WAITING_CHILDREN
from .store import Store


def await_children(s: Store, q: str, now: int, keep: int, job_id: str, mark: int) -> None:
    """Let a job that is in no set wait for its children; it is in no order of its group meanwhile (FLW-5)."""
    s.hset(job_key(q, job_id), state=WAITING_CHILDREN, mark=mark)
    s.zadd(waiting_children_key(q), now, pad(mark) + job_id)
    emit(s, q, now, keep, "waiting-children", job_id)
    free_if_done(s, q, now, job_id)


def free_parents(s: Store, q: str, now: int, keep: int, limit: int) -> Freed:
    """Let jobs run whose children are done, or fail those that fail with a child. Part of a sweep (see `due`)."""
    ids = s.zdue(freed_key(q), now, limit)
    failed = 0
    for job_id in ids:
        s.zrem(freed_key(q), job_id)  # one by one: the failure of one may put another in again
        row = s.read(job_key(q, job_id), PlaceRow)
        s.zrem(waiting_children_key(q), pad(row.mark) + job_id)
        parent = s.read(job_key(q, job_id), ParentRow)
        if parent.child_failure != "":
            failed = failed + 1
            leave_expiring(s, q, job_id, row)
            mark = next_mark(s, q)
            fail_job(s, q, now, keep, job_id, drop(parent.child_failure, 1), mark)
        else:
            set_free(s, q, now, job_id, row, parent)
            refresh_group(s, q, now, keep, row.ordering_key)
    return Freed(len(ids) - failed, failed)


def set_free(s: Store, q: str, now: int, job_id: str, row: PlaceRow, parent: ParentRow) -> None:
    """Put a job at the end of its lane or group, or hold it back for what is left of its delay."""
    if row.ordering_key != "":
        join_turns(s, q, row.ordering_key, job_id)
        if parent.processed_on == 0:
            set_limits(s, q, now, row.ordering_key, limits_in(s.hgetall(job_key(q, job_id))))
    placed = s.read(job_key(q, job_id), PlaceRow)
    due = parent.added + parent.delay
    if parent.processed_on == 0 and due > now:
        mark = next_mark(s, q)
        make_delayed(s, q, job_id, placed, due, mark)
    else:
        make_ready(s, q, job_id, placed)
