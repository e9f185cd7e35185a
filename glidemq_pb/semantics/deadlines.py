"""The queue's next due moment: `meta.next_due` is a lower bound of them all; 0 is none."""

from .keys import meta_key
from .rows import DueRow
from .store import Store


def lower_next_due(s: Store, q: str, at: int) -> None:
    """Keep `next_due` a lower bound of a new due moment."""
    lower_due(s, q, s.read(meta_key(q), DueRow).next_due, at)


def lower_due(s: Store, q: str, due: int, at: int) -> int:
    """The same where the bound is known to be `due`: what it is now."""
    if due > 0 and at >= due:
        return due
    s.hset(meta_key(q), next_due=at)
    return at


def is_due(s: Store, q: str, now: int) -> bool:
    """Whether a sweep could find anything."""
    return has_come(s.read(meta_key(q), DueRow).next_due, now)


def has_come(due: int, now: int) -> bool:
    """The same where `meta.next_due` is known."""
    return due > 0 and now >= due
