"""A sorted set: members with integer scores, ordered by (score, member)."""

from bisect import bisect_left, insort

Entry = tuple[int, str]

CHUNK_MAX = 1024


def clip(start: int, stop: int, length: int) -> tuple[int, int]:
    """The bounds of a Valkey range (inclusive, negative counts from the end) as those of a slice."""
    if start < 0:
        start = max(start + length, 0)
    if stop < 0:
        stop = max(stop + length, -1)
    return start, stop + 1


class SortedSet:
    """Entries in sorted chunks of at most `CHUNK_MAX`, beside a dict from member to score.

    A queue's sets grow at the tail and shrink at the head, so both ends are short cuts. Chunks are
    never merged: the head empties them one after another, and a position costs one step a chunk.
    """

    __slots__ = ("_bounds", "_chunks", "scores")

    def __init__(self) -> None:
        self.scores: dict[str, int] = {}
        self._chunks: list[list[Entry]] = []  # none of them empty
        self._bounds: list[Entry] = []  # of each chunk: at or above its last entry, below all later chunks

    def __len__(self) -> int:
        return len(self.scores)

    def add(self, score: int, member: str) -> None:
        """Insert a member, or move it."""
        old = self.scores.get(member)
        if old is not None:
            if old == score:
                return
            self._remove_entry((old, member))
        self.scores[member] = score
        entry = (score, member)
        bounds = self._bounds
        if not bounds:
            bounds.append(entry)
            self._chunks.append([entry])
            return
        if entry > bounds[-1]:
            i = -1
            chunk = self._chunks[-1]
            chunk.append(entry)
            bounds[-1] = entry
        else:
            i = bisect_left(bounds, entry)
            chunk = self._chunks[i]
            insort(chunk, entry)
        if len(chunk) > CHUNK_MAX:
            self._split(i % len(bounds))

    def remove(self, member: str) -> bool:
        """Take a member out: whether it was there."""
        score = self.scores.pop(member, None)
        if score is None:
            return False
        self._remove_entry((score, member))
        return True

    def rank(self, member: str) -> int | None:
        """How many entries are before the member's."""
        score = self.scores.get(member)
        if score is None:
            return None
        entry = (score, member)
        i = bisect_left(self._bounds, entry)
        return sum(map(len, self._chunks[:i])) + bisect_left(self._chunks[i], entry)

    def lowest(self) -> int:
        """The score of the first entry; the set is not empty."""
        return self._chunks[0][0][0]

    def entries(self, begin: int, end: int) -> list[Entry]:
        """The entries at the positions from `begin` to before `end`; 0 <= begin."""
        found: list[Entry] = []
        if begin >= end:
            return found
        for chunk in self._chunks:
            size = len(chunk)
            if begin < size:
                found += chunk[begin:end]
                if end <= size:
                    break
            begin = begin - size if begin > size else 0
            end -= size
        return found

    def up_to(self, score_max: int, limit: int) -> list[Entry]:
        """The first entries, at most `limit`, whose score is at most `score_max`."""
        if not self._bounds or self.lowest() > score_max:
            return []
        head = self.entries(0, limit)
        return head[: bisect_left(head, (score_max + 1, ""))]

    def _remove_entry(self, entry: Entry) -> None:
        bounds = self._bounds
        i = 0 if entry <= bounds[0] else bisect_left(bounds, entry)
        chunk = self._chunks[i]
        j = 0 if chunk[0] == entry else bisect_left(chunk, entry)
        del chunk[j]
        if not chunk:
            del self._chunks[i]
            del bounds[i]

    def _split(self, i: int) -> None:
        chunk = self._chunks[i]
        half = len(chunk) // 2
        self._chunks.insert(i + 1, chunk[half:])
        del chunk[half:]
        self._bounds.insert(i, chunk[-1])
