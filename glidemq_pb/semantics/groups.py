"""Groups: ready means runnable, and tenants take turns.

`:ready` holds at most one job of a group, its head; the others wait in the group. A head reserves nothing: a
slot is taken when a job becomes active. After every change of a group `refresh_group` puts the right head into
`:ready`, or puts the group to sleep until the moment at which this head may run, or takes both away. No gate
of a group is looked at anywhere else.
"""

from .buckets import bucket_at, wait_for_tokens
from .deadlines import lower_next_due
from .endings import fail_job, leave_expiring
from .keys import (
    events_key,
    group_key,
    group_queue_key,
    groups_key,
    job_key,
    meta_key,
    outbox_key,
    rate_limited_key,
    ready_key,
    turns_key,
)
from .lanes import class_of, next_mark, ready_score
from .lang import Fields, lookup_int, number, text
from .limits import COST_DEFAULT, MICRO, TURNS, UNPAYABLE_MAX
from .metrics import count_ended
from .records import GroupLimits
from .rows import CostRow, GroupRow, PlaceRow, PriorityRow
from .states import FAILED
from .store import Store
from .wakes import wake
from .windows import window_count, window_left, window_opening

# --- members ---------------------------------------------------------------------------------------------------------


def new_group(s: Store, q: str, key: str) -> None:
    """Let a group come to be, unless it is there."""
    if not s.exists(group_key(q, key)):
        since = next_mark(s, q)
        s.hset(group_key(q, key), since=since)
        s.zadd(groups_key(q), since, key)


def join_turns(s: Store, q: str, key: str, job_id: str) -> int:
    """Give a new member the last turn of its group, which comes to be if need be: the turn."""
    new_group(s, q, key)
    turn = s.hincrby(meta_key(q), "turn", 1)
    s.hset(job_key(q, job_id), turn=turn)
    s.zadd(turns_key(q, key), turn, job_id)
    return turn


def wait_in_group(s: Store, q: str, key: str, job_id: str, priority: int, turn: int) -> None:
    """A member may run as soon as its group lets it."""
    s.zadd(group_queue_key(q, key), class_of(priority) * TURNS + turn, job_id)


def rejoin(s: Store, q: str, key: str, job_id: str, row: PlaceRow) -> None:
    """A member that left `active` waits again, at its turn."""
    s.zadd(turns_key(q, key), row.turn, job_id)
    wait_in_group(s, q, key, job_id, row.priority, row.turn)


def go_first(s: Store, q: str, key: str, job_id: str, row: PlaceRow) -> None:
    """A member that left `active` waits before all that its group has now (RRL-7)."""
    first_turn = s.zlowest(turns_key(q, key))
    turn = row.turn
    if first_turn is not None:
        turn = min(turn, first_turn - 1)
    s.hset(job_key(q, job_id), turn=turn)
    s.zadd(turns_key(q, key), turn, job_id)
    place = class_of(row.priority) * TURNS + turn
    first_place = s.zlowest(group_queue_key(q, key))
    if first_place is not None:
        place = min(place, first_place - 1)
    s.zadd(group_queue_key(q, key), place, job_id)


def leave_group(s: Store, q: str, key: str, job_id: str) -> None:
    """A member that was waiting or delayed is gone: its turn passes on (ORD-8)."""
    s.zrem(group_queue_key(q, key), job_id)
    s.zrem(turns_key(q, key), job_id)


def enter_active(s: Store, q: str, now: int, key: str, job_id: str, cost: int) -> None:
    """The head starts: it takes a slot, its tokens and its place in the window (TB-10, GRL-4)."""
    leave_group(s, q, key, job_id)
    group = s.read(group_key(q, key), GroupRow)
    s.hset(group_key(q, key), active=group.active + 1)
    s.hdel(group_key(q, key), ["head"])
    if group.capacity > 0:
        bucket = bucket_at(group, now)
        s.hset(group_key(q, key), tokens=bucket.tokens - cost * MICRO, tokens_at=now)
    if group.rate_max > 0:
        s.hset(
            group_key(q, key),
            window_at=window_opening(group.rate_ms, group.window_at, now),
            window_used=window_count(group.rate_ms, group.window_at, group.window_used, now) + 1,
        )


def leave_active(s: Store, q: str, key: str) -> None:
    """A member is active no more: its slot is free (ORD-7)."""
    s.hincrby(group_key(q, key), "active", -1)


# --- the gate --------------------------------------------------------------------------------------------------------


def refresh_group(s: Store, q: str, now: int, keep: int, key: str) -> None:
    """Put the group's right head into `:ready`, or the group to sleep, or remove what says nothing any more.

    The empty key is no group.
    """
    if key == "":
        return
    group = steady(s, q, now, key)
    if group.since == 0:
        return
    head = ""
    looks_at = 0
    for unpayable in range(UNPAYABLE_MAX):
        head = next_member(s, q, key, group)
        if head == "":
            break
        cost = cost_of(s.read(job_key(q, head), CostRow)) if group.capacity > 0 else 0
        if cost <= group.capacity:
            looks_at = may_run_at(group, now, cost)
            break
        fail_unpayable(s, q, now, keep, key, head)
        head = ""
        if unpayable == UNPAYABLE_MAX - 1:
            looks_at = now
    if looks_at > 0:
        head = ""
    place_head(s, q, key, group, head)
    if head == "" and group.active == 0 and s.zcard(turns_key(q, key)) == 0:
        looks_at = says_nothing_at(group, now)
        if looks_at == 0:
            forget_group(s, q, key, group)
            return
    look_again(s, q, key, group, looks_at)
    waiting = s.zcard(group_queue_key(q, key))
    parked = waiting if head == "" else waiting - 1
    if parked != group.parked:
        s.hset(group_key(q, key), parked=parked)
        s.hincrby(meta_key(q), "parked", parked - group.parked)


def steady(s: Store, q: str, now: int, key: str) -> GroupRow:
    """The group; where time stepped back, its window and bucket count from now on (with what they held)."""
    group = s.read(group_key(q, key), GroupRow)
    if group.window_at <= now and group.tokens_at <= now:
        return group
    if group.window_at > now:
        s.hset(group_key(q, key), window_at=now)
    if group.tokens_at > now:
        s.hset(group_key(q, key), tokens_at=now)
    return s.read(group_key(q, key), GroupRow)


def next_member(s: Store, q: str, key: str, group: GroupRow) -> str:
    """The member whose turn it is and that waits, if a slot is free; empty: none (ORD-9..11)."""
    if group.active >= max(group.concurrency, 1):
        return ""
    if group.concurrency > 1:
        queued = s.zrange(group_queue_key(q, key), 0, 0)
        return queued[0] if len(queued) > 0 else ""
    first = s.zrange(turns_key(q, key), 0, 0)
    if len(first) == 0 or s.zscore(group_queue_key(q, key), first[0]) is None:
        return ""
    return first[0]


def cost_of(row: CostRow) -> int:
    """Millitokens (TB-7: a cost of 0 is free)."""
    return COST_DEFAULT if row.cost == "" else number(row.cost)


def may_run_at(group: GroupRow, now: int, cost: int) -> int:
    """When pause, bucket and window let a start of this cost pass; 0: now (TB-3, RRL-4)."""
    at = group.paused_until
    if group.capacity > 0:
        bucket = bucket_at(group, now)
        if bucket.tokens < cost * MICRO:
            at = max(at, now + wait_for_tokens(group, bucket.tokens, cost * MICRO))
    if group.rate_max > 0 and window_left(group.rate_max, group.rate_ms, group.window_at, group.window_used, now) == 0:
        at = max(at, window_opening(group.rate_ms, group.window_at, now) + group.rate_ms)
    return at if at > now else 0


def fail_unpayable(s: Store, q: str, now: int, keep: int, key: str, job_id: str) -> None:
    """A job that costs more than a lowered capacity fails at its turn (TB-6)."""
    leave_group(s, q, key, job_id)
    row = s.read(job_key(q, job_id), PlaceRow)
    leave_expiring(s, q, job_id, row)
    s.zrem(ready_key(q), job_id)
    mark = next_mark(s, q)
    fail_job(s, q, now, keep, job_id, "cost exceeds capacity", mark)
    count_ended(s, q, now, FAILED, 1)
    if s.zcard(outbox_key(q)) > 0:
        wake(s, q)  # somebody must deliver its dead letter, and no worker may be in this call


def place_head(s: Store, q: str, key: str, group: GroupRow, head: str) -> None:
    """Make `head` the group's entry in `:ready`, at the tail of its class; empty: none."""
    if head == group.head:
        return
    if group.head != "":
        s.zrem(ready_key(q), group.head)
    if head == "":
        s.hdel(group_key(q, key), ["head"])
        return
    priority = s.read(job_key(q, head), PriorityRow).priority
    sequence = s.hincrby(meta_key(q), "ready", 1)
    s.zadd(ready_key(q), ready_score(priority, 0, sequence), head)
    s.hset(group_key(q, key), head=head)


def look_again(s: Store, q: str, key: str, group: GroupRow, at: int) -> None:
    """Sleep until `at`; 0: wake up."""
    if at == group.looks_at:
        return
    if at == 0:
        s.zrem(rate_limited_key(q), key)
        s.hdel(group_key(q, key), ["looks_at"])
    else:
        s.zadd(rate_limited_key(q), at, key)
        s.hset(group_key(q, key), looks_at=at)
        lower_next_due(s, q, at)


def says_nothing_at(group: GroupRow, now: int) -> int:
    """When an empty group's window, bucket and pause are as in a new one; 0: now (ORD-14)."""
    at = group.paused_until
    if group.capacity > 0 and group.tokens_at > 0:
        bucket = bucket_at(group, now)
        at = max(at, now + wait_for_tokens(group, bucket.tokens, group.capacity * MICRO))
    if group.rate_max > 0 and group.window_at > 0:
        at = max(at, group.window_at + group.rate_ms)
    return at if at > now else 0


def forget_group(s: Store, q: str, key: str, group: GroupRow) -> None:
    """Remove what an idle group left; limits of `set_group_limits` stay."""
    if group.looks_at > 0:
        s.zrem(rate_limited_key(q), key)
    if group.parked != 0:
        s.hincrby(meta_key(q), "parked", -group.parked)
    if group.keeps == 1:
        idle = ["active", "parked", "paused_until", "window_at", "window_used", "tokens", "tokens_at", "looks_at"]
        s.hdel(group_key(q, key), idle)
    else:
        s.delete([group_key(q, key)])
        s.zrem(groups_key(q), key)


# --- limits ----------------------------------------------------------------------------------------------------------


def limits_in(options: Fields) -> GroupLimits:
    """The limits that a job's options name for its group; the others stay as they are (ORD-12)."""
    return GroupLimits(
        lookup_int(options, "group_concurrency", -1),
        lookup_int(options, "group_rate_max", -1),
        lookup_int(options, "group_rate_ms", -1),
        lookup_int(options, "group_capacity", -1),
        lookup_int(options, "group_refill", -1),
    )


def set_limits(s: Store, q: str, now: int, key: str, limits: GroupLimits) -> None:
    """Set what is named. Time that has passed counts as it did: a window that has ended stays so, and a bucket
    was refilled at its old rate; one that was full stays full."""
    group = group_key(q, key)
    if limits.concurrency >= 0:
        s.hset(group, concurrency=max(limits.concurrency, 1))
    if limits.rate_max > 0:
        old_window = s.read(group, GroupRow)
        if old_window.window_at > 0 and now >= old_window.window_at + old_window.rate_ms:
            s.hdel(group, ["window_at", "window_used"])
        s.hset(group, rate_max=limits.rate_max, rate_ms=limits.rate_ms)
    elif limits.rate_max == 0:
        s.hdel(group, ["rate_max", "rate_ms", "window_at", "window_used"])
    if limits.capacity > 0:
        old = s.read(group, GroupRow)
        if old.tokens_at > 0 and (old.capacity != limits.capacity or old.refill != limits.refill):
            bucket = bucket_at(old, now)
            if bucket.tokens < old.capacity * MICRO:
                s.hset(group, tokens=bucket.tokens, tokens_at=bucket.at)
            else:
                s.hdel(group, ["tokens", "tokens_at"])
        s.hset(group, capacity=limits.capacity, refill=limits.refill)
    elif limits.capacity == 0:
        s.hdel(group, ["capacity", "refill", "tokens", "tokens_at"])


def pause_group(s: Store, q: str, now: int, keep: int, key: str, duration: int, replace: bool) -> int:
    """Start no job of the group for `duration`: the instant it resumes (RRL-3..5, RRL-11)."""
    until = now + duration
    if not replace:
        until = max(until, s.read(group_key(q, key), GroupRow).paused_until)
    s.hset(group_key(q, key), paused_until=until)
    if keep > 0:
        fields = ["group_key", key, "duration", text(duration), "resume_at", text(until)]
        s.xadd(events_key(q), keep, now, "group-rate-limited", "", fields)
    return until
