"""Reading a canonical dump of one queue (`MemoryStore.dump`: stored keys to plain values). Only for invariants."""

from typing import Any

from .keys import job_key, leases_key
from .states import ACTIVE, WAITING

MARK_DIGITS = 16

Dump = dict[str, Any]
Job = dict[str, str]


def jobs_of(dump: Dump, q: str) -> dict[str, Job]:
    """All jobs by id, each with its lease."""
    jobs = records(dump, job_key(q, ""))
    for job_id, lease in dump.get(leases_key(q), {}).items():
        mark, place, start, worker, call = lease.split(":")
        jobs[job_id] = jobs.get(job_id, {}) | {
            "state": ACTIVE,
            "token": f"{worker}:{call}",
            "mark": str(int(mark)),
            "place": str(int(place)),
            "processed_on": str(int(start)),
        }
    return jobs


def records(dump: Dump, prefix: str) -> dict[str, Any]:
    """The values of the keys with a prefix, by what follows it."""
    return {key.removeprefix(prefix): value for key, value in dump.items() if key.startswith(prefix)}


def number_of(row: Job, field: str) -> int:
    return int(row.get(field, "0"))


def state(job: Job) -> str:
    return job.get("state", WAITING)


def group_of(job: Job) -> str:
    return job.get("ordering_key", "")


def marked(job: Job, field: str, job_id: str) -> str:
    """The member that stands for a job in a set ordered by marks."""
    return job.get(field, "").zfill(MARK_DIGITS) + job_id


def scores(dump: Dump, key: str) -> dict[str, int]:
    return dict(dump.get(key, []))
