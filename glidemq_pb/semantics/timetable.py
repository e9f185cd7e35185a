"""When a job scheduler runs next, and what the end of its job means to it."""

from typing import Final

from .deadlines import lower_next_due
from .keys import scheduler_key, scheduler_names_key, schedulers_key, unplanned_key
from .rows import SchedulerRow
from .store import Store

AFTER: Final = "after"
"""Repeat after complete: the next run is set when the job of the last one has ended."""


def set_next_run(s: Store, q: str, name: str, at: int) -> None:
    """Note when a scheduler fires next."""
    s.hset(scheduler_key(q, name), next_run=at)
    s.zadd(schedulers_key(q), at, name)
    lower_next_due(s, q, at)


def go_on(s: Store, q: str, name: str, row: SchedulerRow, at: int) -> None:
    """Set the next run, unless it lies beyond the end (SCH-5)."""
    if row.end_date >= 0 and at > row.end_date:
        forget_scheduler(s, q, name)
    else:
        set_next_run(s, q, name, at)


def forget_scheduler(s: Store, q: str, name: str) -> None:
    """Remove a scheduler; jobs that it made stay."""
    s.delete([scheduler_key(q, name)])
    s.zrem(schedulers_key(q), name)
    s.zrem(scheduler_names_key(q), name)
    s.zrem(unplanned_key(q), name)


def job_ended(s: Store, q: str, now: int, name: str, job_id: str) -> None:
    """A job has ended, however: a scheduler that waited for it sets its next run (SCH-14). The empty name is none."""
    if name == "":
        return
    key = scheduler_key(q, name)
    row = s.read(key, SchedulerRow)
    if row.mode != AFTER or row.in_flight != job_id:
        return
    s.hdel(key, ["in_flight"])
    if row.limit > 0 and row.iteration_count >= row.limit:
        forget_scheduler(s, q, name)
    else:
        go_on(s, q, name, row, max(now + row.every, row.start_date))
