"""Delivering letters between queues (see `semantics.letters`)."""

from .backends.backend import Backend
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
