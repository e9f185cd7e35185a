"""Job schedulers: cron, interval, repeat after complete.

`:schedulers` has those with a next run, by its moment. Firing is one step: it compares the due moment, adds the
job, and sets the run after it. Lua cannot compute cron: each cron scheduler holds the run that follows its next one,
worked out by a host; what fires takes it over, and the name goes to `:unplanned` until a host has supplied the
next one (`plan_runs`). So a run is never late for want of arithmetic unless no worker lives.
"""

from typing import Final

from .calls import recall, remember
from .errors import Code
from .formats import is_foreign, stamp
from .jobs import add_one
from .keys import id_key, meta_key, scheduler_key, scheduler_names_key, schedulers_key, unplanned_key
from .lanes import next_mark
from .lang import Fields, drop, operation, refuse, take, text
from .limits import PAGE_MAX, PLANS_MAX
from .records import JobSpec, PlannedRun, SchedulerEntry, SchedulerSpec, Unplanned
from .rows import Meta, SchedulerRow
from .store import Store
from .timetable import AFTER, forget_scheduler, go_on, set_next_run
from .wakes import rearm

CRON: Final = "cron"
EVERY: Final = "every"
DONE: Final = "done"


@operation
def upsert_scheduler(s: Store, q: str, now: int, call: str, name: str, spec: SchedulerSpec) -> SchedulerEntry:
    """Add or replace a scheduler (SCH-9). An unchanged schedule goes on; a changed one begins anew.

    A repetition is told how the scheduler stands now: without a mode, it is over already.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return entry_of(s, q, name)
    key = scheduler_key(q, name)
    old = s.read(key, SchedulerRow)
    goes_on = is_same_schedule(old, spec)
    waits = spec.mode == AFTER and old.in_flight != ""
    first = first_run(now, old, spec)
    if not goes_on and not waits and spec.end_date >= 0 and first > spec.end_date:
        refuse(Code.NO_RUN)

    stamp(s, q, meta)
    if old.mode == "":
        mark = next_mark(s, q)
        s.zadd(scheduler_names_key(q), mark, name)
    forget_template(s, key)
    s.hset(
        key,
        mode=spec.mode,
        pattern=spec.pattern,
        tz=spec.tz,
        every=spec.every,
        start_date=spec.start_date,
        end_date=spec.end_date,
        limit=spec.limit,
        job_name=spec.job_name,
        data=spec.data,
    )
    fields: list[str] = []
    for i in range(0, len(spec.options), 2):
        fields.append("option:" + spec.options[i])
        fields.append(spec.options[i + 1])
    s.hset_fields(key, fields)
    if not goes_on and not (spec.mode == AFTER and old.mode == AFTER):
        s.hdel(key, ["iteration_count", "last_run", "fired_at", "in_flight", "next_run"])
    if not goes_on:
        s.hset(key, following=spec.following)
    if not goes_on and not waits:
        set_next_run(s, q, name, first)
    s.zrem(unplanned_key(q), name)
    if spec.mode == CRON and s.read(key, SchedulerRow).following == 0:
        s.zadd(unplanned_key(q), 0, name)
    remember(s, q, now, meta.calls_until, call, DONE)
    rearm(s, q, meta.next_due)
    return entry_of(s, q, name)


def is_same_schedule(old: SchedulerRow, spec: SchedulerSpec) -> bool:
    """Whether the runs are the same ones; limit and template may differ."""
    if old.mode != spec.mode or old.pattern != spec.pattern or old.tz != spec.tz or old.every != spec.every:
        return False
    return old.start_date == spec.start_date and old.end_date == spec.end_date


def first_run(now: int, old: SchedulerRow, spec: SchedulerSpec) -> int:
    """When a schedule that is new or changed runs first (SCH-4)."""
    if spec.mode == CRON:
        return spec.next_run
    if spec.mode == EVERY:
        return first_of_grid(now, spec.every, spec.start_date)
    if old.mode == AFTER and old.last_run > 0 and old.start_date == spec.start_date:
        return max(now, old.next_run - old.every + spec.every)  # the new interval since the last run's end
    return max(now, spec.start_date)


def first_of_grid(now: int, every: int, start_date: int) -> int:
    """The first run of an interval: one interval from now, or the next point of the grid that a start sets (SCH-4)."""
    if start_date < 0:
        return now + every
    if start_date >= now:
        return start_date
    return start_date + ((now - start_date) // max(1, every) + 1) * every


def forget_template(s: Store, key: str) -> None:
    """Remove the options of the template that is replaced."""
    stale: list[str] = []
    for field in s.hkeys(key):
        if take(field, 7) == "option:":
            stale.append(field)
    s.hdel(key, stale)


def fire_due(s: Store, q: str, now: int, keep: int, limit: int) -> int:
    """Fire the schedulers that are due: how many. Those of one instant by name."""
    names = s.zdue(schedulers_key(q), now, limit)
    for name in names:
        fire(s, q, now, keep, name)
    return len(names)


def fire(s: Store, q: str, now: int, keep: int, name: str) -> None:
    """Add the job of one run, and set the run after it; missed ones are passed over (SCH-7)."""
    key = scheduler_key(q, name)
    row = s.read(key, SchedulerRow)
    s.zrem(schedulers_key(q), name)
    if row.limit > 0 and row.iteration_count >= row.limit:  # an upsert has lowered it
        forget_scheduler(s, q, name)
        return
    next_id = s.get_count(id_key(q)) + 1
    s.set_count(id_key(q), next_id)
    job_id = text(next_id)
    options: list[str] = ["scheduler_name", name]
    fields = s.hgetall(key)
    for i in range(0, len(fields), 2):
        if take(fields[i], 7) == "option:":
            options.append(drop(fields[i], 7))
            options.append(fields[i + 1])
    s.hset(key, last_run=row.next_run, iteration_count=row.iteration_count + 1)
    if row.mode == AFTER:
        s.hset(key, in_flight=job_id)
        s.hdel(key, ["next_run"])
    elif row.limit > 0 and row.iteration_count + 1 >= row.limit:
        forget_scheduler(s, q, name)
    elif row.mode == EVERY:
        go_on(s, q, name, row, row.next_run + ((now - row.next_run) // max(1, row.every) + 1) * row.every)
    else:
        s.zadd(unplanned_key(q), 0, name)
        s.hdel(key, ["following", "next_run"])
        s.hset(key, fired_at=now)
        if row.following > now:
            go_on(s, q, name, row, row.following)
    add_one(s, q, now, keep, job_id, JobSpec("", row.job_name, row.data, Fields(options)), "")


def list_unplanned(s: Store, q: str) -> list[Unplanned]:
    """Cron schedulers whose following run a host has still to work out."""
    unplanned: list[Unplanned] = []
    for name in s.zrange(unplanned_key(q), 0, PLANS_MAX - 1):
        row = s.read(scheduler_key(q, name), SchedulerRow)
        fired = row.next_run == 0
        unplanned.append(Unplanned(name, row.pattern, row.tz, row.fired_at if fired else row.next_run, fired))
    return unplanned


@operation
def plan_runs(s: Store, q: str, now: int, runs: list[PlannedRun]) -> bool:
    """Supply the runs of cron schedulers that fired: compared with what is stored, then set."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    for run in runs:
        row = s.read(scheduler_key(q, run.name), SchedulerRow)
        if row.mode == CRON and row.pattern == run.pattern and row.tz == run.tz:
            plan_run(s, q, run, row)
    rearm(s, q, meta.next_due)
    return True


def plan_run(s: Store, q: str, run: PlannedRun, row: SchedulerRow) -> None:
    """Take over what a host worked out, unless it was asked before the scheduler fired again."""
    if row.next_run > 0:
        if row.next_run == run.after:
            s.zrem(unplanned_key(q), run.name)
            s.hset(scheduler_key(q, run.name), following=run.following)
    elif row.fired_at == run.after and run.next_run != run.after:
        s.zrem(unplanned_key(q), run.name)
        if run.next_run == 0:
            forget_scheduler(s, q, run.name)
        else:
            s.hset(scheduler_key(q, run.name), following=run.following)
            go_on(s, q, run.name, row, run.next_run)


@operation(frees_memory=True)
def remove_scheduler(s: Store, q: str, now: int, call: str, name: str) -> bool:
    """Stop future runs: whether there was such a scheduler (SCH-10)."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return True
    if not s.exists(scheduler_key(q, name)):
        return False
    forget_scheduler(s, q, name)
    remember(s, q, now, meta.calls_until, call, DONE)
    rearm(s, q, meta.next_due)
    return True


@operation(reads_only=True, may_lag=True)
def get_scheduler(s: Store, q: str, now: int, name: str) -> SchedulerEntry:
    """A scheduler; without a mode: there is none of this name."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    return entry_of(s, q, name)


@operation(reads_only=True, may_lag=True)
def list_schedulers(s: Store, q: str, now: int, start: int) -> list[SchedulerEntry]:
    """One page of the schedulers, in the order in which they were added."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    entries: list[SchedulerEntry] = []
    for name in s.zrange(scheduler_names_key(q), start, start + PAGE_MAX - 1):
        entries.append(entry_of(s, q, name))
    return entries


def entry_of(s: Store, q: str, name: str) -> SchedulerEntry:
    """A scheduler as it is stored."""
    return SchedulerEntry(name, s.hgetall(scheduler_key(q, name)))
