"""Assertions on what is enqueued, with messages that show what was there instead, and two short cuts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..backends.memory import VirtualClock
from ..errors import InvalidOptionsError, JobFailedError, duration_ms
from ..job import Job, JobState
from ..queue import JobCounts
from .queue import TestQueue
from .timeline import moment_text
from .worker import TestWorker

AnyQueue = TestQueue[Any, Any]
AnyJob = Job[Any, Any]
Process = Callable[[Job[Any, Any]], Any] | Mapping[str, Callable[[Job[Any, Any]], Any]]

SHOWN_MAX = 20
DATA_SHOWN_MAX = 200
_ANY: Any = object()
"""Stands for a filter that was not given: None is a value that data may have."""


async def all_enqueued(
    queue: AnyQueue,
    *,
    name: str | None = None,
    data: Any = _ANY,
    delay: int | timedelta | None = None,
    within: int | timedelta | None = None,
) -> list[AnyJob]:
    """The jobs that wait or are delayed and match: in the order they will be taken, then by due moment.

    - `name`: the job's name.
    - `data`: for a dict, these keys have these values; anything else equals the job's data.
    - `delay`: the delay it was added with; 0 is none.
    - `within`: it is ready, or falls due at most so long from now.

    Durations are milliseconds or timedeltas. Running and ended jobs are not enqueued.
    """
    horizon = None if within is None else queue.clock.now() + duration_ms("within", within)
    delay_ms = None if delay is None else duration_ms("delay", delay)
    found = await queue.get_jobs("waiting")
    due = queue.due_moments()
    found += [job for job in await queue.get_jobs("delayed") if horizon is None or due_at(job, due) <= horizon]
    return [
        job
        for job in found
        if (name is None or job.name == name)
        and (data is _ANY or matches(job.data, data))
        and (delay_ms is None or job.delay == delay_ms)
    ]


async def assert_enqueued(
    queue: AnyQueue,
    *,
    name: str | None = None,
    data: Any = _ANY,
    delay: int | timedelta | None = None,
    within: int | timedelta | None = None,
) -> AnyJob:
    """Some job is enqueued that matches (see `all_enqueued`): the first one. AssertionError otherwise."""
    found = await all_enqueued(queue, name=name, data=data, delay=delay, within=within)
    if not found:
        wanted = describe_filters(name, data, delay, within)
        raise AssertionError(f"no job{wanted} is enqueued in {queue.name!r}; {await describe_queue(queue)}")
    return found[0]


async def refute_enqueued(
    queue: AnyQueue,
    *,
    name: str | None = None,
    data: Any = _ANY,
    delay: int | timedelta | None = None,
    within: int | timedelta | None = None,
) -> None:
    """No job is enqueued that matches (see `all_enqueued`). AssertionError otherwise."""
    found = await all_enqueued(queue, name=name, data=data, delay=delay, within=within)
    if found:
        wanted = describe_filters(name, data, delay, within)
        jobs = describe_jobs("enqueued", found, queue.due_moments())
        raise AssertionError(f"{len(found)} jobs{wanted} are enqueued in {queue.name!r}:\n{jobs}")


async def perform(
    processor: Process,
    data: Any = None,
    *,
    name: str = "job",
    clock: VirtualClock | None = None,
    worker: Mapping[str, Any] | None = None,
    **job_options: Any,
) -> Any:
    """Run one job through a real queue and worker, with all its attempts: the result, as it was stored.

    `worker`: options of the Worker. Time is virtual, and moves as far as the job needs it. A job that failed
    raises JobFailedError, whose cause is what the processor raised at last.
    """
    queue: AnyQueue = TestQueue("perform", clock=clock)
    errors: list[BaseException | None] = [None]
    results: list[object] = []

    def note_failure(_: AnyJob, error: BaseException) -> None:
        errors.append(error)

    def note_result(_: AnyJob, result: object) -> None:
        results.append(result)

    performer = TestWorker(queue, processor, **(worker or {}))
    performer.on("failed", note_failure)
    performer.on("completed", note_result)
    try:
        job = await queue.add(name, data, **job_options)
        if job is None:
            raise InvalidOptionsError(f"job_id={job_options.get('job_id')!r}: this clock has performed that job before")
        await queue.run_to_completion()
        ended = await queue.get_job(job.id)
    finally:
        await queue.end_test()
    if not results:
        reason = (ended and ended.failed_reason) or str(errors[-1])
        raise JobFailedError(job.id, reason) from errors[-1]
    return results[0] if ended is None else ended.return_value


async def drain(queue: AnyQueue, worker: TestWorker[Any, Any] | Process) -> JobCounts:
    """Run every job of the queue, delayed ones and retries too: the counts afterwards.

    `worker`: a TestWorker of this queue, or a processor, for which one is made and closed. Time moves as far
    as the last job needs it. NotCompletedError when that has no end.
    """
    if isinstance(worker, TestWorker):
        await queue.run_to_completion()
    else:
        drainer = TestWorker(queue, worker)
        try:
            await queue.run_to_completion()
        finally:
            await drainer.close(force=bool(queue.running()))  # what hangs would not let it go
    return await queue.get_job_counts()


# --- what matches, and how it is told --------------------------------------------------------------------------------


def matches(data: Any, wanted: Any) -> bool:
    """Whether data is as wanted: for dicts, these keys have these values."""
    if is_dict(wanted) and is_dict(data):
        return all(key in data and data[key] == value for key, value in wanted.items())
    return bool(data == wanted)


def is_dict(value: object) -> bool:
    """Whether it is a dict; what of, the caller cannot know."""
    return isinstance(value, dict)


def due_at(job: AnyJob, due: Mapping[str, int]) -> int:
    """When a delayed job falls due; on a real store, where nobody tells, as far as its first delay goes."""
    return due.get(job.id, job.timestamp + job.delay)


def describe_filters(name: str | None, data: Any, delay: int | timedelta | None, within: int | timedelta | None) -> str:
    """The filters that were given, as in a call."""
    given = {"name": name, "delay": delay, "within": within}
    told = [f"{option}={value!r}" for option, value in given.items() if value is not None]
    if data is not _ANY:
        told.insert(int(name is not None), f"data={data!r}")
    return f" with {', '.join(told)}" if told else ""


async def describe_queue(queue: AnyQueue) -> str:
    """All jobs of a queue, by state, and what runs."""
    due = queue.due_moments()
    states: tuple[JobState, ...] = ("waiting", "delayed", "active", "completed", "failed")
    found = {state: await queue.get_jobs(state, 0, SHOWN_MAX) for state in states}
    parts = [describe_jobs(state, jobs, due) for state, jobs in found.items() if jobs]
    return "there are:\n" + "\n".join(parts) if parts else "it has no jobs"


def describe_jobs(state: str, jobs: Sequence[AnyJob], due: Mapping[str, int]) -> str:
    """Jobs, one a line, under their state."""
    lines = [f"  {state}:"]
    for job in jobs[:SHOWN_MAX]:
        data = repr(job.data)
        data = data if len(data) <= DATA_SHOWN_MAX else data[: DATA_SHOWN_MAX - 3] + "..."
        extra = f" delay={job.delay}" if job.delay else ""
        extra += f" due at {moment_text(due[job.id])}" if job.id in due else ""
        extra += f" failed: {job.failed_reason}" if job.failed_reason else ""
        lines.append(f"    {job.name} {job.id} {data}{extra}")
    if len(jobs) > SHOWN_MAX:
        lines.append("    ...")
    return "\n".join(lines)
