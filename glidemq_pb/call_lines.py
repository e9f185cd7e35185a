"""The lines on which a worker calls: each makes one call at a time, all settle what has finished and share the room.

With one line the server waits while a reply travels and the next call is prepared, and the worker while the server
works. Where calls travel, two lines keep both busy: twice as many jobs a second.
"""

import asyncio
from collections.abc import Callable

from .semantics.leases import LINE_SEPARATOR
from .worker_calls import Answer, WorkerCalls

SHARED_FROM = 10
"""Slots from which a worker has more than one line: for fewer jobs a call costs more than it hides."""


class Line:
    """One call after the other. To the store each line is a worker of its own, so that each call can be repeated."""

    def __init__(self, calls: WorkerCalls) -> None:
        self.calls = calls
        self.arrived: Answer | None = None
        """The answer to the last call, until it is taken."""
        self.given = 0
        """Jobs of answers that are not taken yet."""
        self.sleep: asyncio.Future[None] | None = None
        """While there is nothing to call for."""

    @property
    def is_asking(self) -> bool:
        """Whether a call is under way, or its answer was not taken yet."""
        return self.calls.under_way or self.arrived is not None


class Lines:
    """`make` makes the calls of a line by its name; those of the first, which is `worker_id`, say who the worker is."""

    def __init__(self, worker_id: str, make: Callable[[str], WorkerCalls], concurrency: int, at_once: int) -> None:
        count = at_once if concurrency >= SHARED_FROM else 1
        further = [f"{worker_id}{LINE_SEPARATOR}{number}" for number in range(1, count)]
        self.names = [worker_id, *further]
        """Those by which the store knows the lines."""
        self.all = [Line(make(name)) for name in self.names]
        self.open = count
        """Those that have not ended."""
        self._share = -(-concurrency // count)

    @property
    def are_asking(self) -> bool:
        """Whether a call is under way, or an answer was not taken yet."""
        return any(line.is_asking for line in self.all)

    @property
    def is_pausing(self) -> bool:
        """Whether one waits before it tries again."""
        return any(line.calls.pausing for line in self.all)

    def want(self, room: int) -> int:
        """How many jobs one call is to ask for, beside those that others asked for or that were given already."""
        coming = sum(line.calls.wanted + line.given for line in self.all)
        return max(min(room - coming, self._share), 0)

    def wake(self, *, everyone: bool) -> None:
        """Let a line look what there is to do, or every one."""
        for line in self.all:
            if line.sleep is not None:
                if not line.sleep.done():
                    line.sleep.set_result(None)
                if not everyone:
                    return
