"""Adding jobs: one check, one encoding and one way into the store, whoever adds."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from .adopting import add_child, check_parent, child_fields
from .costs import CostCheck
from .errors import BulkError, GlideMQError, InvalidOptionsError
from .job import Job
from .job_options import NewJob, encode_options
from .job_owner import JobOwner
from .options import check_job_name
from .semantics import jobs
from .semantics.lang import Fields
from .semantics.limits import ENQUEUE_MAX
from .semantics.records import JobBatch
from .wire import to_wire

T = TypeVar("T")
D = TypeVar("D")

CHUNK_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of jobs in one atomic call."""
NO_IDS: list[str] = []
NO_OPTIONS: list[Fields] = []


class Chunk(NamedTuple):
    """What one atomic call adds."""

    batch: JobBatch
    guarded: list[int]
    """Positions of the jobs whose cost only the store can check."""
    parent: Job[Any, Any] | None = None
    """The running job that is to wait for the one job of this chunk."""


def single(owner: JobOwner, name: object, data: object, options: Mapping[str, Any], extra: Sequence[str] = ()) -> Chunk:
    """One job as what one call adds; `extra` are stored fields besides its options.

    Raises InvalidOptionsError, SerializationError and PayloadTooLargeError, and InvalidStateError for a parent that
    does not run.
    """
    names = [to_wire(check_job_name(name))]
    encoded = encode_options(options) if options else ()
    parent = check_parent(options.get("parent"))
    fields = Fields([*encoded, *owner.added_options, *extra, *child_fields(parent)])
    job_id = options.get("job_id")
    batch = JobBatch(
        names,
        [owner.encode_data(data)],
        [to_wire(job_id)] if job_id else NO_IDS,
        [fields] if fields else NO_OPTIONS,
    )
    return Chunk(batch, CostCheck().guarded([fields]), parent)


def bulk(owner: JobOwner, new_jobs: Iterable[NewJob]) -> list[Chunk]:
    """Many jobs in order, as what each call adds: a child goes alone.

    Raises as `single`, where the message has the index of the bad job; for a cost (TB-5) it names the group.
    """
    given = list(new_jobs)
    costs = CostCheck()
    chunks: list[Chunk] = []
    for first in range(0, len(given), ENQUEUE_MAX):
        chunks += _chunks(owner, first, given[first : first + ENQUEUE_MAX], costs)
    return chunks


def _chunks(owner: JobOwner, first: int, new_jobs: list[NewJob], costs: CostCheck) -> Iterator[Chunk]:
    """Chunks of at most ENQUEUE_MAX jobs; the first of them has the index `first` in its bulk."""
    for index, new_job in enumerate(new_jobs, first):
        if not isinstance(new_job, NewJob):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without types
            raise InvalidOptionsError(f"jobs[{index}]={new_job!r:.100}: allowed: a NewJob")
    names, data, job_ids, encoded, parents = zip(*[new_job.columns for new_job in new_jobs], strict=True)
    payloads = owner.encode_all(data, first)
    has_parents = any(parents)
    options = NO_OPTIONS
    guarded: list[int] = []
    if has_parents or owner.added_options or any(encoded):
        options = [
            Fields([*fields, *owner.added_options, *child_fields(check_parent(parent))])
            for fields, parent in zip(encoded, parents, strict=True)
        ]
        guarded = costs.guarded(options)
    batch = JobBatch(_wires(names), payloads, _wires(job_ids) if any(job_ids) else NO_IDS, options)
    if not has_parents and _size(batch) <= CHUNK_BYTES_MAX:
        return iter((Chunk(batch, guarded),))
    return _cut(batch, guarded, parents)


def _wires(texts: Sequence[str]) -> list[str]:
    """Texts as wire text."""
    return list(texts) if "".join(texts).isascii() else list(map(to_wire, texts))


def _size(batch: JobBatch) -> int:
    """Its bytes."""
    sizes = [sum(map(len, column)) for column in (batch.names, batch.data, batch.job_ids, *batch.options)]
    return sum(sizes)


def _cut(batch: JobBatch, guarded: list[int], parents: Sequence[Job[Any, Any] | None]) -> Iterator[Chunk]:
    """A batch as chunks of at most CHUNK_BYTES_MAX, and of one job where that has a parent."""
    first = size = 0
    for position, parent in enumerate(parents):
        bytes_of_job = _size(_part(batch, position, position + 1))
        alone = parent is not None or (position > first and parents[position - 1] is not None)
        if position > first and (alone or size + bytes_of_job > CHUNK_BYTES_MAX):
            yield _chunk_of(batch, guarded, first, position, parents[first])
            first, size = position, 0
        size += bytes_of_job
    yield _chunk_of(batch, guarded, first, len(parents), parents[first])


def _chunk_of(batch: JobBatch, guarded: list[int], first: int, end: int, parent: Job[Any, Any] | None) -> Chunk:
    return Chunk(_part(batch, first, end), [at - first for at in guarded if first <= at < end], parent)


def _part(batch: JobBatch, first: int, end: int) -> JobBatch:
    return JobBatch(batch.names[first:end], batch.data[first:end], batch.job_ids[first:end], batch.options[first:end])


async def enqueue(owner: JobOwner, chunk: Chunk) -> list[str]:
    """Add what one call may carry: for each job its id, as wire text, or `jobs.SKIPPED`."""
    if chunk.parent is not None:
        return [await add_child(owner, jobs.spec_at(chunk.batch, 0), bool(chunk.guarded), chunk.parent)]
    return jobs.ids_in(await owner.call(jobs.enqueue, owner.token(), chunk.batch, chunk.guarded, owner.events_keep))


async def enqueue_all(
    owner: JobOwner,
    chunks: Sequence[Chunk],
    draft: Callable[[Chunk], D],
    finish: Callable[[D, list[str]], list[T]],
) -> list[T]:
    """Add chunks in order; what is returned for one is drafted while it is added, and finished with its ids.

    When one after the first is refused, BulkError has what was returned for those before it.
    """
    added: list[T] = []
    last: tuple[D, list[str]] | None = None
    for position, chunk in enumerate(chunks):
        adding = asyncio.get_running_loop().create_task(enqueue(owner, chunk))
        try:
            await asyncio.sleep(0)  # it is sent
            drafted = draft(chunk)
            if last is not None:
                added += finish(*last)
                last = None
            last = drafted, await adding
        except GlideMQError as error:
            if position == 0:
                raise
            raise BulkError(added, str(error)) from error
        finally:
            adding.cancel()
    return added if last is None else added + finish(*last)
