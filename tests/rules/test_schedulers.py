"""SCH: job schedulers: replacing and removing them, what is shown, and many beside each other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, JobTemplate, Schedule
from glidemq_pb.semantics.limits import PLANS_MAX, SWEEP_MAX

from .scheduling import DAY, gone, noting_times, scheduler
from .world import World, nothing, noting

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


async def test_SCH_10_obliterate_removes_schedulers(world: World) -> None:
    queue = world.queue()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000))
    await queue.upsert_job_scheduler("c", Schedule("* * * * *"))
    await queue.obliterate(force=True)
    assert await queue.get_repeatable_jobs() == []
    assert world.dump() == {}


# --- SCH-11: what is shown --------------------------------------------------------------------------------------------


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


# --- SCH-17, SCH-18: beside each other --------------------------------------------------------------------------------


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


# --- SCH-19: paused ---------------------------------------------------------------------------------------------------


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
