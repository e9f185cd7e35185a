"""The one call of a worker's loop: settle what finished, move what is due, start what there is room for.

Every call carries (worker, call number) from its first sending. A repetition settles nothing twice: it is
answered with the first reply's statuses and hands out again those jobs still active under its token.
"""

from dataclasses import dataclass

from .deadlines import has_come, is_due, lower_next_due
from .drains import note_drained
from .due import sweep
from .errors import Code
from .events import emit
from .formats import is_foreign, stamp
from .gates import count_starts, limiter_hold_ms, limiter_lets_start, queue_lets_start, steady_windows
from .groups import enter_active, refresh_group
from .keys import (
    active_key,
    control_key,
    expiring_key,
    job_key,
    leases_key,
    meta_key,
    outbox_key,
    ready_key,
    unplanned_key,
    worker_key,
    workers_key,
)
from .lang import byte_length, join, lookup, lookup_int, operation, pad, refuse, split, text
from .leases import PLAIN_FIELDS, lease_of, own_leases, start_under
from .limits import COST_DEFAULT, REPLY_BYTES_MAX, WORKER_REFRESH_MS
from .metrics import count_ended, count_in_minute
from .records import Caller, Settlement, StartedJob, SweepReply, Swept, Unplanned, WorkReply
from .rows import DueRow, HeldRow, LastReplyRow, Meta, TimerRow, WorkerRow
from .schedulers import list_unplanned
from .settling import LOST, REVOKED_STATUS, settle_all
from .states import ACTIVE, COMPLETED, FAILED
from .store import Scored, Store
from .wakes import LOOK, keep_timer, wake, wake_if_startable


@dataclass(frozen=True, slots=True)
class Starts:
    """Jobs that were leased, and when the first of their leases ends; 0: there are none."""

    jobs: list[StartedJob]
    first_end: int
    took_all: bool
    """Nothing that is ready is left."""


@dataclass(frozen=True, slots=True)
class Errands:
    """What only a host can do for the queue: deliver letters, work out when cron schedulers run."""

    letters: bool
    unplanned: list[Unplanned]


@operation(frees_memory=True)
def settle_and_activate(
    s: Store, q: str, now: int, caller: Caller, settlements: list[Settlement], want: int
) -> WorkReply:
    """Settle, sweep, start up to `want` jobs."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    last = s.read(worker_key(q, caller.worker), WorkerRow)
    if caller.call < last.call:
        refuse(Code.STALE_CALL)
    token = caller.worker + ":" + text(caller.call)
    if caller.call == last.call:
        return repeat(s, q, now, caller, token)

    stamp(s, q, meta)
    mark = meta.mark
    if len(settlements) + want > 0:  # one step for all: some marks may stay unused
        mark = s.hincrby(meta_key(q), "mark", len(settlements) + want) - len(settlements) - want
    settled = settle_all(s, q, now, caller, settlements, mark)
    if settled.beyond_jobs:
        meta = s.read(meta_key(q), Meta)
    swept = Swept(0, 0, 0, 0, [], 0)
    more = False
    if has_come(meta.next_due, now):
        swept = sweep(s, q, now, caller.stalled_max, caller.events_keep)
        meta = s.read(meta_key(q), Meta)
        more = has_come(meta.next_due, now)

    starts = Starts([], 0, False)
    hold_ms = 0
    if want > 0 and not more:
        gates = steady_windows(s, q, now, meta, caller)
        allowed = queue_lets_start(s, q, now, gates, want)
        allowed = limiter_lets_start(s, q, now, caller, allowed)
        if allowed > 0:
            starts = start(s, q, now, caller, allowed, token, mark + len(settlements))
        if len(starts.jobs) > 0:
            count_starts(s, q, now, gates, caller, len(starts.jobs))
        if caller.limiter_max > 0 and len(starts.jobs) < want:
            hold_ms = limiter_hold_ms(s, q, now, caller)
    started = starts.jobs
    if caller.metrics and settled.completed > 0:
        count_in_minute(s, q, now, meta.metrics_until, COMPLETED, settled.completed)
    if caller.metrics and settled.failed + swept.failed > 0:
        count_ended(s, q, now, FAILED, settled.failed + swept.failed)
    if len(started) + len(settlements) + swept.readied + swept.failed > 0 and not starts.took_all:
        wake_if_startable(s, q, now)
    if caller.nudge and len(started) < want:
        s.rpush(control_key(q, caller.worker), "nudge")
    drained = False
    if len(started) == 0 and settled.completed + settled.failed + settled.readied + swept.left > 0:
        drained = note_drained(s, q, now, caller.events_keep)
    record(s, q, now, caller, last, settled.statuses, started)
    wait_ms = time_to_look(s, q, now, caller.worker, more, starts.first_end)
    errands = find_errands(s, q)
    letters = errands.letters or swept.in_doubt > 0
    return WorkReply(
        settled.statuses, started, token, now, more, wait_ms, swept.stalled, drained, errands.unplanned, letters,
        hold_ms,
    )  # fmt: skip


def start(s: Store, q: str, now: int, caller: Caller, allowed: int, token: str, mark: int) -> Starts:
    """Lease the first `allowed` ready jobs to the caller, fewer when their payloads are large.

    They get the marks after `mark`. When a group's head has started, its next head enters the ready set. Where that
    one stands before the rest of what was picked, picking begins anew, so that each start is of the first job there
    is then (PRI-4). Nobody has noted the first end of their leases as a due moment yet.
    """
    started: list[StartedJob] = []
    members: list[str] = []
    leases: list[str] = []
    ends: list[int] = []
    payload = 0
    took_all = False
    start_and_token = start_under(token, now)
    for _picks in range(allowed):  # pragma: no branch - each round starts a job at least
        wanted = allowed - len(started)
        picked = s.zpop(ready_key(q), wanted)
        took_all = len(picked) < wanted
        again = False
        for i in range(len(picked)):
            job_id = picked[i].member
            key = job_key(q, job_id)
            fields = s.hgetall(key)
            payload = payload + byte_length(lookup(fields, "data"))
            if payload > REPLY_BYTES_MAX and len(started) > 0:
                put_back(s, q, picked, i)
                again = False
                took_all = False
                break
            mark = mark + 1
            emit(s, q, now, caller.events_keep, "active", job_id)
            started.append(StartedJob(job_id, fields))
            padded = pad(mark)
            members.append(padded + job_id)
            if len(fields) == 2 * PLAIN_FIELDS:
                leases.append(job_id)
                leases.append(lease_of(padded, picked[i].score, start_and_token))
                ends.append(now + caller.lease_ms)
                continue
            s.hset(key, state=ACTIVE, token=token, mark=mark, place=picked[i].score, processed_on=now)
            ends.append(now + lookup_int(fields, "lock_duration", caller.lease_ms))
            if lookup(fields, "expire_at") != "":
                s.zrem(expiring_key(q), pad(lookup_int(fields, "expiry_mark", 0)) + job_id)
            if lookup(fields, "ordering_key") != "":
                start_member(s, q, now, caller.events_keep, started[len(started) - 1])
                again = True
                if i + 1 < len(picked) and is_overtaken(s, q, picked[len(picked) - 1].score):
                    put_back(s, q, picked, i + 1)
                    break
        if not again or len(started) == allowed:
            break
    s.zadd_many(active_key(q), ends, members)
    s.hset_fields(leases_key(q), leases)
    return Starts(started, earliest(ends), took_all)


def is_overtaken(s: Store, q: str, score: int) -> bool:
    """Whether a job stands in the ready set before one that was picked, with this score."""
    first = s.zlowest(ready_key(q))
    return first is not None and first < score


def put_back(s: Store, q: str, picked: list[Scored], first: int) -> None:
    """Return what was picked, from this one on, to the ready set."""
    scores: list[int] = []
    members: list[str] = []
    for i in range(first, len(picked)):
        scores.append(picked[i].score)
        members.append(picked[i].member)
    s.zadd_many(ready_key(q), scores, members)


def start_member(s: Store, q: str, now: int, keep: int, job: StartedJob) -> None:
    """Let the group of a job know that its head has started."""
    key = lookup(job.fields, "ordering_key")
    enter_active(s, q, now, key, job.job_id, lookup_int(job.fields, "cost", COST_DEFAULT))
    refresh_group(s, q, now, keep, key)


def earliest(moments: list[int]) -> int:
    """The least of some moments; 0: there are none."""
    least = 0
    for moment in moments:
        if least == 0 or moment < least:
            least = moment
    return least


def repeat(s: Store, q: str, now: int, caller: Caller, token: str) -> WorkReply:
    """Answer a call again."""
    last = s.read(worker_key(q, caller.worker), LastReplyRow)
    started: list[StartedJob] = []
    ids = split(last.started, "\n")
    own_leases(s, q, ids)
    for job_id in ids:
        held = s.read(job_key(q, job_id), HeldRow)
        if held.state == ACTIVE and held.token == token:
            started.append(StartedJob(job_id, s.hgetall(job_key(q, job_id))))
    more = is_due(s, q, now)
    wait_ms = time_to_look(s, q, now, caller.worker, more, 0)
    errands = find_errands(s, q)
    return WorkReply(
        split(last.statuses, "\n"), started, token, now, more, wait_ms, [], False, errands.unplanned, errands.letters, 0
    )


def find_errands(s: Store, q: str) -> Errands:
    """What a worker is to do beside its jobs."""
    if s.existing([outbox_key(q), unplanned_key(q)]) == 0:
        return Errands(False, [])
    return Errands(s.zcard(outbox_key(q)) > 0, list_unplanned(s, q))


def record(
    s: Store, q: str, now: int, caller: Caller, last: WorkerRow, statuses: list[str], started: list[StartedJob]
) -> None:
    """Keep what a repetition of this call must be told, and that the worker lives."""
    ids: list[str] = []
    for job in started:
        ids.append(job.job_id)
    key = worker_key(q, caller.worker)
    s.hset(key, call=caller.call, statuses=join(statuses, "\n"), started=join(ids, "\n"))
    if last.call == 0 or now < last.seen_at or now >= last.seen_at + WORKER_REFRESH_MS:
        s.hset(key, seen_at=now)
        if caller.info != "":
            s.hset(key, info=caller.info)
        s.zadd(workers_key(q), now + caller.record_ms, caller.worker)
        lower_next_due(s, q, now + caller.record_ms)


def time_to_look(s: Store, q: str, now: int, worker: str, more: bool, new_due: int) -> int:
    """Milliseconds until this worker must call again of its own accord; -1: not before it is woken.

    `new_due`: see `keep_timer`; there is none while `more` is due.
    """
    if more:
        return 0
    at = keep_timer(s, q, worker, new_due)
    return -1 if at == 0 else max(at - now, 0)


@operation(frees_memory=True)
def extend(
    s: Store, q: str, now: int, worker: str, job_ids: list[str], tokens: list[str], lease_ms: list[int]
) -> list[str]:
    """Renew the leases of running jobs: `extended`, or `lost` where the token is stale."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    own_leases(s, q, job_ids)
    statuses: list[str] = []
    for i in range(len(job_ids)):
        held = s.read(job_key(q, job_ids[i]), HeldRow)
        if held.state == ACTIVE and held.token == tokens[i]:
            s.zadd(active_key(q), now + lease_ms[i], pad(held.mark) + job_ids[i])
            lower_next_due(s, q, now + lease_ms[i])
            statuses.append(REVOKED_STATUS if held.revoked == 1 else "extended")
        else:
            statuses.append(LOST)
    return statuses


@operation(frees_memory=True)
def nudge(s: Store, q: str, now: int, worker: str) -> bool:
    """End the worker's own wait on its control list."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    s.rpush(control_key(q, worker), "nudge")
    return True


@operation(frees_memory=True)
def pass_wake(s: Store, q: str, now: int) -> bool:
    """A worker that has no room hands its wake on to another."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    wake(s, q)
    return True


@operation(frees_memory=True)
def leave(s: Store, q: str, now: int, worker: str) -> bool:
    """A worker closes: its record goes, and whatever wake or timer it kept goes to another."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    s.delete([worker_key(q, worker), control_key(q, worker)])
    s.zrem(workers_key(q), worker)
    timer = s.read(meta_key(q), TimerRow)
    # Without a keeper, one that was told to take over may be the one that leaves.
    if timer.timer_worker == "" or timer.timer_worker == worker or timer.timer_backup == worker:
        s.hdel(meta_key(q), ["timer_due", "timer_worker", "timer_backup"])
        for other in s.zrange(workers_key(q), -1, -1):
            s.rpush(control_key(q, other), LOOK)
    if timer.next_due > 0:
        wake(s, q)
    else:
        wake_if_startable(s, q, now)
    return True


@operation(frees_memory=True)
def tick(s: Store, q: str, now: int, stalled_max: int, events_keep: int) -> SweepReply:
    """Move what is due without a worker: what the test kit does at each due moment."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    if is_due(s, q, now):
        swept = sweep(s, q, now, stalled_max, events_keep)
        if swept.failed > 0:
            count_ended(s, q, now, FAILED, swept.failed)
        if swept.left > 0:
            note_drained(s, q, now, events_keep)
        if swept.readied + swept.failed > 0:
            wake_if_startable(s, q, now)
    more = is_due(s, q, now)
    unplanned = list_unplanned(s, q)
    return SweepReply(more, s.read(meta_key(q), DueRow).next_due, unplanned)
