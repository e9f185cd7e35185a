"""Cron patterns: five fields, and what clock changes do to them, as Debian's cron has it.

The steps of the wall clock come from croniter, which here never sees a time zone. What a gap or a repeat in the
clock means is decided below. A pattern whose hour and minute are fixed runs once for each time it names: one that
the clock leaves out runs at the first instant after the gap, one that comes twice runs the first time. A pattern with
`*` in its hour or minute follows the wall clock as it is: nothing runs in a gap, and a repeated time runs twice.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from threading import Lock
from typing import Final

from croniter import CroniterBadDateError, croniter

from .options import refuse_option

MONTHS: Final = dict(
    zip(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], range(1, 13), strict=True)
)
DAYS: Final = dict(zip(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], range(7), strict=True))
FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, MONTHS),
    ("day of week", 0, 7, DAYS),
)
MONTH_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
GRAMMAR: Final = "five fields of `*`, n, a-b, */s, a-b/s and lists of them, with month and day names"
PART: Final = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
ALL: Final = (60, 24, 31, 12, 7)
"""How many numbers each field can stand for; the two Sundays are one."""
YEARS_MAX: Final = 50
"""Longer than any pattern waits for its next date: a leap day on a given day of the week comes within 40 years."""
AFTER_MAX: Final = round(datetime(9900, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""No run is looked for after this instant: a datetime cannot tell the years from 10000 on."""
CHANGE_MAX: Final = timedelta(hours=26)
"""No zone's clock was ever changed by more."""

_STEPPING: Final = Lock()
"""A parsed pattern remembers where it stands, and threads share it."""


def check_pattern(pattern: object) -> str:
    """A cron pattern that can ever match, with single spaces (SCH-3). InvalidOptionsError otherwise."""
    if not isinstance(pattern, str) or len(pattern.split()) != len(FIELDS):
        refuse_option("pattern", pattern, GRAMMAR)
    _, _, days, months, _ = _parsed(pattern)
    if not _either_day_will_do(pattern) and not any(
        day <= MONTH_LENGTHS[month - 1] for day in days for month in months
    ):
        refuse_option("pattern", pattern, "a pattern with a date that exists")
    return " ".join(pattern.split()).lower()


def _either_day_will_do(pattern: str) -> bool:
    """Whether one of day of month and day of week is enough: both are restricted, as crontab(5) has it."""
    return "*" not in pattern.split()[2] and "*" not in pattern.split()[4]


def _parsed(pattern: str) -> list[set[int]]:
    """The numbers that the fields stand for. InvalidOptionsError where it is no pattern."""
    return [_values(pattern, field, *bounds) for field, bounds in zip(pattern.split(), FIELDS, strict=True)]


def _values(pattern: str, field: str, name: str, least: int, most: int, names: dict[str, int]) -> set[int]:
    """The numbers that one field stands for."""
    found: set[int] = set()
    for part in field.lower().split(","):
        match = PART.fullmatch(part)
        if match is None:
            refuse_option("pattern", pattern, f"{GRAMMAR}; found {part!r} as {name}")
        star, first_text, last_text, step_text = match.groups()
        if step_text is not None and star is None and last_text is None:
            refuse_option("pattern", pattern, f"a step after `*` or a range; found {part!r} as {name}")
        first = least if star else _number(pattern, first_text, name, least, most, names)
        last = most if star else first
        if last_text is not None:
            last = _number(pattern, last_text, name, least, most, names)
        step = 1 if step_text is None else int(step_text)
        if step == 0 or last < first:
            refuse_option("pattern", pattern, f"a range that rises and a step above 0; found {part!r} as {name}")
        found.update(range(first, last + 1, step))
    return found


def _number(pattern: str, text: str, name: str, least: int, most: int, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        refuse_option("pattern", pattern, f"{least} to {most} as {name}; found {text!r}")
    return int(text)


def next_run(pattern: str, zone: tzinfo, after: int) -> int | None:
    """The first run of a checked pattern after an instant (epoch milliseconds); None: there is none in 50 years."""
    if after > AFTER_MAX:
        return None
    fixed = not any(part.startswith("*") for field in pattern.split()[:2] for part in field.split(","))
    start = datetime.fromtimestamp(after / 1000, UTC)
    best: datetime | None = None
    last = datetime.max
    with _STEPPING:
        for time in _wall_times(pattern, wall_of(start, zone) - change_near(start, zone)):
            if time > last:
                break
            for instant in instants(time, zone, fixed=fixed):
                if instant > start and (best is None or instant < best):
                    best = instant
                    last = wall_of(best, zone) + change_near(best, zone)
    return None if best is None else round(best.timestamp() * 1000)


def change_near(instant: datetime, zone: tzinfo) -> timedelta:
    """By how much the clock changes so near that an earlier time of the wall may be a later instant; mostly nothing."""
    span = CHANGE_MAX
    for _ in range(2):  # how much it changes at all hereabouts, then whether it does so near
        offsets = [(instant + step).astimezone(zone).utcoffset() or timedelta() for step in (-span, timedelta(), span)]
        span = max(offsets) - min(offsets)
        if not span:
            break
    return span


def wall_of(instant: datetime, zone: tzinfo) -> datetime:
    """What the clock shows, without its zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def _wall_times(pattern: str, after: datetime) -> Iterator[datetime]:
    """The times of a clock that never changes, in order."""
    steps = _steps_of(pattern)
    steps.set_current(after)
    while True:
        try:
            yield steps.get_next(datetime)
        except CroniterBadDateError:
            return


@lru_cache(maxsize=256)
def _steps_of(pattern: str) -> croniter:
    """A parsed pattern; parsing costs more than a step. Our numbers, since croniter reads some patterns its own way."""
    minutes, hours, days, months, days_of_week = _parsed(pattern)
    days_of_week = {day % 7 for day in days_of_week}
    either = _either_day_will_do(pattern)
    if either and (len(days) == ALL[2] or len(days_of_week) == ALL[4]):
        days, days_of_week = set(range(1, 32)), set(range(7))  # one of them always will
    parsed = [minutes, hours, days, months, days_of_week]
    fields = [
        "*" if len(values) == every else ",".join(map(str, sorted(values)))
        for values, every in zip(parsed, ALL, strict=True)
    ]
    return croniter(" ".join(fields), max_years_between_matches=YEARS_MAX, day_or=either)


def instants(time: datetime, zone: tzinfo, *, fixed: bool) -> list[datetime]:
    """The instants at which something set for a wall time runs: none, one, or two."""
    first, second = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if wall_of(first, zone) != time:  # the clock leaves it out
        return [end_of_gap(time, zone)] if fixed else []
    if first == second or fixed:
        return [first]
    return [first, second]


def end_of_gap(time: datetime, zone: tzinfo) -> datetime:
    """The first instant after the gap in which a wall time lies. Clocks change at whole seconds."""
    offsets = [time.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    low, high = sorted(round((time - offset).replace(tzinfo=UTC).timestamp()) for offset in offsets)
    before = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def runs_from(pattern: str, zone: tzinfo, after: int) -> Iterator[int]:
    """All runs after an instant."""
    run = next_run(pattern, zone, after)
    while run is not None:
        yield run
        run = next_run(pattern, zone, run)
