"""The checks that every option goes through before anything is sent, and the small option records.

A message names the option, the value and what is allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from .errors import InvalidOptionsError, timedelta_ms
from .semantics.lang import INT_MAX
from .semantics.limits import FRACTIONS, PRIORITY_MAX

TEXT_MAX: Final = 256
"""Characters of a job id, a name, a prefix."""
DURATION_MAX: Final = 100 * 366 * 24 * 3_600_000
"""A hundred years: the instant that ends it is still an exact number."""
INSTANT_MAX: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, the last that a datetime can tell."""
LOCK_DURATION_MIN: Final = 1_000
LOCK_DURATION_MAX: Final = 24 * 3_600_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def refuse_option(option: str, value: object, allowed: str) -> NoReturn:
    """Raise the InvalidOptionsError that all checks raise."""
    raise InvalidOptionsError(f"{option}={value!r}: allowed: {allowed}")


# --- checks ----------------------------------------------------------------------------------------------------------


def check_duration(option: str, value: object, *, least: int = 0, most: int = DURATION_MAX) -> int:
    """A duration, `int` milliseconds or a timedelta, as milliseconds."""
    if not isinstance(value, timedelta) and type(value) is not int:
        refuse_option(option, value, f"an int of milliseconds or a timedelta, not {type(value).__name__}")
    milliseconds = timedelta_ms(value) if isinstance(value, timedelta) else value
    if not least <= milliseconds <= most:
        refuse_option(option, value, f"{least} to {most} milliseconds")
    return milliseconds


def check_instant(option: str, value: object) -> int:
    """An instant, `int` epoch milliseconds or an aware datetime, as epoch milliseconds."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            refuse_option(option, value, "an aware datetime: give it a tzinfo")
        return check_instant(option, (value - EPOCH) // timedelta(milliseconds=1))
    if type(value) is not int:
        refuse_option(option, value, f"an int of epoch milliseconds or an aware datetime, not {type(value).__name__}")
    if not 0 <= value <= INSTANT_MAX:
        refuse_option(option, value, f"0 to {INSTANT_MAX} milliseconds since 1970")
    return value


def check_lock_duration(option: str, value: object) -> int:
    """How long a lease lasts, as milliseconds."""
    return check_duration(option, value, least=LOCK_DURATION_MIN, most=LOCK_DURATION_MAX)


def check_int(option: str, value: object, least: int, most: int = INT_MAX) -> int:
    """A whole number within bounds."""
    if type(value) is not int or not least <= value <= most:
        refuse_option(
            option, value, f"an int from {least} to {most}" if most < INT_MAX else f"an int of {least} or more"
        )
    return value


def check_priority(option: str, value: object) -> int:
    """A priority; 0 is none."""
    return check_int(option, value, 0, PRIORITY_MAX)


def check_bool(option: str, value: object) -> bool:
    """A bool, and nothing that merely counts as one."""
    if value is not True and value is not False:
        refuse_option(option, value, "True or False")
    return value


def check_fraction(option: str, value: object) -> float:
    """A number from 0 to 1, as exactly as it is stored."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        refuse_option(option, value, "a number from 0 to 1")
    return round(value * FRACTIONS) / FRACTIONS


def check_str(option: str, value: object) -> str:
    """Any text."""
    if not isinstance(value, str):
        refuse_option(option, value, f"a str, not {type(value).__name__}")
    return value


def check_text(option: str, value: object, *, forbidden: str = "", most: int = TEXT_MAX) -> str:
    """A text of 1 to `most` characters, without control characters and the `forbidden` ones."""
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        shown = f"{value[:20]}... ({len(value)} characters)" if isinstance(value, str) and value else value
        refuse_option(option, shown, f"a str of 1 to {most} characters")
    if not value.isprintable() or (forbidden and any(character in value for character in forbidden)):
        for character in value:
            if character < " " or character == "\x7f" or character in forbidden or "\ud800" <= character <= "\udfff":
                without = "".join(f", {listed!r}" for listed in forbidden)
                refuse_option(option, value, f"no control characters{without} or lone surrogates; found {character!r}")
    return value


def check_queue_name(option: str, value: object) -> str:
    """The name of a queue (JOB-12)."""
    return check_text(option, value, forbidden="{}:")


def check_job_id(value: object) -> str:
    """An id of the caller's choice (CID-2); the empty one counts as not given."""
    return "" if value == "" else check_text("job_id", value, forbidden="{}:")


def check_job_name(value: object) -> str:
    """The name of a job."""
    if type(value) is str and 1 <= len(value) <= TEXT_MAX and value.isprintable():
        return value  # as almost all are: a bulk has a thousand
    return check_text("name", value)


def check_record(option: str, value: Any, kind: type[Any], *, needed: bool = False) -> Any:
    """A record of this kind, or None unless it is `needed`."""
    if (needed or value is not None) and not isinstance(value, kind):
        refuse_option(option, value, f"a {kind.__name__}")
    return value


def check_choice(option: str, value: object, choices: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        refuse_option(option, value, ", ".join(map(repr, choices)))
    return value


# --- records ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, init=False)
class Backoff:
    """How long to wait before the next attempt.

    `type`: `fixed` waits `delay` each time; `exponential` waits `delay` after the first failure and twice as
    long after each further one; any other name is looked up in the worker's `backoff_strategies`, and is as
    `fixed` where the worker has none. `jitter` (0 to 1) adds a random part of the wait, at most so much of it.
    `max_delay` bounds the wait; a year does in any case. Durations are milliseconds or timedeltas, kept as
    milliseconds. Raises InvalidOptionsError.
    """

    type: str
    delay: int
    jitter: float
    max_delay: int | None

    def __init__(
        self, type: str, delay: int | timedelta = 0, jitter: float = 0, max_delay: int | timedelta | None = None  # noqa: A002 - the public name
    ) -> None:  # fmt: skip
        put = object.__setattr__
        put(self, "type", check_text("backoff.type", type))
        put(self, "delay", check_duration("backoff.delay", delay))
        put(self, "jitter", check_fraction("backoff.jitter", jitter))
        put(self, "max_delay", None if max_delay is None else check_duration("backoff.max_delay", max_delay, least=1))


@dataclass(frozen=True, slots=True, init=False)
class Keep:
    """How long an ended job is kept: for `age` (milliseconds or a timedelta), and at most the newest `count`
    of all jobs that ended the same way. None bounds nothing. Raises InvalidOptionsError.
    """

    age: int | None
    count: int | None

    def __init__(self, age: int | timedelta | None = None, count: int | None = None) -> None:
        put = object.__setattr__
        put(self, "age", None if age is None else check_duration("age", age, least=1))
        put(self, "count", None if count is None else check_int("count", count, 0))
