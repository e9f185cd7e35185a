"""One ready set for all lanes: priority, then LIFO, then FIFO, re-evaluated at every pick.

Score = (class * 2 + lane) * PLACES + place. Class is priority - 1, or CLASS_NONE. Lane 0 is LIFO, whose
place runs backwards; lane 1 is FIFO. The place comes from the ready sequence, taken when a job becomes ready.
"""

from .keys import expiring_key, job_key, meta_key, ready_key, scheduled_key
from .lang import pad
from .limits import CLASS_NONE, PLACES
from .states import DELAYED, WAITING
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


def moved_score(score: int, priority: int, lifo: int) -> int:
    """The same place in the class of another priority."""
    return (class_of(priority) * 2 + 1 - lifo) * PLACES + score % PLACES


def make_ready(s: Store, q: str, job_id: str, priority: int, lifo: int) -> None:
    """Put a job at its lane's end: the tail of FIFO, the top of LIFO."""
    sequence = s.hincrby(meta_key(q), "ready", 1)
    s.zadd(ready_key(q), ready_score(priority, lifo, sequence), job_id)
    s.hset(job_key(q, job_id), state=WAITING)


def make_delayed(s: Store, q: str, job_id: str, due: int, mark: int) -> None:
    """Hold a job back until `due`."""
    s.zadd(scheduled_key(q), due, pad(mark) + job_id)
    s.hset(job_key(q, job_id), state=DELAYED, mark=mark)


def watch_expiry(s: Store, q: str, job_id: str, expire_at: int, mark: int) -> None:
    """A job that is not active expires once its deadline has passed; the deadline itself is in time (TTL-4)."""
    s.zadd(expiring_key(q), expire_at + 1, pad(mark) + job_id)


def next_mark(s: Store, q: str) -> int:
    """The next number in the order of equal scores."""
    return s.hincrby(meta_key(q), "mark", 1)
