"""The Store as its docstrings define it: every verb sends its Valkey command to a real server."""

import asyncio
import dataclasses
from typing import Any, TypeVar, get_type_hints

from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.limits import EVENTS_TOGETHER
from glidemq_pb.semantics.store import Event, Scored

from .dump import Commands, decoded, dump, events_of

Row = TypeVar("Row")

XADD = """
local key, keep, at, event, job_id = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local field, value = ARGV[5] or false, ARGV[6] or false
if #ARGV > 6 then field, value = {unpack(ARGV, 5)}, false end
if redis.call('EXISTS', key) == 0 then redis.call('UNLINK', key .. ':last') end
local last = redis.call('GET', key .. ':last') or 0
redis.call('XADD', key, '0-' .. last + 1, keep, cmsgpack.pack({at, event, job_id, field, value}))
redis.call('INCRBY', key .. ':last', 1)
"""
"""One event an entry: how many one has is no matter to readers."""
XAFTER = """
local entries = redis.call('XRANGE', KEYS[1], '-', '+')
for _, entry in ipairs(entries) do entry[3] = cmsgpack.unpack(entry[2][2]) end
return entries
"""


class CommandStore:
    """Implements `Store` over a client that lives on `loop`, which is not running in between."""

    def __init__(self, client: Commands, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def run(self, *parts: str | int) -> Any:
        """Send one command; its reply as wire text."""
        command = [str(part).encode("latin-1") for part in parts]
        return decoded(self._loop.run_until_complete(self._client.custom_command(command)))

    def dump(self, prefix: str) -> dict[str, Any]:
        """The state, in the form of `MemoryStore.dump`."""
        state = self._loop.run_until_complete(dump(self._client, prefix))
        return {key: value for key, value in state.items() if not key.endswith(":last")}  # of a stream that was deleted

    # keys
    def exists(self, key: str) -> bool:
        return bool(self.run("EXISTS", key))

    def existing(self, keys: list[str]) -> int:
        return int(self.run("EXISTS", *keys)) if keys else 0

    def delete(self, keys: list[str]) -> int:
        return int(self.run("UNLINK", *keys)) if keys else 0

    def rename(self, key: str, new: str) -> None:
        self.run("RENAME", key, new)
        if self.exists(f"{key}:last"):
            self.run("RENAME", f"{key}:last", f"{new}:last")

    # counters
    def get_count(self, key: str) -> int:
        return int(self.run("GET", key) or 0)

    def set_count(self, key: str, value: int) -> None:
        self.run("SET", key, value)

    # hashes
    def read(self, key: str, row: type[Row]) -> Row:
        types = get_type_hints(row)
        names = [field.name for field in dataclasses.fields(row)]  # type: ignore[arg-type]  # rows are dataclasses
        values = self.run("HMGET", key, *names)
        return row(*(types[name](value or types[name]()) for name, value in zip(names, values, strict=True)))

    def hget(self, key: str, field: str) -> str | None:
        value: str | None = self.run("HGET", key, field)
        return value

    def hmget(self, key: str, fields: list[str]) -> list[str]:
        return [value or "" for value in self.run("HMGET", key, *fields)] if fields else []

    def hgetall(self, key: str) -> Fields:
        return Fields([text for pair in self.run("HGETALL", key).items() for text in pair])

    def hset(self, key: str, **fields: str | int) -> None:
        self.run("HSET", key, *(part for pair in fields.items() for part in pair))

    def hset_fields(self, key: str, fields: list[str]) -> None:
        if fields:
            self.run("HSET", key, *fields)

    def hset_value(self, key: str, field: str, value: str) -> None:
        self.run("HSET", key, field, value)

    def hdel(self, key: str, fields: list[str]) -> int:
        return int(self.run("HDEL", key, *fields)) if fields else 0

    def hincrby(self, key: str, field: str, by: int) -> int:
        return int(self.run("HINCRBY", key, field, by))

    def hkeys(self, key: str) -> list[str]:
        return list(self.run("HKEYS", key))

    # sorted sets
    def zadd(self, key: str, score: int, member: str) -> None:
        self.run("ZADD", key, score, member)

    def zadd_many(self, key: str, scores: list[int], members: list[str]) -> None:
        if scores:
            self.run("ZADD", key, *(part for pair in zip(scores, members, strict=True) for part in pair))

    def zrem(self, key: str, member: str) -> bool:
        return bool(self.run("ZREM", key, member))

    def zrem_many(self, key: str, members: list[str]) -> int:
        return int(self.run("ZREM", key, *members)) if members else 0

    def zpop(self, key: str, count: int) -> list[Scored]:
        popped = self.run("ZPOPMIN", key, count)
        return [Scored(member, int(score)) for member, score in popped.items()]

    def zcard(self, key: str) -> int:
        return int(self.run("ZCARD", key))

    def zscore(self, key: str, member: str) -> int | None:
        score = self.run("ZSCORE", key, member)
        return None if score is None else int(score)

    def zrank(self, key: str, member: str) -> int | None:
        rank: int | None = self.run("ZRANK", key, member)
        return rank

    def zrange(self, key: str, start: int, stop: int) -> list[str]:
        return list(self.run("ZRANGE", key, start, stop))

    def zrange_scored(self, key: str, start: int, stop: int) -> list[Scored]:
        return [
            Scored(member, int(score)) for member, score in self.run("ZRANGE", key, start, stop, "WITHSCORES").items()
        ]

    def zdue(self, key: str, score_max: int, limit: int) -> list[str]:
        return list(self.run("ZRANGE", key, "-inf", score_max, "BYSCORE", "LIMIT", 0, limit))

    def zlowest(self, key: str) -> int | None:
        return next((int(score) for score in self.run("ZRANGE", key, 0, 0, "WITHSCORES").values()), None)

    # lists
    def rpush(self, key: str, value: str) -> int:
        return int(self.run("RPUSH", key, value))

    def llen(self, key: str) -> int:
        return int(self.run("LLEN", key))

    def lrange(self, key: str, start: int, stop: int) -> list[str]:
        return list(self.run("LRANGE", key, start, stop))

    # streams
    def xadd(self, key: str, keep: int, at: int, event: str, job_id: str, fields: list[str]) -> None:
        self.run("EVAL", XADD, 1, key, keep, at, event, job_id, *fields)
        last = self.xlast(key)
        if last % EVENTS_TOGETHER == 0:
            hundreds = -(-keep // EVENTS_TOGETHER)
            self.run("XTRIM", key, "MINID", "=", f"0-{max(last - hundreds * EVENTS_TOGETHER, 0) + 1}")

    def xclear(self, key: str) -> None:
        self.run("XTRIM", key, "MAXLEN", "=", 0)

    def xlast(self, key: str) -> int:
        return int(self.run("GET", f"{key}:last") or 0) if self.run("XLEN", key) or self.exists(key) else 0

    def xafter(self, key: str, after: int, count: int) -> list[Event]:
        entries = self.run("EVAL", XAFTER, 1, key)
        keep = int(entries[-1][1][0]) if entries else 0
        after = max(after, self.xlast(key) - keep)
        found = [event for event in events_of(entries) if event[0] > after][:count]
        return [
            Event(number, at, name, job_id, Fields([text for pair in fields.items() for text in pair]))
            for number, at, name, job_id, fields in found
        ]
