"""The event loop behind the synchronous face: one of a process, in a thread of its own, for all that live there.

A fork leaves the thread behind, so a child process begins with a new loop, and each component makes itself anew there.
"""

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from ..errors import ClosedError, InvalidStateError

T = TypeVar("T")
FORK_SECONDS = 2.0
"""How long a fork waits for the loop to stand still, at most."""
EXIT_SECONDS = 2.0
"""How long the end of the process waits for connections to be given up."""


class Closable(Protocol):
    """An asynchronous component."""

    async def close(self) -> None: ...


class Portal:
    """The loop of this process. It begins with the first call and ends with the process."""

    def __init__(self) -> None:
        self.generation = 0
        """How many forks lie between the first process and this one."""
        self.lock = threading.Lock()
        self._open: set[Closable] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._left_behind: list[object] = []
        self._forking = threading.local()
        self._ended = False

    def run(self, call: Callable[[], Coroutine[Any, Any, T]], loop: asyncio.AbstractEventLoop | None = None) -> T:
        """Run a coroutine on the loop, or on another, and wait for it. An interrupted wait (Ctrl-C) cancels it."""
        if is_inside_loop():
            raise InvalidStateError(
                "a synchronous call would block the event loop that runs in this thread: "
                "await the same method of `glidemq_pb` instead of `glidemq_pb.sync`, or call it in asyncio.to_thread"
            )
        loop = loop or self._started()
        running = asyncio.run_coroutine_threadsafe(call(), loop)
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

    def keep(self, component: Closable) -> None:
        """Close this one at the end of the process, unless it is dropped before."""
        self._open.add(component)

    def drop(self, component: Closable, generation: int) -> None:
        """Nobody can use this one any more: close it, and do not wait for that.

        The garbage collector may call this at any time and in any thread, so it takes no lock.
        """
        loop = self._loop
        if generation == self.generation and component in self._open and loop is not None:
            self._open.discard(component)
            loop.call_soon_threadsafe(self._begin_to_close, component)

    def _begin_to_close(self, component: Closable) -> None:
        closing = asyncio.get_running_loop().create_task(self._close(component))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    @staticmethod
    async def _close(component: Closable) -> None:
        with contextlib.suppress(Exception):  # nobody is left to be told
            await component.close()

    def end(self) -> None:
        """Give all connections up at the end of the process; what cannot be given up in time goes with it."""
        with self.lock:
            self._ended = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
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
        for component in list(self._open):
            self._begin_to_close(component)
        if self._closing:
            await asyncio.wait(self._closing)

    # --- forks --------------------------------------------------------------------------------------------------------

    def stand_still(self) -> None:
        """Before a fork: let the loop's thread hold no lock, such as an import's, which the child would inherit."""
        loop = self._loop
        if loop is None or threading.current_thread() is self._thread:
            return
        standing, go_on = threading.Event(), threading.Event()

        def stand() -> None:
            standing.set()
            go_on.wait(FORK_SECONDS)

        self._forking.go_on = go_on
        loop.call_soon_threadsafe(stand)
        standing.wait(FORK_SECONDS)

    def go_on(self) -> None:
        """After a fork, in the parent."""
        go_on: threading.Event | None = vars(self._forking).pop("go_on", None)
        if go_on is not None:
            go_on.set()

    def begin_anew(self) -> None:
        """In a forked child: the thread is not there, and whatever the loop holds is the parent's."""
        # They are kept, as to delete them would close what the parent uses.
        self._left_behind += [self._loop, self._thread, self._open, self._closing]
        self._loop = self._thread = None
        self._open, self._closing = set(), set()
        self.lock = threading.Lock()
        self.generation += 1


PORTAL = Portal()
atexit.register(PORTAL.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=PORTAL.stand_still, after_in_parent=PORTAL.go_on, after_in_child=PORTAL.begin_anew)


def is_inside_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
