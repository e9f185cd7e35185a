"""A flow as it is sent: all its jobs checked, in order, and cut into one part for each queue.

Nothing here talks to the store: what a plan refuses was refused before the first write (FLW-4, B-30).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .adding import CHUNK_BYTES_MAX
from .costs import CostCheck
from .errors import DuplicateJobError, InvalidOptionsError
from .flow import DagNode, FlowJob
from .job_owner import JobOwner
from .refs import Ref
from .semantics.dedup import DEBOUNCE
from .semantics.flow_records import FlowSpec
from .semantics.lang import Fields, lookup
from .semantics.limits import ENQUEUE_MAX
from .wire import from_wire, to_wire


@dataclass(slots=True)
class PlannedJob:
    """One job of a flow: what is stored of it, and its neighbours by their positions in the plan."""

    owner: JobOwner
    """Its queue."""
    job_id: str
    """As wire text; empty until it is known."""
    name: str
    data: str
    options: Fields
    children: list[int] = field(default_factory=list[int])
    parents: list[int] = field(default_factory=list[int])

    @property
    def ref(self) -> str:
        """Its name in other queues, once its id is known."""
        return Ref(self.owner.root, self.job_id).text

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.data) + len(self.name) + len(self.job_id) + sum(map(len, self.options))


class FlowPlan:
    """The jobs of a flow, parents before children in a tree; queues in the order in which it names them.

    The first queue is the one that commits the flow. Raises InvalidOptionsError and, for an id that the flow has twice
    in a queue, DuplicateJobError.
    """

    def __init__(self, jobs: Sequence[PlannedJob]) -> None:
        self.jobs = jobs
        self.queues: dict[str, list[int]] = {}
        """The positions of each queue's jobs, by root key."""
        for position, job in enumerate(jobs):
            self.queues.setdefault(job.owner.root, []).append(position)
        self.guarded = {root: self._check_part(positions) for root, positions in self.queues.items()}
        """For each queue, which of its jobs have a cost that only the store can check, by their place in its part."""

    def _check_part(self, positions: list[int]) -> list[int]:
        jobs = [self.jobs[position] for position in positions]
        ids = [job.job_id for job in jobs if job.job_id]
        dedup_ids = [lookup(job.options, "dedup_id") for job in jobs if not is_debounced(job.options)]
        for known in (ids, list(filter(None, dedup_ids))):
            if len(set(known)) < len(known):
                raise DuplicateJobError(from_wire(next(one for one in known if known.count(one) > 1)))
        size = sum(job.size for job in jobs)
        if size > CHUNK_BYTES_MAX:
            raise InvalidOptionsError(
                f"a flow of {size} bytes in queue {jobs[0].owner.queue_name!r}: allowed: at most {CHUNK_BYTES_MAX}; "
                "store the data elsewhere and put references to it into the jobs"
            )
        return CostCheck().guarded([job.options for job in jobs])

    def owners(self) -> list[JobOwner]:
        """The queues of the flow; the first one commits it."""
        return [self.jobs[positions[0]].owner for positions in self.queues.values()]

    def ids(self, root: str) -> set[str]:
        """The ids that are known of a queue's jobs."""
        return {self.jobs[position].job_id for position in self.queues[root]} - {""}

    def unnamed(self, root: str) -> list[PlannedJob]:
        """The jobs of a queue that have no id yet."""
        return [self.jobs[position] for position in self.queues[root] if not self.jobs[position].job_id]

    def name(self, root: str, ids: Sequence[str]) -> None:
        """Note the ids of all jobs of a queue."""
        for position, job_id in zip(self.queues[root], ids, strict=True):
            self.jobs[position].job_id = job_id

    def name_unnamed(self, root: str, ids: Sequence[str]) -> None:
        """Note the ids of those that had none."""
        for job, job_id in zip(self.unnamed(root), ids, strict=True):
            job.job_id = job_id

    def part(self, root: str) -> list[FlowSpec]:
        """What is sent to one queue. Where there are several, all ids must be known."""
        return [self._spec(self.jobs[position]) for position in self.queues[root]]

    def _spec(self, job: PlannedJob) -> FlowSpec:
        """In one queue a job's neighbours are their positions, else their names: in one list, to keep their order."""
        if len(self.queues) == 1:
            return FlowSpec(job.job_id, job.name, job.data, job.options, job.parents, [], job.children, [])
        parents = [self.jobs[position].ref for position in job.parents]
        children = [self.jobs[position].ref for position in job.children]
        return FlowSpec(job.job_id, job.name, job.data, job.options, [], parents, [], children)


def is_debounced(options: Fields) -> bool:
    """Whether a job takes the place of an earlier one, instead of being kept out by it."""
    return lookup(options, "dedup_mode") == DEBOUNCE


def planned_job(owner: JobOwner, job: FlowJob | DagNode) -> PlannedJob:
    """A job of a flow without its neighbours."""
    return PlannedJob(
        owner,
        to_wire(job.job_id),
        to_wire(job.name),
        owner.encode_data(job.data, f"{job.name!r}: Job data"),
        Fields([*job.encoded, *owner.added_options]),
    )


def plan_tree(root: FlowJob, owner_of: Callable[[str], JobOwner]) -> FlowPlan:
    """The plan of a tree: position 0 is its root, and each job's children are in their order."""
    jobs: list[PlannedJob] = []
    open_jobs: list[tuple[FlowJob, int]] = [(root, -1)]
    while open_jobs:
        job, parent = open_jobs.pop()
        position = len(jobs)
        check_count(position + 1)
        jobs.append(planned_job(owner_of(job.queue_name), job))
        if parent >= 0:
            jobs[parent].children.append(position)
            jobs[position].parents.append(parent)
        open_jobs += [(child, position) for child in reversed(job.children)]
    return FlowPlan(jobs)


def plan_dag(nodes: Sequence[DagNode], owner_of: Callable[[str], JobOwner]) -> FlowPlan:
    """The plan of a graph: the positions are those of its nodes."""
    check_count(len(nodes))
    places: dict[str, int] = {}
    for position, node in enumerate(nodes):
        if node.key in places:
            raise InvalidOptionsError(f"nodes[{position}]: {node.key!r} is there twice: give one of them another key")
        places[node.key] = position
    for node in nodes:
        for dep in node.deps:
            if dep not in places:
                raise InvalidOptionsError(f"deps of {node.key!r}: {dep!r}: allowed: the keys of other nodes")
        if len(set(node.deps)) < len(node.deps):
            raise InvalidOptionsError(f"deps of {node.key!r}: {list(node.deps)!r}: allowed: each key once")
    cycle = find_cycle({node.key: node.deps for node in nodes})
    if cycle:
        raise InvalidOptionsError(f"deps: {' -> '.join(cycle)}: allowed: no cycle")
    jobs = [planned_job(owner_of(node.queue_name), node) for node in nodes]
    for position, node in enumerate(nodes):
        for dep in node.deps:
            jobs[position].children.append(places[dep])
            jobs[places[dep]].parents.append(position)
    return FlowPlan(jobs)


def check_count(count: int) -> None:
    """InvalidOptionsError above the most jobs that a flow may have."""
    if count > ENQUEUE_MAX:
        raise InvalidOptionsError(f"a flow of more than {ENQUEUE_MAX} jobs: allowed: at most {ENQUEUE_MAX}")


def find_cycle(deps: dict[str, tuple[str, ...]]) -> list[str]:
    """The keys along a cycle, the first one again at its end; empty where there is none."""
    done: set[str] = set()
    for start, needed in deps.items():
        path = [start]
        walks = [iter(() if start in done else needed)]
        while walks:
            key = next(walks[-1], None)
            if key is None:
                walks.pop()
                done.add(path.pop())
            elif key in path:
                return [*path[path.index(key) :], key]
            elif key not in done:
                path.append(key)
                walks.append(iter(deps[key]))
    return []
