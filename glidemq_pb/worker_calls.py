"""The calls of a worker's loop: one at a time, each repeated under its number until it is answered."""

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from .backends.backend import Backend
from .clock import pass_time
from .errors import QueueConnectionError
from .execution import Outcome
from .job_owner import JobOwner
from .listening import RETRY_MS
from .outages import Outages
from .semantics import work
from .semantics.lang import Refusal
from .semantics.records import Caller, WorkReply
from .settings import Settings
from .wire import to_wire

RECORD_MS_MIN = 60_000
INFO_MS = 5_000
"""How often a worker says again who it is (see `limits.WORKER_REFRESH_MS`)."""


@dataclass(slots=True)
class Answer:
    """What a call said and asked, and its reply."""

    outcomes: list[Outcome]
    want: int
    nudge: bool
    sent_at: float
    """By the monotonic clock: the leases that it grants count from here."""
    reply: WorkReply


class WorkerCalls:
    """Those of one line, by its name. `may_repeat`: whether a call that did not get through is to be made again.
    `active`: how many jobs run.
    """

    def __init__(
        self,
        name: str,
        backend: Backend,
        owner: JobOwner,
        settings: Settings,
        outages: Outages,
        *,
        may_repeat: Callable[[], bool],
        active: Callable[[], int] | None,
    ) -> None:
        self.name = name
        self.wanted = 0
        """Jobs that the call under way asks for."""
        self.under_way = False
        self.pausing = False
        """Waiting before it tries again."""
        self._backend = backend
        self._clock = backend.clock
        self._owner = owner
        self._settings = settings
        self._outages = outages
        self._may_repeat = may_repeat
        self._active = active
        self._number = 0
        self._info_at = -float(INFO_MS)
        self._unchanging = (
            settings.lock_duration,
            settings.max_stalled_count,
            max(RECORD_MS_MIN, 3 * settings.block_timeout),
            owner.events_keep,
            settings.metrics,
            0 if settings.limiter is None else settings.limiter.max,
            0 if settings.limiter is None else settings.limiter.duration,
        )
        """The fields of a `Caller` from `lease_ms` to `limiter_ms`."""

    async def make(self, outcomes: list[Outcome], want: int, *, nudge: bool) -> Answer:
        """Settle these and start up to `want` jobs. `nudge`: tell me on my control list when I am left with room."""
        self._number += 1
        self.wanted = want
        caller = self._caller(nudge)
        settlements = [outcome.settlement for outcome in outcomes]
        self.under_way = True
        try:
            while True:
                sent_at = self._clock.monotonic()
                try:
                    reply = await self._backend.call(
                        work.settle_and_activate, self._owner.root, caller, settlements, want
                    )
                except Refusal as refusal:
                    self._owner.raise_refusal(refusal)
                except QueueConnectionError as error:
                    if not self._may_repeat():
                        raise
                    self._outages.begin(self, error)
                    self.pausing = True
                    await pass_time(self._clock, RETRY_MS)
                    self.pausing = False
                else:
                    self._outages.end(self)
                    return Answer(outcomes, want, nudge, sent_at, reply)
        finally:
            self.under_way = False
            self.wanted = 0

    def _caller(self, nudge: bool) -> Caller:
        info = ""
        if self._active is not None and self._clock.monotonic() >= self._info_at + INFO_MS:
            self._info_at = self._clock.monotonic()
            info = to_wire(json.dumps(self._description(self._active())))
        return Caller(self.name, self._number, *self._unchanging, nudge, info)

    def _description(self, active: int) -> dict[str, object]:
        """What `queue.get_workers()` shows."""
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "concurrency": self._settings.concurrency,
            "active": active,
        }
