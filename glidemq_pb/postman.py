"""Delivering letters between queues (see `semantics.letters`)."""

import asyncio

from .backends.backend import Backend
from .emitter import Emitter
from .job_owner import JobOwner
from .outages import Outages
from .semantics import flows, inbox, letters


async def deliver(backend: Backend, root: str, events_keep: int) -> int:
    """Deliver all letters in the outbox of the queue whose root key is `root`: how many this call delivered.

    Safe to do from several places at once, and to repeat after a crash at any point.
    """
    delivered = 0
    while batch := await backend.call(letters.list_letters, root):
        taken: list[str] = []
        for letter in batch:
            if await backend.call(inbox.receive, letter.target, root, letter, events_keep) != inbox.TAKEN:
                break
            taken.append(letter.sequence)
        if not taken:  # another deliverer is between two letters
            break
        await backend.call(letters.acknowledge, root, taken)
        delivered += len(taken)
    return delivered


async def look_after(backend: Backend, root: str, events_keep: int) -> None:
    """What a worker does for its queue: deliver its letters, and learn what became of flows that are reserved in it."""
    await deliver(backend, root, events_keep)
    for reservation in await backend.call(flows.list_reservations, root):
        verdict = await backend.call(flows.decide, reservation.root, reservation.flow, reservation.deadline)
        if verdict == flows.COMMITTED:  # whoever committed it may be gone, and that queue have no worker
            await deliver(backend, reservation.root, events_keep)
        elif verdict == flows.ABORTED:
            await backend.call(flows.release_flow, root, reservation.flow)


class Postman:
    """Looks after a worker's queue in the background, whenever a reply says that there is something to do."""

    def __init__(self, backend: Backend, owner: JobOwner, emitter: Emitter, outages: Outages) -> None:
        self._backend = backend
        self._owner = owner
        self._emitter = emitter
        self._outages = outages
        self._is_called = False
        self._round: asyncio.Task[object] | None = None

    def call(self) -> None:
        """There is something; a round that is under way may have seen the last letter already."""
        self._is_called = True
        if self._round is None or self._round.done():
            self._round = self._emitter.spawn(self._outages.attempt(self._go()))

    async def done(self) -> None:
        """Wait for the round that is under way."""
        if self._round is not None:
            await asyncio.wait([self._round])

    async def _go(self) -> None:
        while self._is_called:
            self._is_called = False
            await look_after(self._backend, self._owner.root, self._owner.events_keep)
