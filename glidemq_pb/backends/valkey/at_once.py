"""A coroutine that begins at once and goes on whatever becomes of who waits for it.

A task would begin in the loop's next turn, and who waits for a shielded one hears of its end two turns late: with one
job at a time that is a tenth of all the time there is. (Python 3.12 calls the like an eager task.)
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class AtOnce(Generic[R]):
    """Runs `coroutine`, which waits for futures alone and asks for no current task.

    TimeoutError is raised inside it where it waits for its first future longer than `timeout` seconds.
    """

    __slots__ = ("_awaited", "_coroutine", "_timer", "outcome")

    def __init__(self, coroutine: Coroutine[Any, None, R], timeout: float) -> None:
        loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[R] = loop.create_future()
        """Who waits for it may be cancelled, and it with them."""
        self._coroutine = coroutine
        self._awaited: Any = None
        self._timer = loop.call_later(timeout, self._expire)
        self._advance(None)

    def rest(self) -> "asyncio.Future[R] | None":
        """What is still to come after `outcome` was cancelled; None when it is over."""
        if self._awaited is None:
            return None
        self.outcome = asyncio.get_running_loop().create_future()
        return self.outcome

    def _go_on(self, awaited: Any) -> None:
        if awaited is self._awaited:
            self._timer.cancel()
            self._advance(None)

    def _expire(self) -> None:
        self._advance(TimeoutError())

    def _advance(self, error: Exception | None) -> None:
        self._awaited = None
        try:
            awaited = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration as end:
            self._end()
            if not self.outcome.done():
                self.outcome.set_result(end.value)
        except asyncio.CancelledError:
            self._end()
            self.outcome.cancel()
        except Exception as raised:
            self._end()
            if not self.outcome.done():
                self.outcome.set_exception(raised)
        else:
            self._awaited = awaited
            awaited._asyncio_future_blocking = False  # as a task does: it was seen
            awaited.add_done_callback(self._go_on)

    def _end(self) -> None:
        self._timer.cancel()
