"""The part of the Queue that keeps job schedulers."""

from typing import Any, Generic, TypeVar

from .errors import SerializationError
from .job_options import decode_options
from .options import check_int, check_record, check_text
from .payload import decode_value
from .queue_dead_letters import QueueDeadLetters
from .schedule import JobTemplate, Schedule, SchedulerInfo, coming_runs, first_cron_runs
from .semantics import reads, schedulers, timetable
from .semantics.lang import Fields
from .semantics.records import SchedulerEntry, SchedulerSpec
from .wire import from_wire, to_wire

D = TypeVar("D")
R = TypeVar("R")


def fields_of(spec: SchedulerSpec) -> Fields:
    """What is stored of a scheduler, for one that is over before its caller has heard of it."""
    fields: list[str] = []
    for name in ("mode", "pattern", "tz", "every", "start_date", "end_date", "limit", "job_name", "data"):
        fields += (name, str(getattr(spec, name)))
    pairs = iter(spec.options)
    for name, value in zip(pairs, pairs, strict=True):
        fields += (f"option:{name}", value)
    return Fields(fields)


class QueueSchedulers(QueueDeadLetters[D, R], Generic[D, R]):
    """Any worker of the queue fires what is due: there is no scheduler process, and each run adds exactly one job."""

    async def upsert_job_scheduler(
        self, name: str, schedule: Schedule, template: JobTemplate | None = None
    ) -> SchedulerInfo:
        """Add a scheduler, or replace the one of this name (SCH-1..19).

        Where the schedule is unchanged its next run and count go on, and only template and limit change;
        otherwise it begins anew. Raises InvalidOptionsError (also when no run lies within the bounds),
        SerializationError and PayloadTooLargeError; an existing scheduler then stays as it was.

        Example:
            await queue.upsert_job_scheduler("report", Schedule("0 8 * * mon-fri", tz="Europe/Berlin"),
                                             JobTemplate("send-report", {"kind": "daily"}, attempts=3))
        """
        check_text("name", name)
        check_record("schedule", schedule, Schedule, needed=True)
        check_record("template", template, JobTemplate)
        template = JobTemplate() if template is None else template
        owner = self._owner
        data = owner.encode_data(template.data)
        next_run = following = 0
        mode = schedulers.CRON
        if schedule.pattern is not None:
            next_run, following = first_cron_runs(schedule.pattern, schedule, await owner.call(reads.get_time))
        elif schedule.every is not None:
            mode = schedulers.EVERY
        else:
            mode = timetable.AFTER
        spec = SchedulerSpec(
            mode,
            to_wire(schedule.pattern or ""),
            schedule.tz if schedule.pattern is not None else "UTC",
            schedule.every or schedule.repeat_after_complete or 0,
            -1 if schedule.start_date is None else schedule.start_date,
            -1 if schedule.end_date is None else schedule.end_date,
            schedule.limit or 0,
            next_run,
            following,
            to_wire(template.name or name),
            data,
            Fields([*template.encoded, *owner.added_options]),
        )
        entry = await owner.call(schedulers.upsert_scheduler, owner.token(), to_wire(name), spec)
        return self._info(entry if entry.fields else SchedulerEntry(to_wire(name), fields_of(spec)))

    async def get_job_scheduler(self, name: str) -> SchedulerInfo | None:
        """The scheduler of this name, or None."""
        entry = await self._owner.call(schedulers.get_scheduler, to_wire(check_text("name", name)))
        return self._info(entry) if entry.fields else None

    async def get_repeatable_jobs(self) -> list[SchedulerInfo]:
        """All schedulers, in the order in which they were added."""
        found: list[SchedulerInfo] = []
        while page := await self._owner.call(schedulers.list_schedulers, len(found)):
            found += map(self._info, page)
        return found

    async def remove_job_scheduler(self, name: str) -> bool:
        """Stop its future runs; jobs that it added stay: whether there was such a scheduler (SCH-10)."""
        return await self._owner.call(
            schedulers.remove_scheduler, self._owner.token(), to_wire(check_text("name", name))
        )

    async def preview_schedule(self, schedule: Schedule, count: int = 10) -> list[int]:
        """The first runs (epoch milliseconds) if the schedule were added now; nothing is stored."""
        check_int("count", count, 0, 10_000)
        return coming_runs(schedule, await self._owner.call(reads.get_time), count)

    def _info(self, entry: SchedulerEntry) -> SchedulerInfo:
        pairs = iter(entry.fields)
        stored = dict(zip(pairs, pairs, strict=True))

        def number(name: str, none: int = 0) -> int | None:
            value = int(stored.get(name, none))
            return None if value == none else value

        options = {name.removeprefix("option:"): value for name, value in stored.items() if name.startswith("option:")}
        data: Any = None
        undecodable = False
        try:
            data = decode_value(self._owner.serializer, stored["data"])
        except SerializationError:
            undecodable = True
        mode = stored["mode"]
        interval = number("every")
        return SchedulerInfo(
            from_wire(entry.name),
            JobTemplate(from_wire(stored["job_name"]), data, **decode_options(options)),
            from_wire(stored["pattern"]) or None,
            from_wire(stored["tz"]),
            interval if mode == schedulers.EVERY else None,
            interval if mode == timetable.AFTER else None,
            number("start_date", -1),
            number("end_date", -1),
            number("limit"),
            number("iteration_count") or 0,
            number("next_run"),
            number("last_run"),
            undecodable,
        )
