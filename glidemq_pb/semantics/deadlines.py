"""The queue's next due moment: `meta.next_due` is a lower bound of them all; 0 is none."""

from .keys import meta_key
from .rows import DueRow
from .store import Store


def lower_next_due(s: Store, q: str, at: int) -> None:
    """Keep `next_due` a lower bound of a new due moment."""
    due = s.read(meta_key(q), DueRow).next_due
    if due == 0 or at < due:
        s.hset(meta_key(q), next_due=at)


def is_due(s: Store, q: str, now: int) -> bool:
    """Whether a sweep could find anything."""
    due = s.read(meta_key(q), DueRow).next_due
    return due > 0 and now >= due
