"""What comes after the reservations of a flow over several queues: giving them up, or telling that it is committed."""

import logging
from collections.abc import Sequence
from typing import Final

from .errors import GlideMQError
from .job_owner import JobOwner
from .postman import deliver
from .semantics import flows

logger = logging.getLogger("glidemq_pb")

COMMIT_MS: Final = 30_000
"""How long a flow over several queues may take from its reservations to its commit."""


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
