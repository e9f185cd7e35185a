"""The records that operations take and give, and that their parts hand to each other."""

from dataclasses import dataclass
from typing import Final

from .lang import Fields

# --- what goes in ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job to be added."""

    job_id: str
    """Empty: the next one of the counter."""
    name: str
    data: str
    """The serialized payload; empty means no value."""
    options: Fields
    """Stored as they are. Read by the rules: `ordering_key group_concurrency group_rate_max group_rate_ms
    group_capacity group_refill cost` (millitokens), `delay priority lifo ttl attempts backoff backoff_delay
    backoff_jitter backoff_max lock_duration remove_on_complete keep_completed keep_completed_ms
    remove_on_fail keep_failed keep_failed_ms`; the host's own: `timeout compression` ...
    Durations are milliseconds; flags are "1"; `backoff_jitter` is in hundred-thousandths."""


# What a processor's run came to.
COMPLETED_RUN: Final = "completed"
FAILED_RUN: Final = "failed"
"""A failed attempt: retried while attempts remain and `final` is false."""
DELAYED_RUN: Final = "delayed"
"""`move_to_delayed`: back until `until`, no attempt consumed."""
WAITING_CHILDREN_RUN: Final = "waiting-children"
"""`move_to_waiting_children`: again when its children are done, no attempt consumed."""
RETURNED_RUN: Final = "returned"
"""Handed back unrun, or held by a limit: to the front of its lane, no attempt consumed."""


@dataclass(frozen=True, slots=True)
class JobBatch:
    """Jobs to be added, by columns: to make a record of each would cost more than most of what is done with it."""

    names: list[str]
    data: list[str]
    """As in `JobSpec`, and so are the others."""
    job_ids: list[str]
    """Empty: the ids of all are the counter's next ones."""
    options: list[Fields]
    """Empty: none has any."""


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What only a run says that did not complete."""

    reason: str
    """Failed: the error's text."""
    trace: str
    """Failed: the stack trace."""
    until: int
    """Delayed: the instant. Failed: milliseconds until the next attempt, -1 for the job's own backoff."""
    fraction: int
    """Failed: the chance for jitter, in hundred-thousandths."""
    final: bool
    """Failed: no further attempt, whatever remains."""
    group_ms: int
    """Pause the job's group for so long; 0: do not (RRL-1)."""
    group_replace: bool
    """The new pause stands even where it ends earlier than the present one (RRL-5)."""
    back: bool
    """Returned: behind the jobs that the group has now, not before them."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one active job's run ended."""

    job_id: str
    token: str
    outcome: str
    """One of the `*_RUN` texts."""
    value: str
    """Completed: the serialized result. Delayed: the new payload, or empty to keep the old one."""
    detail: RunDetail | None
    """None: nothing but the above."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Which worker calls, and under which of its settings."""

    worker: str
    """A random id of this worker, without a colon; its further lines add a dot and a number."""
    call: int
    """Counts this worker's calls from 1; a repeated call has the same number."""
    lease_ms: int
    stalled_max: int
    """Stalls a job may have before it fails."""
    record_ms: int
    """How long the worker may be silent before its record is removed."""
    events_keep: int
    """Events the stream retains; 0: this caller emits none."""
    metrics: bool
    limiter_max: int
    """Starts allowed in one window of all workers with the same limiter; 0: no limiter (WRK-1)."""
    limiter_ms: int
    nudge: bool
    """Push to my control list when I am left with room: I listen to it alone."""
    info: str
    """What `get_workers` shows of it; empty keeps what is stored."""


# --- what comes out --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job that this call leased to the caller, with all its fields."""

    job_id: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A cron scheduler whose following run is not known."""

    name: str
    pattern: str
    tz: str
    after: int
    """Its next run; `fired`: that is not known either, and it fired at this instant."""
    fired: bool


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """What a host worked out for a cron scheduler."""

    name: str
    pattern: str
    tz: str
    after: int
    """As it was told."""
    next_run: int
    """`after` itself, or the first run after it where that is when it fired. 0: there is none."""
    following: int
    """The run after the next one. 0: there is none."""


@dataclass(frozen=True, slots=True)
class SchedulerSpec:
    """A job scheduler to be. Moments are epoch milliseconds."""

    mode: str
    """`cron`, `every` or `after`."""
    pattern: str
    tz: str
    every: int
    start_date: int
    """-1: none. 0 is an instant: a grid may well begin with the epoch."""
    end_date: int
    """-1: none."""
    limit: int
    """0: none."""
    next_run: int
    """Cron: the first run, worked out by the host."""
    following: int
    """Cron: the one after it. 0: there is none."""
    job_name: str
    data: str
    options: Fields


@dataclass(frozen=True, slots=True)
class SchedulerEntry:
    """A job scheduler as it is stored."""

    name: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class WorkReply:
    """The reply to one `settle_and_activate`."""

    statuses: list[str]
    """For `settling.statuses_in`. One per settlement: `completed retrying failed delayed waiting-children returned`,
    `expired` instead of a further run, or `lost`: the lease was not the caller's."""
    started: list[StartedJob]
    token: str
    """The activation token of all started jobs."""
    now: int
    more: bool
    """Due work is left: call again at once; nothing was started."""
    wait_ms: int
    """Look again after so long; -1: only when woken."""
    stalled: list[str]
    """Ids of jobs whose lease this call found ended."""
    drained: bool
    """This call left nothing waiting or active."""
    unplanned: list[Unplanned]
    """Cron schedulers whose following run the caller is to work out."""
    letters: bool
    """Letters to other queues wait to be delivered, or reserved flows to be asked for."""
    hold_ms: int
    """The caller's own limiter lets nothing start for so long; 0: it does."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one bounded sweep did."""

    moved: int
    failed: int
    left: int
    """Jobs that are neither waiting nor active any more."""
    readied: int
    stalled: list[str]
    in_doubt: int
    """Reservations of flows whose fate somebody must ask for."""


@dataclass(frozen=True, slots=True)
class SweepReply:
    """What one bounded sweep left behind."""

    more: bool
    """Due work is left: sweep again at once."""
    next_due: int
    """The next due moment, 0 for none."""
    unplanned: list[Unplanned]
    """Cron schedulers whose following run the caller is to work out."""


@dataclass(frozen=True, slots=True)
class JobEntry:
    """One job of a listing, with its fields."""

    job_id: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """A page of the jobs that wait in their groups, and where the next one begins."""

    entries: list[JobEntry]
    group: int
    skip: int
    last: bool
    """There is no next page."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One gate at which a job waits."""

    gate: str
    """`delayed children group_concurrency turn group_paused tokens group_rate_limit paused global_concurrency
    global_rate_limit limiter no_worker position`."""
    until: int
    """When it opens by itself; 0: when something else happens."""
    jobs: list[str]
    """The first of the jobs that it waits for."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What decides about one job."""

    state: str
    position: int
    """In `:ready`, from 0; -1: it is not there."""
    until: int
    """Active: the end of the lease. Delayed: the due moment."""
    worker: str
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Letter:
    """A job for another queue, or (option `letter`) news of a child or a committed flow."""

    sequence: str
    """Names it in its source's outbox."""
    target: str
    """The root key of the queue it goes to."""
    ordinal: int
    """It is the so-many-th letter to that queue."""
    name: str
    data: str
    options: Fields


@dataclass(frozen=True, slots=True)
class Marks:
    """The last sequence numbers given at some moment: what is there then has none above them."""

    ready: int
    mark: int
    turn: int


@dataclass(frozen=True, slots=True)
class ClearCursor:
    """Where a bounded removal goes on."""

    phase: int
    group: int
    skip: int


@dataclass(frozen=True, slots=True)
class Cleared:
    """What one bounded removal did."""

    removed: int
    cursor: ClearCursor
    done: bool


@dataclass(frozen=True, slots=True)
class Retried:
    """What one bounded retry of many did."""

    retried: int
    skip: int
    """Newer failures to pass over in the next call."""
    last: bool


@dataclass(frozen=True, slots=True)
class WorkerEntry:
    """A live worker."""

    worker: str
    info: str
    seen_at: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Jobs by state; each job is in exactly one."""

    waiting: int
    active: int
    delayed: int
    completed: int
    failed: int
    waiting_children: int
    parked: int
    """Of the waiting ones, those that wait in their groups."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines of a job's log, and how many it has in all."""

    lines: list[str]
    count: int


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Limits to set on a group. -1 keeps what it has; 0 removes (concurrency: back to 1)."""

    concurrency: int
    rate_max: int
    rate_ms: int
    capacity: int
    refill: int


@dataclass(frozen=True, slots=True)
class GlobalLimits:
    """The limits of the whole queue; 0 is none."""

    concurrency: int
    rate_max: int
    rate_ms: int


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to waits, by their numbers."""

    fields: Fields
    more: bool
    """There are more of those that were asked for: ask again for the rest."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket at one instant."""

    tokens: int
    at: int
