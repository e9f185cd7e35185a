"""Adding jobs: one check, one encoding and one way into the store, whoever adds."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from .semantics.records import JobSpec
from .wire import to_wire

T = TypeVar("T")

CHUNK_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of jobs in one atomic call."""


class Addition(NamedTuple):
    """A job to be added."""

    spec: JobSpec
    parent: Job[Any, Any] | None = None
    """The running job that is to wait for it."""


class Chunk(NamedTuple):
    """What one atomic call adds."""

    specs: list[JobSpec]
    guarded: list[int]
    """Positions of the jobs whose cost only the store can check."""
    parent: Job[Any, Any] | None = None
    """The running job that is to wait for the one job of this chunk."""


def job_spec(
    owner: JobOwner, name: object, data: object, options: Mapping[str, Any], extra: Sequence[str] = ()
) -> JobSpec:
    """What is sent for one job; `extra` are stored fields besides its options.

    Raises InvalidOptionsError, SerializationError and PayloadTooLargeError.
    """
    checked = check_job_name(name)
    encoded = encode_options(options) if options else ()
    return JobSpec(
        to_wire(options.get("job_id") or ""),
        to_wire(checked),
        owner.encode_data(data),
        Fields([*encoded, *owner.added_options, *extra]),
    )


def single(owner: JobOwner, name: object, data: object, options: Mapping[str, Any], extra: Sequence[str] = ()) -> Chunk:
    """One job as what one call adds. Raises as `job_spec`, and InvalidStateError for a parent that does not run."""
    parent = check_parent(options.get("parent"))
    spec = job_spec(owner, name, data, options, [*extra, *child_fields(parent)])
    return Chunk([spec], CostCheck().guarded([spec]), parent)


def bulk_specs(owner: JobOwner, new_jobs: Iterable[NewJob]) -> list[Addition]:
    """What is sent for many jobs. Raises as `single`; the message has the index of the bad one."""
    return [_bulk_spec(owner, index, new_job) for index, new_job in enumerate(new_jobs)]


def _bulk_spec(owner: JobOwner, index: int, new_job: NewJob) -> Addition:
    if not isinstance(new_job, NewJob):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without types
        raise InvalidOptionsError(f"jobs[{index}]={new_job!r:.100}: allowed: a NewJob")
    parent = check_parent(new_job.options.get("parent"))
    spec = JobSpec(
        to_wire(new_job.job_id),
        to_wire(new_job.name),
        owner.encode_data(new_job.data, f"jobs[{index}]: Job data"),
        Fields([*new_job.encoded, *owner.added_options, *child_fields(parent)]),
    )
    return Addition(spec, parent)


def chunked(additions: Sequence[Addition]) -> list[Chunk]:
    """Jobs in order, cut into what one call may carry: a child goes alone. InvalidOptionsError for a cost (TB-5)."""
    guarded = set(CostCheck().guarded([addition.spec for addition in additions]))
    chunks: list[Chunk] = []
    size = CHUNK_BYTES_MAX
    members: list[JobSpec] = []
    for position, (spec, parent) in enumerate(additions):
        bytes_of_job = len(spec.data) + len(spec.name) + len(spec.job_id) + sum(map(len, spec.options))
        if size + bytes_of_job > CHUNK_BYTES_MAX or len(members) == ENQUEUE_MAX or parent is not None:
            members = []
            chunks.append(Chunk(members, [], parent))
            size = 0
        if position in guarded:
            chunks[-1].guarded.append(len(members))
        members.append(spec)
        size = CHUNK_BYTES_MAX if parent is not None else size + bytes_of_job
    return chunks


async def enqueue(owner: JobOwner, chunk: Chunk) -> list[str]:
    """Add what one call may carry: for each job its id, as wire text, or `jobs.SKIPPED`."""
    if chunk.parent is not None:
        return [await add_child(owner, chunk.specs[0], bool(chunk.guarded), chunk.parent)]
    return await owner.call(jobs.enqueue, owner.token(), chunk.specs, chunk.guarded, owner.events_keep)


async def enqueue_all(owner: JobOwner, chunks: Sequence[Chunk], take: Callable[[Chunk, list[str]], list[T]]) -> list[T]:
    """Add chunks in order; `take` makes of a chunk and its ids what is returned for it, while the next one is added.

    When one after the first is refused, BulkError has what was returned for those before it.
    """
    added: list[T] = []
    last: tuple[Chunk, list[str]] | None = None
    for chunk in chunks:
        adding = asyncio.get_running_loop().create_task(enqueue(owner, chunk))
        try:
            await asyncio.sleep(0)  # it is sent
            if last is not None:
                added += take(*last)
            last = chunk, await adding
        except GlideMQError as error:
            if last is None:
                raise
            raise BulkError(added, str(error)) from error
        finally:
            adding.cancel()
    return added if last is None else added + take(*last)
