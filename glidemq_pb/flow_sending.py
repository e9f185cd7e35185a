"""Carrying a plan out: one operation in one queue; over several, reserve in all, commit in the first, tell the rest.

A crash at any point leaves all of a flow or nothing: what is reserved is unseen until the commit's letters arrive,
and a reservation that nobody commits lapses (see `semantics.flows` and `postman`).
"""

import asyncio
from collections.abc import Sequence

from .errors import DuplicateJobError, GlideMQError
from .flow_plan import FlowPlan
from .job_owner import JobOwner
from .reserving import COMMIT_MS, give_up, tell
from .semantics import flows, reads
from .semantics.flow_records import FlowSpec
from .semantics.lang import Refusal, text
from .wire import from_wire


async def send(plan: FlowPlan) -> None:
    """Add the flow and note its ids in the plan. DuplicateJobError, and nothing was added, when an id is taken."""
    root, *others = plan.owners()
    flow = root.token()
    deadline = 0
    if others:
        for owner in (root, *others):
            await name_jobs(plan, owner)
        deadline = await root.call(reads.get_time) + COMMIT_MS
        await reserve_all(plan, others, flow, root, deadline)
    try:
        reply = await root.call(
            flows.add_flow, flow, flow, deadline, plan.part(root.root), plan.guarded[root.root],
            [owner.root for owner in others], root.events_keep,
        )  # fmt: skip
    except GlideMQError as error:
        if isinstance(error.__cause__, Refusal):  # else it may have been committed all the same
            await give_up(others, flow)
        raise
    if reply.taken:
        await give_up(others, flow)
        raise DuplicateJobError(from_wire(reply.taken))
    plan.name(root.root, reply.ids)
    if others:
        await tell(root)


async def name_jobs(plan: FlowPlan, owner: JobOwner) -> None:
    """Give ids to those jobs of one queue that have none: in the other queues they are named by them."""
    taken = plan.ids(owner.root)
    missing = len(plan.unnamed(owner.root))
    ids: list[str] = []
    while len(ids) < missing:
        count = missing - len(ids)
        first = await owner.call(flows.take_ids, count)
        ids += [one for number in range(first, first + count) if (one := text(number)) not in taken]
    plan.name_unnamed(owner.root, ids)


async def reserve_all(plan: FlowPlan, others: Sequence[JobOwner], flow: str, root: JobOwner, deadline: int) -> None:
    """Hold the flow's part in each of these queues; in none of them when one refuses, or cannot be reached."""

    async def reserve(owner: JobOwner) -> str:
        part: list[FlowSpec] = plan.part(owner.root)
        return await owner.call(flows.reserve, flow, root.root, deadline, part, plan.guarded[owner.root])

    replies = await asyncio.gather(*map(reserve, others), return_exceptions=True)
    for reply in replies:
        if reply:
            await give_up(others, flow)
            if isinstance(reply, BaseException):
                raise reply
            raise DuplicateJobError(from_wire(reply))
