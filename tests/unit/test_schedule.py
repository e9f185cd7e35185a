"""Schedules, templates, previews: what is checked before anything is sent, and that a preview is what happens."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb import (
    Backoff,
    InvalidOptionsError,
    Job,
    JobTemplate,
    Ordering,
    Queue,
    Schedule,
    TokenBucket,
)
from glidemq_pb.schedule import coming_runs
from glidemq_pb.testing import NotCompletedError, TestQueue, TestWorker, VirtualClock, run
from tests import summary
from tests.properties.profile import DEEP, machine
from tests.unit.components import Reversed

AnyQueue = TestQueue[Any, Any]

NOW = 1_767_225_600_000
HOUR = 3_600_000
YEAR_SECONDS_MAX = 10.0


def noting_times(clock: VirtualClock, starts: list[int]) -> Any:
    async def process(job: Job[Any, Any]) -> None:
        starts.append(clock.now())

    return process


# --- records ----------------------------------------------------------------------------------------------------------


def test_a_schedule_is_kept_in_one_form() -> None:
    start = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    schedule = Schedule(" 0 8  * * MON", tz="Europe/Berlin", start_date=start, end_date=NOW + 5, limit=2)
    assert (schedule.pattern, schedule.start_date, schedule.end_date) == ("0 8 * * mon", NOW, NOW + 5)
    assert schedule == Schedule("0 8 * * mon", tz="Europe/Berlin", start_date=NOW, end_date=NOW + 5, limit=2)
    assert Schedule(every=timedelta(minutes=1)) == Schedule(every=60_000)
    assert Schedule(repeat_after_complete=timedelta(minutes=1)).repeat_after_complete == 60_000
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.limit = 3  # type: ignore[misc]


def test_the_template_is_checked_when_it_is_built() -> None:
    for wrong in ({"priority": 2049}, {"attempts": -1}, {"ttl": -1}, {"lock_duration": 999}, {"nothing": 1}):
        with pytest.raises(InvalidOptionsError):
            JobTemplate("n", **wrong)  # type: ignore[arg-type]
    for name in ("", "x" * 257, "a\nb", 5):
        with pytest.raises(InvalidOptionsError, match="name"):
            JobTemplate(name)  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionsError, match="cost"):
        JobTemplate(ordering=Ordering("g", token_bucket=TokenBucket(1, 1)), cost=2)
    assert JobTemplate("n", priority=1) == JobTemplate("n", priority=1) != JobTemplate("n", priority=2)


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb", 5, None])
async def test_the_name_of_a_scheduler_is_checked(name: Any) -> None:
    queue: AnyQueue = TestQueue("t")
    for call in (
        queue.upsert_job_scheduler(name, Schedule(every=1)),
        queue.get_job_scheduler(name),
        queue.remove_job_scheduler(name),
    ):
        with pytest.raises(InvalidOptionsError, match="name"):
            await call


async def test_a_name_may_have_colons_and_any_letters() -> None:
    queue: AnyQueue = TestQueue("t")
    for name in ("a:b", "{x}", "\xe9\u4e16 \U0001f600", "x" * 256):
        assert (await queue.upsert_job_scheduler(name, Schedule(every=1))).name == name
        info = await queue.get_job_scheduler(name)
        assert info is not None
        assert info.template.name == name
    assert len(await queue.get_repeatable_jobs()) == 4


async def test_data_of_another_serializer_is_shown_as_undecodable() -> None:
    clock = VirtualClock()
    queue: AnyQueue = TestQueue("t", clock=clock)
    other: Queue[Any, Any] = Queue("t", backend=queue.backend, serializer=Reversed())
    await other.upsert_job_scheduler("s", Schedule(every=1_000, limit=1), JobTemplate(data={"x": 1}))
    (info,) = await queue.get_repeatable_jobs()
    assert (info.deserialization_failed, info.template.data) == (True, None)
    mine = await other.get_job_scheduler("s")
    assert mine is not None
    assert (mine.deserialization_failed, mine.template.data) == (False, "{'x': 1}")
    seen: list[Any] = []

    async def process(job: Job[Any, Any]) -> None:
        seen.append(job.data)

    TestWorker(queue, process, serializer=Reversed())
    await queue.advance(1_000)
    assert seen == ["{'x': 1}"]


# --- preview ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [-1, 10_001, 1.0, True, None])
async def test_the_count_of_a_preview_is_checked(count: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="count"):
        await TestQueue("t").preview_schedule(Schedule(every=1), count)


async def test_a_preview_stores_nothing() -> None:
    queue: AnyQueue = TestQueue("t")
    before = queue.snapshot()
    assert await queue.preview_schedule(Schedule("0 12 * * *", limit=2)) == [NOW + 12 * HOUR, NOW + 36 * HOUR]
    assert await queue.preview_schedule(Schedule(every=1), 0) == []
    assert await queue.preview_schedule(Schedule(every=1_000, end_date=NOW + 3_000)) == [
        NOW + 1_000,
        NOW + 2_000,
        NOW + 3_000,
    ]
    assert await queue.preview_schedule(Schedule(repeat_after_complete=1)) == [NOW]
    assert await queue.preview_schedule(Schedule(repeat_after_complete=1, end_date=NOW - 1)) == []
    assert await queue.preview_schedule(Schedule("0 12 * * *", end_date=NOW)) == []
    assert queue.snapshot() == before


bounds = st.one_of(st.none(), st.integers(-100, 100).map(lambda minutes: NOW + minutes * 60_000 + minutes % 7))
schedules = st.builds(
    lambda given, start, end, limit: (given, {"start_date": start, "end_date": end, "limit": limit}),
    st.one_of(
        st.builds(lambda every: {"every": every * 1_000}, st.integers(60, 7_200)),
        st.builds(
            lambda pattern, tz: {"pattern": pattern, "tz": tz},
            st.sampled_from(("*/7 * * * *", "30 * * * *", "*/30 0-2 * * *", "15 5,18 * * thu", "0 0 1 1 *")),
            st.sampled_from(("UTC", "Asia/Kolkata", "America/St_Johns")),
        ),
    ),
    bounds,
    bounds,
    st.sampled_from((None, None, 1, 5)),
)


@machine(300)
@given(schedules)
def test_a_preview_is_what_happens(made: tuple[dict[str, Any], dict[str, Any]]) -> None:
    given_, limits = made
    if None not in (limits["start_date"], limits["end_date"]) and limits["start_date"] > limits["end_date"]:
        limits["start_date"], limits["end_date"] = limits["end_date"], limits["start_date"]
    schedule = Schedule(**given_, **limits)

    async def live() -> None:
        clock, starts = VirtualClock(), list[int]()
        queue: AnyQueue = TestQueue("t", clock=clock)
        TestWorker(queue, noting_times(clock, starts))
        expected = await queue.preview_schedule(schedule, 400)
        try:
            await queue.upsert_job_scheduler("s", schedule)
        except InvalidOptionsError:
            assert expected == []
            return
        await queue.advance(6 * HOUR)
        assert starts == [at for at in expected if at <= clock.now()]

    run(live())


# --- in virtual time --------------------------------------------------------------------------------------------------


async def test_black_friday_runs_exactly_36_times() -> None:
    """The example that the project began with."""
    clock, starts = VirtualClock(start=datetime(2026, 11, 20, tzinfo=UTC)), list[int]()
    queue: AnyQueue = TestQueue("deals", clock=clock)
    TestWorker(queue, noting_times(clock, starts))
    schedule = Schedule(
        "0 */2 * * *",
        start_date=datetime(2026, 11, 28, tzinfo=UTC),
        end_date=datetime(2026, 12, 1, tzinfo=UTC),
        limit=36,
    )
    await queue.upsert_job_scheduler("black-friday-deals", schedule, JobTemplate("promote-deal", {"campaign": "bf"}))
    await queue.advance(timedelta(days=20))
    first = round(datetime(2026, 11, 28, tzinfo=UTC).timestamp() * 1000)
    assert starts == [first + 2 * HOUR * number for number in range(36)]
    assert await queue.get_repeatable_jobs() == []
    assert (await queue.get_job_counts()).completed == 36


@pytest.mark.parametrize("worker_is", ["paused with its queue", "full", "not there"])
async def test_cron_fires_on_time_though_no_worker_can_take_its_jobs(worker_is: str) -> None:
    clock = VirtualClock()
    queue: AnyQueue = TestQueue("t", clock=clock)

    async def process(job: Job[Any, Any]) -> None:
        await clock.sleep(timedelta(days=2))

    if worker_is != "not there":
        TestWorker(queue, process)
    if worker_is == "full":
        await queue.add("long", priority=1)
        await queue.run_until_idle()
    if worker_is.startswith("paused"):
        await queue.pause()
    await queue.upsert_job_scheduler("s", Schedule("*/10 * * * *", start_date=NOW + 1))
    await queue.advance(HOUR)
    jobs = await queue.get_jobs("waiting")
    assert [job.timestamp for job in jobs] == [NOW + 600_000 * number for number in range(1, 7)]


async def test_run_to_completion_counts_schedulers_as_work() -> None:
    clock, starts = VirtualClock(), list[int]()
    queue: AnyQueue = TestQueue("t", clock=clock)
    TestWorker(queue, noting_times(clock, starts))
    await queue.upsert_job_scheduler("s", Schedule("0 0 1 * *", limit=12))
    await queue.upsert_job_scheduler("r", Schedule(repeat_after_complete=1_000, limit=3))
    await queue.run_to_completion()
    assert len(starts) == 15
    await queue.upsert_job_scheduler("for ever", Schedule("0 0 1 1 *"))
    with pytest.raises(NotCompletedError, match=r"no end.*job schedulers: for ever"):
        await queue.run_to_completion()


async def test_fields_of_a_run_are_those_of_its_moment() -> None:
    clock = VirtualClock()
    queue: AnyQueue = TestQueue("t", clock=clock)
    TestWorker(queue, noting_times(clock, []))
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=2))
    await queue.run_to_completion(until=timedelta(seconds=5))
    jobs = await queue.get_jobs("completed")
    assert [(job.timestamp, job.processed_on, job.finished_on) for job in jobs] == [
        (NOW + 1_000,) * 3,
        (NOW + 2_000,) * 3,
    ]
    assert coming_runs(Schedule(every=1_000, limit=2), NOW, 10) == [NOW + 1_000, NOW + 2_000]


def test_a_year_of_an_hourly_cron_is_quick_and_repeats() -> None:
    """Each run's job fails once and is retried. Without GLIDEMQ_DEEP it is a tenth of a year."""
    hours = 365 * 24 if DEEP else 365 * 24 // 10

    async def year() -> str:
        queue: AnyQueue = TestQueue("t")

        async def process(job: Job[Any, Any]) -> None:
            if job.attempts_made == 0:
                raise ValueError("once")

        TestWorker(queue, process)
        template = JobTemplate(attempts=2, backoff=Backoff("fixed", 60_000, jitter=0.5), remove_on_complete=True)
        await queue.upsert_job_scheduler("hourly", Schedule("0 * * * *", limit=hours), template)
        await queue.run_to_completion()
        return str(queue.timeline())

    begun = time.process_time()  # a machine may be busy
    first = run(year())
    seconds = time.process_time() - begun
    assert first.count("  added ") == first.count("  retrying ") == first.count("  completed ") == hours
    assert first == run(year())
    assert seconds < YEAR_SECONDS_MAX
    summary.record("hours of a cron with a retry each, in virtual time", f"{hours:,} in {seconds:.1f} s")


async def test_an_upsert_that_is_repeated_after_its_only_run_adds_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first reply was lost, and the run has come and gone meanwhile."""
    clock, starts = VirtualClock(), list[int]()
    queue: AnyQueue = TestQueue("t", clock=clock)
    TestWorker(queue, noting_times(clock, starts))
    await queue.run_until_idle()
    monkeypatch.setattr(clock, "token", lambda: "the same")
    schedule = Schedule(repeat_after_complete=1_000, limit=1)
    template = JobTemplate(data={"x": 1}, priority=4)
    first = await queue.upsert_job_scheduler("s", schedule, template)
    await queue.run_until_idle()
    assert await queue.get_repeatable_jobs() == []
    again = await queue.upsert_job_scheduler("s", schedule, template)
    await queue.advance(HOUR)
    assert starts == [NOW]
    assert again == dataclasses.replace(first, next_run=None)
    assert again.template.options == {"priority": 4}


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [(("* * * * *",), r"schedule='\* \* \* \* \*': allowed: a Schedule"), ((None,), "schedule=None"),
     ((Schedule(every=1_000), "send"), "template='send': allowed: a JobTemplate")],
)  # fmt: skip
def test_what_is_no_schedule_or_template_is_refused(arguments: Any, refused: str) -> None:
    async def main() -> None:
        with pytest.raises(InvalidOptionsError, match=refused):
            await AnyQueue("q").upsert_job_scheduler("s", *arguments)

    run(main())
