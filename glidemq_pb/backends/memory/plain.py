"""Stored values as plain ones: what snapshots show and conformance compares."""

from collections import deque
from typing import Any

from .sorted_set import SortedSet
from .stream import Stream


def plain(value: dict[str, str] | SortedSet | Stream | deque[str] | int) -> Any:
    """A stored value such that equal states give equal values; `MemoryStore.dump` says the forms."""
    if isinstance(value, dict):
        return dict(sorted(value.items()))
    if isinstance(value, SortedSet):
        return [[member, score] for score, member in value.entries(0, len(value))]
    if isinstance(value, Stream):
        events = value.after(0, len(value))
        return {"last": value.last, "events": [[e.number, e.at, e.name, e.job_id, pairs(e.fields)] for e in events]}
    return str(value) if isinstance(value, int) else list(value)


def pairs(flat: list[str]) -> dict[str, str]:
    """A flat list of names and values as a dict."""
    texts = iter(flat)
    return dict(zip(texts, texts, strict=True))
