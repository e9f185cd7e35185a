"""A flow as it is stored: its jobs with their states, and the tree printed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from .children import read_children
from .errors import JobNotFoundError
from .flow_plan import PlannedJob
from .job import Job, JobState
from .job_owner import JobOwner
from .refs import Ref, parse_ref
from .semantics import reads
from .semantics.families import COMPLETED_OUTCOME, FAILED_OUTCOME, IGNORED_OUTCOME
from .semantics.flow_records import ChildEntry
from .semantics.lang import Fields, lookup
from .semantics.states import COMPLETED, DELAYED, FAILED, WAITING_CHILDREN, state_of

READ_AT_ONCE: Final = 50
"""Jobs of a flow that are read side by side."""
SHOWN_MAX: Final = 60
"""Characters of a value in the printed tree."""
UNKNOWN: Final = "unknown"
OutcomeState = Literal["completed", "failed", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class FlowNode:
    """A job of a flow and its children, as they were when they were added or read. `str(node)` draws the tree.

    A child with several parents (see `add_dag`) is one node below all of them. Of a child that is not kept any more
    `job` has what its parent keeps: its id, and what it returned; its state is the one it ended in, its name is empty.
    """

    job: Job[Any, Any]
    children: list["FlowNode"] = field(default_factory=list["FlowNode"])
    state: JobState | Literal["unknown"] = "waiting"

    @property
    def value(self) -> Any:
        """What the job returned; None before."""
        return self.job.return_value

    def __repr__(self) -> str:
        return (
            f"<FlowNode {self.job.id!r} of queue {self.job.queue_name!r}, {self.state}, {len(self.children)} children>"
        )

    def __str__(self) -> str:
        return "\n".join(drawn(self))


def drawn(root: FlowNode) -> list[str]:
    """The lines of a tree. What is below a node that comes again is drawn once."""
    lines: list[str] = []
    seen: set[int] = set()
    left: list[tuple[FlowNode, str, str]] = [(root, "", "")]
    while left:
        node, branch, below = left.pop()
        again = id(node) in seen and bool(node.children)
        lines.append(branch + described(node) + (" (see above)" if again else ""))
        seen.add(id(node))
        if again:
            continue
        last = len(node.children) - 1
        for number in range(last, -1, -1):
            fork, bar = ("└── ", "    ") if number == last else ("├── ", "│   ")
            left.append((node.children[number], below + fork, below + bar))
    return lines


def described(node: FlowNode) -> str:
    """One line about a job."""
    job = node.job
    told = f"{job.name} {job.id} ({job.queue_name}) {node.state}".lstrip()
    if node.state == COMPLETED:
        return f"{told}: {shortened(repr(node.value))}"
    if node.state == FAILED and job.failed_reason is not None:
        return f"{told}: {shortened(job.failed_reason)}"
    return told


def shortened(text: str) -> str:
    """At most so much of a text, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_MAX else f"{flat[: SHOWN_MAX - 3]}..."


# --- what was added --------------------------------------------------------------------------------------------------


def added_job(job: PlannedJob, parents: Sequence[PlannedJob], now: int) -> Job[Any, Any]:
    """The Job of a plan that was carried out, as it was stored, but for the moment, which only the store knows."""
    fields = ["name", job.name, "data", job.data, "timestamp", str(now), *job.options]
    if parents:
        fields += ["parents", "\n".join(parent.ref for parent in parents)]
    added: Job[Any, Any] = Job(job.owner, job.job_id, Fields(fields))
    added.note_added(now)
    return added


def added_tree(jobs: Sequence[PlannedJob], now: int) -> FlowNode:
    """The nodes of a tree that was added; its root is at position 0."""
    nodes = [
        FlowNode(added_job(job, [jobs[parent] for parent in job.parents], now), [], first_state(job)) for job in jobs
    ]
    for node, job in zip(nodes, jobs, strict=True):
        node.children.extend(nodes[child] for child in job.children)
    return nodes[0]


def first_state(job: PlannedJob) -> JobState:
    """The state in which a job of a flow begins."""
    if job.children:
        return WAITING_CHILDREN
    return DELAYED if lookup(job.options, "delay") else "waiting"


# --- what is read ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """One job as it was read."""

    fields: Fields
    children: list[ChildEntry]


async def read_tree(root: Ref, owner_of: Callable[[str], JobOwner]) -> FlowNode:
    """The flow below a job, as it is now. JobNotFoundError when that job is gone."""
    found: dict[str, Found] = {}
    kept: dict[str, str] = {root.text: ""}
    level = [root.text]
    while level:
        below: list[str] = []
        for start in range(0, len(level), READ_AT_ONCE):
            names = level[start : start + READ_AT_ONCE]
            read = await asyncio.gather(*(read_one(owner_of(parse_ref(name).queue_name), name) for name in names))
            found.update(zip(names, read, strict=True))
            below += [entry.child for one in read for entry in one.children]
            for one in read:
                kept.update((entry.child, entry.outcome) for entry in one.children)
        level = [name for name in dict.fromkeys(below) if name not in found]
    if not found[root.text].fields:
        raise JobNotFoundError(root.job_id)
    nodes = {name: node_of(parse_ref(name), one, kept[name], owner_of) for name, one in found.items()}
    for name, one in found.items():
        nodes[name].children.extend(nodes[entry.child] for entry in one.children)
    return nodes[root.text]


async def read_one(owner: JobOwner, name: str) -> Found:
    """A job and its children."""
    wire_id = parse_ref(name).wire_id
    fields = await owner.call(reads.get_job, wire_id, False)
    return Found(fields, await read_children(owner, wire_id) if lookup(fields, "children_left") else [])


def node_of(ref: Ref, found: Found, outcome: str, owner_of: Callable[[str], JobOwner]) -> FlowNode:
    """The node of a job, or of what its parent keeps of it."""
    owner = owner_of(ref.queue_name)
    if found.fields:
        state = cast("JobState", state_of(lookup(found.fields, "state")))
        return FlowNode(Job(owner, ref.wire_id, found.fields), [], state)
    kept = ["name", ""]
    if outcome[:1] == COMPLETED_OUTCOME:
        kept += ["return_value", outcome[1:]]
    ended: dict[str, OutcomeState] = {
        COMPLETED_OUTCOME: "completed",
        FAILED_OUTCOME: "failed",
        IGNORED_OUTCOME: "failed",
    }
    return FlowNode(Job(owner, ref.wire_id, Fields(kept)), [], ended.get(outcome[:1], UNKNOWN))
