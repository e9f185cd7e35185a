"""When a queue has run dry."""

from .events import emit
from .keys import active_key, meta_key, ready_key
from .rows import ParkedRow
from .states import COMPLETED, DELAYED, FAILED, WAITING_CHILDREN
from .store import Store


def note_gone(s: Store, q: str, now: int, keep: int, state: str) -> None:
    """The same after one job is gone from `state`, as it is stored."""
    if state != DELAYED and state != WAITING_CHILDREN and state != COMPLETED and state != FAILED:
        note_drained(s, q, now, keep)


def note_drained(s: Store, q: str, now: int, keep: int) -> bool:
    """Say so when nothing is waiting or active any more (EVT-5); the caller changed something."""
    if s.zcard(ready_key(q)) > 0 or s.zcard(active_key(q)) > 0 or s.read(meta_key(q), ParkedRow).parked > 0:
        return False
    emit(s, q, now, keep, "drained", "")
    return True
