"""Coroutines that begin at once and go on whatever becomes of who waits for them.

A task would begin in the loop's next turn, and who waits for a shielded one hears of its end two turns late: with one
job at a time that is a tenth of all the time there is. (Python 3.12 calls the like an eager task.)
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class AtOnce(Generic[R]):
    """Runs `coroutine`, which waits for futures alone and asks for no current task. At most one task awaits it.

    To that task it is a future (asyncio knows them by `_asyncio_future_blocking`), except that it wakes it without
    waiting for the loop's next turn: it ends in a callback of the loop, where no task runs.
    """

    __slots__ = (
        "_asyncio_future_blocking", "_awaited", "_coroutine", "_error", "_given_up", "_loop", "_result", "_under_way",
        "_wake", "heard", "over",
    )  # fmt: skip

    def __init__(self, coroutine: Coroutine[Any, None, R], under_way: "UnderWay") -> None:
        self.over = False
        self.heard = False
        """Whether what it waited for first has come."""
        self._asyncio_future_blocking = False
        self._coroutine = coroutine
        self._under_way = under_way
        self._loop = asyncio.get_running_loop()
        self._awaited: Any = None
        self._wake: tuple[Callable[[Any], object], Context | None] | None = None
        self._given_up = False
        self._result: R
        self._error: BaseException | None = None
        under_way.enter(self, self._loop)
        self._advance(None)

    # --- as a future --------------------------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, R]:
        if not self.over:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    def result(self) -> R:
        """What the coroutine returned, or raises what it raised; CancelledError to who gave it up."""
        if self._given_up:
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error
        return self._result

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop in which it runs."""
        return self._loop

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Called by the task that awaits it."""
        self._wake = (wake, context)

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - as of a future
        """Its task was cancelled and will not hear of it any more; it goes on."""
        if self._wake is None:
            return False
        self._given_up = True
        (wake, context), self._wake = self._wake, None
        self._loop.call_soon(wake, self, context=context)
        return True

    # --- running ------------------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Raise TimeoutError inside it."""
        self.heard = True
        self._advance(TimeoutError())

    def _go_on(self, awaited: Any) -> None:
        if awaited is self._awaited:
            self.heard = True
            self._advance(None)

    def _advance(self, error: Exception | None) -> None:
        self._awaited = None
        try:
            awaited = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration as end:
            self._result = end.value
        except (Exception, asyncio.CancelledError) as raised:
            self._error = raised
        else:
            self._awaited = awaited
            awaited._asyncio_future_blocking = False  # as a task does: it was seen
            awaited.add_done_callback(self._go_on)
            return
        self._end()  # outside of `except`: what it wakes would have the exception as the context of its own

    def _end(self) -> None:
        self.over = True
        self._under_way.leave(self)
        if self._wake is not None:
            (wake, context), self._wake = self._wake, None
            if context is None:
                wake(self)
            else:
                context.run(wake, self)


class UnderWay:
    """What is under way. TimeoutError is raised inside one that waits for its first future longer than `timeout`
    seconds.

    One timer for all of them: a timer for each would be set and cancelled with every call.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._deadlines: dict[AtOnce[Any] | asyncio.Task[Any], float] = {}
        """The earliest first, as all have the same time. Infinite for what watches its time itself."""
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._deadlines)

    def enter(self, one: AtOnce[Any], loop: asyncio.AbstractEventLoop) -> None:
        """It begins."""
        self._deadlines[one] = deadline = loop.time() + self.timeout
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._look, loop)

    def leave(self, one: AtOnce[Any] | asyncio.Task[Any]) -> None:
        """It is over."""
        self._deadlines.pop(one, None)
        if self._emptied is not None and not self._deadlines and not self._emptied.done():
            self._emptied.set_result(None)

    def follow(self, task: asyncio.Task[Any]) -> None:
        """A task is under way too."""
        self._deadlines[task] = float("inf")
        task.add_done_callback(self.leave)

    async def emptied(self, timeout: float) -> None:
        """Wait until nothing is under way, at most `timeout` seconds."""
        if self._deadlines:
            self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._emptied,), timeout=timeout)

    def forget(self) -> None:
        """Their loop is gone, and they with it."""
        self._deadlines.clear()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Some may have waited too long."""
        self._timer = None
        now = loop.time()
        late: list[AtOnce[Any]] = []
        for one, deadline in self._deadlines.items():
            if isinstance(one, asyncio.Task) or one.heard:
                continue
            if deadline > now:
                self._timer = loop.call_at(deadline, self._look, loop)
                break
            late.append(one)
        for one in late:
            one.expire()
