"""Draws of the conformance machine: every operation, from tiny pools that collide, at hostile moments.

A `Move` is drawn without knowing the state: what depends on it (an activation, an id, the due moment, a
call number) is an index that `tests.properties.agree.World` resolves when the move is made. So a failing
history shrinks well: a move that means nothing any more is simply another one, and `NOTHING` is the simplest.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from glidemq_pb.semantics.flow_records import FlowSpec
from glidemq_pb.semantics.lang import Fields, pad
from glidemq_pb.semantics.limits import COST_DEFAULT, DELAY_MAX_MS, EVENT_VALUE_MAX
from glidemq_pb.semantics.records import (
    COMPLETED_RUN,
    DELAYED_RUN,
    FAILED_RUN,
    RETURNED_RUN,
    WAITING_CHILDREN_RUN,
    Caller,
    ClearCursor,
    GroupLimits,
    JobBatch,
    JobSpec,
    Letter,
)

NOTHING = "nothing"
POP = "pop"
"""Not an operation: what a listener does, LPOP of `:wake` or of a `:control:<worker>`."""
PUT = "put"
"""Not an operation: sets a field of `:meta`, as a release with another format might have."""


# --- what depends on the state ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class When:
    """The moment of a move: `base` is "now" or "due" (the `index`-th moment at which something falls due)."""

    base: str
    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class KnownId:
    """The id of the `index`-th newest job, whether it still exists or not."""

    index: int


@dataclass(frozen=True, slots=True)
class Held:
    """The id and the token of the `index`-th newest activation, present or stale."""

    index: int


@dataclass(frozen=True, slots=True)
class CallNumber:
    """The caller with its next call number plus `step`: 1 is the next call, 0 a repetition, -1 an old one."""

    caller: Caller
    step: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement of an activation. `until` of a delayed run counts from the moment of the move."""

    held: Held
    outcome: str
    value: str = ""
    reason: str = ""
    trace: str = ""
    until: int = -1
    fraction: int = 0
    final: bool = False
    group_ms: int = 0
    group_replace: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier reply gave: the `index`-th newest `Marks` or `ClearCursor`."""

    what: str
    index: int


@dataclass(frozen=True, slots=True)
class FromNow:
    """An instant so far from the moment of the move."""

    offset: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job scheduler to be; its moments count from the moment of the move, and what is -1 is none."""

    mode: tuple[str, str, str, int]
    start: int
    end: int
    limit: int
    runs: tuple[int, int]
    """Cron: when the next run is, and how long after it the following one, as the host worked it out."""
    template: JobSpec


@dataclass(frozen=True, slots=True)
class Planned:
    """A host's answer to the `index`-th newest request for a plan, which may be long out of date."""

    index: int
    steps: tuple[int, int]
    """How long after the instant it was told the next run lies, and then the following one; 0: there is none."""


@dataclass(frozen=True, slots=True)
class Move:
    operation: str
    when: When
    args: tuple[Any, ...]


# --- pools -----------------------------------------------------------------------------------------------------------

WORKERS = ("w1", "w2", "w3")
TEXTS = (
    "x", "", "0", "nil", "-1", "1e3", "a b", "\x00", "\x00\r\n'\"\\", "line\nline", "\xc3\xa9", "\xff\xfe", "%s%%",
    "]]", "y" * 65, "z" * EVENT_VALUE_MAX, "z" * (EVENT_VALUE_MAX + 1),
)  # fmt: skip
NAMES = ("n", "0", "\xc3\xb1", "name " * 20)
CUSTOM_IDS = (
    "",
    "",
    "",
    "",
    "",
    "a",
    "b",
    "2",
    "7",
    "007",
    "0",
    "99999999999",
    "1234567890123",
    "i\xc3\xa9",
    "n" * 256,
)
DELAYS = (0, 1, 1_000, 60_000, DELAY_MAX_MS)
MOMENTS = (
    *[When("now", 0, 0)] * 10,
    *[When("now", 0, 1)] * 3,
    *[When("due", i, offset) for i in (0, 0, 1, 2) for offset in (0, -1, 1)],
    *[When("now", 0, offset) for offset in (999, 5_000, 60_000, 24 * 3_600_000, -1, -1_000, -3_600_000)],
)
PLACING: tuple[tuple[str, ...], ...] = (
    (), (), (), ("delay", "1"), ("delay", "1000"), ("delay", "60000"), ("lifo", "1"), ("lifo", "1"), ("priority", "1"),
    ("priority", "5"), ("priority", "2048"), ("priority", "5", "lifo", "1"), ("delay", "1000", "lifo", "1"),
    ("delay", "1000", "priority", "5"),
)  # fmt: skip
LIVING: tuple[tuple[str, ...], ...] = ((), (), (), (), ("ttl", "1"), ("ttl", "1000"), ("ttl", "30000"))
TRYING: tuple[tuple[str, ...], ...] = (
    (), (), ("attempts", "1"), ("attempts", "2"), ("attempts", "3", "backoff", "fixed", "backoff_delay", "1000"),
    ("attempts", "9", "backoff", "exponential", "backoff_delay", "1000", "backoff_jitter", "50000"),
    ("attempts", "9", "backoff", "exponential", "backoff_delay", "700", "backoff_max", "1500"),
    ("attempts", "3", "backoff", "fixed", "backoff_delay", "0"), ("attempts", "2", "backoff", "own"),
    ("attempts", "2", "backoff", "fixed", "backoff_delay", str(2 * DELAY_MAX_MS), "backoff_jitter", "100000"),
)  # fmt: skip
KEEPING: tuple[tuple[str, ...], ...] = (
    (), (), ("remove_on_complete", "1"), ("keep_completed", "1"), ("keep_completed_ms", "1000"),
    ("remove_on_fail", "1"), ("keep_failed", "0"), ("keep_failed", "2", "keep_failed_ms", "1000"),
    ("keep_completed", "0", "keep_completed_ms", "5000"), ("lock_duration", "2000"), ("timeout", "5"),
)  # fmt: skip

GROUPING: tuple[tuple[str, ...], ...] = (
    (), (), (), (), (), ("cost", "9"), ("ordering_key", "g"), ("ordering_key", "g"), ("ordering_key", "h"),
    ("ordering_key", "g", "group_concurrency", "2"), ("ordering_key", "g", "group_concurrency", "1"),
    ("ordering_key", "g", "group_concurrency", "3", "group_rate_max", "2", "group_rate_ms", "5000"),
    ("ordering_key", "h", "group_rate_max", "1", "group_rate_ms", "1000"),
    ("ordering_key", "h", "group_capacity", "2000", "group_refill", "1000"),
    ("ordering_key", "g", "group_capacity", "1500", "group_refill", "333", "cost", "1500"),
    ("ordering_key", "g", "group_concurrency", "2", "group_capacity", "3000", "group_refill", "7", "cost", "0"),
    ("ordering_key", "h", "cost", "500"), ("ordering_key", "g", "cost", "2000"),
    ("ordering_key", "\xc3\xa9 %{}", "cost", "1"),
)  # fmt: skip
DEDUPING: tuple[tuple[str, ...], ...] = (
    *[()] * 9,
    ("dedup_id", "d", "dedup_mode", "simple"), ("dedup_id", "d", "dedup_mode", "simple", "dedup_ttl", "1000"),
    ("dedup_id", "d", "dedup_mode", "throttle", "dedup_ttl", "1000"),
    ("dedup_id", "e", "dedup_mode", "throttle", "dedup_ttl", "60000"),
    ("dedup_id", "d", "dedup_mode", "debounce", "dedup_ttl", "1000"),
    ("dedup_id", "e", "dedup_mode", "debounce", "delay", "1000"),
    ("dedup_id", "d", "dedup_mode", "debounce", "dedup_ttl", "1000", "delay", "5000"),
)  # fmt: skip
QUEUES = ("glide:{dead}", "glide:{source}")
FLOWS = ("f1", "f1", "f2")
FAR_CHILD = f"{QUEUES[0]}:1:{FLOWS[0]}"
FAR_JOBS = (f"{QUEUES[0]}:1", f"{QUEUES[1]}:x y")
NODE_IDS = ("a", "b", "2", "7", "q1", "q2")
FAMILY: tuple[tuple[str, ...], ...] = ((), (), (), ("on_child_failure", "fail"), ("on_child_failure", "ignore"))
NEWS = ("completed", "failed", "lost", "removed")
LETTERED: tuple[tuple[str, ...], ...] = (
    ("dead_queue", "glide:{source}", "dead_id", "1", "dead_reason", "no", "dead_attempts", "", "dead:priority", "5"),
    ("dead_queue", "glide:{dead}", "dead_id", "1", "dead_reason", "no", "dead_attempts", "2", "compression", "gzip"),
    ("ordering_key", "g", "group_concurrency", "2", "ttl", "1000"), ("priority", "3"),
    *((("letter", "flow", "flow", flow)) for flow in FLOWS),
    *(("letter", "child", "parent", one, "child", FAR_CHILD, "news", news) for one in ("a", "2") for news in NEWS),
)  # fmt: skip
TEMPLATED: tuple[tuple[str, ...], ...] = ((), (), (), ("lifo", "1"), ("priority", "1"), ("priority", "5", "lifo", "1"))
WAITED: tuple[tuple[str, ...], ...] = (
    *[()] * 6, ("waits", "a1:1:61000"), ("waits", "a1:2:61000"), ("waits", "b2:1:1"), ("waits", "b2:3:90000"),
)  # fmt: skip
WAITERS = ("a1", "a1", "b2")
SCHEDULERS = ("s", "s", "t", "\xc3\xa9 x")
GROUPS = ("g", "g", "h", "other")


def spec_of(job_id: str, name: str, data: str, *options: tuple[str, ...]) -> JobSpec:
    """A job as the host sends it: each option once; in a group there is no LIFO (LIFO-3)."""
    flat = list(itertools.chain(*options))
    found = dict(zip(flat[::2], flat[1::2], strict=True))
    if "ordering_key" in found:
        found.pop("lifo", None)
    return JobSpec(job_id, name, data, Fields([text for pair in found.items() for text in pair]))


def batch_of(specs: list[JobSpec]) -> JobBatch:
    """Jobs by columns, as the host sends them: without a column that says nothing."""
    job_ids = [spec.job_id for spec in specs]
    options = [spec.options for spec in specs]
    return JobBatch(
        [spec.name for spec in specs],
        [spec.data for spec in specs],
        job_ids if any(job_ids) else [],
        options if any(options) else [],
    )


def sendable(specs: list[JobSpec]) -> tuple[list[JobSpec], list[int]]:
    """The jobs that the host lets pass, and the positions of those whose cost only the store can check (TB-5)."""
    capacities: dict[str, int] = {}
    sent: list[JobSpec] = []
    guarded: list[int] = []
    for spec in specs:
        options = dict(zip(spec.options[::2], spec.options[1::2], strict=True))
        key = options.get("ordering_key", "")
        capacity = int(options.get("group_capacity", capacities.get(key, 0)))
        if key and capacity == 0:
            guarded.append(len(sent))
        elif key and int(options.get("cost", COST_DEFAULT)) > capacity:
            continue
        if key and capacity:
            capacities[key] = capacity
        sent.append(spec)
    return sent, guarded


ids = st.one_of(st.builds(KnownId, st.integers(0, 7)), st.sampled_from(("a", "2", "none")))
texts = st.sampled_from(TEXTS)
held = st.builds(Held, st.integers(0, 7))
tokens = st.sampled_from(("", "", "w1:1", "w2:2", "junk"))
keep = st.sampled_from((7, 0, 1, 100))
producers_calls = st.sampled_from(("", "", "", "p1", "p2", "p3"))
various = st.builds(
    spec_of,
    st.sampled_from(CUSTOM_IDS),
    st.sampled_from(NAMES),
    texts,
    st.sampled_from(PLACING),
    st.sampled_from(LIVING),
    st.sampled_from(TRYING),
    st.sampled_from(KEEPING),
    st.sampled_from(DEDUPING),
    st.sampled_from(GROUPING),
    st.sampled_from(WAITED),
)
plain = st.builds(spec_of, st.sampled_from(CUSTOM_IDS), st.sampled_from(NAMES), texts)
"""Jobs without options: drawn by chance, they would be one in two thousand."""
specs = st.one_of(plain, various)


def flow_of(drafts: list[tuple[JobSpec, tuple[int, ...], str, bool, bool]], whole: bool) -> list[FlowSpec]:
    """Jobs of a flow as the host sends them: each id once, each link on both its ends, no cycle.

    A draft is a job, how far before it its parents stand, an id, and whether it has a parent and a child elsewhere.
    `whole`: ids may be left to the counter.
    """
    chosen: list[tuple[JobSpec, tuple[int, ...], str, bool, bool]] = []
    for spec, back, job_id, up, down in drafts:
        if job_id not in {one[2] for one in chosen} or (whole and not job_id):
            chosen.append((spec, back, job_id, up, down))
    links = {(i - step, i) for i, one in enumerate(chosen) for step in one[1] if 0 < step <= i}
    return [
        FlowSpec(
            job_id, spec.name, spec.data, spec.options,
            sorted(up for up, down in links if down == i), [FAR_JOBS[0]] if far_up else [],
            sorted(down for up, down in links if up == i), [FAR_JOBS[0]] if far_down else [],
        )
        for i, (spec, _, job_id, far_up, far_down) in enumerate(chosen)
    ]  # fmt: skip


def guarded_of(nodes: list[FlowSpec]) -> list[int]:
    """The positions of those whose cost only the store can check."""
    return [
        i for i, node in enumerate(nodes) if "ordering_key" in node.options and "group_capacity" not in node.options
    ]


flow_jobs = st.builds(
    spec_of,
    st.just(""),
    st.sampled_from(NAMES),
    texts,
    st.sampled_from(PLACING),
    st.sampled_from(LIVING),
    st.sampled_from(TRYING),
    st.sampled_from(KEEPING),
    st.sampled_from(FAMILY),
    st.sampled_from(GROUPING[:13]),
)


def flow_parts(*, whole: bool) -> st.SearchStrategy[list[FlowSpec]]:
    """A flow's part in this queue."""
    pool = (*NODE_IDS, "", "", "", "") if whole else NODE_IDS
    draft = st.tuples(
        flow_jobs,
        st.sampled_from(((), (1,), (1,), (2,), (1, 2))),
        st.sampled_from(pool),
        st.sampled_from((False, False, False, True)),
        st.sampled_from((False, False, False, True)),
    )
    return st.builds(lambda drafts: flow_of(drafts, whole), st.lists(draft, min_size=1, max_size=4))


callers = st.builds(
    lambda worker, lease_ms, stalled_max, record_ms, events_keep, metrics, limiter, nudge, info, step: CallNumber(
        Caller(worker, 0, lease_ms, stalled_max, record_ms, events_keep, metrics, limiter[0], limiter[1], nudge, info),
        step,
    ),
    st.sampled_from(WORKERS),
    st.sampled_from((1_000, 30_000, 1)),
    st.sampled_from((1, 0, 3)),
    st.sampled_from((60_000, 5_000)),
    keep,
    st.booleans(),
    st.sampled_from(((0, 0), (0, 0), (0, 0), (0, 0), (1, 1_000), (2, 5_000))),
    st.booleans(),
    st.sampled_from(("", "info \xc3\xa9")),
    st.sampled_from((1, 1, 1, 1, 1, 1, 0, 0, -1, 5)),
)
FAILURES: tuple[dict[str, Any], ...] = (
    {"outcome": FAILED_RUN},
    {"outcome": FAILED_RUN, "reason": "boom", "trace": "trace", "fraction": 50_000},
    {"outcome": FAILED_RUN, "reason": "boom", "fraction": 100_000},
    {"outcome": FAILED_RUN, "reason": "expired", "until": 0},
    {"outcome": FAILED_RUN, "reason": "r" * 5_000, "trace": "t", "until": 1_000},
    {"outcome": FAILED_RUN, "reason": "no more", "final": True},
    {"outcome": FAILED_RUN, "reason": "stalled", "until": 2 * DELAY_MAX_MS},
)
ENDS: tuple[dict[str, Any], ...] = (
    *({"outcome": COMPLETED_RUN, "value": value} for value in TEXTS),
    *({"outcome": DELAYED_RUN, "until": until, "value": value} for until in (0, 1, 1_000, -5) for value in ("", "v")),
    *[{"outcome": RETURNED_RUN}] * 4,
    *[{"outcome": WAITING_CHILDREN_RUN}] * 4,
    *FAILURES,
    *FAILURES,
    *(
        {"outcome": outcome, "group_ms": ms, "group_replace": replace, "back": back, "reason": "group rate limited"}
        for outcome in (RETURNED_RUN, FAILED_RUN)
        for ms in (1, 1_000)
        for replace in (False, True)
        for back in (False, True)
    ),
)
settlements = st.builds(lambda which, how: Settled(which, **how), held, st.sampled_from(ENDS))
templates = st.builds(
    spec_of,
    st.just(""),
    st.sampled_from(NAMES),
    texts,
    *map(st.sampled_from, (TEMPLATED, LIVING, TRYING, KEEPING, GROUPING)),
)
schedules = st.builds(
    Scheduled,
    st.sampled_from(
        [("cron", "* * * * *", "UTC", 0), ("cron", "0 8 * * *", "\xc3\xa9", 0)]
        + [("every", "", "UTC", every) for every in (1, 1_000, 60_000)]
        + [("after", "", "UTC", every) for every in (1, 1_000, 60_000)]
    ),
    st.sampled_from((-1, -1, -1, -1_000, -1_500, 0, 1, 1_000, 5_000)),
    st.sampled_from((-1, -1, -1, -1, -1_000, 1, 2_000, 100_000)),
    st.sampled_from((0, 0, 0, 1, 2, 3)),
    st.sampled_from(((0, 0), (1, 1), (0, 1_000), (1_000, 60_000))),
    templates,
)
pages = st.sampled_from(((0, -1), (0, 0), (1, 2), (2, 1), (5, -1), (0, 10_000)))
states = st.sampled_from(("waiting-children", "waiting", "delayed", "active", "completed", "failed"))
ended = st.sampled_from(("completed", "failed"))

# One row an operation: how often, and how its arguments after (s, q, now) are drawn.
Arguments = st.SearchStrategy[tuple[Any, ...]]
OPERATIONS: dict[str, tuple[int, Arguments]] = {
    "enqueue": (
        16,
        st.builds(
            lambda call, many, kept: (call, batch_of(sendable(many)[0]), sendable(many)[1], kept),
            producers_calls,
            st.lists(specs, max_size=4),
            keep,
        ),
    ),
    "settle_and_activate": (
        30,
        st.tuples(callers, st.lists(settlements, max_size=3), st.sampled_from((1, 2, 0, 9))),
    ),
    "extend": (
        3,
        st.builds(
            lambda worker, which, lease: (
                worker,
                [("id", one) for one in which],
                [("token", one) for one in which],
                [lease + i for i in range(len(which))],
            ),
            st.sampled_from(WORKERS),
            st.lists(held, max_size=3),
            st.sampled_from((1_000, 30_000, 1)),
        ),
    ),
    "nudge": (1, st.tuples(st.sampled_from(WORKERS))),
    "pass_wake": (1, st.just(())),
    "leave": (1, st.tuples(st.sampled_from(WORKERS))),
    "tick": (3, st.tuples(st.sampled_from((1, 0)), keep)),
    "remove": (3, st.tuples(producers_calls, ids, keep)),
    "retry": (4, st.tuples(producers_calls, ids, keep)),
    "promote": (3, st.tuples(producers_calls, ids, keep)),
    "change_priority": (4, st.tuples(producers_calls, ids, st.sampled_from((0, 1, 5, 2048)), keep)),
    "change_delay": (4, st.tuples(producers_calls, ids, st.sampled_from(DELAYS), keep)),
    "update_data": (
        2,
        st.one_of(
            st.tuples(ids, tokens, texts),
            st.builds(lambda one, data: (("id", one), ("token", one), data), held, texts),
        ),
    ),
    "update_progress": (
        2,
        st.one_of(
            st.tuples(producers_calls, ids, tokens, texts, keep),
            st.builds(
                lambda call, one, data, kept: (call, ("id", one), ("token", one), data, kept),
                producers_calls,
                held,
                texts,
                keep,
            ),
        ),
    ),
    "add_log": (
        3,
        st.one_of(
            st.tuples(producers_calls, ids, tokens, texts),
            st.builds(lambda call, one, line: (call, ("id", one), ("token", one), line), producers_calls, held, texts),
        ),
    ),
    "revoke": (4, st.tuples(producers_calls, ids, keep)),
    "set_group_limits": (
        3,
        st.tuples(
            st.sampled_from(GROUPS),
            st.builds(
                lambda concurrency, rate, bucket: GroupLimits(concurrency, *rate, *bucket),
                st.sampled_from((-1, 0, 1, 2, 9)),
                st.sampled_from(((-1, -1), (-1, -1), (0, 0), (1, 1_000), (3, 60_000))),
                st.sampled_from(((-1, -1), (-1, -1), (0, 0), (500, 1), (1_000, 1_000), (2_000, 500), (9_000, 3))),
            ),
            keep,
        ),
    ),
    "rate_limit_group": (
        2,
        st.tuples(
            st.sampled_from(("", "r1")),
            st.sampled_from(GROUPS),
            st.sampled_from((1, 1_000, 60_000)),
            st.booleans(),
            keep,
        ),
    ),
    "set_global_concurrency": (2, st.tuples(st.sampled_from((0, 0, 1, 2)))),
    "set_global_rate_limit": (2, st.sampled_from(((0, 0), (0, 0), (1, 1_000), (2, 60_000), (2, 500)))),
    "get_global_limits": (1, st.just(())),
    "get_marks": (2, st.just(())),
    "clear_some": (
        3,
        st.tuples(
            st.builds(Earlier, st.just("marks"), st.integers(0, 2)),
            st.one_of(
                st.builds(Earlier, st.just("cursor"), st.just(0)),
                st.builds(ClearCursor, st.integers(0, 6), st.sampled_from((0, 0, 1)), st.sampled_from((0, 0, 0, 1))),
            ),
            st.integers(0, 5),
            keep,
        ),
    ),
    "clean_some": (
        2,
        st.tuples(
            producers_calls,
            ended,
            st.builds(FromNow, st.sampled_from((0, -1, -1_000))),
            st.sampled_from((1, 2, 9)),
            keep,
        ),
    ),
    "retry_some": (
        2,
        st.tuples(
            st.sampled_from(("", "t1")),
            st.builds(Earlier, st.just("marks"), st.integers(0, 2)),
            st.sampled_from((0, 0, 1)),
            st.sampled_from((1, 2, 9)),
            keep,
        ),
    ),
    "forget_queue": (2, st.just(())),
    "list_workers": (1, st.just(())),
    "set_dead_letters": (1, st.tuples(st.sampled_from((*QUEUES, "")))),
    "get_dead_letters": (1, st.just(())),
    "list_letters": (1, st.just(())),
    "acknowledge": (1, st.tuples(st.lists(st.builds(pad, st.integers(1, 4)), max_size=2))),
    "receive": (
        2,
        st.tuples(
            st.sampled_from(QUEUES),
            st.builds(
                lambda ordinal, name, data, options: Letter(
                    pad(ordinal), "glide:{q}", ordinal, name, data, Fields([*options])
                ),
                st.integers(1, 4),
                st.sampled_from(NAMES),
                texts,
                st.sampled_from(LETTERED),
            ),
            keep,
        ),
    ),
    "replay": (1, st.tuples(ids, st.sampled_from(QUEUES), keep)),
    "upsert_scheduler": (6, st.tuples(producers_calls, st.sampled_from(SCHEDULERS), schedules)),
    "plan_runs": (
        4,
        st.tuples(
            st.lists(
                st.builds(
                    Planned,
                    st.sampled_from((0, 0, 1, 2, 9)),
                    st.sampled_from(((1_000, 1_000), (60_000, 60_000), (1, 0), (0, 0), (100_000_000, 1))),
                ),
                max_size=2,
            )
        ),
    ),
    "remove_scheduler": (1, st.tuples(producers_calls, st.sampled_from(SCHEDULERS))),
    "get_scheduler": (1, st.tuples(st.sampled_from(SCHEDULERS))),
    "list_schedulers": (1, st.tuples(st.sampled_from((0, 0, 1)))),
    "take_ids": (1, st.tuples(st.sampled_from((1, 3)))),
    "add_flow": (
        8,
        st.builds(
            lambda call, flow, deadline, nodes, others, kept: (
                call,
                flow,
                deadline,
                nodes,
                guarded_of(nodes),
                others,
                kept,
            ),
            producers_calls,
            st.sampled_from(FLOWS),
            st.builds(FromNow, st.sampled_from((0, 1_000, -1))),
            flow_parts(whole=True),
            st.sampled_from(([], [], [], [QUEUES[0]], [*QUEUES])),
            keep,
        ),
    ),
    "reserve": (
        3,
        st.builds(
            lambda flow, root, deadline, nodes: (flow, root, deadline, nodes, guarded_of(nodes)),
            st.sampled_from(FLOWS),
            st.sampled_from(QUEUES),
            st.builds(FromNow, st.just(1_000)),
            flow_parts(whole=False),
        ),
    ),
    "release_flow": (1, st.tuples(st.sampled_from(FLOWS))),
    "decide": (1, st.tuples(st.sampled_from(FLOWS), st.builds(FromNow, st.sampled_from((0, -1))))),
    "list_reservations": (1, st.just(())),
    "add_child": (
        3,
        st.builds(
            lambda call, one, spec, kept: (
                call,
                ("id", one),
                ("token", one),
                spec,
                bool(sendable([spec])[1]),
                kept,
            ),
            producers_calls,
            held,
            specs,
            keep,
        ),
    ),
    "adopt": (
        1,
        st.builds(
            lambda call, flow, deadline, one: (
                call,
                flow,
                deadline,
                ("id", one),
                ("token", one),
                QUEUES[0],
                FAR_JOBS[0],
            ),
            producers_calls,
            st.sampled_from(FLOWS),
            st.builds(FromNow, st.sampled_from((0, 1_000, -1))),
            held,
        ),
    ),
    "list_children": (2, st.tuples(ids, st.sampled_from((0, 0, 1)))),
    "wait_for": (
        3,
        st.tuples(
            st.sampled_from(WAITERS), st.sampled_from((1, 2, 3)), ids, st.sampled_from((0, 1_000, 1_000, 3_600_000))
        ),
    ),
    "fetch_answers": (2, st.tuples(st.sampled_from(WAITERS), st.sampled_from(([1, 2, 3], [1], [])))),
    "forget_answers": (2, st.tuples(st.sampled_from(WAITERS), st.sampled_from(([1, 2, 3], [1], [2], [])))),
    "explain": (3, st.tuples(ids)),
    "get_time": (1, st.just(())),
    "list_parked": (1, st.tuples(st.sampled_from((0, 0, 1)), st.sampled_from((0, 0, 1)), st.booleans())),
    "pause": (1, st.tuples(keep)),
    "resume": (2, st.tuples(keep)),
    "get_job": (1, st.tuples(ids, st.booleans())),
    "list_jobs": (3, st.builds(lambda state, page, bare: (state, *page, bare), states, pages, st.booleans())),
    "count_jobs": (1, st.just(())),
    "is_paused": (1, st.just(())),
    "get_log": (1, st.builds(lambda job_id, page: (job_id, *page), ids, pages)),
    "get_metrics": (1, st.tuples(ended)),
    "read_events": (1, st.tuples(st.sampled_from((0, 1, 5, 1_000)), st.sampled_from((1, 3, 100)))),
    "last_event": (1, st.just(())),
    POP: (6, st.tuples(st.sampled_from(("wake", "wake", "reply:a1", *(f"control:{worker}" for worker in WORKERS))))),
}
WEIGHED: list[str] = [NOTHING, *(name for name, (weight, _) in OPERATIONS.items() for _ in range(weight))]


@st.composite
def moves(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Move:
    """One move."""
    operation = WEIGHED[draw(st.integers(0, len(WEIGHED) - 1))]
    if operation == NOTHING:
        return Move(NOTHING, MOMENTS[0], ())
    return Move(operation, draw(st.sampled_from(MOMENTS)), draw(OPERATIONS[operation][1]))


def histories(length: int) -> st.SearchStrategy[list[Move]]:
    """Histories of exactly so many moves, some of which are `NOTHING`."""
    return st.lists(moves(), min_size=length, max_size=length)
