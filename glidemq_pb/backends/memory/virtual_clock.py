"""A clock that moves only when it is told to, with chance drawn from a seed."""

import asyncio
import datetime as dt
import heapq
import math
import random
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from ...clock import Participant
from ...errors import InvalidOptionsError, duration_ms

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STALE_TIMERS_MAX = 1_000


@runtime_checkable
class FollowedLoop(Protocol):
    """An event loop whose own time is virtual: clocks that are used in it move with it."""

    def follow(self, clock: "VirtualClock") -> None:
        """Move this clock together with the loop from now on."""
        ...


class VirtualTimer:
    """A callback of a `VirtualClock`; `cancel` takes it out."""

    __slots__ = ("_queue", "callback")

    def __init__(self, queue: "TimerQueue", callback: Callable[[], None]) -> None:
        self._queue = queue
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._queue.note_cancelled()


class TimerQueue:
    """Timers by due moment, those of one moment in the order of their creation."""

    __slots__ = ("_cancelled", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, VirtualTimer]] = []
        self._cancelled = 0  # timers that are still in the heap

    def add(self, due: int, number: int, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(self, callback)
        heapq.heappush(self._heap, (due, number, timer))
        return timer

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def first(self) -> tuple[int, int] | None:
        """(due, number) of the earliest timer."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][:2] if heap else None

    def fire(self) -> None:
        """Take the earliest timer out and call it."""
        timer = heapq.heappop(self._heap)[2]
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()

    def note_cancelled(self) -> None:
        """Count a cancelled timer, and sweep them out when they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > STALE_TIMERS_MAX and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0


class VirtualClock:
    """Implements `Clock` in virtual time. Two clocks with the same start, seed and use are identical.

    start: epoch milliseconds or an aware datetime. Reading the time, `sleep` and the seed are for
    everyone; the rest is for the test kit that moves time.
    """

    def __init__(self, start: dt.datetime | int = START, seed: int = 0) -> None:
        self.elapsed = 0  # monotonic; timers live on it, so that `set` moves none of them
        self._origin = _instant_ms(start)  # the instant at elapsed 0; moved only by `set`
        self.sleep_timers = TimerQueue()
        self.timers = TimerQueue()
        self.weak_timers = TimerQueue()
        self._created = 0
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        # Apart from the other, so that an identity more or less does not change a test's jitter.
        self._identities = random.Random(f"identities of {seed}")  # noqa: S311
        self._sleeps: dict[asyncio.Task[Any] | None, asyncio.Future[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._participants: dict[Participant, None] = {}  # in the order of arrival
        self.kit: object = None  # the test kit's, one per clock
        self.on_move: dict[object, Callable[[], None]] = {}

    def now(self) -> int:
        """The instant, in epoch milliseconds."""
        return self._origin + self.elapsed

    def datetime(self) -> dt.datetime:
        """The instant, as an aware datetime in UTC."""
        return EPOCH + dt.timedelta(milliseconds=self.now())

    def monotonic(self) -> float:
        return float(self.elapsed)

    def random(self) -> float:
        return self._chance.random()

    def token(self) -> str:
        return f"{self._identities.getrandbits(72):018x}"

    def call_later(self, delay: float, callback: Callable[[], None], *, weak: bool = False) -> VirtualTimer:
        return self._add(self.weak_timers if weak else self.timers, delay, callback)

    def _add(self, queue: TimerQueue, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        self._created += 1
        return queue.add(self.elapsed + max(math.ceil(delay), 0), self._created, callback)

    async def sleep(self, duration: int | dt.timedelta) -> None:
        """Wait until the clock has moved by `duration` (milliseconds or a timedelta).

        Raises `InvalidOptionsError` for a float, a bool or a negative duration.
        """
        delay = duration_ms("duration", duration)
        if delay == 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self.join(loop)
        woken: asyncio.Future[None] = loop.create_future()
        task = asyncio.current_task()
        self._sleeps[task] = woken

        def wake() -> None:
            if not woken.done() and not woken.get_loop().is_closed():
                woken.set_result(None)

        timer = self._add(self.sleep_timers, delay, wake)
        try:
            await woken
        finally:
            timer.cancel()
            del self._sleeps[task]

    def attend(self, participant: Participant) -> None:
        self._participants[participant] = None

    def dismiss(self, participant: Participant) -> None:
        self._participants.pop(participant, None)

    # for the test kit
    @property
    def participants(self) -> list[Participant]:
        """The workers that live by this clock, in the order in which they came."""
        return list(self._participants)

    def join(self, loop: asyncio.AbstractEventLoop) -> None:
        """It is used in this event loop: when the loop's time is virtual, both move together."""
        if loop is not self._loop:
            self._loop = loop
            if isinstance(loop, FollowedLoop):
                loop.follow(self)

    @property
    def sleepers(self) -> int:
        """How many tasks are in `sleep` and were neither woken nor cancelled."""
        return sum(not woken.done() for woken in self._sleeps.values())

    def is_sleeping(self, task: asyncio.Task[Any]) -> bool:
        """Whether this task itself is in `sleep`, neither woken nor cancelled."""
        woken = self._sleeps.get(task)
        return woken is not None and not woken.done()

    def next_due(self) -> int | None:
        """The instant of the earliest timer."""
        first = self._earliest()
        return None if first is None else self._origin + first[0][0]

    def _earliest(self) -> tuple[tuple[int, int], TimerQueue] | None:
        found: tuple[tuple[int, int], TimerQueue] | None = None
        for queue in (self.sleep_timers, self.timers, self.weak_timers):
            first = queue.first()
            if first is not None and (found is None or first < found[0]):
                found = first, queue
        return found

    def advance_to(self, instant: int) -> None:
        """Move to `instant` (epoch milliseconds), calling each timer due on the way at its own moment.

        Timers of one moment run in the order of their creation, those they create for it included.
        When one calls `set`, the rest of the way is counted from the new time; past `instant`, none is left.
        Raises `ValueError` for an instant in the past.
        """
        if instant < self.now():
            raise ValueError(f"{instant} is before {self.now()}: only `set` steps back")
        while (first := self._earliest()) is not None and first[0][0] <= self._elapsed_at(instant):
            (due, _), queue = first
            self.move(due)
            queue.fire()
        self.move(self._elapsed_at(instant))

    def _elapsed_at(self, instant: int) -> int:
        """`elapsed` on arrival at `instant`: read anew after each timer, as one may call `set`, even past it."""
        return max(instant - self._origin, self.elapsed)

    def move(self, elapsed: int) -> None:
        """Let time pass up to `elapsed` milliseconds since the start, calling no timer."""
        if elapsed != self.elapsed:
            self.elapsed = elapsed
            for follow in list(self.on_move.values()):
                follow()

    def set(self, instant: int) -> None:
        """Step the wall clock to `instant`, forwards or back, as an administrator would.

        No time passes: timers keep what is left to them, and `monotonic` does not move.
        """
        self._origin = instant - self.elapsed
        for follow in list(self.on_move.values()):
            follow()


def _instant_ms(start: dt.datetime | int) -> int:
    if isinstance(start, dt.datetime):
        if start.tzinfo is None:
            raise InvalidOptionsError(f"start={start!r}: a datetime must be aware")
        return (start - EPOCH) // dt.timedelta(milliseconds=1)
    if type(start) is not int:
        raise InvalidOptionsError(f"start={start!r}: epoch milliseconds or an aware datetime")
    return start
