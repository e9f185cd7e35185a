"""What a value must be to mean the same in memory and on Valkey. A breach is a defect of the caller."""

from collections.abc import Iterable

from ...semantics.lang import INT_MAX


def check_integer(key: str, value: int) -> None:
    """Refuse an integer that Lua would not hold exactly."""
    if not -INT_MAX <= value <= INT_MAX:
        raise too_large(key, value)


def too_large(key: str, value: int) -> OverflowError:
    return OverflowError(f"{key}: {value} is beyond 2**53 - 1")


def check_texts(key: str, values: Iterable[str]) -> None:
    """Refuse texts that are not wire text."""
    for value in values:
        if not value.isascii() and max(value) > "\xff":
            raise ValueError(f"{key}: {value!r} is not wire text (see semantics.lang)")


def stored_text(key: str, value: str | int) -> str:
    """The text that Valkey would store: an integer's digits, or wire text as it is."""
    if type(value) is int:  # not isinstance: a bool is an error in Lua as well
        if not -INT_MAX <= value <= INT_MAX:
            raise too_large(key, value)
        return str(value)
    if isinstance(value, str):
        check_texts(key, (value,))
        return str(value)
    raise TypeError(f"{key}: {value!r} is neither text nor an integer")
