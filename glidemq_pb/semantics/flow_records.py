"""The records of operations on flows (see `flows`)."""

from dataclasses import dataclass

from .lang import Fields


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """One job of a flow's part in one queue, and its neighbours: by position in this part, or in other queues."""

    job_id: str
    """Empty, in a flow of one queue: the next one of the counter."""
    name: str
    data: str
    options: Fields
    parents: list[int]
    far_parents: list[str]
    """Root keys and ids, as in `families`; so for the children."""
    children: list[int]
    far_children: list[str]


@dataclass(frozen=True, slots=True)
class Freed:
    """What one look at the parents whose children are done came to."""

    readied: int
    failed: int


@dataclass(frozen=True, slots=True)
class FlowAdded:
    """The ids of the jobs that were added, or the one that was taken, which is why nothing was."""

    ids: list[str]
    taken: str


@dataclass(frozen=True, slots=True)
class ChildEntry:
    """One child of a job."""

    child: str
    """Its root key and id."""
    outcome: str
    """As stored (see `families`)."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A flow that is reserved and not committed."""

    flow: str
    root: str
    deadline: int
