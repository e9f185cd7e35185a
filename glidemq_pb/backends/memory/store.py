"""The memory store: what Valkey's commands do to keys, done to dicts, deques and sorted lists."""

from collections import deque
from itertools import islice
from typing import Any, Final, TypeVar

from ...semantics.lang import INT_MAX, Fields
from ...semantics.store import Event, Scored
from .checks import check_integer, check_texts, stored_text, too_large
from .plain import pairs, plain
from .rows import row_builder
from .sorted_set import SortedSet, clip
from .stream import Stream

Row = TypeVar("Row")

EMPTY: Final = SortedSet()
"""What reads find where there is no set. Never added to: making one anew for each took a tenth of an idle call."""


class MemoryStore:
    """Implements `semantics.store.Store`. One object holds the keys of all queues of a backend.

    A wrong use (another type's key, an integer beyond 2**53, text that is not wire text) is a defect of
    the caller and raises before anything is written.
    """

    def __init__(self) -> None:
        self._hashes: dict[str, dict[str, str]] = {}
        self._sets: dict[str, SortedSet] = {}
        self._lists: dict[str, deque[str]] = {}
        self._streams: dict[str, Stream] = {}
        self._counts: dict[str, int] = {}
        self._tables: dict[str, dict[str, Any]] = {}  # of every key: the one dict above that holds it
        self.pushed: dict[str, None] = {}
        """The lists pushed to since the backend last looked, in order: it serves those who wait on them."""
        self.grown: dict[str, None] = {}
        """The same for streams."""

    def _check_absent(self, key: str) -> None:
        """A key that the table of its type lacks must not exist at all."""
        if key in self._tables:
            raise TypeError(f"{key} holds another type")

    # keys
    def exists(self, key: str) -> bool:
        return key in self._tables

    def existing(self, keys: list[str]) -> int:
        return sum(key in self._tables for key in keys)

    def delete(self, keys: list[str]) -> int:
        count = 0
        for key in keys:
            table = self._tables.pop(key, None)
            if table is not None:
                del table[key]
                count += 1
        return count

    def rename(self, key: str, new: str) -> None:
        if key not in self._tables:
            raise KeyError(f"{key} does not exist")
        if key == new:
            return
        self.delete([new])
        table = self._tables.pop(key)
        table[new] = table.pop(key)
        self._tables[new] = table
        if new in self._lists:
            self.pushed[new] = None

    # counters
    def get_count(self, key: str) -> int:
        count = self._counts.get(key)
        if count is None:
            self._check_absent(key)
            return 0
        return count

    def set_count(self, key: str, value: int) -> None:
        check_integer(key, value)
        self.delete([key])  # SET replaces a key of any type
        self._counts[key] = value
        self._tables[key] = self._counts

    # hashes
    def read(self, key: str, row: type[Row]) -> Row:
        fields = self._hashes.get(key)
        return row_builder(row)(self._hash_to_read(key) if fields is None else fields)

    def hget(self, key: str, field: str) -> str | None:
        return self._hash_to_read(key).get(field)

    def hmget(self, key: str, fields: list[str]) -> list[str]:
        held = self._hash_to_read(key) if fields else {}
        return [held.get(field, "") for field in fields]

    def hgetall(self, key: str) -> Fields:
        return Fields([text for pair in self._hash_to_read(key).items() for text in pair])

    def hset(self, key: str, **fields: str | int) -> None:
        if not fields:
            raise ValueError(f"{key}: HSET without a field")
        self._merge(
            key,
            {
                field: value if type(value) is str and value.isascii() else stored_text(key, value)
                for field, value in fields.items()
            },
        )

    def hset_fields(self, key: str, fields: list[str]) -> None:
        if len(fields) % 2:
            raise ValueError(f"{key}: a field without a value")
        check_texts(key, fields)
        if fields:
            self._merge(key, pairs(fields))

    def hset_value(self, key: str, field: str, value: str) -> None:
        self._merge(key, {stored_text(key, field): stored_text(key, value)})

    def _hash_to_read(self, key: str) -> dict[str, str]:
        fields = self._hashes.get(key)
        if fields is None:
            self._check_absent(key)
            return {}
        return fields

    def _merge(self, key: str, changes: dict[str, str]) -> None:
        fields = self._hashes.get(key)
        if fields is None:
            self._check_absent(key)
            self._hashes[key] = changes
            self._tables[key] = self._hashes
        else:
            fields.update(changes)

    def hdel(self, key: str, fields: list[str]) -> int:
        held = self._hashes.get(key)
        if held is None:
            if fields:
                self._check_absent(key)
            return 0
        before = len(held)
        for field in fields:
            held.pop(field, None)
        removed = before - len(held)
        if not held:
            self.delete([key])
        return removed

    def hincrby(self, key: str, field: str, by: int) -> int:
        value = int(self._hash_to_read(key).get(field, 0)) + by
        check_integer(key, value)
        self._merge(key, {stored_text(key, field): str(value)})
        return value

    def hkeys(self, key: str) -> list[str]:
        return list(self._hash_to_read(key))

    # sorted sets
    def _set_to_add(self, key: str) -> SortedSet:
        members = self._sets.get(key)
        if members is None:
            self._check_absent(key)
            members = self._sets[key] = SortedSet()
            self._tables[key] = self._sets
        return members

    def _set_to_read(self, key: str) -> SortedSet:
        members = self._sets.get(key)
        if members is None:
            self._check_absent(key)
            return EMPTY
        return members

    def zadd(self, key: str, score: int, member: str) -> None:
        if not -INT_MAX <= score <= INT_MAX:
            raise too_large(key, score)
        if not member.isascii():
            check_texts(key, (member,))
        self._set_to_add(key).add(score, member)

    def zadd_many(self, key: str, scores: list[int], members: list[str]) -> None:
        if len(scores) != len(members):
            raise ValueError(f"{key}: {len(scores)} scores for {len(members)} members")
        if not scores:
            return
        check_integer(key, min(scores))
        check_integer(key, max(scores))
        check_texts(key, members)
        add = self._set_to_add(key).add
        for score, member in zip(scores, members, strict=True):
            add(score, member)

    def zrem(self, key: str, member: str) -> bool:
        return self.zrem_many(key, [member]) == 1

    def zrem_many(self, key: str, members: list[str]) -> int:
        held = self._sets.get(key)
        if held is None:
            if members:
                self._check_absent(key)
            return 0
        remove = held.remove
        count = 0
        for member in members:
            if remove(member):
                count += 1
        if not held.scores:
            self.delete([key])
        return count

    def zpop(self, key: str, count: int) -> list[Scored]:
        if count < 0:
            raise ValueError(f"{key}: ZPOPMIN of {count}")
        popped = self._set_to_read(key).entries(0, count)
        self.zrem_many(key, [member for _, member in popped])
        return [Scored(member, score) for score, member in popped]

    def zcard(self, key: str) -> int:
        return len(self._set_to_read(key))

    def zscore(self, key: str, member: str) -> int | None:
        return self._set_to_read(key).scores.get(member)

    def zrank(self, key: str, member: str) -> int | None:
        return self._set_to_read(key).rank(member)

    def zrange(self, key: str, start: int, stop: int) -> list[str]:
        held = self._set_to_read(key)
        return [member for _, member in held.entries(*clip(start, stop, len(held)))]

    def zrange_scored(self, key: str, start: int, stop: int) -> list[Scored]:
        held = self._set_to_read(key)
        return [Scored(member, score) for score, member in held.entries(*clip(start, stop, len(held)))]

    def zdue(self, key: str, score_max: int, limit: int) -> list[str]:
        check_integer(key, score_max)
        held = self._set_to_read(key)
        return [member for _, member in held.up_to(score_max, limit if limit >= 0 else len(held))]

    def zlowest(self, key: str) -> int | None:
        held = self._sets.get(key)
        if held is None:
            self._check_absent(key)
            return None
        return held.lowest()

    # lists
    def rpush(self, key: str, value: str) -> int:
        value = stored_text(key, value)
        values = self._lists.get(key)
        if values is None:
            self._check_absent(key)
            values = self._lists[key] = deque()
            self._tables[key] = self._lists
        values.append(value)
        self.pushed[key] = None
        return len(values)

    def llen(self, key: str) -> int:
        values = self._lists.get(key)
        if values is None:
            self._check_absent(key)
            return 0
        return len(values)

    def lrange(self, key: str, start: int, stop: int) -> list[str]:
        values = self._lists.get(key)
        if values is None:
            self._check_absent(key)
            return []
        begin, end = clip(start, stop, len(values))
        return list(islice(values, begin, max(end, begin)))

    def take_first(self, key: str) -> str | None:
        """LPOP key, for the backend: operations never pop."""
        values = self._lists.get(key)
        if values is None:
            return None
        value = values.popleft()
        if not values:
            self.delete([key])
        return value

    def put_back(self, key: str, value: str) -> None:
        """LPUSH key value, for the backend: what `take_first` took."""
        self.rpush(key, value)
        self._lists[key].rotate(1)

    # streams
    def _stream_to_read(self, key: str) -> Stream:
        stream = self._streams.get(key)
        if stream is None:
            self._check_absent(key)
            return Stream()
        return stream

    def xadd(self, key: str, keep: int, at: int, event: str, job_id: str, fields: list[str]) -> None:
        if len(fields) % 2:
            raise ValueError(f"{key}: a field without a value")
        if keep < 0:
            raise ValueError(f"{key}: to retain {keep} events")
        check_integer(key, at)
        check_texts(key, (event, job_id, *fields))
        stream = self._streams.get(key)
        if stream is None:
            self._check_absent(key)
            stream = self._streams[key] = Stream()
            self._tables[key] = self._streams
        stream.add(keep, at, event, job_id, fields)
        self.grown[key] = None

    def xclear(self, key: str) -> None:
        self._stream_to_read(key).clear()

    def xlast(self, key: str) -> int:
        return self._stream_to_read(key).last

    def xafter(self, key: str, after: int, count: int) -> list[Event]:
        return self._stream_to_read(key).after(after, count)

    # the whole state
    def dump(self, prefix: str) -> dict[str, Any]:
        """The keys that begin with `prefix`, in order, with plain values; equal states give equal dumps.

        hash: dict of texts; sorted set: list of [member, score]; list: list; counter: its digits;
        stream: {"last": n, "events": [[n, at, name, job id, dict of texts], ...]}.
        """
        return {key: plain(self._tables[key][key]) for key in sorted(self._tables) if key.startswith(prefix)}
