"""Telling components what happens to their calls while a store does not answer, although the calls are repeated."""

import asyncio
import logging
from collections.abc import Callable

from ...errors import QueueConnectionError
from ...outages import Outages

logger = logging.getLogger("glidemq_pb")

LATE_SECONDS = 1.0
"""A wait that breaks so soon after an outage broke by it."""


class Watches:
    """Who is told of the outages of one backend, queue by queue: on a cluster, one may be served and another not.

    An outage of a queue that nobody watches is logged.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._watching: dict[bytes, list[Outages]] = {}
        self.told: dict[tuple[bytes, object], list[Outages]] = {}
        """Of the outages under way: by queue, and by what feels it."""
        self._over: dict[bytes, float] = {}

    def add(self, queue: bytes, outages: Outages) -> Callable[[], None]:
        """Tell `outages` of a queue's, until what is returned is called."""
        watching = self._watching.setdefault(queue, [])
        watching.append(outages)

        def stop() -> None:
            for told in (watching, *self.told.values()):
                if outages in told:
                    told.remove(outages)

        return stop

    def failed(self, queue: bytes, sent_at: float, error: QueueConnectionError) -> None:
        """A call failed and is sent again. Those that were sent before the last outage was over are part of it."""
        if sent_at >= self._over.get(queue, sent_at):
            self._begin((queue, self), error)

    def answered(self, queue: bytes) -> None:
        """A call was answered."""
        if (queue, self) in self.told:
            self._end((queue, self))

    def listener_failed(self, listener: object, key: bytes, since: float, error: QueueConnectionError) -> None:
        """A wait for one of a queue's keys broke, and is begun again; the next call shows whether all is well again.

        `since`: when it was begun. It may hear of an outage when that is over for the calls.
        """
        queue = next((queue for queue in self._watching if key.startswith(queue + b":")), None)
        if queue is None:
            return
        over = self._over.get(queue, since)
        if since >= over or asyncio.get_running_loop().time() >= over + LATE_SECONDS:
            self._begin((queue, listener), error)
            self._begin((queue, self), error)

    def listener_waits(self, listener: object) -> None:
        """It has a connection."""
        for queue, who in list(self.told):
            if who is listener:
                self._end((queue, who))

    def _begin(self, of: tuple[bytes, object], error: QueueConnectionError) -> None:
        if of not in self.told:
            self.told[of] = list(self._watching.get(of[0]) or (self._logging(),))
            for outages in self.told[of]:
                outages.begin(of, error)

    def _end(self, of: tuple[bytes, object]) -> None:
        self._over[of[0]] = asyncio.get_running_loop().time()
        for outages in self.told.pop(of):
            outages.end(of)

    def _logging(self) -> Outages:
        return Outages(
            lambda error, what: logger.warning("%s: %s", error, what),
            "calls are repeated until they are answered",
            lambda: logger.info("%s: calls are answered again", self._address),
        )
