"""Keeping the leases of running jobs, and noticing in time when one cannot be kept.

A lease is measured on the worker's monotonic clock from the sending of the call that granted it, so that
the worker always gives up before the server does (STL-1).
"""

from collections.abc import Callable, Iterable

from .clock import Alarm, Clock
from .execution import Execution


def lease_margin(lease_ms: int) -> float:
    """How long before its end a lease that was not extended is given up."""
    return min(lease_ms / 10, 1000.0)


class Heartbeat:
    """One timer for all running jobs of a worker: extends at half a lease, gives up shortly before its end."""

    def __init__(
        self,
        clock: Clock,
        running: Callable[[], Iterable[Execution]],
        extend: Callable[[list[Execution], float], None],
        lose: Callable[[Execution], None],
    ) -> None:
        self._clock = clock
        self._running = running
        self._extend = extend
        self._lose = lose
        self._alarm = Alarm(clock, self._beat)
        self._at = 0.0

    @property
    def is_set(self) -> bool:
        """Whether its timer is set."""
        return self._alarm.is_set

    def watch(self, execution: Execution) -> None:
        """Keep this lease from now on."""
        if not self._alarm.is_set or execution.extend_at < self._at:
            self._set(execution.extend_at)

    def stop(self) -> None:
        """Keep no lease any more."""
        self._alarm.cancel()

    def end(self) -> None:
        """The same, and for good."""
        self._alarm.end()

    def _set(self, at: float) -> None:
        self._at = at
        self._alarm.set(max(at - self._clock.monotonic(), 0.0))

    def _beat(self) -> None:
        now = self._clock.monotonic()
        due: list[Execution] = []
        next_at: float | None = None
        for execution in list(self._running()):
            if execution.is_over:
                continue
            give_up_at = execution.lease_from + execution.lease_ms - lease_margin(execution.lease_ms)
            if now >= give_up_at:
                self._lose(execution)
                continue
            if now >= execution.extend_at:
                due.append(execution)
                execution.extend_at = now + execution.lease_ms / 8  # ask again while no answer comes
            at = min(execution.extend_at, give_up_at)
            next_at = at if next_at is None else min(next_at, at)
        if next_at is not None:
            self._set(next_at)
        if due:
            self._extend(due, now)
