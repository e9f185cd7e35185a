"""The Job: a snapshot of what is stored, with the actions on it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn, TypeVar, cast

from .children import completed_values, read_children
from .errors import (
    PAYLOAD_BYTES_MAX,
    GroupRateLimitError,
    InvalidStateError,
    JobNotFoundError,
    PayloadTooLargeError,
)
from .job_owner import JobOwner
from .job_snapshot import JobSnapshot
from .options import check_duration, check_instant, check_priority, check_str, refuse_option
from .payload import compression_of, encode_value
from .run import AbortSignal, Run, RunDelayed, RunRateLimited, RunWaiting
from .semantics import answers, changes, reads
from .semantics.lang import lookup
from .semantics.limits import WAITS_MAX
from .semantics.states import state_of
from .wire import to_wire

__all__ = ["Job", "JobOwner", "JobState"]

D = TypeVar("D")
R = TypeVar("R")

JobState = Literal["waiting", "active", "delayed", "completed", "failed", "waiting-children"]


class Job(JobSnapshot[D, R]):
    """One job, as it was when it was read; its own methods update it. Moments and durations are milliseconds.

    Made by the library: `queue.add` and `queue.get_job` give it, and a processor gets it. An action raises
    JobNotFoundError when the job is gone; one that is cancelled may have taken effect all the same.
    """

    __slots__ = ()

    # --- its state ----------------------------------------------------------------------------------------------------

    async def get_state(self) -> JobState | Literal["unknown"]:
        """The state it is in now, or `unknown` when it is gone."""
        fields = await self.owner.call(reads.get_job, self.wire_id, True)
        if not fields:
            return "unknown"
        pairs = iter(fields)
        stored = dict(zip(pairs, pairs, strict=True)).get("state", "")
        return cast("JobState", state_of(stored))

    async def is_completed(self) -> bool:
        """Whether it is completed now."""
        return await self.get_state() == "completed"

    async def is_failed(self) -> bool:
        """Whether it has failed for good."""
        return await self.get_state() == "failed"

    async def is_active(self) -> bool:
        """Whether a worker runs it now."""
        return await self.get_state() == "active"

    async def is_waiting(self) -> bool:
        """Whether it waits for a worker now, prioritised or not."""
        return await self.get_state() == "waiting"

    async def is_delayed(self) -> bool:
        """Whether it is held back now, also between attempts."""
        return await self.get_state() == "delayed"

    async def is_revoked(self) -> bool:
        """Whether it was revoked: it has ended so, or will when its run has ended."""
        fields = await self.owner.call(reads.get_job, self.wire_id, True)
        return lookup(fields, "revoked") == "1"

    async def is_waiting_children(self) -> bool:
        """Whether it waits for its children now."""
        return await self.get_state() == "waiting-children"

    # --- from anywhere ------------------------------------------------------------------------------------------------

    async def remove(self) -> None:
        """Erase it with its log, in any state. When it runs, its abort signal fires (`lease lost`)."""
        owner = self.owner
        status = await owner.call(changes.remove, owner.token(), self.wire_id, owner.events_keep)
        self._expect(status, "remove", "any state")

    async def retry(self) -> None:
        """Run it again as if it were new, at the end of its lane. InvalidStateError unless it has failed."""
        owner = self.owner
        status = await owner.call(changes.retry, owner.token(), self.wire_id, owner.events_keep)
        self._expect(status, "retry", "failed")
        for field in ("attempts_made", "failed_reason", "stacktrace", "finished_on", "stalled_count", "expire_at"):
            self._fields.pop(field, None)
        self.note_added(owner.backend.clock.now())

    async def promote(self) -> None:
        """Make it ready now. InvalidStateError unless it is delayed."""
        owner = self.owner
        status = await owner.call(changes.promote, owner.token(), self.wire_id, owner.events_keep)
        self._expect(status, "promote", "delayed")

    async def change_priority(self, priority: int) -> None:
        """Give it another priority; 0 takes it away. InvalidStateError unless it is waiting or delayed."""
        check_priority("priority", priority)
        owner = self.owner
        status = await owner.call(changes.change_priority, owner.token(), self.wire_id, priority, owner.events_keep)
        self._expect(status, "change the priority", "waiting or delayed")
        self._put_number("priority", priority)

    async def change_delay(self, delay: int | timedelta) -> None:
        """Hold it back for `delay` from now; 0 makes it ready. InvalidStateError unless it is waiting or delayed."""
        milliseconds = check_duration("delay", delay)
        owner = self.owner
        status = await owner.call(changes.change_delay, owner.token(), self.wire_id, milliseconds, owner.events_keep)
        self._expect(status, "change the delay", "waiting or delayed")
        self._put_number("delay", milliseconds)

    async def update_data(self, data: D) -> None:
        """Replace the payload, for the next attempt and every reader.

        On the Job of a processor's run only while the run lasts: InvalidStateError afterwards, and when
        the lease is lost. SerializationError and PayloadTooLargeError as from `add`.
        """
        if self._run is not None:
            self._run.check_open("update_data")
        wire = self._encoded_data(data)
        status = await self.owner.call(changes.update_data, self.wire_id, self._token, wire)
        self._expect(status, "update the data", "any state")
        self._put_data(wire)

    async def wait_until_finished(self, timeout: int | timedelta = 30_000) -> R:
        """Wait for its end, at most `timeout`: the result, whatever the job's retention (JOB-15).

        Raises JobFailedError when it fails, expires, is revoked or removed, JobWaitTimeoutError (the job goes
        on), JobNotFoundError when it is gone already, InvalidStateError for the job of the present run
        and for one that a thousand wait for.
        """
        duration = check_duration("timeout", timeout)
        if self._run is not None and not self._run.over:
            raise InvalidStateError(f"job {self.id!r}: its own run cannot wait for its end")
        waits = self.owner.waits
        with waits.wait(duration) as wait:
            answer = await self.owner.call(answers.wait_for, waits.waiter, wait.number, self.wire_id, duration)
            if answer == answers.NO_JOB:
                raise JobNotFoundError(self.id)
            if answer == answers.TOO_MANY:
                raise InvalidStateError(f"job {self.id!r}: {WAITS_MAX} waits for its end are under way; no more are")
            if answer == answers.PENDING:
                await waits.listen()
                answer = await wait.answer(self.wire_id)
        return cast("R", waits.result(self.wire_id, answer))

    # --- from inside a processor --------------------------------------------------------------------------------------
    # Each raises InvalidStateError outside a run of the job, and once its lease is lost.

    @property
    def abort_signal(self) -> AbortSignal:
        """Fires when the processor should stop. One that was told to may go on reading it."""
        if self._run is not None and self._run.abort.aborted:
            return self._run.abort
        return self._running("abort_signal").abort

    async def update_progress(self, progress: float | Mapping[str, Any]) -> None:
        """Store how far it is, a number or a dict, and tell observers."""
        check_progress(progress)
        run = self._running("update_progress")
        owner = self.owner
        wire = encode_value(owner.serializer, progress, "Progress")
        status = await owner.call(
            changes.update_progress, owner.token(), self.wire_id, run.token, wire, owner.events_keep
        )
        self._expect(status, "update the progress", "active")
        self._put_progress(wire)

    async def log(self, line: str) -> None:
        """Append a line to the job's log (see `queue.get_job_logs`)."""
        wire = to_wire(check_str("line", line))
        run = self._running("log")
        if len(wire) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLargeError(len(wire), what="Log line")
        owner = self.owner
        status = await owner.call(changes.add_log, owner.token(), self.wire_id, run.token, wire)
        self._expect(status, "log", "active")

    def discard(self) -> None:
        """If this attempt fails, the job fails for good, whatever attempts are left."""
        self._running("discard").discarded = True

    async def rate_limit_group(
        self,
        duration: int | timedelta,
        *,
        current_job: Literal["requeue", "fail"] = "requeue",
        requeue_position: Literal["front", "back"] = "front",
        extend: Literal["max", "replace"] = "max",
    ) -> NoReturn:
        """End this run of the processor, and start no job of this job's group for `duration` (RRL-1..12).

        The job is requeued at the front or the back of its group, no attempt consumed, or (`fail`) this is an
        ordinary failed attempt. `extend="max"` never shortens a pause in force. The same as raising
        `GroupRateLimitError`, which `except Exception` would swallow. InvalidStateError for a job without a group.
        """
        run = self._running("rate_limit_group")
        if self.ordering_key is None:
            raise InvalidStateError(f"job {self.id!r} has no ordering key: there is no group to rate limit")
        error = GroupRateLimitError(duration, current_job=current_job, requeue_position=requeue_position, extend=extend)
        run.over = True
        raise RunRateLimited(error)

    async def move_to_delayed(self, when: int | datetime | timedelta, next_step: object = None) -> NoReturn:
        """End this run of the processor; the job starts again at `when`, and no attempt is consumed.

        `when`: an instant (`int` epoch milliseconds or an aware datetime) or a timedelta from now; one in the
        past is now. `next_step` is stored as `data["step"]`, for which the data must be a dict.
        Nothing after the call runs but `finally` blocks: they must not swallow what it raises.
        """
        self._running("move_to_delayed")
        if isinstance(when, timedelta):
            until = self._store_now() + check_duration("when", when)
        else:
            until = check_instant("when", when)
        wire = ""
        if next_step is not None:
            wire = self._encoded_data({**self._dict_data(), "step": next_step})
            self._put_data(wire)
        raise RunDelayed(until, wire)

    async def move_to_waiting_children(self) -> NoReturn:
        """End this run of the processor; the job starts again when its children are done, no attempt consumed.

        That is at once when it waits for none. Its children: those of its flow, and jobs added with `parent=`.
        Nothing after the call runs but `finally` blocks: they must not swallow what it raises.
        """
        self._running("move_to_waiting_children")
        raise RunWaiting

    async def get_children_values(self) -> dict[str, R]:
        """What its completed children returned, by `<queue>:<id>`; kept whatever becomes of the children (FLW-2).

        Those that failed and were ignored are left out. Also from outside a run. SerializationError when one cannot
        be decoded here.
        """
        return completed_values(self.owner, await read_children(self.owner, self.wire_id))

    # --- helpers ------------------------------------------------------------------------------------------------------

    def run_token(self, what: str) -> str:
        """What proves that this is a run of the job. InvalidStateError outside one."""
        return self._running(what).token

    @property
    def _token(self) -> str:
        return "" if self._run is None else self._run.token

    def _running(self, what: str) -> Run:
        if self._run is None:
            raise InvalidStateError(f"job {self.id!r}: {what} is only possible inside its processor")
        self._run.check_open(what)
        return self._run

    def _dict_data(self) -> dict[str, Any]:
        data: object = self.data
        if "data" in self._undecodable or not isinstance(data, dict):
            raise InvalidStateError(f"job {self.id!r}: next_step needs data that is a dict, and can be decoded")
        return cast("dict[str, Any]", data)

    def _encoded_data(self, data: object) -> str:
        """A new payload, compressed where the job's first one was to be (CMP-4)."""
        return encode_value(self.owner.serializer, data, compression=compression_of(self._fields))

    def _expect(self, status: str, what: str, needed: str) -> None:
        """Raise what a status other than DONE means."""
        if status == changes.NOT_FOUND:
            raise JobNotFoundError(self.id)
        if status == changes.LOST:
            raise InvalidStateError(f"job {self.id!r}: lease lost: it is no longer this run's to {what}")
        if status == changes.WRONG_STATE:
            raise InvalidStateError(f"job {self.id!r}: to {what}, it must be {needed}")


def check_progress(progress: object) -> None:
    """A number or a dict. InvalidOptionsError otherwise."""
    if isinstance(progress, bool) or not isinstance(progress, int | float | Mapping):
        refuse_option("progress", progress, "a number or a dict")
