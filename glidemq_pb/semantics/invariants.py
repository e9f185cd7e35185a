"""What is always true of a queue between two operations. Runs in tests; it is not compiled.

Each function looks at a canonical dump of one queue (`MemoryStore.dump`: stored keys to plain values) and
names what is wrong with it. They lean on keys, limits and records only, never on the code of a rule.
"""

from collections.abc import Iterator

from . import invariants_answers, invariants_control, invariants_flows, invariants_groups, invariants_schedulers
from .dumps import Dump, Job, group_of, jobs_of, marked, number_of, records, scores, state
from .keys import (
    active_key,
    answering_key,
    answers_key,
    calls_key,
    children_key,
    control_key,
    dedup_key,
    deduping_key,
    ended_key,
    events_key,
    expiring_key,
    flows_key,
    freed_key,
    group_key,
    group_queue_key,
    groups_key,
    held_key,
    id_key,
    inbox_key,
    job_key,
    leases_key,
    letter_key,
    limiter_key,
    limiters_key,
    logs_key,
    meta_key,
    metrics_key,
    old_calls_key,
    outbox_key,
    outcomes_key,
    rate_limited_key,
    ready_key,
    reply_key,
    reservation_key,
    reservations_key,
    retained_key,
    scheduled_key,
    scheduler_key,
    scheduler_names_key,
    schedulers_key,
    sent_key,
    turns_key,
    unplanned_key,
    waiting_children_key,
    wake_key,
    worker_key,
    workers_key,
)
from .limits import CANONICAL_DIGITS_MAX, CLASS_NONE, FORMAT, PLACES
from .states import ACTIVE, COMPLETED, DELAYED, FAILED, WAITING, WAITING_CHILDREN

LEASED = {"state", "token", "mark", "place", "processed_on"}
PLAIN = {"name", "data", "added"}
STATES = (WAITING, DELAYED, ACTIVE, WAITING_CHILDREN, COMPLETED, FAILED)
EVENTS = frozenset((
    "added", "active", "progress", "completed", "failed", "retrying", "stalled", "expired", "removed", "promoted",
    "delay-changed", "priority-changed", "paused", "resumed", "drained", "retried", "lease-lost", "revoked", "cleaned",
    "group-rate-limited", "waiting-children",
))  # fmt: skip


def violations(dump: Dump, q: str, latest: int = 2**53) -> list[str]:
    """Everything that is wrong with the queue whose root key is `q`; an empty list for a sound queue.

    `latest` is the latest moment that the queue has seen: whatever may run stays so as time goes on.
    """
    jobs = jobs_of(dump, q)
    found: list[str] = []
    for rule in (
        *RULES,
        *invariants_groups.RULES,
        *invariants_control.RULES,
        *invariants_schedulers.RULES,
        *invariants_flows.RULES,
        *invariants_answers.RULES,
    ):
        found.extend(f"{rule.__name__}: {problem}" for problem in rule(dump, q, jobs, latest))
    return found


def every_key_is_known(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    known = {
        meta_key(q), id_key(q), ready_key(q), scheduled_key(q), active_key(q), expiring_key(q), retained_key(q),
        leases_key(q), events_key(q), calls_key(q), old_calls_key(q), workers_key(q), wake_key(q),
        groups_key(q), rate_limited_key(q), limiters_key(q), deduping_key(q), outbox_key(q), sent_key(q), inbox_key(q),
        schedulers_key(q), scheduler_names_key(q), unplanned_key(q), waiting_children_key(q), freed_key(q),
        reservations_key(q), flows_key(q), answering_key(q),
        ended_key(q, COMPLETED), ended_key(q, FAILED), metrics_key(q, COMPLETED), metrics_key(q, FAILED),
    }  # fmt: skip
    families = (job_key(q, ""), logs_key(q, ""), worker_key(q, ""), control_key(q, ""), group_key(q, ""),
                group_queue_key(q, ""), turns_key(q, ""), limiter_key(q, ""), dedup_key(q, ""),
                letter_key(q, ""), scheduler_key(q, ""), children_key(q, ""), outcomes_key(q, ""), held_key(q, ""),
                reservation_key(q, ""), answers_key(q, ""), reply_key(q, ""))  # fmt: skip
    for key in dump:
        if key not in known and not key.startswith(families):
            yield key


def a_used_queue_has_a_format(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    meta = dump.get(meta_key(q), {})
    if (meta or jobs) and number_of(meta, "format") != FORMAT:
        yield f"format {meta.get('format')}"


def each_job_is_in_the_set_of_its_state(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    sets = {
        WAITING: ready_key(q),
        DELAYED: scheduled_key(q),
        ACTIVE: active_key(q),
        WAITING_CHILDREN: waiting_children_key(q),
        COMPLETED: ended_key(q, COMPLETED),
        FAILED: ended_key(q, FAILED),
    }
    expected: dict[str, set[str]] = {name: set() for name in STATES}
    for job_id, job in jobs.items():
        if job.get("name", "") == "":
            yield f"job {job_id} has no name"
        if state(job) not in expected:
            yield f"job {job_id} has state {state(job)}"
        elif state(job) == WAITING and group_of(job) == "":
            expected[WAITING].add(job_id)
        elif state(job) == WAITING:
            continue  # see `the_head_is_the_one_that_may_run`
        else:
            expected[state(job)].add(marked(job, "mark", job_id))
    expected[WAITING] |= {group["head"] for group in records(dump, group_key(q, "")).values() if "head" in group}
    for name, key in sets.items():
        held = set(scores(dump, key))
        if held != expected[name]:
            lost, stray = sorted(expected[name] - held), sorted(held - expected[name])
            yield f"{name}: in the set without a job {stray}, a job without its place {lost}"


def ready_scores_follow_the_lane(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    taken = number_of(dump.get(meta_key(q), {}), "ready")
    for job_id, score in scores(dump, ready_key(q)).items():
        job = jobs.get(job_id, {})
        priority, lifo = number_of(job, "priority"), number_of(job, "lifo")
        rank = CLASS_NONE if priority == 0 else priority - 1
        if score // PLACES != rank * 2 + 1 - lifo:
            yield f"job {job_id} of priority {priority}, lifo {lifo} stands at {divmod(score, PLACES)}"
        place = PLACES - 1 - score % PLACES if lifo else score % PLACES
        if not 1 <= place <= taken:
            yield f"job {job_id} took place {place} of {taken}"


def marks_are_unique_and_counted(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    last = number_of(dump.get(meta_key(q), {}), "mark")
    seen: dict[int, str] = {}
    for job_id, job in jobs.items():
        # A waiting job may keep the mark of a set that it has left; nobody looks at it.
        marks = [number_of(job, "mark")] if state(job) != WAITING else []
        if "expire_at" in job:
            marks.append(number_of(job, "expiry_mark"))
        for mark in marks:
            if not 1 <= mark <= last:
                yield f"job {job_id} has mark {mark}, the last is {last}"
            if seen.setdefault(mark, job_id) != job_id:
                yield f"jobs {seen[mark]} and {job_id} share mark {mark}"


def those_with_a_deadline_are_watched_while_not_active(
    dump: Dump, q: str, jobs: dict[str, Job], latest: int
) -> Iterator[str]:
    expected = {
        marked(job, "expiry_mark", job_id): number_of(job, "expire_at") + 1
        for job_id, job in jobs.items()
        if "expire_at" in job and state(job) in (WAITING, DELAYED, WAITING_CHILDREN)
    }
    held = scores(dump, expiring_key(q))
    if held != expected:
        yield f"watched {held}, with a deadline {expected}"


def active_jobs_have_a_lease(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for job_id, job in jobs.items():
        if state(job) == ACTIVE:
            if missing := LEASED - set(job):
                yield f"active job {job_id} has no {sorted(missing)}"
            worker, colon, call = job.get("token", "").partition(":")
            if not (worker and colon and call.isdigit()):
                yield f"job {job_id} has token {job.get('token')!r}"


def leases_apart_are_of_plain_jobs(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for job_id in dump.get(leases_key(q), {}):
        if (stored := set(dump.get(job_key(q, job_id), {}))) != PLAIN:
            yield f"job {job_id} stores {sorted(stored)}, and its lease is not its own"


def ended_jobs_say_when_and_how(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for name, told in ((COMPLETED, "return_value"), (FAILED, "failed_reason")):
        ended = scores(dump, ended_key(q, name))
        for job_id, job in jobs.items():
            if state(job) == name:
                if number_of(job, "finished_on") != ended.get(marked(job, "mark", job_id)):
                    yield f"job {job_id} finished on {job.get('finished_on')}, the set says otherwise"
                if told not in job:
                    yield f"job {job_id} has no {told}"
                if name == COMPLETED and "failed_reason" in job:
                    yield f"job {job_id} completed with a failed_reason"


def retention_by_age_is_watched(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    expected = {
        marked(job, "mark", job_id): number_of(job, "finished_on") + number_of(job, f"keep_{state(job)}_ms")
        for job_id, job in jobs.items()
        if state(job) in (COMPLETED, FAILED) and number_of(job, f"keep_{state(job)}_ms") > 0
    }
    held = scores(dump, retained_key(q))
    if held != expected:
        yield f"watched {held}, expected {expected}"


def logs_belong_to_jobs(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for key in dump:
        if key.startswith(logs_key(q, "")) and key.removeprefix(logs_key(q, "")) not in jobs:
            yield f"{key} without its job"


def next_due_is_a_lower_bound(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    meta = dump.get(meta_key(q), {})
    moments = [
        min(held.values())
        for key in (
            expiring_key(q),
            active_key(q),
            scheduled_key(q),
            schedulers_key(q),
            retained_key(q),
            workers_key(q),
            rate_limited_key(q),
            limiters_key(q),
            deduping_key(q),
            freed_key(q),
            reservations_key(q),
            answering_key(q),
        )
        if (held := scores(dump, key))
    ]
    moments += [number_of(meta, field) for field in ("calls_until", "metrics_until") if field in meta]
    if "global_window_at" in meta:
        moments.append(number_of(meta, "global_window_at") + number_of(meta, "global_rate_ms"))
    due = number_of(meta, "next_due")
    if moments and not 0 < due <= min(moments):
        yield f"next_due is {due}, something is due at {min(moments)}"
    if ("trim_completed" in meta or "trim_failed" in meta) and due == 0:
        yield "a trim is under way and nothing is due"
    if "next_due" in meta and due <= 0:
        yield f"next_due is stored as {due}"


def at_most_one_wake(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    if len(dump.get(wake_key(q), [])) > 1:
        yield f"{len(dump[wake_key(q)])} tokens"


def workers_and_their_records_match(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    records = {key.removeprefix(worker_key(q, "")) for key in dump if key.startswith(worker_key(q, ""))}
    if records != set(scores(dump, workers_key(q))):
        yield f"records of {sorted(records)}, listed {sorted(scores(dump, workers_key(q)))}"


def timers_have_their_keepers(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    meta = dump.get(meta_key(q), {})
    if ("timer_due" in meta) != ("timer_worker" in meta):
        yield "a timer without its worker, or the other way round"
    if "timer_backup" in meta and meta["timer_backup"] == meta.get("timer_worker"):
        yield "a worker is its own backup"


def housekeeping_is_due_while_there_is_any(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    meta = dump.get(meta_key(q), {})
    calls = calls_key(q) in dump or old_calls_key(q) in dump
    if calls != ("calls_until" in meta):
        yield f"remembered calls: {calls}, calls_until: {meta.get('calls_until')}"
    minutes = metrics_key(q, COMPLETED) in dump or metrics_key(q, FAILED) in dump
    if minutes != ("metrics_until" in meta):
        yield f"metrics: {minutes}, metrics_until: {meta.get('metrics_until')}"
    for name in (COMPLETED, FAILED):
        for minute, count in dump.get(metrics_key(q, name), {}).items():
            if int(count) < 1 or not minute.isdigit():
                yield f"{name} in minute {minute}: {count}"


def the_counter_is_past_every_decimal_id(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    last = int(dump.get(id_key(q), "0"))
    for job_id in (*jobs, *records(dump, held_key(q, ""))):
        decimal = job_id.isascii() and job_id.isdigit() and job_id[0] != "0" and len(job_id) <= CANONICAL_DIGITS_MAX
        if decimal and int(job_id) > last:
            yield f"job {job_id}, counter {last}"


def events_have_no_gap(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    stream = dump.get(events_key(q), {"last": 0, "events": []})
    last = stream["last"]
    numbers = [number for number, *_ in stream["events"]]
    if numbers != list(range(last - len(numbers) + 1, last + 1)):
        yield f"numbers {numbers}, last {last}"
    for number, at, name, job_id, fields in stream["events"]:
        if name not in EVENTS or at <= 0:
            yield f"event {number}: {name} of job {job_id} at {at}: {fields}"


RULES = (
    every_key_is_known,
    a_used_queue_has_a_format,
    each_job_is_in_the_set_of_its_state,
    ready_scores_follow_the_lane,
    marks_are_unique_and_counted,
    those_with_a_deadline_are_watched_while_not_active,
    active_jobs_have_a_lease,
    leases_apart_are_of_plain_jobs,
    ended_jobs_say_when_and_how,
    retention_by_age_is_watched,
    logs_belong_to_jobs,
    next_due_is_a_lower_bound,
    at_most_one_wake,
    workers_and_their_records_match,
    timers_have_their_keepers,
    housekeeping_is_due_while_there_is_any,
    the_counter_is_past_every_decimal_id,
    events_have_no_gap,
)
