"""SCH-1, SCH-2, SCH-3: what a schedule may be."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from glidemq_pb import InvalidOptionsError, JobTemplate, Schedule

from .scheduling import DAY, HOUR, gone, noting_times, scheduler
from .world import World

SELDOM: dict[str, Any] = {"block_timeout": DAY, "stalled_interval": DAY}
"""For a worker that idles for months of virtual time."""


@pytest.mark.parametrize(
    "given",
    [{}, {"pattern": "* * * * *", "every": 1}, {"every": 1, "repeat_after_complete": 1},
     {"pattern": "* * * * *", "repeat_after_complete": 1},
     {"pattern": "* * * * *", "every": 1, "repeat_after_complete": 1}],
)  # fmt: skip
def test_SCH_1_exactly_one_of_the_three_is_given(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionsError, match="exactly one"):
        Schedule(**given)


@pytest.mark.parametrize("wrong", [0, -1, 1.0, 0.5, float("inf"), float("nan"), True, "1", 2**53, timedelta(0)])
@pytest.mark.parametrize("mode", ["every", "repeat_after_complete"])
def test_SCH_2_an_interval_is_a_positive_integer(mode: str, wrong: Any) -> None:
    with pytest.raises(InvalidOptionsError, match=mode):
        Schedule(**{mode: wrong})


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "1", 2**53])
def test_SCH_2_a_limit_is_a_positive_integer(wrong: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="limit"):
        Schedule(every=1, limit=wrong)


@pytest.mark.parametrize("wrong", [-1, 1.5, "2026-01-01", datetime(2026, 1, 1), True, 253_402_300_800_000])
@pytest.mark.parametrize("bound", ["start_date", "end_date"])
def test_SCH_2_a_date_is_an_instant(bound: str, wrong: Any) -> None:
    with pytest.raises(InvalidOptionsError, match=bound):
        Schedule("* * * * *", **{bound: wrong})


def test_SCH_2_a_start_after_the_end_is_refused() -> None:
    with pytest.raises(InvalidOptionsError, match="end_date"):
        Schedule(every=1, start_date=2, end_date=1)
    assert Schedule(every=1, start_date=2, end_date=2).end_date == 2


@pytest.mark.parametrize("wrong", ["", "Nowhere/City", "../etc/passwd", "/etc/localtime", 1, None, "UTC\x00"])
def test_SCH_2_a_zone_is_an_iana_name(wrong: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="tz"):
        Schedule("* * * * *", tz=wrong)


async def test_SCH_2_a_schedule_without_a_run_is_refused_and_an_existing_one_stays(world: World) -> None:
    queue = world.queue()
    before = await queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate("n", {"x": 1}))
    for schedule in (
        Schedule(every=1_000, end_date=world.now + 999),
        Schedule(repeat_after_complete=1_000, end_date=world.now - 1),
        Schedule("0 0 * * *", start_date=world.now + HOUR, end_date=world.now + 2 * HOUR),
    ):
        with pytest.raises(InvalidOptionsError):
            await queue.upsert_job_scheduler("s", schedule)
        with pytest.raises(InvalidOptionsError):
            await queue.upsert_job_scheduler("new", schedule)
    assert await scheduler(queue) == before
    assert await gone(queue, "new")


@pytest.mark.parametrize(
    "wrong", ["", "* * * *", "60 * * * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "0 0 30 2 *"]
)
def test_SCH_3_a_bad_pattern_is_refused_at_once(wrong: str) -> None:
    """The whole grammar is in tests/unit/test_cron.py."""
    with pytest.raises(InvalidOptionsError, match="pattern"):
        Schedule(wrong)


async def test_SCH_3_patterns_are_read_in_utc_or_in_their_zone(world: World) -> None:
    queue = world.queue()
    utc = await queue.upsert_job_scheduler("utc", Schedule("30 8 * * *"))
    tokyo = await queue.upsert_job_scheduler("tokyo", Schedule("30 8 * * *", tz="Asia/Tokyo"))
    assert (utc.next_run, tokyo.next_run) == (world.now + 8 * HOUR + HOUR // 2, world.now + 23 * HOUR + HOUR // 2)
    assert (utc.tz, tokyo.tz) == ("UTC", "Asia/Tokyo")


async def test_SCH_3_either_day_matches_when_both_are_restricted(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts), **SELDOM)
    await queue.upsert_job_scheduler("s", Schedule("0 0 13 * fri"))  # the world begins on Thursday, January 1st
    await world.advance(20 * DAY)
    assert starts == [1 * DAY, 8 * DAY, 12 * DAY, 15 * DAY]


async def test_SCH_3_a_fixed_time_is_neither_lost_in_a_gap_nor_run_twice(world: World) -> None:
    queue, at = world.queue(), list[str]()
    zone = timezone(timedelta(hours=1))

    async def process(job: Any) -> None:
        at.append(world.clock.datetime().astimezone(zone).strftime("%d %H:%M"))

    await world.worker(process, **SELDOM)
    spring = datetime(2026, 3, 28, tzinfo=UTC)
    await queue.upsert_job_scheduler("s", Schedule("30 2 * * *", tz="Europe/Berlin", start_date=spring, limit=3))
    await world.advance(90 * DAY)
    assert at == ["28 02:30", "29 02:00", "30 01:30"]  # 02:30 does not exist on the 29th: at once after the gap
    at.clear()
    autumn = datetime(2026, 10, 24, tzinfo=UTC)
    await queue.upsert_job_scheduler("s", Schedule("30 2 * * *", tz="Europe/Berlin", start_date=autumn, limit=3))
    await world.advance(220 * DAY)
    assert at == ["24 01:30", "25 01:30", "26 02:30"]  # 02:30 comes twice on the 25th: the first one
