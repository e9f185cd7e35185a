"""How values become bytes: the Serializer protocol and the JSON one that is the default."""

import math
from collections.abc import Iterable, Sequence
from inspect import iscoroutinefunction
from typing import Any, Final, Protocol, cast

import msgspec

from .errors import InvalidOptionsError

NAME_MAX = 64


class Serializer(Protocol):
    """Turns a job's data, result and progress into bytes and back, by plain functions.

    `name` is a short tag stored with each value: a reader whose serializer has another name treats the
    value as undecodable (`job.data` is `{}`, `job.deserialization_failed` is True) instead of guessing.
    `None` never gets here: it is stored as "no value".
    """

    @property
    def name(self) -> str:
        """A short tag, the same wherever these bytes are to be read."""
        ...

    def serialize(self, value: Any, /) -> bytes | str:
        """The value as bytes, or as text (stored as UTF-8); never empty. Whatever it raises reaches the
        caller as the cause of a `SerializationError`."""
        ...

    def deserialize(self, raw: bytes, /) -> Any:
        """The value of what `serialize` made. Whatever it raises marks the payload as undecodable."""
        ...


class JsonSerializer:
    """JSON through msgspec, which checks no types on the way in.

    Accepted: what JSON can hold (dict, list, str, int of any size, finite float, bool, None), and what has one
    plain JSON form: tuples and sets (read back as lists), dataclasses and msgspec Structs (as dicts), enums (as
    their values), datetime, date, time, UUID and Decimal (as text), bytes (as base64 text). Dict keys are
    text or numbers and are read back as text. NaN and infinities are refused: JSON has none.
    """

    name: str = "json"

    def __init__(self) -> None:
        encoder = msgspec.json.Encoder()
        self._encode = encoder.encode
        self._encode_lines = encoder.encode_lines
        self._decode = msgspec.json.Decoder().decode

    def serialize(self, value: Any, /) -> bytes:
        raw = self._encode(value)
        if b"null" in raw and _has_no_json_form(value):  # msgspec writes NaN as null
            raise ValueError("NaN and infinities have no JSON form")
        return raw

    def serialize_all(self, values: Sequence[Any]) -> list[str] | None:
        """Many values in one go, each as the characters of its bytes. None where one of them needs a closer look."""
        try:
            raw = self._encode_lines(values)
        except Exception:
            return None
        # No line break stands in what msgspec writes, and no control character; they can be in a msgspec.Raw.
        if b"null" in raw or b"\x01" in raw or b"\x02" in raw:
            return None
        lines = raw.decode("latin-1").split("\n")
        lines.pop()
        return lines if len(lines) == len(values) and "" not in lines else None

    def deserialize(self, raw: bytes, /) -> Any:
        return self._decode(raw)

    def __repr__(self) -> str:
        return "JSON_SERIALIZER"


def _has_no_json_form(value: object) -> bool:
    """Whether there is a NaN or an infinity in it, also within dataclasses and the like."""
    left: list[object] = [msgspec.to_builtins(value)]
    while left:
        one = left.pop()
        kind = type(one)
        if kind is dict:
            left += cast("dict[object, object]", one).values()
        elif kind is list or kind is tuple or kind is set or kind is frozenset:
            left += cast("Iterable[object]", one)
        elif isinstance(one, float) and not math.isfinite(one):
            return True
    return False


JSON_SERIALIZER: Final = JsonSerializer()
"""The default serializer."""


def is_async(function: object) -> bool:
    """Whether to call it gives a coroutine."""
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def check_serializer(serializer: Serializer) -> Serializer:
    """The serializer, if it is one (SER-1). InvalidOptionsError says what it lacks."""
    name = getattr(serializer, "name", None)
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_MAX or not (name.isascii() and name.isprintable()):
        raise InvalidOptionsError(
            f"serializer={serializer!r}: its name is {name!r}; allowed: 1 to {NAME_MAX} printable ASCII characters"
        )
    for method in ("serialize", "deserialize"):
        function = getattr(serializer, method, None)
        if not callable(function) or is_async(function):
            found = "a coroutine function" if callable(function) else repr(function)
            raise InvalidOptionsError(
                f"serializer={serializer!r}: its {method} is {found}; a plain function of one argument is needed"
            )
    return serializer
