"""Why is this job not running? Every gate that holds it, with the moment or the jobs that it waits for."""

from typing import Final

from .buckets import bucket_at, wait_for_tokens
from .errors import Code
from .families import FAILED_OUTCOME, name_of_child
from .formats import is_foreign
from .gates import window_end
from .groups import cost_of
from .keys import (
    active_key,
    children_key,
    group_key,
    group_queue_key,
    job_key,
    leases_key,
    limiter_key,
    limiters_key,
    meta_key,
    outcomes_key,
    ready_key,
    scheduled_key,
    turns_key,
    workers_key,
)
from .lang import drop, number, operation, pad, refuse, split
from .leases import padded_mark, token_of, worker_of
from .limits import MICRO, PAGE_MAX
from .records import JobFacts, Reason
from .rows import CostRow, GroupRow, LimiterRow, Meta, PlaceRow
from .states import ACTIVE, DELAYED, WAITING, WAITING_CHILDREN, state_of
from .store import Store
from .windows import window_left, window_opening

NAMED_MAX: Final = 10
"""Jobs that one reason names."""


@operation(reads_only=True, may_lag=True)
def explain(s: Store, q: str, now: int, job_id: str) -> JobFacts:
    """What is known of a job, and each reason for which it does not run. No state: there is no such job."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    row = s.read(job_key(q, job_id), PlaceRow)
    reasons: list[Reason] = []
    if row.name == "":
        return JobFacts("", -1, 0, "", reasons)
    state = state_of(row.state)
    until = 0
    worker = ""
    lease = s.hmget(leases_key(q), [job_id])[0]
    if lease != "" or state == ACTIVE:
        state = ACTIVE
        mark = pad(row.mark) if lease == "" else padded_mark(lease)
        end = s.zscore(active_key(q), mark + job_id)
        until = 0 if end is None else end
        worker = worker_of(row.token if lease == "" else token_of(lease))
    if state == DELAYED:
        due = s.zscore(scheduled_key(q), pad(row.mark) + job_id)
        until = 0 if due is None else due
        reasons.append(Reason("delayed", until, []))
    if state == WAITING_CHILDREN:
        reasons.append(Reason("children", 0, outstanding_children(s, q, job_id)))
    place = -1
    if state == WAITING or state == DELAYED:
        if row.ordering_key != "":
            explain_group(s, q, now, job_id, row, reasons)
        explain_queue(s, q, now, meta, reasons)
        rank = s.zrank(ready_key(q), job_id)
        if rank is not None:
            place = rank
            if rank > 0:
                reasons.append(Reason("position", 0, s.zrange(ready_key(q), 0, min(rank, NAMED_MAX) - 1)))
    return JobFacts(state, place, until, worker, reasons)


def outstanding_children(s: Store, q: str, job_id: str) -> list[str]:
    """Children that hold a job, among the first page of them: their root keys and ids."""
    children: list[str] = []
    for child in s.zrange(children_key(q, job_id), 0, PAGE_MAX - 1):
        outcome = s.hget(outcomes_key(q, job_id), child)
        if len(children) < NAMED_MAX and (outcome is None or outcome == FAILED_OUTCOME):
            children.append(name_of_child(child))
    return children


def explain_queue(s: Store, q: str, now: int, meta: Meta, reasons: list[Reason]) -> None:
    """The gates of the whole queue."""
    if meta.paused == 1:
        reasons.append(Reason("paused", 0, []))
    if meta.global_concurrency > 0 and s.zcard(active_key(q)) >= meta.global_concurrency:
        running: list[str] = []
        for member in s.zrange(active_key(q), 0, NAMED_MAX - 1):
            running.append(drop(member, 16))
        reasons.append(Reason("global_concurrency", 0, running))
    if meta.global_rate_max > 0:
        used = meta.global_window_used
        if window_left(meta.global_rate_max, meta.global_rate_ms, meta.global_window_at, used, now) == 0:
            reasons.append(Reason("global_rate_limit", window_end(meta), []))
    for limiter in s.zrange(limiters_key(q), 0, NAMED_MAX - 1):
        most = number(split(limiter, ":")[0])
        length = number(split(limiter, ":")[1])
        row = s.read(limiter_key(q, limiter), LimiterRow)
        if window_left(most, length, row.window_at, row.window_used, now) == 0:
            reasons.append(Reason("limiter", window_opening(length, row.window_at, now) + length, []))
    last = s.zrange_scored(workers_key(q), -1, -1)
    if len(last) == 0 or last[0].score <= now:
        reasons.append(Reason("no_worker", 0, []))


def explain_group(s: Store, q: str, now: int, job_id: str, row: PlaceRow, reasons: list[Reason]) -> None:
    """The gates of a job's group, each for itself."""
    key = row.ordering_key
    group = s.read(group_key(q, key), GroupRow)
    if group.active >= max(group.concurrency, 1):
        reasons.append(Reason("group_concurrency", 0, running_members(s, q, key)))
    ahead: list[str] = []
    if group.concurrency > 1:
        rank = s.zrank(group_queue_key(q, key), job_id)
        if rank is not None and rank > 0:
            ahead = s.zrange(group_queue_key(q, key), 0, min(rank, NAMED_MAX) - 1)
    else:
        turn = s.zrank(turns_key(q, key), job_id)
        if turn is not None and turn > 0:
            ahead = s.zrange(turns_key(q, key), 0, min(turn, NAMED_MAX) - 1)
    if len(ahead) > 0:
        reasons.append(Reason("turn", 0, ahead))
    if group.paused_until > now:
        reasons.append(Reason("group_paused", group.paused_until, []))
    if group.capacity > 0:
        bucket = bucket_at(group, now)
        cost = cost_of(s.read(job_key(q, job_id), CostRow)) * MICRO
        if bucket.tokens < cost:
            reasons.append(Reason("tokens", now + wait_for_tokens(group, bucket.tokens, cost), []))
    if group.rate_max > 0 and window_left(group.rate_max, group.rate_ms, group.window_at, group.window_used, now) == 0:
        opened = window_opening(group.rate_ms, group.window_at, now)
        reasons.append(Reason("group_rate_limit", opened + group.rate_ms, []))


def running_members(s: Store, q: str, key: str) -> list[str]:
    """Active jobs of a group, among the first page of active jobs."""
    members: list[str] = []
    for member in s.zrange(active_key(q), 0, PAGE_MAX - 1):
        job_id = drop(member, 16)
        if len(members) < NAMED_MAX and s.read(job_key(q, job_id), PlaceRow).ordering_key == key:
            members.append(job_id)
    return members
