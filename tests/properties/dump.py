"""The state of a real Valkey in the form of `MemoryStore.dump`, in one round trip."""

import re
from typing import Any, Protocol


class Commands(Protocol):
    """The one thing that is needed of a glide client."""

    async def custom_command(self, command_args: list[Any]) -> Any: ...


SCRIPT = """
local found = {}
local cursor = '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local kind = redis.call('TYPE', key).ok
    local value
    if kind == 'hash' then
      value = redis.call('HGETALL', key)
    elseif kind == 'zset' then
      value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    elseif kind == 'list' then
      value = redis.call('LRANGE', key, 0, -1)
    elseif kind == 'string' then
      value = redis.call('GET', key)
    elseif kind == 'stream' then
      local entries = redis.call('XRANGE', key, '-', '+')
      for _, entry in ipairs(entries) do
        local events = cmsgpack.unpack(entry[2][2])
        for i = 1, #events do
          if type(events[i]) == 'number' then events[i] = string.format('%.0f', events[i]) end
        end
        entry[3] = events
      end
      value = {redis.call('GET', key .. ':last'), entries}
    end
    if kind ~= 'string' or redis.call('TYPE', (key:gsub(':last$', ''))).ok ~= 'stream' then
      found[#found + 1] = {key, kind, value}
    end
  end
until cursor == '0'
return found
"""


async def dump(client: Commands, prefix: str) -> dict[str, Any]:
    """The keys that begin with `prefix` (wire text), in order, as `MemoryStore.dump` gives them."""
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", prefix) + "*"
    found = decoded(await client.custom_command(["EVAL", SCRIPT, "0", pattern.encode("latin-1")]))
    return {key: plain(kind, value) for key, kind, value in sorted(found, key=lambda row: str(row[0]))}


def decoded(reply: Any) -> Any:
    """A reply with wire text in place of bytes."""
    if isinstance(reply, bytes):
        return reply.decode("latin-1")
    if isinstance(reply, list):
        return [decoded(part) for part in reply]
    if isinstance(reply, dict):
        return {decoded(name): decoded(value) for name, value in reply.items()}
    return reply


def plain(kind: str, value: Any) -> Any:
    """One key's value; another type's key is a defect of whoever wrote it."""
    match kind:
        case "hash":
            return dict(sorted(pairs(value)))
        case "zset":
            return [[member, int(score)] for member, score in pairs(value)]
        case "list" | "string":
            return value
        case "stream":
            last, entries = value
            keep = int(entries[-1][1][0]) if entries else 0
            return {"last": int(last), "events": [one for one in events_of(entries) if one[0] > int(last) - keep]}
    raise TypeError(f"a key of type {kind}")


def pairs(flat: list[str]) -> list[tuple[str, str]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def events_of(entries: list[Any]) -> list[list[Any]]:
    """The events of a stream's entries, of which each may hold many: number, at, name, job id, fields."""
    events: list[list[Any]] = []
    for entry_id, _, (at, *parts) in entries:
        number = number_of(entry_id) - len(parts) // 4
        for name, job_id, field, value in zip(*[iter(parts)] * 4, strict=True):
            number += 1
            details = field if isinstance(field, list) else [field, value] if field is not None else []
            events.append([number, int(at), name, job_id, dict(pairs(details))])
    return events


def number_of(entry_id: str) -> int:
    """The `n` of a stream id `0-n`."""
    time, number = entry_id.split("-")
    if time != "0":
        raise ValueError(f"stream id {entry_id}: this project gives ids 0-n")
    return int(number)
