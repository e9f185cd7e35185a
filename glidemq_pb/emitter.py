"""Local events of a worker: listeners that can break nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from typing import Any

from .options import check_choice
from .outages import Outages

logger = logging.getLogger("glidemq_pb")

Listener = Callable[..., Any]


class Emitter:
    """Calls listeners in order. One that raises is reported as `error` and changes nothing (EVT-5)."""

    def __init__(self, names: frozenset[str], label: str) -> None:
        self._listeners: dict[str, list[Listener]] = {name: [] for name in names}
        self._tasks: set[asyncio.Task[object]] = set()
        self._label = label

    def on(self, name: str, listener: Listener) -> None:
        """Add a listener, a plain or a coroutine function. InvalidOptionsError for a name that is no event."""
        check_choice("event", name, sorted(self._listeners))
        self._listeners[name].append(listener)

    def hears(self, names: frozenset[str]) -> bool:
        """Whether any of these events has a listener."""
        return any(self._listeners[name] for name in names)

    def emit(self, name: str, *args: object) -> None:
        """Call the listeners of an event now; those that return an awaitable go on in a task."""
        for listener in self._listeners[name]:
            try:
                result = listener(*args)
            except Exception as error:
                self._report(name, error)
            else:
                if isawaitable(result):
                    self.spawn(self._finish(name, result))

    def error(self, error: BaseException, what: str, **extra: object) -> None:
        """Say that something failed: a log record and an `error` event, never silence."""
        logger.error("%s: %s: %s", self._label, what, error, exc_info=error, extra=extra)
        self.emit("error", error)

    def note(self, what: str, **extra: object) -> None:
        """Say in the log that something is well again."""
        logger.info("%s: %s", self._label, what, extra=extra)

    def outages(self, what: str, over: str, **extra: object) -> Outages:
        """Outages that are told as `error` events, and in the log when they are over."""
        return Outages(lambda error, told: self.error(error, told, **extra), what, lambda: self.note(over, **extra))

    def spawn(self, coroutine: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        """Run a background task whose failure is reported."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def waits_inside(self) -> None:
        """The task that calls this waits for what waits for `settled`: leave it out, if it is one of ours."""
        task = asyncio.current_task()
        self._tasks = {one for one in self._tasks if one is not task}

    async def settled(self, but: int = 0) -> None:
        """Wait for the background tasks that run now, until at most `but` of them are left."""
        while len(self._tasks) > but:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def cancel(self) -> None:
        """Cancel the background tasks that run now."""
        for task in self._tasks:
            task.cancel()

    @property
    def busy(self) -> bool:
        """Whether a background task runs."""
        return bool(self._tasks)

    async def _finish(self, name: str, result: Awaitable[object]) -> None:
        try:
            await result
        except Exception as error:
            self._report(name, error)

    def _report(self, name: str, error: Exception) -> None:
        if name == "error":  # a failing error listener must not call itself
            logger.error("%s: an `error` listener raised", self._label, exc_info=error)
        else:
            self.error(error, f"a listener of `{name}` raised")

    def _done(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.error(error, "a background task failed")
