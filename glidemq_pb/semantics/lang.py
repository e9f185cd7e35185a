"""The vocabulary of the semantics layer: what its modules may call besides the Store.

Text is always *wire text*: a `str` whose characters are bytes (code points 0 to 255).
The host encodes UTF-8 before it calls in, so lengths and order agree with Valkey's.
"""

from collections.abc import Callable
from typing import NewType, NoReturn, ParamSpec, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")

Fields = NewType("Fields", list[str])
"""A hash as a flat list: field, value, field, value. The order of the pairs means nothing."""

INT_MAX = 2**53 - 1
"""The largest integer that Lua holds exactly."""


class Refusal(Exception):
    """An operation refused a whole call before its first write. `code` is a `Code`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@overload
def operation(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def operation(
    *, reads_only: bool = False, may_lag: bool = False, frees_memory: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def operation(
    function: Callable[P, R] | None = None,
    /,
    *,
    reads_only: bool = False,
    may_lag: bool = False,
    frees_memory: bool = False,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as callable through a backend; its first parameters are `s`, `q`, `now`.

    `reads_only`: it never writes (registered with `no-writes`). `may_lag`: moreover only people look at its reply,
    nothing is decided by it, so a replica may give it. `frees_memory`: a full server runs it all the same
    (`allow-oom`).
    """

    def mark(marked: Callable[P, R]) -> Callable[P, R]:
        marked.__operation__ = {  # type: ignore[attr-defined]
            "reads_only": reads_only,
            "may_lag": may_lag,
            "frees_memory": frees_memory,
        }
        return marked

    return mark if function is None else mark(function)


def refuse(code: str) -> NoReturn:
    """Refuse the whole call. Only in an operation's own body, before its first write."""
    raise Refusal(code)


def text(number: int) -> str:
    """The decimal digits of an integer."""
    return str(number)


def number(digits: str) -> int:
    """The integer that decimal digits (`-?[0-9]+`) stand for; leading zeros, as `pad` writes them, are fine."""
    return int(digits)


def pad(sequence: int) -> str:
    """A sequence number as 16 digits, so that byte order is numeric order."""
    return f"{sequence:016d}"


def drop(value: str, count: int) -> str:
    """The text without its first `count` bytes."""
    return value[count:]


def take(value: str, count: int) -> str:
    """The first `count` bytes of the text."""
    return value[:count]


def byte_length(value: str) -> int:
    """The length of a text in bytes."""
    return len(value)


def join(parts: list[str], separator: str) -> str:
    """The parts with a one-byte separator between them; the parts hold no separator."""
    return separator.join(parts)


def split(joined: str, separator: str) -> list[str]:
    """What `join` joined. The empty text is the empty list."""
    return joined.split(separator) if joined else []


def ceil_div(dividend: int, divisor: int) -> int:
    """The quotient rounded up; the divisor is positive, the dividend is not negative."""
    return (dividend + divisor - 1) // max(1, divisor)


def is_canonical_id(value: str, digits_max: int) -> bool:
    """Whether the text is a decimal as this queue would write it: no sign, no leading zero, not too long."""
    return value.isascii() and value.isdigit() and len(value) <= digits_max and value[0] != "0"


def lookup(fields: Fields, name: str) -> str:
    """The value of a field, or the empty text."""
    for i in range(0, len(fields), 2):
        if fields[i] == name:
            return fields[i + 1]
    return ""


def lookup_int(fields: Fields, name: str, default: int) -> int:
    """The integer value of a field, or the default."""
    for i in range(0, len(fields), 2):
        if fields[i] == name:
            return number(fields[i + 1])
    return default


def without(fields: Fields, name: str) -> Fields:
    """The fields without one of them."""
    kept: list[str] = []
    for i in range(0, len(fields), 2):
        if fields[i] != name:
            kept.append(fields[i])
            kept.append(fields[i + 1])
    return Fields(kept)
