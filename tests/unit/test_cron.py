"""Cron patterns: the grammar, and every change of the clock against stepping each minute by hand."""

import random
import threading
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb import InvalidOptionsError
from glidemq_pb.cron import check_pattern, next_run, runs_from
from tests import summary
from tests.properties.profile import DEEP, machine
from tests.unit.cron_by_hand import MINUTE, by_hand, changes, utc

ZONES = (
    "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
    "Asia/Tehran", "Europe/Dublin", "America/Sao_Paulo", "Pacific/Chatham",
)  # fmt: skip
FIRST, LAST = utc(2010), utc(2020)
"""Ten years that hold Apia's skipped day, and the last changes of Tehran's and Sao Paulo's clocks but a few."""


def runs_between(pattern: str, zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    """What the module says, from `first` to `last`."""
    found: list[datetime] = []
    for run in runs_from(check_pattern(pattern), zone, round(first.timestamp() * 1000) - 1):
        at = datetime.fromtimestamp(run / 1000, UTC)
        if at > last:
            return found
        found.append(at)
    return found


def local(pattern: str, tz: str, first: datetime, count: int) -> list[str]:
    """The first runs, as the wall shows them."""
    zone = ZoneInfo(tz)
    runs = islice(runs_from(check_pattern(pattern), zone, round(first.timestamp() * 1000) - 1), count)
    return [datetime.fromtimestamp(run / 1000, zone).strftime("%m-%d %H:%M%z") for run in runs]


# --- the grammar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "same_as"),
    [
        ("* * * * *", "*/1 */1 */1 */1 */1"),
        ("5 0 * * *", " 5\t00  *  * * "),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * sun", "0 0 * * SUN"),
        ("0 0 * * 5-7", "0 0 * * 5,6,0"),
        ("0 0 * * sun-7", "0 0 * * 0-6"),
        ("0 0 * * mon-fri", "0 0 * * 1,2,3,4,5"),
        ("0 0 * * mon-fri/2", "0 0 * * 1,3,5"),
        ("0 0 1 jan,MAR,Dec *", "0 0 1 1,3,12 *"),
        ("0 0 1 jan-dec/4 *", "0 0 1 1,5,9 *"),
        ("0 0 1 */5 *", "0 0 1 1,6,11 *"),
        ("10-20/3 0 * * *", "10,13,16,19 0 * * *"),
        ("0-59/20 0-23/12 * * *", "0,20,40 0,12 * * *"),
        ("5,5,1-3,2 0 * * *", "1,2,3,5 0 * * *"),
        ("*/59 0 * * *", "0,59 0 * * *"),
        ("*/99 0 * * *", "0 0 * * *"),
        ("5-5 0 * * *", "5 0 * * *"),
        ("0 0 1-31 * mon", "0 0 1-31 * 0-7"),
        ("0 0 1 * sun-sat", "0 0 1-31 * 2"),
    ],
)
def test_a_pattern_that_is_accepted(pattern: str, same_as: str) -> None:
    assert local(pattern, "UTC", utc(2026), 70) == local(same_as, "UTC", utc(2026), 70)
    assert check_pattern(pattern) == " ".join(pattern.split()).lower()


@pytest.mark.parametrize(
    "pattern",
    [
        "", " ", "* * * *", "* * * * * *", "* * * * * * *", "@daily", "@reboot", "*****",
        "60 * * * *", "-1 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "1-5/0 * * * *", "5-1 * * * *", "* 23-22 * * *", "* * * * sat-sun", "* * * dec-jan *",
        "a * * * *", "* * * * monday", "* * * january *", "mon * * * *", "* * * mon *", "* * jan * *",
        "1.5 * * * *", "1, * * * *", ",1 * * * *", "1,,2 * * * *", "1- * * * *", "-5 * * * *", "1-2-3 * * * *",
        "/5 * * * *",
        "*/ * * * *", "*/5/5 * * * *", "5/5 * * * *", "*-5 * * * *", "5-* * * * *", "** * * * *", "*5 * * * *",
        "*/-1 * * * *",
        "? * * * *", "* * L * *", "* * 15W * *", "* * * * 5#3", "* * * * L5", "H * * * *", "R * * * *",
        "h(0-5) * * * *",
        "\u0661 * * * *", "\xb2 * * * *", "0x5 * * * *", "+5 * * * *", "1_0 * * * *", "% * * * *", "~ * * * *",
        "1~5 * * * *",
        "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *", "0 0 30-31 feb *", "0 0 30 2 */2", "0 0 31 jun */7",
        None, 5, b"* * * * *", ["*"] * 5, True,
    ],
)  # fmt: skip
def test_a_pattern_that_is_refused(pattern: object) -> None:
    with pytest.raises(InvalidOptionsError, match="pattern"):
        check_pattern(pattern)


def test_a_refusal_names_the_field_and_what_was_found() -> None:
    with pytest.raises(InvalidOptionsError, match=r"'0 25 \* \* \*'.*0 to 23 as hour; found '25'"):
        check_pattern("0 25 * * *")


def test_an_impossible_date_is_possible_where_a_day_of_the_week_will_do() -> None:
    assert local("0 0 30 2 mon", "UTC", utc(2026), 2) == ["02-02 00:00+0000", "02-09 00:00+0000"]


def test_both_days_restricted_either_matches() -> None:
    assert local("0 0 13 * fri", "UTC", utc(2026, 2, 1), 4) == [
        f"02-{day} 00:00+0000" for day in ("06", "13", "20", "27")
    ]
    assert local("0 0 10 * fri", "UTC", utc(2026, 2, 1), 3) == [f"02-{day} 00:00+0000" for day in ("06", "10", "13")]


def test_a_star_with_a_step_is_no_restriction_so_both_days_must_match() -> None:
    """As crontab(5): either matches if both fields "do not contain the * character"."""
    assert local("0 0 */2 * mon", "UTC", utc(2026, 2, 1), 3) == [
        f"{day} 00:00+0000" for day in ("02-09", "02-23", "03-09")
    ]


@pytest.mark.parametrize("pattern", ["0 0 29 2 *", "0 0 29 2 */7", "0 0 29 feb *"])
def test_leap_days_are_found_however_far(pattern: str) -> None:
    runs = runs_between(pattern, ZoneInfo("UTC"), utc(2020), utc(2160))
    expected = [utc(year, 2, 29) for year in range(2020, 2160, 4) if year != 2100]
    assert runs == [at for at in expected if "/7" not in pattern or at.isoweekday() == 7]


# --- single changes of the clock --------------------------------------------------------------------------------------


def test_a_fixed_time_in_a_gap_runs_at_its_end() -> None:
    assert local("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28), 3) == [
        "03-28 02:30+0100", "03-29 03:00+0200", "03-30 02:30+0200",
    ]  # fmt: skip


def test_several_fixed_times_in_one_gap_are_one_run() -> None:
    assert local("0,30 2,3 * * *", "Europe/Berlin", utc(2026, 3, 29), 3) == [
        "03-29 03:00+0200", "03-29 03:30+0200", "03-30 02:00+0200",
    ]  # fmt: skip


def test_a_fixed_time_that_comes_twice_runs_the_first_time() -> None:
    assert local("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24), 3) == [
        "10-24 02:30+0200", "10-25 02:30+0200", "10-26 02:30+0100",
    ]  # fmt: skip


def test_with_a_star_in_hour_or_minute_the_wall_clock_is_followed() -> None:
    assert local("0 * * * *", "Europe/Berlin", utc(2026, 3, 29), 3) == [
        "03-29 01:00+0100", "03-29 03:00+0200", "03-29 04:00+0200",
    ]  # fmt: skip
    assert local("0 * * * *", "Europe/Berlin", utc(2026, 10, 25), 3) == [
        "10-25 02:00+0200", "10-25 02:00+0100", "10-25 03:00+0100",
    ]  # fmt: skip
    assert local("*/30 2 * * *", "Europe/Berlin", utc(2026, 3, 29), 1) == ["03-30 02:00+0200"]
    assert (
        len(runs_between("*/30 2 * * *", ZoneInfo("Europe/Berlin"), utc(2026, 10, 24, 22), utc(2026, 10, 25, 22))) == 4
    )


def test_half_an_hour_of_lord_howe() -> None:
    assert local("15 2 * * *", "Australia/Lord_Howe", utc(2026, 10, 2, 15), 2) == [
        "10-03 02:15+1030",
        "10-04 02:30+1100",
    ]
    assert local("45 1 * * *", "Australia/Lord_Howe", utc(2026, 4, 4, 13), 2) == [
        "04-05 01:45+1100",
        "04-06 01:45+1030",
    ]


def test_the_day_that_apia_left_out() -> None:
    """After December 29th, 2011 came the 31st."""
    assert local("0 8 * * *", "Pacific/Apia", utc(2011, 12, 29), 4) == [
        "12-29 08:00-1000", "12-31 00:00+1400", "12-31 08:00+1400", "01-01 08:00+1400",
    ]  # fmt: skip
    assert local("0 0 30 12 *", "Pacific/Apia", utc(2011, 12, 1), 2) == ["12-31 00:00+1400", "12-30 00:00+1400"]
    assert local("0 */12 * * *", "Pacific/Apia", utc(2011, 12, 29, 10), 4) == [
        "12-29 00:00-1000", "12-29 12:00-1000", "12-31 00:00+1400", "12-31 12:00+1400",
    ]  # fmt: skip


def test_runs_rise_however_odd_the_instant_they_are_asked_from() -> None:
    zone = ZoneInfo("Europe/Berlin")
    for offset in (-1, 0, 1, 999, 30_001, 59_999):
        after = round(utc(2026, 10, 25, 0, 30).timestamp() * 1000) + offset
        run = next_run("*/7 * * * *", zone, after)
        assert run is not None
        assert after < run <= after + 11 * 60_000


@pytest.mark.parametrize("after", [253_402_300_799_999, 250_275_744_000_000])
def test_the_end_of_time_has_no_run(after: int) -> None:
    assert next_run("* * * * *", ZoneInfo("Europe/Berlin"), after) is None


@pytest.mark.parametrize("after", [-1, 0, -60_001])
def test_the_epoch_is_an_instant_as_others(after: int) -> None:
    run = next_run("* * * * *", ZoneInfo("UTC"), after)
    assert run == (after // 60_000 + 1) * 60_000


def test_threads_do_not_disturb_each_other() -> None:
    pattern, zone, seen = "*/3 * * * *", ZoneInfo("UTC"), list[bool]()
    starts = [round(utc(2026, 1 + number).timestamp() * 1000) for number in range(8)]

    def step(start: int) -> None:
        runs = list(islice(runs_from(pattern, zone, start), 300))
        seen.append(runs == [start + 180_000 * (number + 1) for number in range(300)])

    threads = [threading.Thread(target=step, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 8


# --- every change of ten zones in ten years ---------------------------------------------------------------------------


FIELDS = (
    (("0", "30", "15,45", "0-59/20", "59"), ("*", "*/7", "*/30", "0,*/15")),
    (("2", "1", "0", "3", "1-3", "0,2", "23", "22-23,0-4"), ("*", "*/2", "1,*/12")),
    (("*",), ("*", "1-15", "*/2", "28-31", "30", "1,15")),
    (("*",), ("*", "3,4,9-11", "dec", "*/2")),
    (("*",), ("*", "sun", "sat-7", "mon-fri", "*/3")),
)
"""Parts of patterns that meet changes often: those of fixed times, and any."""


def random_pattern(chance: random.Random) -> str:
    """A pattern that is likely to run near a change."""
    parts = []
    for likely, others in FIELDS:
        parts.append(chance.choice(likely if chance.random() < 0.7 else others))
    return " ".join(parts)


def accepted(pattern: str) -> bool:
    try:
        check_pattern(pattern)
    except InvalidOptionsError:
        return False
    return True


@pytest.mark.parametrize("tz", ZONES)
def test_every_change_of_a_zone_as_by_hand(tz: str) -> None:
    zone, chance = ZoneInfo(tz), random.Random(tz)
    found = changes(zone, FIRST, LAST)
    assert found
    patterns = 20 if DEEP else 2
    for change in found:
        for pattern in filter(accepted, [random_pattern(chance) for _ in range(patterns)]):
            first, last = change - timedelta(hours=27), change + timedelta(hours=27)
            assert runs_between(pattern, zone, first, last) == by_hand(pattern).runs(zone, first, last), (
                pattern,
                change,
            )
            summary.record("cron minutes stepped by hand at changes of the clock", (last - first) // MINUTE)


@machine(2_000 if DEEP else 100)
@given(
    st.builds(" ".join, st.tuples(*(st.sampled_from(likely + others) for likely, others in FIELDS))).filter(accepted),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2010, 1, 1), datetime(2037, 1, 1)),
)
def test_any_two_days_as_by_hand(pattern: str, tz: str, start: datetime) -> None:
    first = start.replace(second=0, microsecond=0, tzinfo=UTC)
    last = first + timedelta(days=2)
    zone = ZoneInfo(tz)
    assert runs_between(pattern, zone, first, last) == by_hand(pattern).runs(zone, first, last)
