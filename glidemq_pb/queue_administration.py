"""The part of the Queue that handles many jobs at once: drain, clean, retry, obliterate, search, revoke."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar, cast

from .errors import InvalidStateError
from .explanation import Explanation, explanation_of
from .job import Job
from .options import check_bool, check_choice, check_duration, check_int, check_job_id
from .queue_limits import QueueLimits
from .semantics import administration, changes, explaining, reads
from .semantics.limits import BATCH_MAX
from .semantics.records import ClearCursor
from .wire import from_wire, to_wire

Progress = Callable[[int], object]
"""Called with the number of jobs handled so far."""
J = TypeVar("J", bound=Job[Any, Any])

RevokeResult = Literal["revoked", "flagged", "not_found", "finished"]


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A live worker, as it described itself at `last_seen` (epoch milliseconds; at most seconds ago)."""

    id: str
    host: str
    pid: int
    concurrency: int
    active: int
    """Jobs that it ran then."""
    last_seen: int


class QueueAdministration(QueueLimits):
    """Bounded calls: each handles at most 50 jobs, so that none holds the server for long.

    What acts on many jobs acts on those that were there when it began.
    """

    async def revoke(self, job_id: str) -> RevokeResult:
        """End a job as revoked, in any process (REV-1..9).

        `revoked`: it will never run (again); `flagged`: it runs, its abort signal fires, and it ends as revoked
        whatever its processor does; `finished`: it had completed or failed otherwise; `not_found`.
        """
        owner = self._owner
        status = await owner.call(changes.revoke, owner.token(), to_wire(check_job_id(job_id)), owner.events_keep)
        return cast("RevokeResult", status)

    async def explain(self, job_id: str) -> Explanation:
        """Why is this job not running? Its state and place, the lease and worker if it runs, and each gate that
        holds it, with the moment or the jobs that it waits for: as text (`str()`), and as its `reasons`.
        """
        facts = await self._owner.call(explaining.explain, to_wire(check_job_id(job_id)))
        return explanation_of(job_id, facts)

    async def drain(self, delayed: bool = False, *, on_progress: Progress | None = None) -> None:
        """Remove all waiting jobs, also those that wait in groups; with `delayed` the delayed ones too.

        Example:
            await queue.drain(delayed=True, on_progress=bar.update)
        """
        last = administration.DELAYED_PHASE if check_bool("delayed", delayed) else administration.GROUPS_PHASE
        await self._clear(administration.READY_PHASE, last, self._owner.events_keep, on_progress)

    async def obliterate(self, force: bool = False, *, on_progress: Progress | None = None) -> None:
        """Remove the queue with all its jobs, limits and counters. InvalidStateError when jobs are active, unless
        `force`; their workers are told (`lease lost`). Jobs that are added meanwhile stay, and the queue with them.
        """
        check_bool("force", force)
        counts = await self._owner.call(reads.count_jobs)
        if counts.active and not force:
            raise InvalidStateError(f"queue {self.name!r} has {counts.active} active jobs: give force=True")
        await self._clear(administration.PARENTS_PHASE, administration.FAILED_PHASE, 0, on_progress)
        while not await self._owner.call(administration.forget_queue):
            counts = await self._owner.call(reads.count_jobs)
            if (
                counts.waiting
                + counts.active
                + counts.delayed
                + counts.completed
                + counts.failed
                + counts.waiting_children
            ):
                return

    async def _clear(self, first_phase: int, last_phase: int, events_keep: int, on_progress: Progress | None) -> None:
        marks = await self._owner.call(administration.get_marks)
        removed, before = 0, -1
        while removed != before:  # again, since what workers take meanwhile moves others past the cursor
            before = removed
            cursor, done = ClearCursor(first_phase, 0, 0), False
            while not done:
                cleared = await self._owner.call(administration.clear_some, marks, cursor, last_phase, events_keep)
                removed += cleared.removed
                cursor, done = cleared.cursor, cleared.done
                if on_progress is not None:
                    on_progress(removed)

    async def clean(
        self,
        grace: int | timedelta,
        limit: int,
        state: Literal["completed", "failed"],
        *,
        on_progress: Progress | None = None,
    ) -> list[str]:
        """Remove the oldest jobs that ended as `state` at least `grace` ago, at most `limit`: their ids (JOB-9)."""
        age = check_duration("grace", grace)
        check_int("limit", limit, -(2**53))
        check_choice("state", state, ("completed", "failed"))
        owner = self._owner
        ids: list[str] = []
        ended_before: int | None = None
        while len(ids) < limit:
            if ended_before is None:
                ended_before = await owner.call(reads.get_time) - age
            batch = await owner.call(
                administration.clean_some, owner.token(), state, ended_before, limit - len(ids), owner.events_keep
            )
            ids += map(from_wire, batch)
            if on_progress is not None:
                on_progress(len(ids))
            if len(batch) < BATCH_MAX:
                break
        return ids

    async def retry_jobs(self, count: int | None = None, *, on_progress: Progress | None = None) -> int:
        """Run failed jobs again as if they were new, the oldest failure first, at most `count`: how many (JOB-10)."""
        most = 2**53 - 1 if count is None else check_int("count", count, 0)
        owner = self._owner
        marks = await owner.call(administration.get_marks)
        retried = skip = 0
        while retried < most:
            reply = await owner.call(
                administration.retry_some, owner.token(), marks, skip, most - retried, owner.events_keep
            )
            retried += reply.retried
            skip = reply.skip
            if on_progress is not None:
                on_progress(retried)
            if reply.last:
                break
        return retried

    async def get_workers(self) -> list[WorkerInfo]:
        """The workers that were heard of lately: what each said of itself at its last call.

        One that closed is gone at once, one that died, or was closed by force, within minutes.
        """
        entries = await self._owner.call(administration.list_workers)
        return [worker_info(entry.worker, entry.info, entry.seen_at) for entry in entries]


def worker_info(worker: str, info: str, seen_at: int) -> WorkerInfo:
    """A worker from what it said of itself."""
    said: Mapping[str, Any] = json.loads(from_wire(info)) if info else {}
    return WorkerInfo(
        worker, said.get("host", ""), said.get("pid", 0), said.get("concurrency", 0), said.get("active", 0), seen_at
    )


def matches(job: Job[Any, Any], name: str | None, data: Mapping[str, Any] | None) -> bool:
    """Whether a job has this name, and these keys with these values in its data."""
    if name is not None and job.name != name:
        return False
    if data is None:
        return True
    payload: object = job.data
    if not isinstance(payload, Mapping):
        return False
    found = cast("Mapping[str, object]", payload)
    return all(key in found and found[key] == value for key, value in data.items())


def newest(jobs: list[J], most: int) -> list[J]:
    """The last added first, at most so many; ids of the queue's own counter order those of one millisecond."""
    return sorted(jobs, key=lambda job: (job.timestamp, int(job.id) if job.id.isdecimal() else 0), reverse=True)[:most]
