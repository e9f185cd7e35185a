"""What is always true of job schedulers. Runs in tests; it is not compiled."""

from collections.abc import Iterator

from .dumps import Dump, Job, number_of, records, scores
from .keys import scheduler_key, scheduler_names_key, schedulers_key, unplanned_key
from .states import COMPLETED, FAILED, WAITING

MODES = ("cron", "every", "after")


def schedulers_are_listed_by_name(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    stored = records(dump, scheduler_key(q, "")).keys()
    if stored != scores(dump, scheduler_names_key(q)).keys():
        yield f"schedulers {sorted(stored)}, listed {sorted(scores(dump, scheduler_names_key(q)))}"


def next_runs_are_timed(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    expected = {
        name: number_of(row, "next_run")
        for name, row in records(dump, scheduler_key(q, "")).items()
        if "next_run" in row
    }
    if expected != scores(dump, schedulers_key(q)):
        yield f"next runs {expected}, timed {scores(dump, schedulers_key(q))}"


def schedulers_without_a_next_run_wait_for_it(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    unplanned = scores(dump, unplanned_key(q))
    stored = records(dump, scheduler_key(q, ""))
    for name, row in stored.items():
        mode = row.get("mode", "")
        if mode not in MODES:
            yield f"{name} has mode {mode!r}"
        planned = mode != "cron" or number_of(row, "following") > 0
        if (name in unplanned and planned) or (mode == "cron" and "next_run" not in row and name not in unplanned):
            yield f"{name}, {mode}, following {row.get('following')}, unplanned: {name in unplanned}"
        if "next_run" not in row and mode == "every":
            yield f"{name} has no next run"
        if "next_run" not in row and mode == "cron" and "fired_at" not in row:
            yield f"{name} does not know where to go on"
        if mode == "after" and ("in_flight" in row) == ("next_run" in row):
            yield f"{name}: in flight {row.get('in_flight')}, next run {row.get('next_run')}"
        if mode != "after" and "in_flight" in row:
            yield f"{name}, {mode}, waits for a job"
    if missing := unplanned.keys() - stored.keys():
        yield f"unplanned {sorted(missing)}"


def the_job_in_flight_has_not_ended(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for name, row in records(dump, scheduler_key(q, "")).items():
        if "in_flight" in row:
            job = jobs.get(row["in_flight"])
            if job is None or job.get("state", WAITING) in {COMPLETED, FAILED} or job.get("scheduler_name") != name:
                yield f"{name} waits for job {row['in_flight']}, which is {job}"


def bounds_hold(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for name, row in records(dump, scheduler_key(q, "")).items():
        end = int(row.get("end_date", "-1"))
        if 0 <= end < number_of(row, "next_run"):
            yield f"{name} runs next at {row['next_run']}, after its end at {end}"


RULES = (
    schedulers_are_listed_by_name,
    next_runs_are_timed,
    schedulers_without_a_next_run_wait_for_it,
    the_job_in_flight_has_not_ended,
    bounds_hold,
)
