"""Job schedulers: the records that callers write and read, and the arithmetic of their runs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Unpack
from zoneinfo import ZoneInfo

from .costs import CostCheck
from .cron import check_pattern, next_run, runs_from
from .errors import InvalidOptionsError
from .job_options import JobOptions, encode_options
from .options import check_duration, check_instant, check_int, check_job_name, check_text, refuse_option
from .semantics.lang import Fields
from .semantics.records import PlannedRun, Unplanned
from .wire import from_wire

FORBIDDEN_IN_TEMPLATES: Final = ("job_id", "delay", "deduplication", "parent")
LIMIT_MAX: Final = 2**53 - 1


@dataclass(frozen=True, slots=True, init=False)
class Schedule:
    """When a job scheduler runs: exactly one of `pattern`, `every` and `repeat_after_complete`.

    - `pattern`: a crontab line's five fields (minute, hour, day of month, month, day of week), in `tz`.
      `* n a-b */s a-b/s` and lists; names of months and days; 0 and 7 are Sunday; where neither field of days holds
      a `*`, either matches, as in crontab(5). Clock changes are Debian's: a fixed time that does not exist runs at the
      first instant after the gap, one that comes twice runs once; with `*` in hour or minute the wall clock is
      followed as it is.
    - `every`: a duration; runs lie on a grid without drift: one interval from now on, or as `start_date` sets it.
    - `repeat_after_complete`: so long after the previous job has ended, however it ended; runs never overlap.

    `start_date` is the earliest first run, `end_date` the latest last one (epoch milliseconds or aware datetimes),
    `limit` the number of jobs. What is missed while no worker lives fires once, then the grid goes on. See
    docs/schedulers.md. Raises InvalidOptionsError.

    Example:
        Schedule("0 8 * * mon-fri", tz="Europe/Berlin")
        Schedule(every=timedelta(minutes=5), limit=12)
        Schedule(repeat_after_complete=5_000)
    """

    pattern: str | None
    tz: str
    every: int | None
    repeat_after_complete: int | None
    start_date: int | None
    end_date: int | None
    limit: int | None

    def __init__(
        self,
        pattern: str | None = None,
        *,
        tz: str = "UTC",
        every: int | timedelta | None = None,
        repeat_after_complete: int | timedelta | None = None,
        start_date: int | datetime | None = None,
        end_date: int | datetime | None = None,
        limit: int | None = None,
    ) -> None:
        given = [pattern, every, repeat_after_complete]
        if sum(one is not None for one in given) != 1:
            raise InvalidOptionsError(
                f"pattern={pattern!r}, every={every!r}, repeat_after_complete={repeat_after_complete!r}: "
                "allowed: exactly one of them"
            )
        put = object.__setattr__
        put(self, "pattern", None if pattern is None else check_pattern(pattern))
        put(self, "tz", check_zone(tz))
        put(self, "every", None if every is None else check_duration("every", every, least=1))
        after = repeat_after_complete
        put(
            self,
            "repeat_after_complete",
            None if after is None else check_duration("repeat_after_complete", after, least=1),
        )
        start = None if start_date is None else check_instant("start_date", start_date)
        end = None if end_date is None else check_instant("end_date", end_date)
        if start is not None and end is not None and start > end:
            refuse_option("end_date", end_date, f"an instant that is not before start_date={start_date!r}")
        put(self, "start_date", start)
        put(self, "end_date", end)
        put(self, "limit", None if limit is None else check_int("limit", limit, 1, LIMIT_MAX))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the pattern."""
        return ZoneInfo(self.tz)


@dataclass(frozen=True, slots=True, init=False)
class JobTemplate:
    """The job that each run of a scheduler adds: a name (the scheduler's otherwise), data, and job options.

    `delay`, `job_id`, `deduplication` and `parent` are errors (SCH-12). Checked when built, but for the data,
    which is serialized once, by the upsert. Raises InvalidOptionsError.
    """

    name: str | None
    data: Any
    options: JobOptions = field(compare=False)
    encoded: tuple[str, ...] = field(repr=False)
    """The fields that are stored for the options."""

    def __init__(self, name: str | None = None, data: Any = None, **options: Unpack[JobOptions]) -> None:
        for option in FORBIDDEN_IN_TEMPLATES:
            if option in options:
                raise InvalidOptionsError(f"{option}={options.get(option)!r}: not allowed in a job template")
        put = object.__setattr__
        encoded = tuple(encode_options(options)) if options else ()
        CostCheck().guarded([Fields(list(encoded))])
        put(self, "name", None if name is None else check_job_name(name))
        put(self, "data", data)
        put(self, "options", options)
        put(self, "encoded", encoded)


@dataclass(frozen=True, slots=True)
class SchedulerInfo:
    """A job scheduler as it is stored. Moments are epoch milliseconds, durations milliseconds."""

    name: str
    template: JobTemplate
    pattern: str | None
    tz: str
    every: int | None
    repeat_after_complete: int | None
    start_date: int | None
    end_date: int | None
    limit: int | None
    iteration_count: int
    """Jobs it has added."""
    next_run: int | None
    """None while the job of a repeat-after-complete scheduler is out."""
    last_run: int | None
    deserialization_failed: bool = False
    """The template's data cannot be decoded here (`template.data` is None then); its jobs have the stored bytes."""


def check_zone(tz: object) -> str:
    """The name of an IANA time zone."""
    name = check_text("tz", tz)
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise InvalidOptionsError(f"tz={tz!r}: allowed: the name of an IANA time zone, as 'Europe/Berlin'") from error
    return name


def first_cron_runs(pattern: str, schedule: Schedule, now: int) -> tuple[int, int]:
    """A cron schedule's first run from `now` on and the one after it, 0 for none."""
    first = next_run(pattern, schedule.zone, max(now, schedule.start_date or 0) - 1)
    if first is None or (schedule.end_date is not None and first > schedule.end_date):
        raise InvalidOptionsError(f"pattern={pattern!r}: allowed: one that has a run within the bounds")
    return first, next_run(pattern, schedule.zone, first) or 0


def planned(run: Unplanned) -> PlannedRun:
    """What a worker answers when it is asked to plan a cron scheduler."""
    pattern, zone = from_wire(run.pattern), ZoneInfo(from_wire(run.tz))
    first = next_run(pattern, zone, run.after) if run.fired else run.after
    following = None if first is None else next_run(pattern, zone, first)
    return PlannedRun(run.name, run.pattern, run.tz, run.after, first or 0, following or 0)


def coming_runs(schedule: Schedule, now: int, count: int) -> list[int]:
    """The first runs of a schedule that is added at `now`; of repeat-after-complete only the first is known."""
    start = schedule.start_date
    if schedule.pattern is not None:
        runs = runs_from(schedule.pattern, schedule.zone, max(now, start or 0) - 1)
    elif schedule.every is not None:
        every = schedule.every
        first = now + every
        if start is not None:
            first = start if start >= now else start + ((now - start) // every + 1) * every
        runs = (first + n * every for n in range(count))
    else:
        runs = iter([max(now, start or 0)])
    most = count if schedule.limit is None else min(count, schedule.limit)
    end = schedule.end_date
    found = list(islice(runs, most))
    return found if end is None else [run for run in found if run <= end]
