"""Delivering letters between queues (see `semantics.letters`)."""

from .backends.backend import Backend
from .semantics import inbox, letters


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
