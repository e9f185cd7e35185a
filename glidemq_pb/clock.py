"""Time and chance, as arguments: what the library asks instead of the operating system."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A callback that waits for its moment."""

    def cancel(self) -> None:
        """Do not call it any more. Harmless when it was called already."""
        ...


class Clock(Protocol):
    """The time and the chance that a backend's components live by."""

    def now(self) -> int:
        """The instant, in epoch milliseconds. It may step back; rules never read it on Valkey."""
        ...

    def monotonic(self) -> float:
        """Milliseconds that never step back, from an arbitrary origin."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in the running event loop once `delay` milliseconds have passed."""
        ...

    def random(self) -> float:
        """A number in [0, 1), for jitter."""
        ...

    def token(self) -> str:
        """A short ASCII text that no other call returns, for identities."""
        ...


class SystemClock:
    """The operating system's clock and randomness."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic() * 1000

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(delay / 1000, callback)

    def random(self) -> float:
        return random.random()  # noqa: S311 - jitter, not a secret

    def token(self) -> str:
        return secrets.token_urlsafe(9)
