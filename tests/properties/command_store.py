"""The Store as its docstrings define it: every verb sends its Valkey command to a real server."""

import asyncio
import dataclasses
from typing import Any, TypeVar, get_type_hints

from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.store import Entry, Scored

from .dump import Commands, decoded, dump, number_of

Row = TypeVar("Row")


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
        return self._loop.run_until_complete(dump(self._client, prefix))

    # keys
    def exists(self, key: str) -> bool:
        return bool(self.run("EXISTS", key))

    def existing(self, keys: list[str]) -> int:
        return int(self.run("EXISTS", *keys)) if keys else 0

    def delete(self, keys: list[str]) -> int:
        return int(self.run("UNLINK", *keys)) if keys else 0

    def rename(self, key: str, new: str) -> None:
        self.run("RENAME", key, new)

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

    def hgetall(self, key: str) -> Fields:
        return Fields([text for pair in self.run("HGETALL", key).items() for text in pair])

    def hset(self, key: str, **fields: str | int) -> None:
        self.run("HSET", key, *(part for pair in fields.items() for part in pair))

    def hset_fields(self, key: str, fields: list[str]) -> None:
        if fields:
            self.run("HSET", key, *fields)

    def hset_value(self, key: str, field: str, value: str) -> None:
        self.run("HSET", key, field, value)

    def hdel(self, key: str, fields: list[str]) -> None:
        if fields:
            self.run("HDEL", key, *fields)

    def hincrby(self, key: str, field: str, by: int) -> int:
        return int(self.run("HINCRBY", key, field, by))

    def hlen(self, key: str) -> int:
        return int(self.run("HLEN", key))

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
    def xadd(self, key: str, keep: int, fields: list[str]) -> None:
        self.run("XADD", key, "MAXLEN", "=", keep, "0-*", *fields)

    def xclear(self, key: str) -> None:
        self.run("XTRIM", key, "MAXLEN", "=", 0)

    def xlast(self, key: str) -> int:
        if not self.exists(key):
            return 0
        return number_of(self.run("XINFO", "STREAM", key)["last-generated-id"])

    def xlen(self, key: str) -> int:
        return int(self.run("XLEN", key))

    def xafter(self, key: str, after: int, count: int) -> list[Entry]:
        entries = self.run("XRANGE", key, f"(0-{after}", "+", "COUNT", count)
        return [
            Entry(number_of(entry_id), Fields([text for pair in pairs for text in pair]))
            for entry_id, pairs in (entries or {}).items()
        ]
