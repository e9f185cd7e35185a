"""SCH-4 to SCH-8, B-13: when the runs of a scheduler are: the first and the last, on the grid, durable, exact."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import QueueConnectionError, Schedule
from glidemq_pb.semantics.limits import BACKUP_TIMER_MS, PLANS_MAX
from glidemq_pb.semantics.schedulers import plan_runs

from .scheduling import gone, noting_times, scheduler
from .world import World, line_of, nothing

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


# --- SCH-7: on the grid, durable --------------------------------------------------------------------------------------


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


# --- SCH-8, B-13: exact -----------------------------------------------------------------------------------------------


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
