"""The Queue: adds jobs, looks at them, pauses."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Unpack, cast

from .adding import Chunk, bulk, enqueue, enqueue_all, single
from .backends.backend import Backend
from .connection import Connection
from .errors import DuplicateJobError
from .job import Job, JobState
from .job_options import JobOptions, NewJob
from .options import check_choice, check_duration, check_int, check_str
from .payload import Compression
from .queue_administration import matches, newest
from .queue_dead_letters import check_dead_letter_queue
from .queue_schedulers import QueueSchedulers
from .semantics import changes, jobs, reads
from .semantics.limits import MINUTE_MS, PAGE_MAX
from .serializers import JSON_SERIALIZER, Serializer
from .wire import from_wire, to_wire

if TYPE_CHECKING:
    from .backends import Client

D = TypeVar("D")
R = TypeVar("R")

STATES: Final[tuple[JobState, ...]] = ("waiting", "active", "delayed", "completed", "failed", "waiting-children")


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs by state; each job is in exactly one."""

    waiting: int
    active: int
    delayed: int
    completed: int
    failed: int
    waiting_children: int


@dataclass(frozen=True, slots=True)
class JobLogs:
    """Lines of a job's log, and how many it has in all."""

    logs: list[str]
    count: int


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """How many jobs ended within one minute."""

    timestamp: int
    """The minute's beginning, epoch milliseconds."""
    count: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """Ended jobs by minute, for a day; minutes without any are left out."""

    points: list[MetricPoint]
    """The minutes that were asked for, oldest first."""
    count: int
    """Jobs of all minutes that are kept."""


class Queue(QueueSchedulers[D, R]):
    """A queue, for whoever adds and looks. `D` and `R` are the types of the jobs' data and results.

    `connection`: a URL, a `Connection`, or None for the environment variable GLIDEMQ_URL. `client`: a glide client of
    yours instead, which other components may share and which stays open (SC-1..10). `serializer` must
    be the workers' too; `compression="gzip"` compresses the payloads of what it adds, and workers need no setting
    (CMP-1). `events=False`: what is done through this object is not told to observers.
    Raises InvalidOptionsError when built with a bad argument; all else raises QueueConnectionError when
    the store cannot be reached, ClosedError after `close()`, FormatError for a queue of another release.

    Example:
        async with Queue[dict[str, str], None]("mail", connection="valkey://localhost:6379") as queue:
            await queue.add("welcome", {"to": "a@example.com"}, delay=5_000)
    """

    def __init__(
        self,
        name: str,
        *,
        connection: str | Connection | None = None,
        client: "Client | None" = None,
        backend: Backend | None = None,
        prefix: str = "glide",
        serializer: Serializer = JSON_SERIALIZER,
        compression: Compression = "none",
        events: bool = True,
        dead_letter_queue: str | None = None,
    ) -> None:
        super().__init__(
            name, connection=connection, client=client, backend=backend, prefix=prefix, serializer=serializer,
            events=events, compression=compression,
        )  # fmt: skip
        self._dead_letter_queue = check_dead_letter_queue(name, dead_letter_queue)

    # --- adding -------------------------------------------------------------------------------------------------------

    async def add(self, name: str, data: D | None = None, **options: Unpack[JobOptions]) -> Job[D, R] | None:
        """Add a job with `JobOptions`: the Job; None when a job with its `job_id` exists, or it is a duplicate.

        Raises InvalidOptionsError, PayloadTooLargeError and SerializationError before anything is sent.
        A cancelled call may have added the job all the same: give a `job_id` to add it at most once.
        With `parent`, InvalidStateError unless that job runs, and JobNotFoundError when it is gone.
        """
        self._check_open()
        chunk = single(self._owner, name, data, options)
        await self._name_dead_letters()
        added = with_ids(self._drafts(chunk), await enqueue(self._owner, chunk))
        return added[0] if added else None

    async def add_bulk(self, new_jobs: Iterable[NewJob]) -> list[Job[D, R]]:
        """Add jobs in order: those that were added, without the ones whose `job_id` is taken, and without duplicates.

        All are checked first, and one bad job (the message has its index; for a cost, its group) keeps all out. Up to
        1,000 jobs and 8 MiB are one atomic call; more go in several, and when a later one is refused, BulkError has in
        `added` the jobs that are in the queue.
        """
        self._check_open()
        chunks = bulk(self._owner, new_jobs)
        await self._name_dead_letters()
        return await enqueue_all(self._owner, chunks, self._drafts, with_ids)

    async def add_and_wait(
        self,
        name: str,
        data: D | None = None,
        *,
        wait_timeout: int | timedelta = 30_000,
        **options: Unpack[JobOptions],
    ) -> R:
        """Add a job and wait for its end, at most `wait_timeout`: its result, whatever its retention (JOB-15).

        All waits of a Queue share one more connection. Raises what `add` raises, and JobFailedError when the job
        fails, expires, is revoked or removed, JobWaitTimeoutError (the job goes on), DuplicateJobError when it was
        not added. One that is cancelled may have added the job, which then goes on.

        Example:
            total = await queue.add_and_wait("sum", {"of": [1, 2]}, wait_timeout=5_000, remove_on_complete=True)
        """
        self._check_open()
        waits = self._owner.waits
        with waits.wait(check_duration("wait_timeout", wait_timeout)) as wait:
            chunk = single(self._owner, name, data, options, wait.option)
            await waits.listen()
            await self._name_dead_letters()
            (job_id,) = await enqueue(self._owner, chunk)
            if job_id == jobs.SKIPPED:
                known = options.get("deduplication")
                raise DuplicateJobError((options.get("job_id") or "") if known is None else known.id)
            answer = await wait.answer(job_id)
        return cast("R", waits.result(job_id, answer))

    def _drafts(self, chunk: Chunk) -> list[Job[D, R]]:
        """The Jobs of a chunk as they will be stored, but for their ids and the moment, which only the store knows."""
        owner = self._owner
        now = owner.backend.clock.now()
        digits = str(now)
        drafts: list[Job[D, R]] = [
            Job(owner, "", {"name": name, "data": wire, "added": digits})
            for name, wire in zip(chunk.batch.names, chunk.batch.data, strict=True)
        ]
        for draft, fields in zip(drafts, chunk.batch.options, strict=False):  # none at all, or one for each
            draft.note_options(fields, now)
        return drafts

    # --- looking ------------------------------------------------------------------------------------------------------

    async def get_job(self, job_id: str, *, exclude_data: bool = False) -> Job[D, R] | None:
        """The job with this id, or None. `exclude_data` leaves its payload in the store: `data` is None."""
        wire_id = to_wire(check_str("job_id", job_id))
        fields = await self._owner.call(reads.get_job, wire_id, exclude_data)
        return Job(self._owner, wire_id, fields) if fields else None

    async def get_jobs(
        self, state: JobState, start: int = 0, end: int = -1, *, exclude_data: bool = False
    ) -> list[Job[D, R]]:
        """Jobs of a state from position `start` to `end` (inclusive; -1 is the last).

        Waiting in the order they will be taken, active by the end of their lease, delayed by due moment,
        completed and failed oldest first. Read in pages of at most 500: what moves meanwhile may
        be missed or be there twice.
        """
        check_choice("state", state, STATES)
        check_range(start, end)
        found: list[Job[D, R]] = []
        while end < 0 or start <= end:
            page = await self._owner.call(reads.list_jobs, state, start, end, exclude_data)
            if not page:
                break
            found += [Job(self._owner, entry.job_id, entry.fields) for entry in page]
            start += len(page)
        if state == "waiting" and (end < 0 or start <= end):
            skip = 0 if found else start - await self._ready_count()
            found += await self._parked(max(skip, 0), end - start + 1 if end >= 0 else None, exclude_data)
        return found

    async def _ready_count(self) -> int:
        counts = await self._owner.call(reads.count_jobs)
        return counts.waiting - counts.parked

    async def _parked(self, skip: int, most: int | None, exclude_data: bool) -> list[Job[D, R]]:
        """Jobs that wait in their groups, group by group: at most so many, after the first `skip`."""
        found: list[Job[D, R]] = []
        group = member = 0
        last = False
        while not last and (most is None or len(found) < skip + most):
            page = await self._owner.call(reads.list_parked, group, member, exclude_data)
            found += [Job(self._owner, entry.job_id, entry.fields) for entry in page.entries]
            group, member, last = page.group, page.skip, page.last
        return found[skip : None if most is None else skip + most]

    async def get_job_counts(self) -> JobCounts:
        """How many jobs are in each state."""
        counts = await self._owner.call(reads.count_jobs)
        return JobCounts(
            counts.waiting, counts.active, counts.delayed, counts.completed, counts.failed, counts.waiting_children
        )

    async def count(self) -> int:
        """How many jobs are waiting."""
        return (await self._owner.call(reads.count_jobs)).waiting

    async def search_jobs(
        self,
        state: JobState | None = None,
        name: str | None = None,
        data: Mapping[str, Any] | None = None,
        limit: int = 100,
    ) -> list[Job[D, R]]:
        """Jobs with this name and, in their data, these keys with these values: the last added first.

        Reads all jobs of the state, or of every state, page by page; their payloads only where `data` asks for them.

        Example:
            await queue.search_jobs("failed", "send-email", {"to": "a@example.com"})
        """
        if state is not None:
            check_choice("state", state, STATES)
        check_int("limit", limit, 0)
        found: list[Job[D, R]] = []
        for one in STATES if state is None else (state,):
            async for job in self._all(one, exclude_data=data is None):
                if matches(job, name, data):
                    found.append(job)
                    if len(found) >= 2 * limit + PAGE_MAX:
                        found = newest(found, limit)
        found = newest(found, limit)
        if data is None:
            found = [whole for one in found if (whole := await self.get_job(one.id)) is not None]
        return found

    async def _all(self, state: JobState, *, exclude_data: bool) -> AsyncIterator[Job[D, R]]:
        """All jobs of a state, page by page."""
        start = 0
        while page := await self._owner.call(reads.list_jobs, state, start, -1, exclude_data):
            for entry in page:
                yield Job(self._owner, entry.job_id, entry.fields)
            start += len(page)
        group = member = 0
        last = state != "waiting"
        while not last:
            parked = await self._owner.call(reads.list_parked, group, member, exclude_data)
            for entry in parked.entries:
                yield Job(self._owner, entry.job_id, entry.fields)
            group, member, last = parked.group, parked.skip, parked.last

    async def get_job_logs(self, job_id: str, start: int = 0, end: int = -1) -> JobLogs:
        """Lines of a job's log from `start` to `end` (inclusive; -1 is the last); none of a job that is gone."""
        wire_id = to_wire(check_str("job_id", job_id))
        check_range(start, end)
        lines: list[str] = []
        while True:
            page = await self._owner.call(reads.get_log, wire_id, start, end)
            lines += map(from_wire, page.lines)
            start += len(page.lines)
            if not page.lines or start >= page.count or 0 <= end < start:
                return JobLogs(lines, page.count)

    async def get_metrics(self, state: Literal["completed", "failed"], start: int = 0, end: int = -1) -> Metrics:
        """Jobs that ended so, by minute: from position `start` to `end` (inclusive; -1 is the newest)."""
        check_choice("state", state, ("completed", "failed"))
        check_range(start, end)
        fields = await self._owner.call(reads.get_metrics, state)
        pairs = iter(fields)
        points = sorted((int(minute) * MINUTE_MS, int(ended)) for minute, ended in zip(pairs, pairs, strict=True))
        chosen = points[start:] if end < 0 else points[start : end + 1]
        return Metrics([MetricPoint(*point) for point in chosen], sum(ended for _, ended in points))

    # --- pausing ------------------------------------------------------------------------------------------------------

    async def pause(self) -> None:
        """Start no more jobs, on any worker, until `resume()`. Running jobs end; adding goes on."""
        await self._owner.call(changes.pause, self._owner.events_keep)

    async def resume(self) -> None:
        """Start jobs again."""
        await self._owner.call(changes.resume, self._owner.events_keep)

    async def is_paused(self) -> bool:
        """Whether the queue is paused."""
        return await self._owner.call(reads.is_paused)


def with_ids(drafts: list[Job[D, R]], ids: list[str]) -> list[Job[D, R]]:
    """The jobs that were added, each with its id."""
    added: list[Job[D, R]] = []
    for draft, job_id in zip(drafts, ids, strict=True):
        if job_id != jobs.SKIPPED:
            draft.note_id(job_id)
            added.append(draft)
    return added


def check_range(start: object, end: object) -> None:
    """Positions of a listing. InvalidOptionsError otherwise."""
    check_int("start", start, 0)
    check_int("end", end, -1)
