"""Giving a running job one more child, in its own queue or in another one."""

from typing import Any, Final, NoReturn

from .errors import InvalidStateError, JobNotFoundError
from .job import Job
from .job_owner import JobOwner
from .options import refuse_option
from .refs import Ref
from .reserving import COMMIT_MS, give_up, tell
from .semantics import changes, flows, jobs, reads
from .semantics.flow_records import FlowSpec
from .semantics.lang import text
from .semantics.records import JobSpec

NO_FIELDS: Final = ()


def check_parent(parent: Job[Any, Any] | None) -> Job[Any, Any] | None:
    """A job that runs, or None. InvalidOptionsError for something else, InvalidStateError unless it runs."""
    if parent is None:
        return None
    if not isinstance(parent, Job):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without types
        refuse_option("parent", parent, "the Job that a processor got")
    parent.run_token("be a parent")
    return parent


def child_fields(parent: Job[Any, Any] | None) -> tuple[str, ...]:
    """What a child stores of its parent."""
    return NO_FIELDS if parent is None else ("parents", Ref(parent.owner.root, parent.wire_id).text)


async def add_child(owner: JobOwner, spec: JobSpec, guarded: bool, parent: Job[Any, Any]) -> str:
    """Add a child of a running job: its id, or `jobs.SKIPPED`. InvalidStateError, JobNotFoundError."""
    token = parent.run_token("be a parent")
    if parent.owner.root == owner.root:
        status = await owner.call(
            flows.add_child, owner.token(), parent.wire_id, token, spec, guarded, owner.events_keep
        )
    else:
        status = await add_far_child(owner, spec, guarded, parent, token)
    if status in (changes.NOT_FOUND, changes.LOST):
        refuse_parent(parent, status)
    return status


async def add_far_child(owner: JobOwner, spec: JobSpec, guarded: bool, parent: Job[Any, Any], token: str) -> str:
    """A child in another queue: held there, then adopted, then let loose by a letter."""
    home = JobOwner(
        owner.backend, parent.owner.root, parent.queue_name, owner.serializer, owner.events_keep, owner.prefix
    )
    job_id = spec.job_id or text(await owner.call(flows.take_ids, 1))
    node = FlowSpec(job_id, spec.name, spec.data, spec.options, [], [], [], [])
    flow = owner.token()
    deadline = await home.call(reads.get_time) + COMMIT_MS
    if await owner.call(flows.reserve, flow, home.root, deadline, [node], [0] if guarded else []):
        return jobs.SKIPPED
    child = Ref(owner.root, job_id).text
    status = await home.call(flows.adopt, flow, flow, deadline, parent.wire_id, token, owner.root, child)
    if status != changes.DONE:
        await give_up([owner], flow)
        return status
    await tell(home)
    return job_id


def refuse_parent(parent: Job[Any, Any], status: str) -> NoReturn:
    """Say why a job cannot have a child."""
    if status == changes.NOT_FOUND:
        raise JobNotFoundError(parent.id)
    raise InvalidStateError(f"job {parent.id!r}: lease lost: it is no longer this run's to have children")
