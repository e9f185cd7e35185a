"""What a server process is to Valkey: one store, operations one at a time, and those who wait on its lists."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from ...semantics.store import Store
from .store import MemoryStore

P = ParamSpec("P")
R = TypeVar("R")


class Wait:
    """One blocked pop. `value` is set, under the server's lock, before `woken` is resolved."""

    __slots__ = ("keys", "loop", "value", "woken")

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.loop = asyncio.get_running_loop()
        self.woken: asyncio.Future[None] = self.loop.create_future()
        self.value: tuple[str, str] | None = None

    def wake(self) -> None:
        """Let the waiter go on; from any loop or thread, as `memory://` is shared by all of the process."""
        try:
            here = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            here = False
        if here:
            self._resolve()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class MemoryServer:
    """Holds the store of all queues of one name. Safe to use from several event loops and threads."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._lock = threading.Lock()
        self._waits: dict[str, dict[Wait, None]] = {}  # by key, those who came first first
        self._followers: dict[str, set[Wait]] = {}  # by stream

    def run(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        now: int,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run one operation, then serve those who wait on what it pushed."""
        with self._lock:
            try:
                return operation(self.store, queue, now, *args, **kwargs)
            finally:  # what an operation wrote before an error stays, as on Valkey
                if self.store.pushed:
                    self._serve()
                if self.store.grown:
                    self._tell_followers()

    def enter(self, wait: Wait) -> None:
        """Take a value at once, or queue up for one."""
        with self._lock:
            wait.value = self._take(wait.keys)
            if wait.value is None:
                for key in wait.keys:
                    self._waits.setdefault(key, {})[wait] = None

    def leave(self, wait: Wait, *, keep: bool) -> None:
        """Stop waiting. A value that came and is not kept goes back to the front, for the next in line."""
        with self._lock:
            self._forget(wait)
            if wait.value is not None and not keep:
                self.store.put_back(*wait.value)
                self._serve()

    def follow(self, wait: Wait, key: str, after: int) -> bool:
        """Wake it, once, when the stream has grown. False: it has an entry with a greater number already."""
        with self._lock:
            if self.store.xlast(key) > after:
                return False
            self._followers.setdefault(key, set()).add(wait)
            return True

    def unfollow(self, wait: Wait, key: str) -> None:
        """Do not wake it any more."""
        with self._lock:
            followers = self._followers.get(key, set())
            followers.discard(wait)
            if not followers:
                self._followers.pop(key, None)

    def _tell_followers(self) -> None:
        grown, self.store.grown = self.store.grown, {}
        for key in grown:
            for wait in self._followers.pop(key, ()):
                wait.wake()

    def _take(self, keys: Sequence[str]) -> tuple[str, str] | None:
        for key in keys:
            value = self.store.take_first(key)
            if value is not None:
                return key, value
        return None

    def _serve(self) -> None:
        pushed, self.store.pushed = self.store.pushed, {}
        for key in pushed:
            for wait in list(self._waits.get(key, ())):
                if wait.loop.is_closed():  # its loop ended without cancelling its tasks
                    self._forget(wait)
                    continue
                if wait not in self._waits.get(key, ()):  # named twice, or served through another key
                    continue
                wait.value = self._take(wait.keys)  # like BLPOP, in the order of its keys, not of the pushes
                if wait.value is None:
                    break
                self._forget(wait)
                wait.wake()

    def _forget(self, wait: Wait) -> None:
        for key in wait.keys:
            waits = self._waits.get(key)
            if waits is not None:
                waits.pop(wait, None)
                if not waits:
                    del self._waits[key]
