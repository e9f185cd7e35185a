"""The lines on which a worker calls: each makes one call at a time, all settle what has finished and share the room.

With one line the server waits while a reply travels and the next call is prepared, and the worker while the server
works. Where calls travel, two lines keep both busy: half as many jobs again a second.
"""

import asyncio
from collections.abc import Callable
from operator import itemgetter

from .semantics.leases import LINE_SEPARATOR
from .worker_calls import Answer, WorkerCalls

LATE_MS = 20
"""How long an answer waits for the one to an earlier call, which may be repeated for long."""
SHARED_FROM = 10
"""Slots from which a worker has more than one line: for fewer jobs a call costs more than it hides."""


class Line:
    """One call after the other. To the store each line is a worker of its own, so that each call can be repeated."""

    def __init__(self, calls: WorkerCalls) -> None:
        self.calls = calls
        self.number = 0
        """Of its last call, among those of all lines."""
        self.arrived = False
        """Whether its answer is there, and was not looked at."""
        self.sleep: asyncio.Future[None] | None = None
        """While there is nothing to call for."""


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
        self.untaken: list[tuple[int, Answer]] = []
        """Answers whose jobs have not started, with the numbers of their calls."""
        self._calls = 0
        self._share = -(-concurrency // count)

    @property
    def are_asking(self) -> bool:
        """Whether a call is under way, or an answer was not taken yet."""
        return bool(self.untaken) or any(line.calls.under_way for line in self.all)

    @property
    def is_pausing(self) -> bool:
        """Whether one waits before it tries again."""
        return any(line.calls.pausing for line in self.all)

    def want(self, room: int) -> int:
        """How many jobs one call is to ask for, beside those that others asked for or that were given already."""
        coming = sum(line.calls.wanted for line in self.all)
        coming += sum(len(answer.reply.started) for _, answer in self.untaken)
        return max(min(room - coming, self._share), 0)

    def begin(self, line: Line) -> None:
        """It is about to call."""
        self._calls += 1
        line.number = self._calls

    def arrive(self, line: Line, answer: Answer) -> None:
        """Its call is answered."""
        line.arrived = True
        self.untaken.append((line.number, answer))

    def take(self, *, late: bool) -> list[Answer]:
        """The answers whose jobs may start now, in the order of the calls, which is that of the leases.

        The client may give two answers that come together the wrong way round, so one waits for the call that was made
        before it; unless that is late.
        """
        under_way = [line.number for line in self.all if line.calls.under_way]
        limit = self._calls + 1 if late else min(under_way, default=self._calls + 1)
        taken = sorted((one for one in self.untaken if one[0] < limit), key=itemgetter(0))
        self.untaken = [one for one in self.untaken if one[0] >= limit]
        return [answer for _, answer in taken]

    def wake(self, *, everyone: bool) -> None:
        """Let a line look what there is to do, or every one."""
        for line in self.all:
            if line.sleep is not None:
                if not line.sleep.done():
                    line.sleep.set_result(None)
                if not everyone:
                    return
