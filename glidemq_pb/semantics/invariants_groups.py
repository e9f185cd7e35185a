"""What is always true of groups. Runs in tests; it is not compiled. Written from the rules, with a gate of its own."""

from collections.abc import Iterator
from fractions import Fraction

from .dumps import Dump, Job, group_of, number_of, records, scores, state
from .keys import group_key, group_queue_key, groups_key, meta_key, rate_limited_key, ready_key, turns_key
from .limits import CLASS_NONE, COST_DEFAULT, MICRO, TURNS
from .states import ACTIVE, DELAYED, WAITING

LIMITS = frozenset(["since", "concurrency", "rate_max", "rate_ms", "capacity", "refill", "keeps"])


def members(jobs: dict[str, Job], key: str, *states: str) -> dict[str, Job]:
    return {job_id: job for job_id, job in jobs.items() if group_of(job) == key and state(job) in states}


def first_in_turn(dump: Dump, q: str, key: str, group: Job) -> str:
    """The member whose turn it is, if it waits and a slot is free (ORD-9..11); empty: none."""
    concurrency = max(number_of(group, "concurrency"), 1)
    if number_of(group, "active") >= concurrency:
        return ""
    queued = scores(dump, group_queue_key(q, key))
    order = queued if concurrency > 1 else scores(dump, turns_key(q, key))
    if not order:
        return ""
    first = min(order, key=lambda job_id: (order[job_id], job_id))
    return first if first in queued else ""


def cost(job: Job) -> int:
    return int(job.get("cost", COST_DEFAULT))


def payable(group: Job, job: Job) -> bool:
    return number_of(group, "capacity") == 0 or cost(job) <= number_of(group, "capacity")


def gates_open(group: Job, job: Job, now: int) -> bool:
    """Whether pause, bucket and window let this job start."""
    if number_of(group, "paused_until") > now:
        return False
    capacity = number_of(group, "capacity")
    if capacity and "tokens_at" in group:
        gained = Fraction(max(now - number_of(group, "tokens_at"), 0) * number_of(group, "refill"), MICRO)
        if min(Fraction(number_of(group, "tokens"), MICRO) + gained, Fraction(capacity)) < Fraction(cost(job)):
            return False
    opened, length = number_of(group, "window_at"), number_of(group, "rate_ms")
    open_now = "window_at" in group and now < opened + length
    return not (open_now and "rate_max" in group and number_of(group, "window_used") >= number_of(group, "rate_max"))


def groups_are_listed(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    found = {key: number_of(group, "since") for key, group in records(dump, group_key(q, "")).items()}
    if found != scores(dump, groups_key(q)):
        yield f"groups {found}, listed {scores(dump, groups_key(q))}"
    for name in (group_queue_key(q, ""), turns_key(q, "")):
        if strangers := records(dump, name).keys() - found.keys():
            yield f"{name}: members of no group, {sorted(strangers)}"
    keys = {group_of(job) for job in jobs.values() if group_of(job) and state(job) in (WAITING, DELAYED, ACTIVE)}
    if keys - found.keys():
        yield f"unfinished jobs of no group: {sorted(keys - found.keys())}"


def a_slot_is_an_active_job(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for key, group in records(dump, group_key(q, "")).items():
        running = len(members(jobs, key, ACTIVE))
        if number_of(group, "active") != running:
            yield f"group {key} counts {group.get('active')} active, {running} are"


def members_stand_where_they_wait(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    last = number_of(dump.get(meta_key(q), {}), "turn")
    for key in records(dump, group_key(q, "")):
        turns = {job_id: number_of(job, "turn") for job_id, job in members(jobs, key, WAITING, DELAYED).items()}
        if turns != scores(dump, turns_key(q, key)):
            yield f"group {key}: turns {scores(dump, turns_key(q, key))}, unfinished {turns}"
        if any(turn > last for turn in turns.values()):
            yield f"group {key}: turns {turns}, the last given is {last}"
        waiting = members(jobs, key, WAITING)
        queued = scores(dump, group_queue_key(q, key))
        if queued.keys() != waiting.keys():
            yield f"group {key}: queued {sorted(queued)}, waiting {sorted(waiting)}"
        for job_id in queued.keys() & waiting.keys():
            priority = number_of(waiting[job_id], "priority")
            most = (priority - 1 if priority else CLASS_NONE) * TURNS + turns[job_id]
            if queued[job_id] > most:  # lower: it was sent to the front
                yield f"group {key}: {job_id} queued at {queued[job_id]}, its class and turn are {most}"


def parked_members_are_counted(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    total = 0
    for key, group in records(dump, group_key(q, "")).items():
        parked = len(members(jobs, key, WAITING)) - ("head" in group)
        total += parked
        if number_of(group, "parked") != parked:
            yield f"group {key} counts {group.get('parked')} parked, {parked} are"
    if number_of(dump.get(meta_key(q), {}), "parked") != total:
        yield f"meta counts {dump.get(meta_key(q), {}).get('parked')} parked, {total} are"


def the_head_is_the_one_that_may_run(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    ready = scores(dump, ready_key(q))
    for key, group in records(dump, group_key(q, "")).items():
        head = group.get("head", "")
        shown = {job_id for job_id in members(jobs, key, WAITING) if job_id in ready}
        if shown != ({head} if head else set()):
            yield f"group {key}: head {head!r}, ready {sorted(shown)}"
        turn = first_in_turn(dump, q, key, group)
        if head and head != turn:
            yield f"group {key}: head {head}, the turn is {turn!r}'s"
        if head and head in jobs:
            if not payable(group, jobs[head]):
                yield f"group {key}: head {head} costs more than the bucket holds"
            if not gates_open(group, jobs[head], latest):
                yield f"group {key}: head {head} may not run"


def no_group_is_stuck(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    """A member whose turn it is, is the head; or the group sleeps until the very moment that lets it run."""
    asleep = scores(dump, rate_limited_key(q))
    for key, group in records(dump, group_key(q, "")).items():
        at = number_of(group, "looks_at")
        if at != asleep.get(key, 0):
            yield f"group {key} looks at {at}, is to be woken at {asleep.get(key)}"
        turn = first_in_turn(dump, q, key, group)
        if not turn:
            continue
        if "head" not in group and at == 0:
            yield f"group {key}: {turn} waits for nothing and is not ready"
        if "head" in group and at:
            yield f"group {key} sleeps with a head"
        if at and payable(group, jobs[turn]) and "head" not in group:
            if not gates_open(group, jobs[turn], at):
                yield f"group {key} looks at {at}, too early for {turn}"
            if gates_open(group, jobs[turn], at - 1):
                yield f"group {key} looks at {at}, later than {turn} may run"
    if strangers := asleep.keys() - records(dump, group_key(q, "")).keys():
        yield f"asleep without a group: {sorted(strangers)}"


def an_idle_group_says_something(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for key, group in records(dump, group_key(q, "")).items():
        if members(jobs, key, WAITING, DELAYED, ACTIVE) or "looks_at" in group:
            continue
        if group.get("keeps") != "1":
            yield f"group {key} is idle and still there: {group}"
        if group.keys() - LIMITS:
            yield f"group {key} is idle and keeps more than limits: {group}"


RULES = (
    groups_are_listed,
    a_slot_is_an_active_job,
    members_stand_where_they_wait,
    parked_members_are_counted,
    the_head_is_the_one_that_may_run,
    no_group_is_stuck,
    an_idle_group_says_something,
)
