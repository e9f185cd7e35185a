"""The FlowProducer: adds jobs that wait for each other, over any number of queues."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .backends.backend import Backend
from .component import Connected
from .connection import Connection
from .errors import GlideMQError, InvalidOptionsError
from .flow import DagNode, FlowJob, as_nodes, check_flow_job
from .flow_plan import plan_dag, plan_tree
from .flow_sending import send
from .flow_tree import FlowNode, added_job, added_tree, read_tree
from .job import Job
from .options import check_queue_name, check_str
from .payload import Compression
from .refs import Ref
from .serializers import JSON_SERIALIZER, Serializer
from .wire import to_wire

if TYPE_CHECKING:
    from .backends import Client


class FlowProducer(Connected):
    """Adds flows: parents that start when their children are done (FLW-1..6).

    A flow is added whole or not at all, over as many queues as it names, and as if by the Queue of each: give it the
    `serializer` and the `compression` that they have. Arguments and errors are those of `Queue`; besides, an id that is
    taken anywhere in the flow raises DuplicateJobError, and nothing was added. A flow has at most 1,000 jobs, and
    at most 8 MiB in each queue.

    Example:
        async with FlowProducer(connection="valkey://localhost:6379") as flow:
            node = await flow.add(
                FlowJob("report", queue_name="reports", children=[FlowJob("fetch", queue_name="web")])
            )
    """

    _role = "flow"

    def __init__(
        self,
        *,
        connection: str | Connection | None = None,
        client: "Client | None" = None,
        backend: Backend | None = None,
        prefix: str = "glide",
        serializer: Serializer = JSON_SERIALIZER,
        compression: Compression = "none",
        events: bool = True,
    ) -> None:
        super().__init__(
            connection=connection, backend=backend, prefix=prefix, serializer=serializer, events=events,
            compression=compression, client=client,
        )  # fmt: skip

    async def add(self, root: FlowJob) -> FlowNode:
        """Add a tree of jobs: its root waits for its children, and so on down to the jobs without any (FLW-1).

        A call that was cancelled, or raised QueueConnectionError, has added the whole flow or nothing of it.
        """
        self._check_open()
        plan = plan_tree(check_flow_job("root", root), self._owner_of)
        await send(plan)
        return added_tree(plan.jobs, self._backend.clock.now())

    async def add_bulk(self, roots: Iterable[FlowJob]) -> list[FlowNode]:
        """Add flows in order, each whole or not at all. All are checked before the first one is added.

        When the store refuses one, the flows before it are there; a note of the exception says how many.
        """
        self._check_open()
        plans = [
            plan_tree(check_flow_job(f"roots[{number}]", root), self._owner_of) for number, root in enumerate(roots)
        ]
        added: list[FlowNode] = []
        for plan in plans:
            try:
                await send(plan)
            except GlideMQError as error:
                error.add_note(f"{len(added)} flows before this one were added")
                raise
            added.append(added_tree(plan.jobs, self._backend.clock.now()))
        return added

    async def add_dag(self, nodes: Iterable[DagNode]) -> dict[str, Job[Any, Any]]:
        """Add jobs of which each starts when those that it depends on are done: the Jobs by the nodes' keys.

        A job may have several parents. InvalidOptionsError for a cycle (the message has it), or an unknown key.

        Example:
            await flow.add_dag(
                [
                    DagNode("extract", queue_name="etl"),
                    DagNode("check", queue_name="etl", deps=["extract"]),
                    DagNode("load", queue_name="etl", deps=["extract", "check"]),
                ]
            )
        """
        self._check_open()
        checked = as_nodes(nodes)
        if not checked:
            return {}
        plan = plan_dag(checked, self._owner_of)
        await send(plan)
        now = self._backend.clock.now()
        return {
            node.key: added_job(job, [plan.jobs[parent] for parent in job.parents], now)
            for node, job in zip(checked, plan.jobs, strict=True)
        }

    async def get_flow(self, parent: Job[Any, Any] | FlowNode | str, *, queue_name: str | None = None) -> FlowNode:
        """The flow below a job, as it is now, with states and values: `str` draws it as a tree.

        `parent`: a Job, a FlowNode, or an id with `queue_name`. JobNotFoundError when that job is gone.
        """
        self._check_open()
        if isinstance(parent, FlowNode):
            parent = parent.job
        if isinstance(parent, Job):
            name, wire_id = parent.queue_name, parent.wire_id
        elif queue_name is None:
            raise InvalidOptionsError(f"parent={parent!r:.100}: allowed: a Job, a FlowNode, or an id with a queue_name")
        else:
            name, wire_id = check_queue_name("queue_name", queue_name), to_wire(check_str("parent", parent))
        return await read_tree(Ref(self._owner_of(name).root, wire_id), self._owner_of)
