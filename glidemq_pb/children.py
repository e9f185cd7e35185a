"""The children of a job, as their parent keeps them."""

from collections.abc import Sequence
from typing import Any

from .errors import SerializationError
from .job_owner import JobOwner
from .payload import decode_value
from .refs import parse_ref
from .semantics import flows
from .semantics.families import COMPLETED_OUTCOME
from .semantics.flow_records import ChildEntry


async def read_children(owner: JobOwner, wire_id: str) -> list[ChildEntry]:
    """All children of a job, in their order, with what became of them."""
    entries: list[ChildEntry] = []
    while page := await owner.call(flows.list_children, wire_id, len(entries)):
        entries += page
    return entries


def completed_values(owner: JobOwner, entries: Sequence[ChildEntry]) -> dict[str, Any]:
    """What the completed ones returned, by `<queue>:<id>` (FLW-2). SerializationError when one cannot be decoded."""
    values: dict[str, Any] = {}
    for entry in entries:
        if entry.outcome[:1] == COMPLETED_OUTCOME:
            ref = parse_ref(entry.child)
            child = f"{ref.queue_name}:{ref.job_id}"
            try:
                values[child] = decode_value(owner.serializer, entry.outcome[1:])
            except SerializationError as error:
                raise SerializationError(f"the return value of the child {child}: {error}") from error.__cause__
    return values
