"""A sorted set: members with integer scores, ordered by (score, member)."""

from bisect import bisect_left
from typing import Protocol, overload

from sortedcontainers import SortedList  # pyright: ignore[reportMissingTypeStubs]  # it ships no types

Entry = tuple[int, str]


class Entries(Protocol):
    """What is used of a `SortedList`, typed."""

    def add(self, value: Entry) -> None: ...
    def remove(self, value: Entry) -> None: ...
    def index(self, value: Entry) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...


def clip(start: int, stop: int, length: int) -> tuple[int, int]:
    """The bounds of a Valkey range (inclusive, negative counts from the end) as those of a slice."""
    if start < 0:
        start = max(start + length, 0)
    if stop < 0:
        stop = max(stop + length, -1)
    return start, stop + 1


class SortedSet:
    """A sorted list of entries, beside a dict from member to score."""

    __slots__ = ("_entries", "scores")

    def __init__(self) -> None:
        self.scores: dict[str, int] = {}
        self._entries: Entries = SortedList()

    def __len__(self) -> int:
        return len(self.scores)

    def add(self, score: int, member: str) -> None:
        """Insert a member, or move it."""
        old = self.scores.get(member)
        if old is not None:
            if old == score:
                return
            self._entries.remove((old, member))
        self.scores[member] = score
        self._entries.add((score, member))

    def remove(self, member: str) -> bool:
        """Take a member out: whether it was there."""
        score = self.scores.pop(member, None)
        if score is None:
            return False
        self._entries.remove((score, member))
        return True

    def rank(self, member: str) -> int | None:
        """How many entries are before the member's."""
        score = self.scores.get(member)
        return None if score is None else self._entries.index((score, member))

    def lowest(self) -> int:
        """The score of the first entry; the set is not empty."""
        return self._entries[0][0]

    def entries(self, begin: int, end: int) -> list[Entry]:
        """The entries at the positions from `begin` to before `end`; 0 <= begin."""
        return self._entries[begin:end]

    def up_to(self, score_max: int, limit: int) -> list[Entry]:
        """The first entries, at most `limit`, whose score is at most `score_max`."""
        if not self.scores or self.lowest() > score_max:
            return []
        head = self.entries(0, limit)  # cheaper than `irange`, and needs no index of positions
        return head[: bisect_left(head, (score_max + 1, ""))]
