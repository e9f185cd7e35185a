"""Flows as their callers write them: a tree of jobs, a graph of jobs, and the patterns people know."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Unpack, cast

from .errors import InvalidOptionsError
from .job_options import JobOptions, encode_options
from .options import check_job_name, check_queue_name, refuse_option


@dataclass(frozen=True, slots=True, init=False)
class FlowJob:
    """A job of a flow, which starts when all its children are done (FLW-1).

    `FlowJob("report", queue_name="reports", children=[FlowJob("fetch", {"page": 1}, queue_name="web")])`. Takes the
    options of `queue.add` except `parent`, for children as for parents; `on_child_failure` says what a child
    that failed for good means to this job. A parent's `delay` and `ttl` count from the adding of the flow. Checked when
    built (InvalidOptionsError), except for its data, which the serializer checks. Two with the same name, queue,
    data, children and meaning of the options are equal.
    """

    name: str
    queue_name: str
    data: Any
    children: tuple["FlowJob", ...]
    """Queued in this order."""
    options: JobOptions = field(compare=False)
    """As given; changing them changes nothing."""
    encoded: tuple[str, ...] = field(repr=False)
    """The fields that are stored for the options."""
    job_id: str = field(repr=False)

    def __init__(
        self,
        name: str,
        data: Any = None,
        *,
        queue_name: str,
        children: "Iterable[FlowJob]" = (),
        **options: Unpack[JobOptions],
    ) -> None:
        put = object.__setattr__
        put(self, "name", check_job_name(name))
        put(self, "queue_name", check_queue_name("queue_name", queue_name))
        put(self, "data", data)
        put(self, "children", tuple(check_flow_job("children", child) for child in children))
        put(self, "options", options)
        put(self, "encoded", encode_flow_options(options))
        put(self, "job_id", options.get("job_id") or "")

    def with_children(self, children: "Iterable[FlowJob]") -> "FlowJob":
        """The same job with other children."""
        return FlowJob(self.name, self.data, queue_name=self.queue_name, children=children, **self.options)


@dataclass(frozen=True, slots=True, init=False)
class DagNode:
    """A job of a graph, for `flow.add_dag`: it starts when the jobs that it depends on are done.

    `DagNode("load", queue_name="etl", deps=["extract", "check"])`. `deps` are keys of other nodes; a node's `key`
    is its name, unless it is given one. The rest is as in `FlowJob`.
    """

    name: str
    queue_name: str
    data: Any
    deps: tuple[str, ...]
    key: str
    """What other nodes call it; unique in the graph."""
    options: JobOptions = field(compare=False)
    """As given; changing them changes nothing."""
    encoded: tuple[str, ...] = field(repr=False)
    """The fields that are stored for the options."""
    job_id: str = field(repr=False)

    def __init__(
        self,
        name: str,
        data: Any = None,
        *,
        queue_name: str,
        deps: Iterable[str] = (),
        key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> None:
        if isinstance(deps, str):
            refuse_option("deps", deps, "a list of the keys of other nodes")
        put = object.__setattr__
        put(self, "name", check_job_name(name))
        put(self, "queue_name", check_queue_name("queue_name", queue_name))
        put(self, "data", data)
        put(self, "deps", tuple(deps))
        put(self, "key", name if key is None else key)
        put(self, "options", options)
        put(self, "encoded", encode_flow_options(options))
        put(self, "job_id", options.get("job_id") or "")


def check_flow_job(option: str, value: object) -> FlowJob:
    """A FlowJob. InvalidOptionsError otherwise."""
    if not isinstance(value, FlowJob):
        raise InvalidOptionsError(f"{option}: {value!r:.100}: allowed: a FlowJob")
    return value


def encode_flow_options(options: JobOptions) -> tuple[str, ...]:
    """The fields that are stored for the options of a flow's job."""
    if options.get("parent") is not None:
        raise InvalidOptionsError("parent: not allowed in a flow: its jobs have the parents that the flow gives them")
    return tuple(encode_options(options)) if options else ()


# --- patterns --------------------------------------------------------------------------------------------------------


def group(*jobs: FlowJob) -> tuple[FlowJob, ...]:
    """Jobs that run side by side: for `flow.add_bulk`, for a `chord`, or as the first step of a `chain`."""
    return tuple(check_flow_job("group", job) for job in jobs)


def chord(jobs: Iterable[FlowJob], callback: FlowJob) -> FlowJob:
    """A flow whose `callback` runs when all jobs are done; `get_children_values()` has what they returned."""
    return check_flow_job("callback", callback).with_children([*callback.children, *group(*jobs)])


def chain(*steps: FlowJob | Iterable[FlowJob]) -> FlowJob:
    """A flow whose steps run one after the other; each has the step before it as its child.

    The first may be a `group`. A step that is itself a flow begins with the one job of it that has no children
    (InvalidOptionsError when there are several: that is a graph, see `flow.add_dag`).

    Example:
        await flow.add(chain(group(fetch_a, fetch_b), merge, publish))
    """
    before: list[FlowJob] = []
    for number, step in enumerate(steps):
        if isinstance(step, FlowJob):
            before = [begin_with(step, before)]
        elif number > 0:
            raise InvalidOptionsError(f"chain: step {number}={step!r:.100}: allowed: a FlowJob; a group comes first")
        else:
            before = list(group(*step))
    if len(before) != 1:
        raise InvalidOptionsError(f"chain: ends with {len(before)} jobs: allowed: a last step that is one FlowJob")
    return before[0]


def begin_with(step: FlowJob, before: list[FlowJob]) -> FlowJob:
    """The same flow, which waits for others before it begins."""
    if not before:
        return step
    path = [step]
    below = step.children
    while below:
        if len(below) > 1:
            raise InvalidOptionsError(f"chain: {step.name!r} begins with several jobs: this is a graph, see add_dag")
        path += below
        below = path[-1].children
    for job in reversed(path):
        before = [job.with_children(before)]
    return before[0]


def as_nodes(nodes: object) -> list[DagNode]:
    """The nodes of a graph. InvalidOptionsError for something else."""
    found = list(cast("Iterable[object]", nodes))
    for number, node in enumerate(found):
        if not isinstance(node, DagNode):
            raise InvalidOptionsError(f"nodes[{number}]={node!r:.100}: allowed: a DagNode")
    return cast("list[DagNode]", found)
