"""The Store: the closed list of typed verbs over one queue's keys, each with its Valkey command.

A missing key reads as empty. Integers stay within 2^53. Memory implements this Protocol with
dicts and sorted lists; the compiler turns each call into the command in its docstring.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from .lang import Fields

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Scored:
    """One member of a sorted set with its score."""

    member: str
    score: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its place, the instant, its name, whose job it is (or ''), and what else it says."""

    number: int
    at: int
    name: str
    job_id: str
    fields: Fields


class Store(Protocol):
    """Verbs are grouped by data type; each raises nothing on a key of its own type."""

    # keys
    def exists(self, key: str) -> bool:
        """EXISTS key."""
        ...

    def existing(self, keys: list[str]) -> int:
        """EXISTS key ...: how many of them there are. No keys: 0."""
        ...

    def delete(self, keys: list[str]) -> int:
        """UNLINK key ...: how many there were. No keys: nothing is done."""
        ...

    def rename(self, key: str, new: str) -> None:
        """RENAME key new, which replaces `new`. The caller knows that `key` exists."""
        ...

    # counters: a string key that holds an integer
    def get_count(self, key: str) -> int:
        """GET key, 0 when missing."""
        ...

    def set_count(self, key: str, value: int) -> None:
        """SET key value."""
        ...

    # hashes
    def read(self, key: str, row: type[Row]) -> Row:
        """HMGET of the fields of a record class; a missing field is its type's zero: 0 or ''.

        The class is a frozen dataclass whose fields are all `int` or `str`; field names are hash fields.
        """
        ...

    def hget(self, key: str, field: str) -> str | None:
        """HGET key field."""
        ...

    def hmget(self, key: str, fields: list[str]) -> list[str]:
        """HMGET key field ...; the empty text for one that is missing. No fields: nothing is read."""
        ...

    def hgetall(self, key: str) -> Fields:
        """HGETALL key, in no order that means anything."""
        ...

    def hset(self, key: str, **fields: str | int) -> None:
        """HSET key field value ...; the keyword names are the fields."""
        ...

    def hset_fields(self, key: str, fields: list[str]) -> None:
        """HSET key with a flat list of pairs. An empty list does nothing."""
        ...

    def hset_value(self, key: str, field: str, value: str) -> None:
        """HSET key field value, where the field's name is computed."""
        ...

    def hdel(self, key: str, fields: list[str]) -> int:
        """HDEL key field ...: how many were there. An empty list does nothing."""
        ...

    def hincrby(self, key: str, field: str, by: int) -> int:
        """HINCRBY key field by: the new value."""
        ...

    def hkeys(self, key: str) -> list[str]:
        """HKEYS key, in no order that means anything."""
        ...

    # sorted sets: scores are integers, ties are in byte order of the members
    def zadd(self, key: str, score: int, member: str) -> None:
        """ZADD key score member (a member that is there moves)."""
        ...

    def zadd_many(self, key: str, scores: list[int], members: list[str]) -> None:
        """ZADD key score member ...; lists of equal length, which may be empty."""
        ...

    def zrem(self, key: str, member: str) -> bool:
        """ZREM key member: whether it was there."""
        ...

    def zrem_many(self, key: str, members: list[str]) -> int:
        """ZREM key member ...: how many were there. An empty list does nothing."""
        ...

    def zpop(self, key: str, count: int) -> list[Scored]:
        """ZPOPMIN key count: the first `count`, which are removed; `count` is not negative."""
        ...

    def zcard(self, key: str) -> int:
        """ZCARD key."""
        ...

    def zscore(self, key: str, member: str) -> int | None:
        """ZSCORE key member."""
        ...

    def zrank(self, key: str, member: str) -> int | None:
        """ZRANK key member, from 0."""
        ...

    def zrange(self, key: str, start: int, stop: int) -> list[str]:
        """ZRANGE key start stop (inclusive; negative counts from the end)."""
        ...

    def zrange_scored(self, key: str, start: int, stop: int) -> list[Scored]:
        """ZRANGE key start stop WITHSCORES."""
        ...

    def zdue(self, key: str, score_max: int, limit: int) -> list[str]:
        """ZRANGE key -inf score_max BYSCORE LIMIT 0 limit."""
        ...

    def zlowest(self, key: str) -> int | None:
        """The lowest score: ZRANGE key 0 0 WITHSCORES."""
        ...

    # lists
    def rpush(self, key: str, value: str) -> int:
        """RPUSH key value: the new length."""
        ...

    def llen(self, key: str) -> int:
        """LLEN key."""
        ...

    def lrange(self, key: str, start: int, stop: int) -> list[str]:
        """LRANGE key start stop (inclusive; negative counts from the end)."""
        ...

    # streams of events, which are numbered from 1 without gaps
    def xadd(self, key: str, keep: int, at: int, event: str, job_id: str, fields: list[str]) -> None:
        """Append an event, and retain the newest `keep`, exactly; what else is still stored nobody sees.

        Events that an operation appends in a row are written together, at its end or before it looks: INCRBY key:last
        <how many>, and XADD key 0-<number of the last> <keep> <msgpack: at, then name, job id, field, value of each>;
        without a field both are false, of several the first is a list and the second false. With each
        EVENTS_TOGETHER-th event an entry ends, and XTRIM key MINID = drops what is older than `keep`, in whole
        multiples of it. Until then a writer that keeps more brings older ones back.
        """
        ...

    def xclear(self, key: str) -> None:
        """XTRIM key MAXLEN = 0: no event is retained. The stream stays, so that its numbers go on."""
        ...

    def xlast(self, key: str) -> int:
        """GET key:last: the number of the newest event ever, 0 when missing."""
        ...

    def xafter(self, key: str, after: int, count: int) -> list[Event]:
        """XRANGE key (0-after +: the oldest retained events with a greater number, at most `count`."""
        ...
