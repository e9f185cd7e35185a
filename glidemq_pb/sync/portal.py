"""The event loop behind the synchronous face: one of a process, in a thread of its own, for all that live there.

A fork leaves the thread behind, so a child process begins with a new loop, and each component makes itself anew there.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from ..errors import ClosedError, InvalidStateError

if TYPE_CHECKING:
    from .component import Component

T = TypeVar("T")
EXIT_SECONDS = 2.0
"""How long the end of the process waits for connections to be given up."""


class Portal:
    """The loop of this process. It begins with the first call and ends with the process."""

    def __init__(self) -> None:
        self.generation = 0
        """How many forks lie between the first process and this one."""
        self.lock = threading.Lock()
        self.components: WeakSet[Component[Any]] = WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._left_behind: list[object] = []
        self._ended = False

    def run(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop and wait for it. An interrupted wait (Ctrl-C) cancels it."""
        if is_inside_loop():
            raise InvalidStateError(
                "a synchronous call would block the event loop that runs in this thread: "
                "await the same method of `glidemq_pb` instead of `glidemq_pb.sync`, or call it in asyncio.to_thread"
            )
        running = asyncio.run_coroutine_threadsafe(call(), self._started())
        try:
            return running.result()
        finally:
            running.cancel()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self.lock:
            if self._ended:
                raise ClosedError("this process is ending")
            if self._loop is None:
                self._loop = asyncio.SelectorEventLoop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="glidemq_pb.sync", daemon=True)
                self._thread.start()
            return self._loop

    def end(self) -> None:
        """Give all connections up at the end of the process; what cannot be given up in time goes with it."""
        with self.lock:
            self._ended = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        closing = asyncio.run_coroutine_threadsafe(self._close_all(), loop)
        try:
            closing.result(EXIT_SECONDS)
        except TimeoutError:
            closing.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(EXIT_SECONDS)

    async def _close_all(self) -> None:
        closing = [one.component.close() for one in list(self.components) if one.is_of(self.generation)]
        await asyncio.gather(*closing, return_exceptions=True)

    def begin_anew(self) -> None:
        """In a forked child: the thread is not there, and whatever the loop holds is the parent's."""
        self._left_behind += [self._loop, self._thread]  # kept, as deleting them would close what the parent uses
        self._loop = self._thread = None
        self.lock = threading.Lock()
        self.generation += 1


PORTAL = Portal()
atexit.register(PORTAL.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PORTAL.begin_anew)


def is_inside_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
