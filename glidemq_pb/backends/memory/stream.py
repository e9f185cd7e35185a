"""A stream whose ids are `0-n`, counted from 1 without gaps."""

from ...semantics.lang import Fields
from ...semantics.store import Entry


class Stream:
    """Entries by number. Only the oldest are ever removed, so the numbers held have no gap."""

    __slots__ = ("_entries", "last")

    def __init__(self) -> None:
        self.last = 0
        """The newest number ever given, which trimming keeps."""
        self._entries: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, fields: list[str], keep: int) -> None:
        """Append an entry, then drop all but the newest `keep`."""
        entries = self._entries
        self.last += 1
        entries[self.last] = fields.copy()
        if len(entries) > keep:
            for number in range(self.last - len(entries) + 1, self.last - keep + 1):
                del entries[number]

    def clear(self) -> None:
        """Drop all entries; the numbers go on."""
        self._entries.clear()

    def after(self, number: int, count: int) -> list[Entry]:
        """The oldest entries with a greater number, at most `count`."""
        begin = max(number + 1, self.last - len(self._entries) + 1)
        end = min(begin + count, self.last + 1)
        return [Entry(n, Fields(self._entries[n].copy())) for n in range(begin, end)]
