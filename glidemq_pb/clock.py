"""Time and chance, as arguments: what the library asks instead of the operating system."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Timer(Protocol):
    """A callback that waits for its moment."""

    def cancel(self) -> None:
        """Do not call it any more. Harmless when it was called already."""
        ...


class Participant(Protocol):
    """Something that acts by itself, and that virtual time must wait for."""

    @property
    def parked(self) -> bool:
        """Whether it does nothing until it is woken or a timer fires."""
        ...

    def running(self) -> Sequence["RunningJob"]:
        """The jobs that it runs now."""
        ...


class RunningJob(Protocol):
    """A job inside its processor."""

    @property
    def waits_in_kit(self) -> bool:
        """Whether its processor waits for virtual time or for its abort signal."""
        ...

    @property
    def description(self) -> str:
        """The job's name and id, for messages."""
        ...


class Clock(Protocol):
    """The time and the chance that a backend's components live by."""

    def now(self) -> int:
        """The instant, in epoch milliseconds. It may step back; rules never read it on Valkey."""
        ...

    def monotonic(self) -> float:
        """Milliseconds that never step back, from an arbitrary origin."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None], *, weak: bool = False) -> Timer:
        """Call `callback` in the running event loop once `delay` milliseconds have passed.

        `weak`: it only makes somebody look at the store. The test kit, which watches the stores itself, may
        leave it out as long as nothing else happens; real time takes no notice.
        """
        ...

    def random(self) -> float:
        """A number in [0, 1), for jitter."""
        ...

    def token(self) -> str:
        """A short ASCII text that no other call returns, for identities."""
        ...

    def is_sleeping(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task waits for virtual time by the clock's own `sleep`."""
        ...

    def attend(self, participant: Participant) -> None:
        """A worker begins to live by this clock. Only virtual time cares."""
        ...

    def dismiss(self, participant: Participant) -> None:
        """The worker is gone."""
        ...


class SystemClock:
    """The operating system's clock and randomness."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic() * 1000

    def call_later(self, delay: float, callback: Callable[[], None], *, weak: bool = False) -> Timer:
        del weak  # real time takes no notice
        return asyncio.get_running_loop().call_later(delay / 1000, callback)

    def random(self) -> float:
        return random.random()  # noqa: S311 - jitter, not a secret

    def token(self) -> str:
        return secrets.token_urlsafe(12)

    def is_sleeping(self, task: asyncio.Task[Any]) -> bool:  # noqa: ARG002 - nobody sleeps virtually here
        return False

    def attend(self, participant: Participant) -> None:
        """Real time waits for nobody."""

    def dismiss(self, participant: Participant) -> None:
        """Real time waits for nobody."""


class Alarm:
    """A timer that is moved again and again: calls `callback` once, at the moment that was set last.

    By the system's clock a moment that only moves away, or is cancelled, leaves the timer as it is: it looks when it
    fires whether it is to wait further. So one that is set with every call costs no timer each time. Virtual time,
    which stops at each timer, is told exactly.
    """

    __slots__ = ("_armed_at", "_at", "_callback", "_clock", "_exact", "_timer", "_weak")

    def __init__(self, clock: Clock, callback: Callable[[], None], *, weak: bool = False) -> None:
        self._clock = clock
        self._callback = callback
        self._weak = weak
        self._exact = not isinstance(clock, SystemClock)
        self._timer: Timer | None = None
        self._armed_at = 0.0
        self._at: float | None = None

    @property
    def is_set(self) -> bool:
        """Whether it will call."""
        return self._at is not None

    def set(self, delay: float) -> None:
        """Call in `delay` milliseconds, and not at the moment set before."""
        self._at = at = asyncio.get_running_loop().time() * 1000 + delay
        if self._timer is not None:
            if at >= self._armed_at and not self._exact:
                return
            self._timer.cancel()
        self._armed_at = at
        self._timer = self._clock.call_later(delay, self._ring, weak=self._weak)

    def cancel(self) -> None:
        """Do not call."""
        self._at = None
        if self._exact:
            self.end()

    def end(self) -> None:
        """Do not call, and keep no timer either."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._at is None:
            return
        left = 0.0 if self._exact else self._at - asyncio.get_running_loop().time() * 1000
        if left >= 1:
            self.set(left)
        else:
            self._at = None
            self._callback()


async def outlasts(clock: Clock, task: "asyncio.Future[Any]", delay: float) -> bool:
    """Wait for a task, at most until the clock has moved by `delay` milliseconds: whether it still runs."""
    passing = asyncio.get_running_loop().create_task(pass_time(clock, delay))
    try:
        await asyncio.wait({task, passing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        passing.cancel()
    return not task.done()


async def pass_time(clock: Clock, delay: float) -> None:
    """Wait until the clock has moved by `delay` milliseconds."""
    over = asyncio.Event()
    timer = clock.call_later(delay, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()
