"""The leases of a worker's running jobs, between the heartbeat, the store and the processors."""

from collections.abc import Callable, Iterable

from .backends.backend import Backend
from .emitter import Emitter
from .execution import Execution, Executor
from .heartbeat import Heartbeat
from .outages import Outages
from .semantics import work
from .semantics.settling import LOST, REVOKED_STATUS


class Leases:
    """Extends leases in time, and tells a processor when its job is no longer its own, or is to end."""

    def __init__(
        self,
        backend: Backend,
        root: str,
        worker_id: str,
        running: Callable[[], Iterable[Execution]],
        emitter: Emitter,
        outages: Outages,
        *,
        cancel: bool,
    ) -> None:
        self.executor: Executor
        self._backend = backend
        self._running = running
        self._early: set[str] = set()
        """Jobs of which something was said that are not known here; the reply that starts them may be on its way."""
        self._root = root
        self._worker_id = worker_id
        self._emitter = emitter
        self._outages = outages
        self._cancel = cancel
        self._heartbeat = Heartbeat(backend.clock, running, self._extend, self.lose)
        self.watch = self._heartbeat.watch
        """Keep this job's lease from now on."""
        self.stop = self._heartbeat.stop
        """Keep no lease any more."""
        self.end = self._heartbeat.end
        """The same, and for good."""

    @property
    def renews(self) -> bool:
        """Whether a timer is set to renew them."""
        return self._heartbeat.is_set

    def obey(self, what: str, job_id: str) -> None:
        """The store says that a job is `lost` or `revoked`."""
        execution = next((one for one in self._running() if one.job.id == job_id and not one.is_over), None)
        if execution is None:
            self._early.add(job_id)
        elif what == "lost":
            self.lose(execution)
        elif what == "revoked":
            self.revoke(execution)

    def catch_up(self, *, more: bool) -> None:
        """After a call's jobs were started: ask about those of which something was said before (REV-9).

        `more`: another call is under way, whose jobs it may have been about.
        """
        if not self._early:
            return
        asked = [one for one in self._running() if one.job.id in self._early and not one.is_over]
        self._early = {job_id for job_id in self._early if more and all(one.job.id != job_id for one in asked)}
        if asked:
            self._extend(asked, self._backend.clock.monotonic())

    def lose(self, execution: Execution) -> None:
        """The lease is gone: nothing of this run reaches the store any more."""
        self.executor.lose(execution, "lease lost", cancel=self._cancel)

    def revoke(self, execution: Execution) -> None:
        """The processor is told; the store ends the job as revoked when its run has ended (REV-3, REV-4)."""
        self.executor.abort(execution, "revoked", cancel=self._cancel)

    def abort(self, execution: Execution) -> None:
        """The processor is told by its own worker."""
        self.executor.abort(execution, "aborted", cancel=self._cancel)

    def _extend(self, executions: list[Execution], sent_at: float) -> None:
        self._emitter.spawn(self._outages.attempt(self._send_extension(executions, sent_at)))

    async def _send_extension(self, executions: list[Execution], sent_at: float) -> None:
        statuses = await self._backend.call(
            work.extend,
            self._root,
            self._worker_id,
            [execution.job.wire_id for execution in executions],
            [execution.run.token for execution in executions],
            [execution.lease_ms for execution in executions],
        )
        for execution, status in zip(executions, statuses, strict=True):
            if execution.is_over:
                continue
            if status == LOST:
                self.lose(execution)
                continue
            if status == REVOKED_STATUS:
                self.revoke(execution)
            execution.grant(sent_at)
            self._heartbeat.watch(execution)
