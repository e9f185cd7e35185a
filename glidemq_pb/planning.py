"""What a worker does for cron schedulers: it works out the runs that the store cannot."""

import asyncio
from collections.abc import Callable, Sequence

from .backends.backend import Backend
from .emitter import Emitter
from .errors import QueueConnectionError
from .job_owner import JobOwner
from .listening import RETRY_MS
from .outages import Outages
from .schedule import planned
from .semantics import schedulers
from .semantics.limits import PLANS_MAX
from .semantics.records import PlannedRun, Unplanned
from .wire import from_wire


class Planner:
    """Plans beside the calls of the loop, one request at a time; `look` makes the next call, which asks again."""

    def __init__(
        self, backend: Backend, owner: JobOwner, emitter: Emitter, outages: Outages, look: Callable[[], None]
    ) -> None:
        self._backend = backend
        self._owner = owner
        self._emitter = emitter
        self._outages = outages
        self._look = look
        self._task: asyncio.Task[object] | None = None
        self._reported: set[str] = set()

    def plan(self, unplanned: Sequence[Unplanned]) -> None:
        """Plan these, unless others are being planned."""
        if unplanned and (self._task is None or self._task.done()):
            self._task = self._emitter.spawn(self._plan(unplanned))

    async def _plan(self, unplanned: Sequence[Unplanned]) -> None:
        runs = [run for one in unplanned if (run := self._planned(one)) is not None]
        if not runs:
            return
        try:
            await self._backend.call(schedulers.plan_runs, self._owner.root, runs)
        except QueueConnectionError as error:
            self._outages.mention(error)
            self._backend.clock.call_later(RETRY_MS, self._look, weak=True)
        else:
            if len(unplanned) == PLANS_MAX:
                self._look()  # there may be more

    def _planned(self, unplanned: Unplanned) -> PlannedRun | None:
        """None, reported once, for what cannot be read here: this host may not know the zone."""
        try:
            return planned(unplanned)
        except Exception as error:
            name = from_wire(unplanned.name)
            if name not in self._reported:
                self._reported.add(name)
                self._emitter.error(error, f"job scheduler {name!r} cannot be planned", queue=self._owner.queue_name)
            return None
