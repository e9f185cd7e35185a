"""Why is this job not running? In words and as data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from .semantics.records import JobFacts
from .wire import from_wire

WORDS: Final[dict[str, Callable[["WaitReason"], str]]] = {
    "children": lambda reason: f"its children have to end first: {named(reason.jobs)}",
    "delayed": lambda reason: f"it is held back until {moment(reason.until)}",
    "group_concurrency": lambda reason: f"its group runs as many jobs as it may: {named(reason.jobs)}",
    "turn": lambda reason: f"other jobs of its group come first: {named(reason.jobs)}",
    "group_paused": lambda reason: f"its group is paused until {moment(reason.until)}",
    "tokens": lambda reason: f"its group's bucket holds enough tokens for it at {moment(reason.until)}",
    "group_rate_limit": lambda reason: f"its group's rate limit lets nothing start until {moment(reason.until)}",
    "paused": lambda _: "the queue is paused",
    "global_concurrency": lambda reason: f"the queue runs as many jobs as it may: {named(reason.jobs)}",
    "global_rate_limit": lambda reason: f"the queue's rate limit lets nothing start until {moment(reason.until)}",
    "limiter": lambda reason: f"a limiter of its workers lets nothing start until {moment(reason.until)}",
    "no_worker": lambda _: "no worker of this queue lives",
    "position": lambda reason: f"others stand before it: {named(reason.jobs)}",
}


@dataclass(frozen=True, slots=True)
class WaitReason:
    """One gate at which a job waits."""

    gate: str
    """`delayed`, `children`, `paused`, `group_concurrency`, `turn`, `group_paused`, `tokens`, `group_rate_limit`,
    `global_concurrency`, `global_rate_limit`, `limiter`, `no_worker` or `position`."""
    until: int | None
    """When it opens by itself (epoch milliseconds); None: when something else happens."""
    jobs: list[str]
    """Ids of jobs that it waits for, at most the first ten."""

    def __str__(self) -> str:
        return WORDS[self.gate](self)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a job stands, and each reason for which it does not run; as text: one line for each."""

    job_id: str
    state: str
    """Its state, or `unknown` when there is no such job."""
    position: int | None
    """Its place among the jobs that may be picked, from 0; None: it is not among them."""
    worker: str | None
    """The id of the worker that runs it."""
    lease_until: int | None
    """When its lease ends, if it runs (epoch milliseconds)."""
    reasons: list[WaitReason]

    def __str__(self) -> str:
        lines = [f"job {self.job_id} is {self.state}"]
        if self.worker is not None and self.lease_until is not None:
            lines[0] += f" on worker {self.worker}, whose lease ends at {moment(self.lease_until)}"
        elif self.state in ("waiting", "delayed") and not self.reasons:
            lines[0] += " and starts as soon as a worker has room"
        return "\n- ".join([*lines, *map(str, self.reasons)])


def explanation_of(job_id: str, facts: JobFacts) -> Explanation:
    """The facts, for people."""
    active = facts.worker != ""
    return Explanation(
        job_id,
        facts.state or "unknown",
        None if facts.position < 0 else facts.position,
        facts.worker if active else None,
        facts.until if active else None,
        [WaitReason(reason.gate, reason.until or None, [*map(from_wire, reason.jobs)]) for reason in facts.reasons],
    )


def moment(instant: int | None) -> str:
    """An instant as ISO 8601."""
    return datetime.fromtimestamp((instant or 0) / 1000, UTC).isoformat(timespec="milliseconds")


def named(jobs: list[str]) -> str:
    """A few job ids."""
    return ", ".join(jobs)
