"""SCH: job schedulers that run by cron or by an interval; B-13."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    InvalidOptionsError,
    JobTemplate,
    PayloadTooLargeError,
    QueueConnectionError,
    Schedule,
    SerializationError,
)
from glidemq_pb.semantics.limits import BACKUP_TIMER_MS, PLANS_MAX, SWEEP_MAX
from glidemq_pb.semantics.schedulers import plan_runs

from .scheduling import DAY, HOUR, gone, noting_times, scheduler
from .world import World, line_of, nothing, noting

SELDOM: dict[str, Any] = {"block_timeout": DAY, "stalled_interval": DAY}
"""For a worker that idles for months of virtual time."""


# --- SCH-1, SCH-2, SCH-3: what a schedule may be ----------------------------------------------------------------------


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


# --- SCH-4, SCH-5: the first run and the last -------------------------------------------------------------------------


async def test_SCH_4_the_first_run(world: World) -> None:
    queue, now = world.queue(), world.now
    for schedule, first in [
        (Schedule(every=1_000), 1_000),
        (Schedule(every=1_000, start_date=now + 5_000), 5_000),
        (Schedule(every=1_000, start_date=now), 0),
        (Schedule(every=1_000, start_date=now - 2_300), 700),
        (Schedule(every=7 * 60_000, start_date=0), 7 * 60_000 - now % (7 * 60_000)),
        (Schedule("*/5 * * * *"), 0),
        (Schedule("*/5 * * * *", start_date=now + 1), 300_000),
        (Schedule("*/5 * * * *", start_date=now - 10**9), 0),
        (Schedule(repeat_after_complete=1_000), 0),
        (Schedule(repeat_after_complete=1_000, start_date=now + 9), 9),
        (Schedule(repeat_after_complete=1_000, start_date=now - 9), 0),
    ]:
        info = await queue.upsert_job_scheduler("s", schedule)
        assert info.next_run == now + first, schedule
        assert (await queue.preview_schedule(schedule, 1)) == [now + first], schedule
        await queue.remove_job_scheduler("s")


async def test_SCH_5_a_start_defers_the_first_run_and_a_run_at_the_end_is_the_last(world: World) -> None:
    queue, starts, now = world.queue(), list[int](), world.now
    await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, start_date=now + 5_000, end_date=now + 8_000))
    await world.advance(7_999)
    assert not await gone(queue)
    await world.advance(1)
    assert starts == [5_000, 6_000, 7_000, 8_000]
    assert await gone(queue)
    await world.advance(10_000)
    assert len(starts) == 4


@pytest.mark.parametrize("given", [{"every": 1_000}, {"pattern": "* * * * *"}, {"repeat_after_complete": 1_000}])
async def test_SCH_5_start_and_end_at_one_instant_make_one_run(world: World, given: dict[str, Any]) -> None:
    queue, starts, at = world.queue(), list[int](), world.now + 60_000
    await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("s", Schedule(**given, start_date=at, end_date=at))
    await world.advance(300_000)
    assert starts == [60_000]
    assert await gone(queue)


# --- SCH-6: the limit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"every": 60_000}, {"pattern": "* * * * *"}, {"repeat_after_complete": 60_000}])
@pytest.mark.parametrize("limit", [1, 3])
async def test_SCH_6_the_limit_holds_with_many_workers(world: World, given: dict[str, Any], limit: int) -> None:
    queue, starts = world.queue(), list[int]()
    for _ in range(3):
        await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("s", Schedule(**given, limit=limit))
    await world.advance(600_000)
    assert len(starts) == limit
    assert await gone(queue)
    assert (await queue.get_job_counts()).completed == limit


async def test_SCH_6_the_last_job_of_the_limit_removes_the_scheduler_as_it_is_made(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(5_000))
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=1))
    await world.advance(1_000)
    assert await gone(queue)
    assert (await queue.get_job_counts()).active == 1


# --- SCH-7, SCH-8: on the grid, durable, exact ------------------------------------------------------------------------


async def test_SCH_7_runs_lie_on_the_grid_however_long_they_take(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts, takes=700))
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await world.advance(100_000)
    assert starts == list(range(1_000, 100_001, 1_000))


async def test_SCH_7_a_restarted_worker_goes_on_where_the_last_one_was(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)
    worker = await world.worker(note)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await world.advance(2_500)
    await worker.close()
    await world.advance(200)
    await world.worker(note)
    await world.advance(1_300)
    assert starts == [1_000, 2_000, 3_000, 4_000]


@pytest.mark.parametrize(("given", "period"), [({"every": 60_000}, 60_000), ({"pattern": "* * * * *"}, 60_000)])
async def test_SCH_7_missed_runs_fire_once_and_the_grid_goes_on(
    world: World, given: dict[str, Any], period: int
) -> None:
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)
    await queue.upsert_job_scheduler("s", Schedule(**given, start_date=world.now + period))
    await world.advance(10 * period + 500)
    await world.worker(note)
    await world.advance(2 * period)
    assert starts == [10 * period + 500, 11 * period, 12 * period]
    info = await scheduler(queue)
    assert (info.iteration_count, info.last_run) == (3, world.now - 500)


async def test_SCH_7_a_run_is_not_lost_when_its_planner_dies(world: World) -> None:
    """The worker that fired a late run dies before it has worked out the next one."""
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)
    await queue.upsert_job_scheduler("s", Schedule("* * * * *", start_date=world.now + 60_000))
    await world.advance(630_000)
    dying = world.idle_worker(note)
    line_of(dying).hold_replies()
    starting = asyncio.ensure_future(dying.start())
    await world.settle()
    await dying.close(force=True)
    with pytest.raises(asyncio.CancelledError):
        await starting
    info = await scheduler(queue)
    assert (info.iteration_count, info.next_run) == (1, None)
    await world.advance(3_600_000)
    await world.worker(note)
    await world.advance(30_000)
    assert starts == [4_230_000, 4_230_000, 4_260_000]  # the job of the dead worker, what was missed, the grid


async def test_SCH_8_and_B_13_every_run_starts_at_its_own_millisecond(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("s", Schedule(every=333))
    await world.advance(33_300)
    assert starts == list(range(333, 33_301, 333))


async def test_B_13_a_nearer_run_wakes_the_worker_that_slept_for_a_later_one(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("late", Schedule(every=20_000))
    await world.advance(100)
    await queue.upsert_job_scheduler("soon", Schedule(every=50, limit=3))
    await world.advance(400)
    assert starts == [150, 200, 250]


async def test_SCH_8_a_worker_that_is_full_still_fires(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(10_000))
    await queue.add("long")
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await world.advance(3_500)
    assert [event.at for event in await world.events("added")][1:] == [
        world.now - 2_500,
        world.now - 1_500,
        world.now - 500,
    ]


async def test_SCH_8_another_worker_fires_when_the_one_with_the_timer_hangs(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    note = noting_times(world, starts)
    first = await world.worker(note)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await world.settle()
    await world.worker(note)
    await world.settle()
    line_of(first).cut()
    await world.advance(1_000 + BACKUP_TIMER_MS)
    assert len(starts) == 1


# --- SCH-9, SCH-10: replacing and removing ----------------------------------------------------------------------------


async def test_SCH_9_an_unchanged_schedule_goes_on_with_a_new_template(world: World) -> None:
    queue, ran = world.queue(), list[str]()
    await world.worker(noting(ran))
    schedule = Schedule(every=1_000)
    await queue.upsert_job_scheduler("s", schedule, JobTemplate("old", {"v": 1}, priority=3))
    await world.advance(2_500)
    info = await queue.upsert_job_scheduler("s", schedule, JobTemplate("new", {"v": 2}))
    assert (info.iteration_count, info.next_run, info.last_run) == (2, world.now + 500, world.now - 500)
    assert info.template.options == {}
    assert info.template.data == {"v": 2}
    info = await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=3), JobTemplate("new"))
    assert (info.iteration_count, info.limit) == (2, 3)
    await world.advance(10_000)
    assert ran == ["old", "old", "new"]
    assert await gone(queue)


async def test_SCH_9_a_changed_schedule_begins_anew(world: World) -> None:
    queue, now = world.queue(), world.now
    await world.worker(nothing)
    changes = [
        Schedule(every=1_000), Schedule(every=999), Schedule(every=999, start_date=now),
        Schedule(every=999, end_date=now + DAY),
        Schedule("* * * * *"), Schedule("*/2 * * * *"), Schedule("*/2 * * * *", tz="Asia/Kolkata"),
        Schedule(repeat_after_complete=500), Schedule(every=1_000),
    ]  # fmt: skip
    for schedule in changes:
        info = await queue.upsert_job_scheduler("s", schedule)
        assert (info.iteration_count, info.last_run) == (0, None)
        assert info.next_run == (await queue.preview_schedule(schedule, 1))[0]
        await world.advance(150_500)
        assert (await scheduler(queue)).iteration_count > 0
    assert len(await queue.get_repeatable_jobs()) == 1


async def test_SCH_9_the_zone_of_an_interval_is_ignored(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, tz="Asia/Tokyo"))
    await world.advance(1_500)
    info = await queue.upsert_job_scheduler("s", Schedule(every=1_000, tz="Europe/Berlin"))
    assert info.iteration_count == 1


async def test_SCH_10_removal_stops_runs_and_leaves_jobs(world: World) -> None:
    queue, ran = world.queue(), list[str]()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    worker = await world.worker(world.working(5_000))
    await world.advance(2_000)
    assert await queue.remove_job_scheduler("s") is True
    assert await queue.remove_job_scheduler("s") is False
    assert await queue.remove_job_scheduler("never was") is False
    assert await gone(queue)
    await world.advance(20_000)
    assert (await queue.get_job_counts()).completed == 2
    assert await gone(queue)
    await worker.close()
    assert ran == []


@pytest.mark.parametrize("given", [{"every": 1_000}, {"pattern": "* * * * *"}, {"repeat_after_complete": 1_000}])
async def test_SCH_10_what_is_removed_in_flight_never_reappears(world: World, given: dict[str, Any]) -> None:
    queue = world.queue()
    await world.worker(world.working(500))
    await queue.upsert_job_scheduler("s", Schedule(**given, start_date=world.now + 60_000))
    await world.advance(60_100)
    assert (await queue.get_job_counts()).active == 1
    await queue.remove_job_scheduler("s")
    await world.advance(600_000)
    assert (await queue.get_job_counts()).completed == 1
    assert await gone(queue)
    assert not [key for key in world.dump() if ("sched" in key and key != "scheduled") or key == "unplanned"]


# --- SCH-11 to SCH-13: what is shown, and the template ----------------------------------------------------------------


async def test_SCH_11_schedulers_are_shown_with_their_bounds_and_counts(world: World) -> None:
    queue, now = world.queue(), world.now
    assert await queue.get_repeatable_jobs() == []
    await world.worker(nothing)
    start, end = datetime.fromtimestamp(now / 1000 + 60, UTC), now + DAY
    schedule = Schedule("* * * * *", tz="Europe/Berlin", start_date=start, end_date=end, limit=99)
    template = JobTemplate("n\xe9", {"a": [1, None]}, attempts=3, backoff=Backoff("fixed", 5))
    made = await queue.upsert_job_scheduler("b", schedule, template)
    await queue.upsert_job_scheduler("a", Schedule(every=timedelta(seconds=7)))
    await world.advance(120_000)
    shown = await queue.get_repeatable_jobs()
    assert [info.name for info in shown] == ["b", "a"]
    assert shown == [await scheduler(queue, "b"), await scheduler(queue, "a")]
    info = shown[0]
    assert made.next_run == now + 60_000
    assert (info.pattern, info.tz, info.every, info.repeat_after_complete) == ("* * * * *", "Europe/Berlin", None, None)
    assert (info.start_date, info.end_date, info.limit) == (now + 60_000, end, 99)
    assert (info.iteration_count, info.last_run, info.next_run) == (2, now + 120_000, now + 180_000)
    assert (info.template.name, info.template.data) == ("n\xe9", {"a": [1, None]})
    assert info.template.options == {"attempts": 3, "backoff": Backoff("fixed", 5)}
    assert (shown[1].every, shown[1].pattern, shown[1].start_date, shown[1].limit) == (7_000, None, None, None)


async def test_SCH_12_name_and_data_have_defaults(world: World) -> None:
    queue = world.queue()
    seen: list[tuple[str, Any, str | None]] = []

    async def process(job: Any) -> None:
        seen.append((job.name, job.data, job.scheduler_name))

    await world.worker(process)
    await queue.upsert_job_scheduler("s\xfc", Schedule(every=1_000, limit=1))
    await world.advance(1_000)
    plain = await queue.add("plain")
    await world.settle()
    assert plain is not None
    assert seen == [("s\xfc", plain.data, "s\xfc"), ("plain", plain.data, None)]


@pytest.mark.parametrize(
    "option", [{"delay": 1}, {"job_id": "x"}, {"deduplication": None}, {"parent": None}, {"delay": 0}, {"job_id": ""}]
)
def test_SCH_12_what_makes_no_sense_in_a_template_is_refused(option: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="template"):
        JobTemplate("n", **option)


async def test_SCH_13_data_that_cannot_be_stored_is_refused_by_the_upsert(world: World) -> None:
    queue = world.queue()
    before = await queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate(data={"ok": 1}))
    for data, error in ((object(), SerializationError), ("x" * 1_048_577, PayloadTooLargeError)):
        with pytest.raises(error):
            await queue.upsert_job_scheduler("s", Schedule(every=5), JobTemplate(data=data))
        with pytest.raises(error):
            await queue.upsert_job_scheduler("new", Schedule(every=5), JobTemplate(data=data))
    assert await queue.get_repeatable_jobs() == [before]


async def test_SCH_13_runs_reuse_the_bytes_of_the_upsert(world: World) -> None:
    queue = world.queue()
    data = {"list": [1]}
    seen: list[Any] = []

    async def process(job: Any) -> None:
        seen.append(job.data["list"][:])
        job.data["list"].append(2)

    await world.worker(process)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=2), JobTemplate(data=data))
    data["list"].append(3)
    await world.advance(3_000)
    assert seen == [[1], [1]]


# --- SCH-17 to SCH-19 -------------------------------------------------------------------------------------------------


async def test_SCH_17_an_exhausted_scheduler_is_dropped_and_blocks_no_other(world: World) -> None:
    queue, ran = world.queue(), list[str]()
    await world.worker(noting(ran))
    await queue.upsert_job_scheduler("a", Schedule(every=1_000))
    await queue.upsert_job_scheduler("b", Schedule(every=1_000))
    await world.advance(2_000)
    await queue.upsert_job_scheduler("a", Schedule(every=1_000, limit=2))
    await world.advance(1_000)
    assert ran == ["a", "b", "a", "b", "b"]
    assert await gone(queue, "a")


async def test_SCH_18_many_schedulers_fire_independently(world: World) -> None:
    queue, ran = world.queue(), list[str]()
    await world.worker(noting(ran), concurrency=50)
    many = SWEEP_MAX + PLANS_MAX + 5
    for number in range(many):
        schedule = Schedule("* * * * *") if number % 2 else Schedule(every=60_000)
        await queue.upsert_job_scheduler(f"s{number:03}", schedule)
    await world.advance(240_000)
    assert sorted(ran) == sorted([f"s{number:03}" for number in range(many) for _ in range(4 + number % 2)])


async def test_SCH_18_nothing_happens_without_a_worker(world: World) -> None:
    queue = world.queue()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await world.advance(10_000)
    assert (await queue.get_job_counts()).waiting == 0
    assert (await scheduler(queue)).iteration_count == 0


@pytest.mark.parametrize("given", [{"every": 60_000}, {"pattern": "* * * * *"}])
async def test_SCH_19_a_paused_queue_collects_jobs_and_the_limit_counts_them(
    world: World, given: dict[str, Any]
) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts))
    await queue.pause()
    await queue.upsert_job_scheduler("s", Schedule(**given, start_date=world.now + 60_000, limit=5))
    await world.advance(200_000)
    assert starts == []
    jobs = await queue.get_jobs("waiting")
    assert [job.timestamp for job in jobs] == [world.now - 140_000, world.now - 80_000, world.now - 20_000]
    await jobs[0].remove()
    await world.advance(600_000)
    assert await gone(queue)
    await queue.resume()
    await world.settle()
    assert starts == [800_000] * 4


async def test_SCH_19_a_paused_worker_fires_too(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)
    await worker.pause()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await world.advance(3_000)
    assert (await queue.get_job_counts()).waiting == 3


async def test_SCH_10_obliterate_removes_schedulers(world: World) -> None:
    queue = world.queue()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await queue.upsert_job_scheduler("c", Schedule("* * * * *"))
    await queue.obliterate(force=True)
    assert await queue.get_repeatable_jobs() == []
    assert world.dump() == {}


async def test_SCH_7_more_schedulers_than_one_reply_names_are_planned_though_nothing_runs(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    names = [f"s{number:02}" for number in range(2 * PLANS_MAX + 3)]
    for name in names:
        await queue.upsert_job_scheduler(name, Schedule("* * * * *", start_date=world.now + 60_000))
    await world.advance(630_000)
    await world.worker(nothing)
    await world.settle()
    assert [info.next_run for info in await queue.get_repeatable_jobs()] == [world.now + 30_000] * len(names)
    await world.advance(30_000)
    assert (await queue.get_job_counts()).waiting == 2 * len(names)


async def test_SCH_17_a_scheduler_that_cannot_be_planned_is_reported_once_and_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, starts, errors = world.queue(), list[int](), list[Exception]()
    worker = world.idle_worker(noting_times(world, starts))
    worker.on("error", errors.append)
    with monkeypatch.context() as elsewhere:  # a host whose zones are newer than the worker's
        elsewhere.setattr("glidemq_pb.schedule.check_zone", str)
        elsewhere.setattr("glidemq_pb.schedule.ZoneInfo", lambda name: UTC)
        await queue.upsert_job_scheduler("bad", Schedule("* * * * *", tz="Mars/Base"))
        await queue.upsert_job_scheduler("good", Schedule("* * * * *"))
    await worker.start()
    await world.advance(300_000)
    assert starts == sorted([0, 60_000] + [number * 60_000 for number in range(6)])
    (error,) = errors
    assert "Mars/Base" in str(error)
    assert (await scheduler(queue, "bad")).next_run is None


async def test_SCH_7_a_plan_that_cannot_be_sent_is_made_again(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    worker = await world.worker(noting_times(world, starts))
    await queue.upsert_job_scheduler("s", Schedule("* * * * *", start_date=world.now + 60_000, limit=4))
    line = line_of(worker)
    failing, call = 3, line.call

    async def fail(operation: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal failing
        if operation is plan_runs and failing:
            failing -= 1
            raise QueueConnectionError("the server", "cut off")
        return await call(operation, *args, **kwargs)

    line.call = fail  # type: ignore[method-assign]
    await world.advance(62_000)
    assert failing == 0
    assert world.calls(worker)["plan_runs"] == 1
    await world.advance(240_000)
    assert starts == [60_000, 120_000, 180_000, 240_000]
