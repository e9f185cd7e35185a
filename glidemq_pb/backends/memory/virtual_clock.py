"""A clock that moves only when it is told to, with chance drawn from a seed."""

import asyncio
import datetime as dt
import heapq
import math
import random
from collections.abc import Callable

from ...errors import InvalidOptionsError, duration_ms

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STALE_TIMERS_MAX = 1_000


class VirtualTimer:
    """A callback of a `VirtualClock`; `cancel` takes it out."""

    __slots__ = ("_clock", "callback")

    def __init__(self, clock: "VirtualClock", callback: Callable[[], None]) -> None:
        self._clock = clock
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._clock.note_cancelled()


class VirtualClock:
    """Implements `Clock` in virtual time. Two clocks with the same start, seed and use are identical.

    start: epoch milliseconds or an aware datetime. Reading the time, `sleep` and the seed are for
    everyone; `next_due`, `advance_to`, `set` and `sleepers` are for the test kit that moves time.
    """

    def __init__(self, start: dt.datetime | int = START, seed: int = 0) -> None:
        self._elapsed = 0  # monotonic; timers live on it, so that `set` moves none of them
        self._origin = _instant_ms(start)  # the instant at elapsed 0; moved only by `set`
        self._timers: list[tuple[int, int, VirtualTimer]] = []  # a heap: due (elapsed), order of creation
        self._created = 0
        self._cancelled = 0  # timers that are still in the heap
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        # Apart from the other, so that an identity more or less does not change a test's jitter.
        self._identities = random.Random(f"identities of {seed}")  # noqa: S311
        self._sleeps: dict[asyncio.Future[None], asyncio.Task[object] | None] = {}

    def now(self) -> int:
        """The instant, in epoch milliseconds."""
        return self._origin + self._elapsed

    def datetime(self) -> dt.datetime:
        """The instant, as an aware datetime in UTC."""
        return EPOCH + dt.timedelta(milliseconds=self.now())

    def monotonic(self) -> float:
        return float(self._elapsed)

    def random(self) -> float:
        return self._chance.random()

    def token(self) -> str:
        return f"{self._identities.getrandbits(72):018x}"

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(self, callback)
        self._created += 1
        heapq.heappush(self._timers, (self._elapsed + max(math.ceil(delay), 0), self._created, timer))
        return timer

    async def sleep(self, duration: int | dt.timedelta) -> None:
        """Wait until the clock has moved by `duration` (milliseconds or a timedelta).

        Raises `InvalidOptionsError` for a float, a bool or a negative duration.
        """
        delay = duration_ms("duration", duration)
        if delay == 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeps[woken] = asyncio.current_task()

        def wake() -> None:
            if not woken.done() and not woken.get_loop().is_closed():
                woken.set_result(None)

        timer = self.call_later(delay, wake)
        try:
            await woken
        finally:
            timer.cancel()
            del self._sleeps[woken]

    # for the test kit
    @property
    def sleepers(self) -> int:
        """How many tasks are in `sleep` and were neither woken nor cancelled."""
        return sum(not woken.done() for woken in self._sleeps)

    def is_sleeping(self, task: asyncio.Task[object]) -> bool:
        """Whether this task itself is in `sleep`, neither woken nor cancelled."""
        return any(sleeper is task and not woken.done() for woken, sleeper in self._sleeps.items())

    def next_due(self) -> int | None:
        """The instant of the earliest timer."""
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
            self._cancelled -= 1
        return self._origin + timers[0][0] if timers else None

    def advance_to(self, instant: int) -> None:
        """Move to `instant` (epoch milliseconds), calling each timer due on the way at its own moment.

        Timers of one moment run in the order of their creation, those they create for it included.
        Raises `ValueError` for an instant in the past.
        """
        if instant < self.now():
            raise ValueError(f"{instant} is before {self.now()}: only `set` steps back")
        while (due := self.next_due()) is not None and due <= instant:
            moment, _, timer = heapq.heappop(self._timers)
            self._elapsed = moment
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._elapsed = instant - self._origin

    def set(self, instant: int) -> None:
        """Step the wall clock to `instant`, forwards or back, as an administrator would.

        No time passes: timers keep what is left to them, and `monotonic` does not move.
        """
        self._origin = instant - self._elapsed

    def note_cancelled(self) -> None:
        """Count a cancelled timer, and sweep them out when they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > STALE_TIMERS_MAX and self._cancelled * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0


def _instant_ms(start: dt.datetime | int) -> int:
    if isinstance(start, dt.datetime):
        if start.tzinfo is None:
            raise InvalidOptionsError(f"start={start!r}: a datetime must be aware")
        return (start - EPOCH) // dt.timedelta(milliseconds=1)
    if type(start) is not int:
        raise InvalidOptionsError(f"start={start!r}: epoch milliseconds or an aware datetime")
    return start
