"""Adding jobs."""

from typing import Final

from .calls import recall, remember
from .changes import erase
from .deadlines import lower_next_due
from .dedup import accept, delay_of, is_duplicate, pending_job
from .errors import Code
from .events import emit_with
from .formats import is_foreign, stamp
from .groups import join_turns, limits_in, refresh_group, set_limits
from .keys import expiring_key, group_key, held_key, id_key, job_key, meta_key, ready_key, scheduled_key
from .lanes import next_mark, ready_score
from .lang import (
    Fields,
    byte_length,
    is_canonical_id,
    join,
    lookup,
    lookup_int,
    number,
    operation,
    pad,
    refuse,
    split,
    take,
    text,
)
from .limits import CANONICAL_DIGITS_MAX, COST_DEFAULT
from .placing import make_delayed, make_ready, watch_expiry
from .records import JobBatch, JobSpec
from .rows import GroupRow, Meta, PlaceRow
from .states import DELAYED
from .store import Store
from .wakes import rearm, wake_for_ready, wake_if_startable

SKIPPED: Final = ":"
"""Stands for the id of a job that was not added; no id holds a colon."""
COUNTED_PREFIX: Final = ":"
"""Before the first id and the number of jobs, in a reply whose ids are all the counter's."""


@operation
def enqueue(s: Store, q: str, now: int, call: str, batch: JobBatch, guarded: list[int], events_keep: int) -> str:
    """Add jobs in order. The reply is for `ids_in`: an id for each, or SKIPPED where a job of that id exists (CID-3).

    `guarded` are the positions of jobs whose cost must fit the bucket that their group has: jobs of a group
    for which this call names no bucket itself. One that does not fit refuses the whole call (TB-5).
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    for position in guarded:
        if not is_payable(s, q, spec_at(batch, position)):
            refuse(Code.COST)

    if len(batch.job_ids) == 0 and len(batch.options) == 0 and len(batch.names) > 0:
        reply = add_plain(s, q, now, events_keep, meta, batch)
        wake_for_ready(s, q, now, meta)
    else:
        reply = add_various(s, q, now, events_keep, meta, batch)
        wake_if_startable(s, q, now)
    stamp(s, q, meta)
    remember(s, q, now, meta.calls_until, call, reply)
    rearm(s, q, meta.next_due)
    return reply


def spec_at(batch: JobBatch, i: int) -> JobSpec:
    """One job of a batch."""
    job_id = batch.job_ids[i] if len(batch.job_ids) > 0 else ""
    options = batch.options[i] if len(batch.options) > 0 else Fields([])
    return JobSpec(job_id, batch.names[i], batch.data[i], options)


def add_plain(s: Store, q: str, now: int, keep: int, meta: Meta, batch: JobBatch) -> str:
    """Add jobs that ask for nothing: they take the next ids, and stand one behind the other."""
    names = batch.names
    last_id = s.get_count(id_key(q))
    last_score = ready_score(0, 0, meta.ready)
    ids: list[str] = []
    scores: list[int] = []
    for i in range(len(names)):
        job_id = text(last_id + i + 1)
        s.hset(job_key(q, job_id), name=names[i], data=batch.data[i], added=now)
        ids.append(job_id)
        scores.append(last_score + i + 1)
        emit_with(s, q, now, keep, "added", job_id, "name", names[i])
    s.set_count(id_key(q), last_id + len(names))
    s.zadd_many(ready_key(q), scores, ids)
    s.hset(meta_key(q), ready=meta.ready + len(names))
    return counted_ids(last_id, len(names))


def add_various(s: Store, q: str, now: int, keep: int, meta: Meta, batch: JobBatch) -> str:
    """Add jobs, each as it asks for."""
    ids: list[str] = []
    ready_ids: list[str] = []
    ready_scores: list[int] = []
    delayed: list[str] = []
    delayed_until: list[int] = []
    expiring: list[str] = []
    expiring_at: list[int] = []
    last_id = s.get_count(id_key(q))
    first_id = last_id
    counted = 0
    sequence = meta.ready
    mark = meta.mark
    first_due = 0
    for i in range(len(batch.names)):
        spec = spec_at(batch, i)
        dedup_id = lookup(spec.options, "dedup_id")
        superseded = ""
        if dedup_id != "":
            if is_duplicate(s, q, now, dedup_id, spec.options):
                ids.append(SKIPPED)
                continue
            superseded = pending_job(s, q, now, dedup_id, spec.options)
        job_id = spec.job_id
        if job_id == "":
            last_id = last_id + 1
            counted = counted + 1
            job_id = text(last_id)
        elif job_id != superseded and is_taken(s, q, job_id):
            ids.append(SKIPPED)
            continue
        elif is_canonical_id(job_id, CANONICAL_DIGITS_MAX):
            last_id = max(last_id, number(job_id))
        ids.append(job_id)
        if superseded != "" or lookup(spec.options, "ordering_key") != "" or dedup_id != "":
            s.hset(meta_key(q), ready=sequence, mark=mark)
            add_one(s, q, now, keep, job_id, spec, superseded)
            moved = s.read(meta_key(q), Meta)
            sequence = moved.ready
            mark = moved.mark
            continue
        s.hset(job_key(q, job_id), name=spec.name, data=spec.data, added=now)
        delay = 0
        if len(spec.options) > 0:
            s.hset_fields(job_key(q, job_id), spec.options)
            delay = lookup_int(spec.options, "delay", 0)
            ttl = lookup_int(spec.options, "ttl", 0)
            if ttl > 0:
                mark = mark + 1
                s.hset(job_key(q, job_id), expire_at=now + ttl, expiry_mark=mark)
                expiring.append(pad(mark) + job_id)
                expiring_at.append(now + ttl + 1)
                first_due = earlier(first_due, now + ttl + 1)
        if delay > 0:
            mark = mark + 1
            s.hset(job_key(q, job_id), state=DELAYED, mark=mark)
            delayed.append(pad(mark) + job_id)
            delayed_until.append(now + delay)
            first_due = earlier(first_due, now + delay)
        else:
            sequence = sequence + 1
            ready_ids.append(job_id)
            priority = lookup_int(spec.options, "priority", 0)
            ready_scores.append(ready_score(priority, lookup_int(spec.options, "lifo", 0), sequence))
        emit_with(s, q, now, keep, "added", job_id, "name", spec.name)

    if last_id != first_id:
        s.set_count(id_key(q), last_id)
    s.zadd_many(ready_key(q), ready_scores, ready_ids)
    s.zadd_many(scheduled_key(q), delayed_until, delayed)
    s.zadd_many(expiring_key(q), expiring_at, expiring)
    s.hset(meta_key(q), ready=sequence, mark=mark)
    if first_due != 0:
        lower_next_due(s, q, first_due)
    if counted == len(batch.names):
        return counted_ids(first_id, counted)
    return join(ids, "\n")


def counted_ids(last_id: int, count: int) -> str:
    """The reply for jobs that took the `count` ids after `last_id`."""
    return COUNTED_PREFIX + text(last_id + 1) + COUNTED_PREFIX + text(count)


def ids_in(reply: str) -> list[str]:
    """The ids that a reply of `enqueue` stands for. Who reads it asks: the store only writes and remembers it."""
    if byte_length(reply) == 1 or take(reply, 1) != COUNTED_PREFIX or take(reply, 2) == COUNTED_PREFIX + "\n":
        return split(reply, "\n")
    parts = split(reply, COUNTED_PREFIX)
    first = number(parts[1])
    ids: list[str] = []
    for taken in range(first, first + number(parts[2])):
        ids.append(text(taken))
    return ids


def is_taken(s: Store, q: str, job_id: str) -> bool:
    """Whether there is a job of this id, or one that is reserved for a flow."""
    return s.exists(job_key(q, job_id)) or s.exists(held_key(q, job_id))


def is_payable(s: Store, q: str, spec: JobSpec) -> bool:
    """Whether the group's bucket can ever hold what the job costs; a job that is there already costs nothing."""
    if spec.job_id != "" and s.exists(job_key(q, spec.job_id)):
        return True
    capacity = s.read(group_key(q, lookup(spec.options, "ordering_key")), GroupRow).capacity
    return capacity == 0 or lookup_int(spec.options, "cost", COST_DEFAULT) <= capacity


def add_one(s: Store, q: str, now: int, keep: int, job_id: str, spec: JobSpec, superseded: str) -> None:
    """Add a job that touches others: its group, or the one whose place it takes.

    It is stored at once, since a later job of the same call may already move or remove it.
    """
    options = spec.options
    supersede(s, q, now, keep, superseded)
    s.hset(job_key(q, job_id), name=spec.name, data=spec.data, added=now)
    s.hset_fields(job_key(q, job_id), options)
    place_new(s, q, now, keep, job_id, spec.name, options)


def supersede(s: Store, q: str, now: int, keep: int, job_id: str) -> None:
    """Remove the pending job whose place another one takes; the empty id is none (DED-4)."""
    if job_id != "":
        row = s.read(job_key(q, job_id), PlaceRow)
        erase(s, q, now, keep, job_id, row)
        refresh_group(s, q, now, keep, row.ordering_key)


def watch_ttl(s: Store, q: str, now: int, job_id: str, options: Fields) -> None:
    """Note when a new job expires."""
    ttl = lookup_int(options, "ttl", 0)
    if ttl > 0:
        expiry_mark = next_mark(s, q)
        s.hset(job_key(q, job_id), expire_at=now + ttl, expiry_mark=expiry_mark)
        watch_expiry(s, q, job_id, now + ttl, expiry_mark)
        lower_next_due(s, q, now + ttl + 1)


def place_new(s: Store, q: str, now: int, keep: int, job_id: str, name: str, options: Fields) -> None:
    """Put a new job where it belongs; it is stored already."""
    watch_ttl(s, q, now, job_id, options)
    key = lookup(options, "ordering_key")
    if key != "":
        join_turns(s, q, key, job_id)
        set_limits(s, q, now, key, limits_in(options))
    added = s.read(job_key(q, job_id), PlaceRow)
    delay = delay_of(options)
    if delay > 0:
        mark = next_mark(s, q)
        make_delayed(s, q, job_id, added, now + delay, mark)
        lower_next_due(s, q, now + delay)
    else:
        make_ready(s, q, job_id, added)
    dedup_id = lookup(options, "dedup_id")
    if dedup_id != "":
        accept(s, q, now, dedup_id, job_id, options)
    emit_with(s, q, now, keep, "added", job_id, "name", name)
    refresh_group(s, q, now, keep, key)


def earlier(due: int, at: int) -> int:
    """The earlier of two due moments, where 0 is none."""
    return at if due == 0 or at < due else due
