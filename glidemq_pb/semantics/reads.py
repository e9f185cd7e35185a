"""Looking at a queue. Reads never write."""

from .endings import MARK_DIGITS
from .errors import Code
from .formats import is_foreign
from .keys import (
    active_key,
    ended_key,
    events_key,
    group_key,
    group_queue_key,
    groups_key,
    job_key,
    leases_key,
    logs_key,
    meta_key,
    metrics_key,
    ready_key,
    scheduled_key,
    waiting_children_key,
)
from .lang import Fields, byte_length, drop, lookup, operation, refuse, without
from .leases import with_lease
from .limits import PAGE_MAX, REPLY_BYTES_MAX
from .records import Counts, JobEntry, LogPage, ParkedPage
from .rows import GroupRow, Meta, ParkedRow
from .states import ACTIVE, COMPLETED, DELAYED, FAILED, WAITING, WAITING_CHILDREN
from .store import Event, Store


@operation(reads_only=True, may_lag=True)
def get_job(s: Store, q: str, now: int, job_id: str, exclude_data: bool) -> Fields:
    """All fields of a job; none when there is no such job."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    fields = with_lease(s.hgetall(job_key(q, job_id)), s.hmget(leases_key(q), [job_id])[0])
    if exclude_data:
        return without(fields, "data")
    return fields


@operation(reads_only=True, may_lag=True)
def list_jobs(s: Store, q: str, now: int, state: str, start: int, stop: int, exclude_data: bool) -> list[JobEntry]:
    """Jobs of a state from position `start` to `stop` (inclusive; -1 is the last), as many as one page holds.

    Waiting in the order they will be taken, delayed by due moment, ended ones oldest first (GET-1).
    """
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    last = start + PAGE_MAX - 1
    if stop >= 0:
        last = min(last, stop)
    entries: list[JobEntry] = []
    payload = 0
    ids: list[str] = []
    for member in s.zrange(state_key(q, state), start, last):
        ids.append(member if state == WAITING else drop(member, MARK_DIGITS))
    leases = s.hmget(leases_key(q), ids)
    for i in range(len(ids)):
        job_id = ids[i]
        fields = with_lease(s.hgetall(job_key(q, job_id)), leases[i])
        if exclude_data:
            fields = without(fields, "data")
        payload = payload + byte_length(lookup(fields, "data")) + byte_length(lookup(fields, "return_value"))
        if payload > REPLY_BYTES_MAX and len(entries) > 0:
            break
        entries.append(JobEntry(job_id, fields))
    return entries


@operation(reads_only=True, may_lag=True)
def list_parked(s: Store, q: str, now: int, group: int, skip: int, exclude_data: bool) -> ParkedPage:
    """Jobs that wait in their groups, group by group, from the `group`-th group on; heads are in `:ready`.

    `skip` members of that group are passed over. One page looks at PAGE_MAX groups at most.
    """
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    entries: list[JobEntry] = []
    payload = 0
    keys = s.zrange(groups_key(q), group, group + PAGE_MAX - 1)
    at_group = group
    at_member = skip
    for key in keys:
        head = s.read(group_key(q, key), GroupRow).head
        members = s.zrange(group_queue_key(q, key), at_member, at_member + PAGE_MAX)
        for job_id in members:
            if len(entries) == PAGE_MAX or payload > REPLY_BYTES_MAX:
                return ParkedPage(entries, at_group, at_member, False)
            at_member = at_member + 1
            if job_id != head:
                fields = s.hgetall(job_key(q, job_id))
                if exclude_data:
                    fields = without(fields, "data")
                payload = payload + byte_length(lookup(fields, "data"))
                entries.append(JobEntry(job_id, fields))
        if len(members) > PAGE_MAX:
            return ParkedPage(entries, at_group, at_member, False)
        at_group = at_group + 1
        at_member = 0
    return ParkedPage(entries, at_group, at_member, len(keys) < PAGE_MAX)


def state_key(q: str, state: str) -> str:
    """The sorted set that holds the jobs of a state."""
    if state == WAITING:
        return ready_key(q)
    if state == DELAYED:
        return scheduled_key(q)
    if state == ACTIVE:
        return active_key(q)
    if state == WAITING_CHILDREN:
        return waiting_children_key(q)
    return ended_key(q, state)


@operation(reads_only=True)
def count_jobs(s: Store, q: str, now: int) -> Counts:
    """How many jobs are in each state (GET-2, GET-3)."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    parked = s.read(meta_key(q), ParkedRow).parked
    return Counts(
        s.zcard(ready_key(q)) + parked,
        s.zcard(active_key(q)),
        s.zcard(scheduled_key(q)),
        s.zcard(ended_key(q, COMPLETED)),
        s.zcard(ended_key(q, FAILED)),
        s.zcard(waiting_children_key(q)),
        parked,
    )


@operation(reads_only=True)
def get_time(s: Store, q: str, now: int) -> int:
    """The store's present."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    return now


@operation(reads_only=True, may_lag=True)
def is_paused(s: Store, q: str, now: int) -> bool:
    """Whether the queue is paused."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    return meta.paused == 1


@operation(reads_only=True, may_lag=True)
def get_log(s: Store, q: str, now: int, job_id: str, start: int, stop: int) -> LogPage:
    """Lines of a job's log from `start` to `stop` (inclusive; -1 is the last), at most one page."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    last = start + PAGE_MAX - 1
    if stop >= 0:
        last = min(last, stop)
    lines: list[str] = []
    payload = 0
    for line in s.lrange(logs_key(q, job_id), start, last):
        payload = payload + byte_length(line)
        if payload > REPLY_BYTES_MAX and len(lines) > 0:
            break
        lines.append(line)
    return LogPage(lines, s.llen(logs_key(q, job_id)))


@operation(reads_only=True, may_lag=True)
def get_metrics(s: Store, q: str, now: int, state: str) -> Fields:
    """Jobs that ended as `state` (completed or failed): minute since the epoch, count."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    return s.hgetall(metrics_key(q, state))


@operation(reads_only=True)
def read_events(s: Store, q: str, now: int, after: int, count: int) -> list[Event]:
    """The oldest retained events with a greater number than `after`."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    return s.xafter(events_key(q), after, count)


@operation(reads_only=True)
def last_event(s: Store, q: str, now: int) -> int:
    """The number of the newest event ever."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    return s.xlast(events_key(q))
