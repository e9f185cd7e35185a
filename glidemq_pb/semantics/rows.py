"""The rows of the hashes: what `Store.read` reads of each. A missing field is 0 or the empty text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meta:
    """`:meta` as an operation reads it first."""

    format: int
    paused: int
    next_due: int
    """A lower bound of every due moment of the queue; 0: none."""
    ready: int
    """The last ready sequence number given."""
    mark: int
    """The last mark given: the sequence that orders equal scores."""
    calls_until: int
    """When the generations of remembered calls turn; 0: there are none."""
    metrics_until: int
    """When the oldest minute of the metrics is too old; 0: there is none."""
    global_concurrency: int
    """0: no limit; so for the others."""
    global_rate_max: int
    global_rate_ms: int
    global_window_at: int
    """When the open window of the global rate limit opened; 0: none is open."""
    global_window_used: int


@dataclass(frozen=True, slots=True)
class DueRow:
    """`:meta`, just its next due moment."""

    next_due: int


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """`:meta`, just the end of its oldest minute."""

    metrics_until: int


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """`:meta`, just its count of parked jobs."""

    parked: int
    """Jobs that wait in their groups and are not in `:ready`."""


@dataclass(frozen=True, slots=True)
class TurnRow:
    """`:meta`, just its last turn."""

    turn: int
    """The last one given: the order in which jobs joined their groups."""


@dataclass(frozen=True, slots=True)
class TrimRow:
    """`:meta`, the bounded trims that are under way."""

    trim_completed: int
    """1 + the count that it has still to reach; 0: none."""
    trim_failed: int


@dataclass(frozen=True, slots=True)
class TimerRow:
    """`:meta`, who looks when."""

    next_due: int
    timer_due: int
    """The due moment for which a worker keeps a timer."""
    timer_worker: str
    timer_backup: str
    """The worker that looks shortly after; empty: none yet."""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """`:worker:<w>`: its last call, and when it said who it is."""

    call: int
    seen_at: int


@dataclass(frozen=True, slots=True)
class LastReplyRow:
    """`:worker:<w>`: enough to answer its last call again."""

    statuses: str
    started: str


@dataclass(frozen=True, slots=True)
class WorkerInfoRow:
    """`:worker:<w>`, what people see of it."""

    info: str
    seen_at: int


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A job as every settlement reads it."""

    name: str
    state: str
    token: str
    mark: int
    attempts_made: int
    remove_on_complete: int
    keep_completed: str
    """A count, or empty for no count."""
    keep_completed_ms: int
    ordering_key: str
    revoked: int
    dedup_id: str
    scheduler_name: str
    parents: str
    waits: str
    """Those who wait for its end, with commas between them (see `answers`)."""


@dataclass(frozen=True, slots=True)
class AddedRow:
    """When a job was added."""

    added: int


@dataclass(frozen=True, slots=True)
class WaitedRow:
    """A job as one who waits for it asks."""

    name: str
    """Empty: there is no such job."""
    state: str
    added: int
    return_value: str
    failed_reason: str
    waits: str


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Where a job stands."""

    name: str
    """Empty: there is no such job."""
    state: str
    mark: int
    """The mark of its member in the set of its state."""
    priority: int
    lifo: int
    place: int
    """The ready score it was last picked with."""
    ttl: int
    expire_at: int
    expiry_mark: int
    token: str
    stalled_count: int
    ordering_key: str
    """Empty: it is in no group."""
    turn: int
    """Its place in the order of its group; may be negative."""
    revoked: int
    """1: it is to end as revoked, or has."""
    dedup_id: str
    scheduler_name: str
    parents: str
    """The jobs that wait for it (see `families`), one a line."""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """What decides about the next attempt."""

    attempts: int
    attempts_made: int
    backoff: str
    backoff_delay: int
    backoff_jitter: int
    backoff_max: int


@dataclass(frozen=True, slots=True)
class FailedKeepRow:
    """Retention of a failed job."""

    remove_on_fail: int
    keep_failed: str
    keep_failed_ms: int
    dedup_id: str
    scheduler_name: str
    parents: str
    waits: str


@dataclass(frozen=True, slots=True)
class ParentRow:
    """A job as one that waits for children."""

    name: str
    state: str
    children_left: int
    """Children that have neither completed, nor failed for good and been ignored."""
    on_child_failure: str
    """`fail` or `ignore`; empty: wait until it was retried."""
    child_failure: str
    """FAILED_OUTCOME and the reason of the failed child with which this job is to fail; empty: none."""
    added: int
    delay: int
    processed_on: int
    ordering_key: str


@dataclass(frozen=True, slots=True)
class EndedRow:
    """An ended job that is about to be forgotten."""

    dedup_id: str
    parents: str


@dataclass(frozen=True, slots=True)
class ReservationRow:
    """`:reservation:<flow>`."""

    root: str
    """The root key of the queue that commits the flow; empty: there is no such reservation."""
    deadline: int
    """The flow cannot be committed later than that, by the clock of that queue."""
    ids: str
    """The jobs that are held, one a line."""


@dataclass(frozen=True, slots=True)
class PriorityRow:
    """The class of a job in `:ready`."""

    priority: int


@dataclass(frozen=True, slots=True)
class CostRow:
    """What a start of this job takes from its group's bucket."""

    cost: str
    """Millitokens; empty: one token."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """`:group:<key>`. A limit of 0 is none, but concurrency 0 is 1."""

    since: int
    """Its place in the order of groups; 0: there is no such group."""
    concurrency: int
    rate_max: int
    rate_ms: int
    capacity: int
    """Of the token bucket, in millitokens."""
    refill: int
    """Millitokens a second."""
    keeps: int
    """1: limits were set by `set_group_limits`, and stay when the group is idle."""
    active: int
    """Its active jobs."""
    head: str
    """The member that is in `:ready`."""
    parked: int
    """Its members in `:groupq` that are not the head."""
    paused_until: int
    window_at: int
    window_used: int
    tokens: int
    """Microtokens in the bucket at `tokens_at`."""
    tokens_at: int
    """0: the bucket is full."""
    looks_at: int
    """Its score in `:ratelimited`; 0: it is not there."""


@dataclass(frozen=True, slots=True)
class LimiterRow:
    """`:limiter:<max:duration>`."""

    window_at: int
    window_used: int


@dataclass(frozen=True, slots=True)
class DedupRow:
    """`:dedup:<id>`."""

    jobs: int
    """Jobs that exist under this id."""
    accepted_at: int
    until: int
    """When the window of the last acceptance ends; 0: it has none, or it has passed."""
    pending: str
    """The job that a debounce holds back."""
    pending_until: int


@dataclass(frozen=True, slots=True)
class DeadLettersRow:
    """`:meta`, just where dead letters go."""

    dead_letters: str


@dataclass(frozen=True, slots=True)
class LetterRow:
    """`:letter:<n>`, without the options, which are fields with `option:` before their names."""

    target: str
    ordinal: int
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class SchedulerRow:
    """`:scheduler:<name>`, without the options of its template, which are fields with `option:` before their names."""

    mode: str
    """Empty: there is no such scheduler."""
    pattern: str
    tz: str
    every: int
    start_date: int
    end_date: int
    limit: int
    iteration_count: int
    last_run: int
    next_run: int
    """0: its job is out, or a host has still to work it out."""
    fired_at: int
    """When a cron scheduler fired last: what it missed until then is passed over."""
    following: int
    in_flight: str
    """The job that a repeat-after-complete scheduler waits for."""
    job_name: str
    data: str
