"""A library of a few functions written by hand, to test how calls travel; and a raw look at a server."""

import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from glidemq_pb.backends.valkey.loading import Library
from glidemq_pb.semantics.lang import Fields, operation
from glidemq_pb.semantics.store import Store

DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.002
LONG_MS = 60_000
"""For waits that end by what happens, on a busy machine too."""


@dataclass(frozen=True, slots=True)
class Pair:
    name: str
    count: int


@operation
def bump(s: Store, q: str, now: int, call: str) -> int:
    """Count a call once, however often it is sent."""
    raise AssertionError("runs in the server")


@operation
def refused(s: Store, q: str, now: int) -> None:
    """Refuse with the code NEVER."""
    raise AssertionError("runs in the server")


@operation
def echo(s: Store, q: str, now: int, text: str, pairs: list[Pair], maybe: int | None) -> list[str]:
    """The arguments as the server saw them, `now` first."""
    raise AssertionError("runs in the server")


@operation(reads_only=True, may_lag=True)
def count(s: Store, q: str, now: int) -> int:
    """How many calls were counted."""
    raise AssertionError("runs in the server")


@operation
def nothing(s: Store, q: str, now: int) -> Fields:
    """A function that the library lacks."""
    raise AssertionError("runs in the server")


@operation
def spin(s: Store, q: str, now: int) -> None:
    """Never ends by itself."""
    raise AssertionError("runs in the server")


LUA = """#!lua name=glidemq_pb_HASH
redis.register_function('glidemq_pb_bump_HASH', function(keys, args)
  args = cmsgpack.unpack(args[1])
  if redis.call('SETNX', keys[1] .. ':call:' .. args[2], '1') == 1 then redis.call('INCR', keys[1] .. ':count') end
  return cmsgpack.pack({tonumber(redis.call('GET', keys[1] .. ':count'))})
end)
redis.register_function('glidemq_pb_refused_HASH', function(keys, args)
  return cmsgpack.pack({false, 'NEVER'})
end)
redis.register_function('glidemq_pb_echo_HASH', function(keys, args)
  local seen = {}
  for i, one in ipairs(cmsgpack.unpack(args[1])) do
    seen[i] = type(one) == 'number' and string.format('%.0f', one) or tostring(one)
  end
  return cmsgpack.pack({seen})
end)
redis.register_function('glidemq_pb_spin_HASH', function(keys, args) while true do end end)
redis.register_function{function_name = 'glidemq_pb_count_HASH', flags = {'no-writes'}, callback = function(keys, args)
  return cmsgpack.pack({tonumber(redis.call('GET', keys[1] .. ':count') or '0')})
end}
"""


def library(content_hash: str = "tiny1") -> Library:
    return Library.of(LUA.replace("HASH", content_hash))


def ask(port: int, *command: str) -> str:
    """The server's raw reply to one command on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS) as connection:
        parts = [f"${len(part.encode())}\r\n{part}\r\n" for part in command]
        connection.sendall(f"*{len(parts)}\r\n{''.join(parts)}QUIT\r\n".encode())
        reply = b""
        while chunk := connection.recv(65_536):
            reply += chunk
    return reply.decode(errors="replace").removesuffix("+OK\r\n")


def until(true: Callable[[], bool]) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it has not come about in time"
        threading.Event().wait(POLL_SECONDS)  # others need the machine, too


def caught_up(primary: int, *replicas: int) -> None:
    """Wait until replicas have all that their primary has by now. (WAIT asks for the writes of its own connection.)"""
    written = _offset(primary)
    for replica in replicas:
        until(lambda port=replica: _offset(port) >= written)  # type: ignore[misc]  # bound now


def _offset(port: int) -> int:
    """How far a server is in the stream of what is replicated."""
    found = re.search(r"master_repl_offset:(\d+)", ask(port, "INFO", "replication"))
    assert found is not None
    return int(found[1])
