"""Each verb of the Store, compiled, does on a real server what the memory store does."""

import ast
import re

import pytest

from glidemq_pb.backends.valkey.compiler import build, verbs
from tests.compiler.running import HEADER, Call, Server, assert_same

RECORDS = """
@dataclass(frozen=True, slots=True)
class Row:
    n: int
    t: str
    missing: int
    absent: str

"""
# The verb, the type of its result, and calls on keys that hold something and on keys that do not.
CALLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "exists": ("bool", ('s.exists(q + ":h")', 's.exists(q + ":none")')),
    "existing": ("int", ('s.existing([q + ":h", q + ":none", q + ":z"])', "s.existing(names)", "s.existing([])")),
    "delete": ("int", ('s.delete([q + ":h", q + ":none", q + ":z"])', "s.delete(names)", "s.delete([])")),
    "rename": ("None", ('s.rename(q + ":h", q + ":one")', 's.rename(q + ":l", q + ":new")')),
    "get_count": ("int", ('s.get_count(q + ":c")', 's.get_count(q + ":none")')),
    "set_count": ("None", ('s.set_count(q + ":c", -7)', 's.set_count(q + ":new", 9007199254740991)')),
    "read": ("Row", ('s.read(q + ":h", Row)', 's.read(q + ":none", Row)')),
    "hget": ("str | None", ('s.hget(q + ":h", "t")', 's.hget(q + ":h", "no")', 's.hget(q + ":none", "t")')),
    "hmget": (
        "list[str]",
        ('s.hmget(q + ":h", ["t", "no", "t"])', 's.hmget(q + ":none", names)', 's.hmget(q + ":h", [])'),
    ),
    "hgetall": ("Fields", ('s.hgetall(q + ":one")', 's.hgetall(q + ":none")')),
    "hset": ("None", ('s.hset(q + ":h", n=5, other="x", t="")', 's.hset(q + ":new", end=0)')),
    "hset_fields": (
        "None",
        ('s.hset_fields(q + ":h", ["a", "b", "t", "c"])', 's.hset_fields(q + ":h", [])', "s.hset_fields(q, names)"),
    ),
    "hset_value": ("None", ('s.hset_value(q + ":h", names[0], "\\x00")',)),
    "hdel": (
        "int",
        (
            's.hdel(q + ":h", ["t", "no"])',
            's.hdel(q + ":h", [])',
            's.hdel(q + ":one", ["f"])',
            's.hdel(q + ":h", names)',
        ),
    ),
    "hincrby": ("int", ('s.hincrby(q + ":h", "n", -50)', 's.hincrby(q + ":new", "n", 9007199254740991)')),
    "hkeys": ("list[str]", ('s.hkeys(q + ":one")', 's.hkeys(q + ":none")')),
    "zadd": (
        "None",
        ('s.zadd(q + ":z", 3, "b")', 's.zadd(q + ":new", -1, "x")', 's.zadd(q + ":z", 9007199254740991, "y")'),
    ),
    "zadd_many": ("None", ('s.zadd_many(q + ":z", [5, 1], ["a", "n"])', 's.zadd_many(q + ":none", [], [])')),
    "zrem": ("bool", ('s.zrem(q + ":z", "a")', 's.zrem(q + ":z", "no")', 's.zrem(q + ":none", "a")')),
    "zrem_many": (
        "int",
        ('s.zrem_many(q + ":z", ["a", "no", "b"])', 's.zrem_many(q + ":z", [])', 's.zrem_many(q + ":z", names)'),
    ),
    "zpop": ("list[Scored]", ('s.zpop(q + ":z", 2)', 's.zpop(q + ":z", 0)', 's.zpop(q + ":none", 3)')),
    "zcard": ("int", ('s.zcard(q + ":z")', 's.zcard(q + ":none")')),
    "zscore": ("int | None", ('s.zscore(q + ":z", "c")', 's.zscore(q + ":z", "no")', 's.zscore(q + ":none", "a")')),
    "zrank": ("int | None", ('s.zrank(q + ":z", "b")', 's.zrank(q + ":z", "no")')),
    "zrange": (
        "list[str]",
        (
            's.zrange(q + ":z", 0, -1)',
            's.zrange(q + ":z", -2, -2)',
            's.zrange(q + ":z", 5, 9)',
            's.zrange(q + ":none", 0, -1)',
        ),
    ),
    "zrange_scored": ("list[Scored]", ('s.zrange_scored(q + ":z", 0, -1)', 's.zrange_scored(q + ":none", 0, 3)')),
    "zdue": (
        "list[str]",
        (
            's.zdue(q + ":z", 1, 10)',
            's.zdue(q + ":z", 1, 1)',
            's.zdue(q + ":z", -9, 5)',
            's.zdue(q + ":z", 9007199254740991, 9)',
            's.zdue(q + ":z", 1, 0)',
        ),
    ),
    "zlowest": ("int | None", ('s.zlowest(q + ":z")', 's.zlowest(q + ":none")')),
    "rpush": ("int", ('s.rpush(q + ":l", "z")', 's.rpush(q + ":new", "")')),
    "llen": ("int", ('s.llen(q + ":l")', 's.llen(q + ":none")')),
    "lrange": ("list[str]", ('s.lrange(q + ":l", 0, -1)', 's.lrange(q + ":l", -1, 5)', 's.lrange(q + ":none", 0, 1)')),
    "xadd": (
        "None",
        (
            's.xadd(q + ":x", 2, now, "e", "j", ["f", "v", "g", ""])',
            's.xadd(q + ":new", 1, 7, "e", "", ["f", "v"])',
            's.xadd(q, 5, 9007199254740991, "\\x00", "\\xff", [])',
            's.xadd(q + ":x", 5, now, "e", "j", names)',
        ),
    ),
    "xclear": ("None", ('s.xclear(q + ":x")', 's.xclear(q + ":none")')),
    "xlast": ("int", ('s.xlast(q + ":x")', 's.xlast(q + ":none")')),
    "xafter": (
        "list[Event]",
        (
            's.xafter(q + ":x", 0, 10)',
            's.xafter(q + ":x", 1, 1)',
            's.xafter(q + ":x", 9, 5)',
            's.xafter(q + ":none", 0, 1)',
        ),
    ),
}
FILL = """
@operation
def fill(s: Store, q: str, now: int) -> None:
    s.hset(q + ":h", n=42, t="text", extra="e")
    s.hset(q + ":one", f="v")
    s.zadd_many(q + ":z", [1, 0, 1, 1700000000000], ["b", "c", "a", "d"])
    s.set_count(q + ":c", 12)
    for item in ["x", "", "\\x00\\xff"]:
        s.rpush(q + ":l", item)
        s.xadd(q + ":x", 2, now, "e", item, ["item", item])


"""


def methods() -> dict[str, ast.FunctionDef]:
    """The verbs of the Protocol."""
    tree = ast.parse((build.SEMANTICS / "store.py").read_text())
    (protocol,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Store"]
    return {node.name: node for node in protocol.body if isinstance(node, ast.FunctionDef)}


def test_the_table_the_protocol_and_these_tests_have_the_same_verbs() -> None:
    assert sorted(verbs.VERBS) == sorted(methods()) == sorted(CALLS)


@pytest.mark.parametrize("verb", sorted(verbs.VERBS))
def test_a_verb_sends_what_its_docstring_says(verb: str) -> None:
    docs = ast.get_docstring(methods()[verb]) or ""
    assert any(re.search(rf"\b{command}\b", docs) for command in verbs.VERBS[verb].commands)


@pytest.mark.parametrize("verb", sorted(CALLS))
def test_a_verb_does_the_same_on_both_sides(server: Server, verb: str) -> None:
    result, expressions = CALLS[verb]
    text = HEADER + RECORDS + FILL
    calls: list[Call] = []
    for i, expression in enumerate(expressions):
        name = f"run_{i}"
        statement = expression if result == "None" else f"return {expression}"
        text += (
            f"@operation\ndef {name}(s: Store, q: str, now: int, names: list[str]) -> {result}:\n    {statement}\n\n\n"
        )
        calls += [Call("fill", 0, ()), Call(name, 0, (["a", "b", "t", "n"],))]
    assert_same(server, text, calls)
