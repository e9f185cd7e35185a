"""Cron by stepping every minute of UTC: an independent, slow reading of the rules in docs/schedulers.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

MINUTE = timedelta(minutes=1)
NAMES = {
    name: number
    for names, first in (("sun mon tue wed thu fri sat", 0), ("jan feb mar apr may jun jul aug sep oct nov dec", 1))
    for number, name in enumerate(names.split(), first)
}
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True)
class ByHand:
    """A pattern as the question whether a wall time matches."""

    fields: tuple[frozenset[int], ...]
    fixed: bool
    either_day: bool

    def matches(self, wall: datetime) -> bool:
        minute, hour, day, month, weekday = self.fields
        if wall.minute not in minute or wall.hour not in hour or wall.month not in month:
            return False
        days = (wall.day in day, wall.isoweekday() % 7 in weekday)
        return any(days) if self.either_day else all(days)

    def runs(self, zone: tzinfo, first: datetime, last: datetime) -> list[datetime]:
        """All runs from the first minute to the last, both included, in UTC."""
        found = set()
        told: set[datetime] = set()
        for instant in minutes(first - timedelta(days=2), last):
            wall = instant.astimezone(zone).replace(tzinfo=None)
            before = (instant - MINUTE).astimezone(zone).replace(tzinfo=None)
            if self.fixed:
                left_out = minutes(before + MINUTE, wall - MINUTE) if wall - before > MINUTE else iter(())
                if any(self.matches(skipped) for skipped in left_out):
                    found.add(instant)
                if wall in told:
                    continue
                told.add(wall)
            if self.matches(wall):
                found.add(instant)
        return sorted(instant for instant in found if first <= instant <= last)


def minutes(first: datetime, last: datetime) -> Iterator[datetime]:
    """Every minute from the first to the last, both included."""
    while first <= last:
        yield first
        first += MINUTE


def by_hand(pattern: str) -> ByHand:
    """Read a pattern."""
    parts = pattern.lower().split()
    numbers = [numbers_of(part, *bounds) for part, bounds in zip(parts, RANGES, strict=True)]
    numbers[4] = frozenset(day % 7 for day in numbers[4])
    return ByHand(tuple(numbers), "*" not in parts[0] + parts[1], "*" not in parts[2] and "*" not in parts[4])


def numbers_of(field: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for piece in field.split(","):
        span, _, step = piece.partition("/")
        ends = (
            [least, most] if span == "*" else [NAMES.get(end) if end in NAMES else int(end) for end in span.split("-")]
        )
        first, last = ends[0], ends[-1]
        assert first is not None
        assert last is not None
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def changes(zone: tzinfo, first: datetime, last: datetime) -> list[datetime]:
    """The first minute of UTC after each change of a zone's clock."""
    found = []
    while first < last:
        following = first + timedelta(days=1)
        if first.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            found.append(next(
                at for at in minutes(first + MINUTE, following)
                if at.astimezone(zone).utcoffset() != (at - MINUTE).astimezone(zone).utcoffset()
            ))  # fmt: skip
        first = following
    return found


def utc(year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
