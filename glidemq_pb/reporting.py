"""What a worker's own listeners hear of the answer to a call."""

from collections.abc import Callable, Sequence

from .emitter import Emitter
from .errors import JobAbortedError
from .execution import Execution, Outcome
from .semantics.records import WorkReply
from .semantics.settling import LOST, REVOKED_STATUS, statuses_in
from .wire import from_wire


def report(outcomes: Sequence[Outcome], reply: WorkReply, emitter: Emitter, lose: Callable[[Execution], None]) -> None:
    """Say what the store made of each settlement; `lose` is told of those whose lease was gone."""
    now = str(reply.now)
    for outcome, status in zip(outcomes, statuses_in(reply.statuses, len(outcomes)), strict=True):
        execution = outcome.execution
        if status == LOST:
            lose(execution)
        elif status == REVOKED_STATUS:
            execution.job.note_failure("revoked", "", status, now)
            emitter.emit("failed", execution.job, outcome.error or JobAbortedError("revoked"))
        elif outcome.error is not None and (detail := outcome.settlement.detail) is not None:
            execution.job.note_failure(detail.reason, detail.trace, status, now)
            emitter.emit("failed", execution.job, outcome.error)
        elif status == "completed":
            execution.job.note_completion(outcome.result, now)
            emitter.emit("completed", execution.job, outcome.result)
    for job_id in reply.stalled:
        emitter.emit("stalled", from_wire(job_id))
    if reply.drained:
        emitter.emit("drained")
