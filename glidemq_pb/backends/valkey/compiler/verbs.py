"""The closed table of what semantics may call: Store verbs and builtins of lang.py, with their Lua.

Types are not repeated here: they are read from the Protocol in store.py and from lang.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import lua_ast as lua

Lower = Callable[[Sequence[lua.Expr]], lua.Expr]


@dataclass(frozen=True, slots=True)
class Verb:
    """`commands` are what it may send; `lower` turns the arguments into a Lua expression."""

    commands: tuple[str, ...]
    writes: bool
    lower: Lower


def runtime(name: str) -> lua.Expr:
    """A function of the prelude."""
    return lua.Member(lua.Name("R"), name)


def command(name: str, *arguments: lua.Expr) -> lua.Call:
    """One command through the local `call`."""
    return lua.Call(lua.Name("call"), (lua.Text(name), *arguments))


def _plain(name: str, *before: lua.Expr) -> Lower:
    """The command's reply is the verb's result."""
    return lambda a: command(name, *a, *before)


def _is_one(name: str) -> Lower:
    return lambda a: lua.Operation("==", command(name, *a), lua.Number(1))


def _through(function: str, name: str, *after: lua.Expr) -> Lower:
    """The command's reply, converted by a function of the prelude."""
    return lambda a: lua.Call(runtime(function), (command(name, *a, *after),))


def _helper(function: str) -> Lower:
    """A function of the prelude that calls commands itself."""
    return lambda a: lua.Call(runtime(function), tuple(a))


def _spread(name: str) -> Lower:
    """A command over a list of any length, which comes last; a list that is written out goes straight in."""

    def lower(a: Sequence[lua.Expr]) -> lua.Expr:
        *before, items = a
        if isinstance(items, lua.Table) and items.items:
            return command(name, *before, *items.items)
        return lua.Call(runtime("spread"), (lua.Text(name), items, *before))

    return lower


def _xadd(a: Sequence[lua.Expr]) -> lua.Expr:
    """The key goes in two parts, put together once an entry, and one pair of a field and a value without a list."""
    key, *before, fields = a
    match key:
        case lua.Operation("..", root, lua.Text() as name):
            parts: tuple[lua.Expr, lua.Expr] = (root, name)
        case _:
            parts = (key, lua.Text(""))
    match fields:
        case lua.Table(()):
            details: tuple[lua.Expr, ...] = (lua.Flag(False), lua.Flag(False))
        case lua.Table((field, value)):
            details = (field, value)
        case lua.Table():
            details = (fields, lua.Flag(False))
        case _:  # the caller may go on to change it
            details = (lua.Table((lua.Call(lua.Name("unpack"), (fields,)),)), lua.Flag(False))
    return lua.Call(runtime("xadd"), (*parts, *before, *details))


def _clear(a: Sequence[lua.Expr]) -> lua.Expr:
    return command("XTRIM", _written(a[0]), lua.Text("MAXLEN"), lua.Text("="), lua.Number(0))


def _last(a: Sequence[lua.Expr]) -> lua.Expr:
    return _count([lua.Operation("..", _written(a[0]), lua.Text(":last"))])


def _written(key: lua.Expr) -> lua.Expr:
    """A stream's key, once the events that were gathered are written."""
    return lua.Call(runtime("write"), (key,))


def _count(a: Sequence[lua.Expr]) -> lua.Expr:
    return lua.Call(lua.Name("tonumber"), (lua.Operation("or", command("GET", *a), lua.Number(0)),))


def _lowest(a: Sequence[lua.Expr]) -> lua.Expr:
    reply = command("ZRANGE", *a, lua.Number(0), lua.Number(0), lua.Text("WITHSCORES"))
    return lua.Call(runtime("maybe_int"), (lua.Item(reply, lua.Number(2)),))


def _due(a: Sequence[lua.Expr]) -> lua.Expr:
    key, score_max, limit = a
    texts = [lua.Text(word) for word in ("-inf", "BYSCORE", "LIMIT")]
    return command("ZRANGE", key, texts[0], score_max, texts[1], texts[2], lua.Number(0), limit)


VERBS: dict[str, Verb] = {
    "exists": Verb(("EXISTS",), False, _is_one("EXISTS")),
    "existing": Verb(("EXISTS",), False, _spread("EXISTS")),
    "delete": Verb(("UNLINK",), True, _spread("UNLINK")),
    "rename": Verb(("RENAME",), True, _plain("RENAME")),
    "get_count": Verb(("GET",), False, _count),
    "set_count": Verb(("SET",), True, _plain("SET")),
    "read": Verb(("HMGET", "HGET"), False, lambda a: a[0]),
    "hget": Verb(("HGET",), False, _plain("HGET")),
    "hmget": Verb(("HMGET",), False, _helper("hmget")),
    "hgetall": Verb(("HGETALL",), False, _plain("HGETALL")),
    "hset": Verb(("HSET",), True, _plain("HSET")),
    "hset_fields": Verb(("HSET",), True, _spread("HSET")),
    "hset_value": Verb(("HSET",), True, _plain("HSET")),
    "hdel": Verb(("HDEL",), True, _spread("HDEL")),
    "hincrby": Verb(("HINCRBY",), True, _plain("HINCRBY")),
    "hkeys": Verb(("HKEYS",), False, _plain("HKEYS")),
    "zadd": Verb(("ZADD",), True, _plain("ZADD")),
    "zadd_many": Verb(("ZADD",), True, _helper("zadd_many")),
    "zrem": Verb(("ZREM",), True, _is_one("ZREM")),
    "zrem_many": Verb(("ZREM",), True, _spread("ZREM")),
    "zpop": Verb(("ZPOPMIN",), True, _through("scored", "ZPOPMIN")),
    "zcard": Verb(("ZCARD",), False, _plain("ZCARD")),
    "zscore": Verb(("ZSCORE",), False, _through("maybe_int", "ZSCORE")),
    "zrank": Verb(("ZRANK",), False, _plain("ZRANK")),
    "zrange": Verb(("ZRANGE",), False, _plain("ZRANGE")),
    "zrange_scored": Verb(("ZRANGE",), False, _through("scored", "ZRANGE", lua.Text("WITHSCORES"))),
    "zdue": Verb(("ZRANGE",), False, _due),
    "zlowest": Verb(("ZRANGE",), False, _lowest),
    "rpush": Verb(("RPUSH",), True, _plain("RPUSH")),
    "llen": Verb(("LLEN",), False, _plain("LLEN")),
    "lrange": Verb(("LRANGE",), False, _plain("LRANGE")),
    "xadd": Verb(("INCRBY", "XADD", "XTRIM"), True, _xadd),
    "xclear": Verb(("XTRIM",), True, _clear),
    "xlast": Verb(("GET",), False, _last),
    "xafter": Verb(("XREVRANGE", "XRANGE"), False, _helper("xafter")),
}


def _drop(a: Sequence[lua.Expr]) -> lua.Expr:
    start = lua.Number(a[1].value + 1) if isinstance(a[1], lua.Number) else lua.Operation("+", a[1], lua.Number(1))
    return lua.Call(lua.Member(lua.Name("string"), "sub"), (a[0], start))


def _take(a: Sequence[lua.Expr]) -> lua.Expr:
    return lua.Call(lua.Member(lua.Name("string"), "sub"), (a[0], lua.Number(1), a[1]))


BUILTINS: dict[str, Lower] = {
    "text": _helper("text"),
    "number": _helper("int"),
    "pad": _helper("pad"),
    "drop": _drop,
    "take": _take,
    "byte_length": lambda a: lua.Prefix("#", a[0]),
    "join": lambda a: lua.Call(lua.Member(lua.Name("table"), "concat"), tuple(a)),
    "split": _helper("split"),
    "is_canonical_id": _helper("is_canonical_id"),
}
