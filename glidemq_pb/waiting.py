"""Waiting for the end of jobs (JOB-15): one connection for all waits of a component, however many there are.

The store leaves an answer for each wait, and a token in the component's reply list. A token that is lost with a
connection loses no answer: while anybody waits, the store is asked now and then without one.
"""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from .backends.backend import Listener
from .clock import pass_time
from .errors import ClosedError, JobFailedError, JobWaitTimeoutError, QueueConnectionError, SerializationError
from .payload import decode_value
from .semantics import answers
from .semantics.keys import reply_key
from .semantics.limits import ANSWER_KEPT_MS
from .wire import from_wire

if TYPE_CHECKING:
    from .job_owner import JobOwner

logger = logging.getLogger("glidemq_pb")

LOOK_MS = 5_000
"""How often the store is asked without a token: a token was popped by a connection that then broke."""
RETRY_MS = 500
"""How long it waits before it tries again what could not be done."""
FETCH_MAX = 1_000
"""Waits that one call asks about."""


class Wait:
    """One wait for the end of one job. It ends by its time, whether or not its job was added."""

    def __init__(self, waits: "Waits", number: int, duration: int) -> None:
        self._waits = waits
        self._duration = duration
        self._is_late = False
        self.number = number
        """Its number among the waits of its component."""
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The answer."""

    @property
    def option(self) -> tuple[str, str]:
        """What is stored with a new job so that it knows who waits for it."""
        return "waits", f"{self._waits.waiter}:{self.number}:{self._duration + ANSWER_KEPT_MS}"

    def time_out(self) -> None:
        """Its time is over."""
        if not self.outcome.done():
            self._is_late = True
            self.outcome.cancel()

    async def answer(self, job_id: str) -> str:
        """The answer. JobWaitTimeoutError when there is none in time."""
        await asyncio.wait((self.outcome,))
        if self._is_late:
            raise JobWaitTimeoutError(from_wire(job_id), self._duration)
        return self.outcome.result()


class Waits:
    """The waits of one component. They begin with the first one, and `close` ends them."""

    def __init__(self, owner: "JobOwner") -> None:
        self.waiter = owner.token()
        """Names the component in the store."""
        self._owner = owner
        self._count = 0
        self._under_way: dict[int, Wait] = {}
        self._listener: Listener | None = None
        self._opening: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    @contextmanager
    def wait(self, duration: int) -> Generator[Wait, None, None]:
        """A wait that lasts so long from now; it is given up at the end of the block."""
        self._count += 1
        wait = self._under_way[self._count] = Wait(self, self._count, duration)
        timer = self._owner.backend.clock.call_later(duration, wait.time_out)
        try:
            yield wait
        finally:
            timer.cancel()
            del self._under_way[wait.number]
            if not wait.outcome.cancel() and not wait.outcome.cancelled():
                wait.outcome.exception()  # told to the caller, unless that has left

    def result(self, job_id: str, answer: str) -> object:
        """The result that an answer holds. JobFailedError; SerializationError when it cannot be decoded here."""
        kind, colon, rest = answer.partition(":")
        if kind + colon == answers.FAILED_ANSWER:
            raise JobFailedError(from_wire(job_id), from_wire(rest))
        try:
            return decode_value(self._owner.serializer, rest)
        except SerializationError as error:
            name = f"job {from_wire(job_id)} of queue {self._owner.queue_name}"
            raise SerializationError(f"{name}: its return_value: {error}") from error.__cause__

    async def listen(self) -> None:
        """Begin to listen, once. QueueConnectionError."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(self._note_opening)
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        self._listener = await self._owner.backend.listener()
        self._listening = asyncio.get_running_loop().create_task(self._hear(self._listener))
        self._listening.add_done_callback(self._note_end)

    def _note_opening(self, opening: "asyncio.Task[None]") -> None:
        """One that failed may be tried again."""
        if opening.cancelled() or opening.exception() is not None:
            self._opening = None

    def _note_end(self, listening: "asyncio.Task[None]") -> None:
        """What ended it must not leave anybody waiting for what cannot come."""
        error = None if listening.cancelled() else listening.exception()
        self._opening = None
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        for wait in self._under_way.values():
            if not wait.outcome.done():
                wait.outcome.set_exception(error)

    async def close(self) -> None:
        """End all waits with ClosedError, and give the connection up."""
        self._fail(ClosedError(f"queue {self._owner.queue_name!r}: this component was closed while it waited"))
        if self._opening is not None:
            await asyncio.wait({self._opening})
        if self._listener is not None:
            await self._listener.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})

    # --- hearing ------------------------------------------------------------------------------------------------------

    async def _hear(self, listener: Listener) -> None:
        owner = self._owner
        look = LOOK_MS
        while True:
            try:
                await listener.listen([reply_key(owner.root, self.waiter)], look)
                await self._fetch()
                look = LOOK_MS
            except QueueConnectionError as error:
                if look:  # once for each outage
                    logger.warning(
                        "queue %s: the ends of jobs cannot be heard of; it is tried until they can: %s",
                        owner.queue_name, error, extra={"queue": owner.queue_name},
                    )  # fmt: skip
                await pass_time(owner.backend.clock, RETRY_MS)
                look = 0  # a token may have been lost

    async def _fetch(self) -> None:
        """Give everybody who waits the answer that is there."""
        numbers = iter(list(self._under_way))
        while asked := list(islice(numbers, FETCH_MAX)):
            more = True
            while more:
                found = await self._owner.call(answers.fetch_answers, self.waiter, asked)
                pairs = iter(found.fields)
                heard = [(int(number), answer) for number, answer in zip(pairs, pairs, strict=True)]
                for number, answer in heard:
                    self._end(number, answer)
                if heard:
                    ended = [number for number, _ in heard]
                    await self._owner.call(answers.forget_answers, self.waiter, ended)
                    asked = [number for number in asked if number not in set(ended)]
                more = found.more

    def _end(self, number: int, answer: str) -> None:
        wait = self._under_way.get(number)
        if wait is not None and not wait.outcome.done():
            wait.outcome.set_result(answer)
