"""Python's names in Lua."""

_KEYWORDS = frozenset(
    {
        "and",
        "break",
        "do",
        "else",
        "elseif",
        "end",
        "false",
        "for",
        "function",
        "goto",
        "if",
        "in",
        "local",
        "nil",
        "not",
    }
    | {"or", "repeat", "return", "then", "true", "until", "while"}
)
_TAKEN = frozenset(
    {"R", "H", "O", "call", "keys", "args", "at"}
    | {"error", "ipairs", "math", "redis", "string", "table", "tonumber", "tostring", "unpack"}
)


def local_name(name: str) -> str:
    """A local or parameter. `end` becomes `end_`, and `end_` becomes `end__`, so that no two names meet."""
    return name + "_" if name.rstrip("_") in _KEYWORDS | _TAKEN else name


def field_name(name: str) -> str:
    """A field of a record, or a function of `H` and `O`: only Lua's keywords are in the way."""
    return name + "_" if name.rstrip("_") in _KEYWORDS else name
