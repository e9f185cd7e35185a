"""Carrying a plan out: one operation in one queue; over several, reserve in all, commit in the first, tell the rest.

A crash at any point leaves all of a flow or nothing: what is reserved is unseen until the commit's letters arrive,
and a reservation that nobody commits lapses (see `semantics.flows` and `postman`).
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from .errors import DuplicateJobError, GlideMQError, InvalidOptionsError
from .flow_plan import FlowPlan
from .job_owner import JobOwner
from .postman import deliver
from .semantics import flows
from .semantics.lang import text
from .semantics.records import FlowSpec
from .wire import from_wire

logger = logging.getLogger("glidemq_pb")

COMMIT_MS: Final = 30_000
"""How long a flow over several queues may take from its reservations to its commit."""


async def send(plan: FlowPlan) -> None:
    """Add the flow and note its ids in the plan. DuplicateJobError, and nothing was added, when an id is taken."""
    root, *others = plan.owners()
    flow = root.token()
    deadline = 0
    if others:
        for owner in (root, *others):
            await name_jobs(plan, owner)
        deadline = root.backend.clock.now() + COMMIT_MS
        await reserve_all(plan, others, flow, root, deadline)
    try:
        reply = await root.call(
            flows.add_flow, flow, flow, deadline, plan.part(root.root), plan.guarded[root.root],
            [owner.root for owner in others], root.events_keep,
        )  # fmt: skip
    except InvalidOptionsError:
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


async def give_up(others: Sequence[JobOwner], flow: str) -> None:
    """Free what is reserved for a flow that will not be committed. What cannot be freed now lapses by itself."""
    for owner in others:
        try:
            await owner.call(flows.release_flow, flow)
        except GlideMQError as error:
            logger.warning("queue %r: a reservation is left to lapse: %s", owner.queue_name, error)


async def tell(owner: JobOwner) -> None:
    """Deliver what a commit wrote. What cannot be delivered now is left to the workers."""
    try:
        await deliver(owner.backend, owner.root, owner.events_keep)
    except GlideMQError as error:
        logger.warning("queue %r: its letters are left to its workers: %s", owner.queue_name, error)
