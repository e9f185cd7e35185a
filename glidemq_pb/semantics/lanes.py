"""One ready set for all lanes: priority, then LIFO, then FIFO, re-evaluated at every pick.

Score = (class * 2 + lane) * PLACES + place. Class is priority - 1, or CLASS_NONE. Lane 0 is LIFO, whose
place runs backwards; lane 1 is FIFO. The place comes from the ready sequence, taken when a job becomes ready.
"""

from .keys import meta_key
from .limits import CLASS_NONE, PLACES
from .store import Store


def class_of(priority: int) -> int:
    """A smaller class runs earlier; no priority is the last one (PRI-1, PRI-2)."""
    return CLASS_NONE if priority == 0 else priority - 1


def ready_score(priority: int, lifo: int, sequence: int) -> int:
    """Where a job stands that became ready as the `sequence`-th."""
    rank = class_of(priority)
    if lifo == 1:
        return rank * 2 * PLACES + PLACES - 1 - sequence
    return (rank * 2 + 1) * PLACES + sequence


def place_of(score: int) -> int:
    """The ready sequence number that a score was made with."""
    place = score % PLACES
    if score // PLACES % 2 == 0:
        return PLACES - 1 - place
    return place


def moved_score(score: int, priority: int, lifo: int) -> int:
    """The same place in the class of another priority."""
    return (class_of(priority) * 2 + 1 - lifo) * PLACES + score % PLACES


def next_mark(s: Store, q: str) -> int:
    """The next number in the order of equal scores."""
    return s.hincrby(meta_key(q), "mark", 1)
