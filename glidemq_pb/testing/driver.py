"""Moving virtual time from one due moment to the next, and at each moment letting everything happen in order.

Time moves only when every worker is parked and every processor has finished or waits for virtual time. Within
one moment: ends of processors (their sleeps fire first, and all that follows runs while the workers' calls are
held back), then timeouts and whatever other timers are due, then the workers' calls, each of which settles,
sweeps and starts; at last the kit sweeps the queues that no worker looked after.

Weak timers (an idle worker's look at its queue, see `Clock.call_later`) do not stop time. Only the store tells
an idle worker anything, and here the store's due moments are visited whether a worker sleeps or not, and no
wake is ever lost; so those looks could change nothing but the workers' own records of being alive. They are
made up for at the last millisecond before each moment that is visited: to everyone who can look, each worker
has been heard of in time. (Not where nobody can: a lone idle worker looks at its queue at the moment itself.)
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ..backends.memory import VirtualClock
from ..errors import GlideMQError, InvalidOptionsError, duration_ms
from ..work_loop import WorkLoop
from .kit import Kit

MS_US = 1_000
FOREVER_US = 10 * 365 * 24 * 3_600 * 1_000_000
"""Work that goes on for ten years of virtual time is taken to have no end."""
EVENTS_MAX = 40_000
EVENTS_OF_A_JOB_MAX = 50
"""So is work with more events than this, and this for each job that was there when it began."""


class NotCompletedError(GlideMQError):
    """`run_to_completion` cannot end: the message names the jobs that hang, or what has no end."""


class StillRunningWarning(UserWarning):
    """A processor is not waited for any more: the message names it. It may end at any later moment."""


class Axis(Protocol):
    """A time that can be moved, in whole microseconds, and the clocks that go with it."""

    @property
    def now_us(self) -> int: ...
    @property
    def clocks(self) -> Mapping[VirtualClock, int]:
        """Each clock, with this axis' time at the clock's start."""
        ...

    def next_timer_us(self) -> int | None:
        """When the next timer is due that is of no clock."""
        ...

    def move_us(self, moment: int) -> None:
        """Let time pass, calling no timer of a clock."""
        ...

    async def quiet(self) -> None:
        """Wait until nothing more happens at this moment."""
        ...


class Driver:
    """Drives every queue, worker and sleeper of one axis. One call at a time; others wait for their turn."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self._turn = asyncio.Lock()

    @property
    def moving(self) -> bool:
        """Whether somebody moves the time now."""
        return self._turn.locked()

    async def run_until_idle(self) -> None:
        """All that can happen at this moment."""
        async with self._turn:
            await self._settle()

    async def advance(self, duration: int | timedelta) -> None:
        """All that happens from now until exactly `duration` later, that moment included."""
        end = self._axis.now_us + duration_ms("duration", duration) * MS_US
        async with self._turn:
            await self._settle()
            while (due := self._next()) is not None and due <= end:
                await self._visit(due)
            if end > self._axis.now_us:
                await self._visit(end)

    async def run_to_completion(self, clock: VirtualClock, until: int | datetime | timedelta | None) -> None:
        """All that happens until no work is left, at most until the given instant of `clock`, that included."""
        begin = self._axis.now_us
        end = None if until is None else begin + (instant_ms(until, clock.now()) - clock.now()) * MS_US
        async with self._turn:
            await self._settle()
            events_max = (
                self._events() + EVENTS_MAX + EVENTS_OF_A_JOB_MAX * sum(kit.open_jobs() for kit in self._kits())
            )
            while self._has_work():
                due = self._next()
                if end is not None and (due is None or due > end):
                    await self._visit(end)
                    return
                if due is None or (end is None and (due - begin > FOREVER_US or self._events() > events_max)):
                    raise NotCompletedError(self._describe_endless(begin))
                await self._visit(due)
            if running := self._still_running():
                raise NotCompletedError(f"nothing is due any more, but not all is done{running}")

    def _events(self) -> int:
        return sum(kit.recorder.count for kit in self._kits())

    def _describe_endless(self, begin: int) -> str:
        passed = timedelta(microseconds=self._axis.now_us - begin)
        return (
            f"still not done after {passed} of virtual time: this work seems to have no end; "
            f"pass `until=`, an instant or a timedelta{self._schedulers()}{self._still_running()}"
        )

    def _schedulers(self) -> str:
        names = [name for kit in self._kits() for name in kit.describe_schedulers()]
        return f"; job schedulers: {', '.join(names)}" if names else ""

    # --- for the loop, when a test waits for virtual time without one of the above ------------------------------------

    def has_more(self, until_us: int) -> bool:
        """Whether there is a worker to be started, or a due moment up to `until_us` that may wake somebody.

        The renewal of leases does not: a processor that hangs would keep time going for ever.
        """
        if any(kit.waits_for_start for kit in self._kits()):
            return True
        due = self._next()
        if due is None or due > until_us:
            return False
        return self._has_work() or any(len(clock.timers) > renewals(clock) for clock in self._axis.clocks)

    async def step(self) -> None:
        """Start the workers that were not, else visit the next due moment."""
        async with self._turn:
            due = None if any(kit.waits_for_start for kit in self._kits()) else self._next()
            if due is None:
                await self._settle()
            else:
                await self._visit(due)

    # --- one moment ---------------------------------------------------------------------------------------------------

    async def _visit(self, moment: int) -> None:
        eve = moment - MS_US
        if eve > self._axis.now_us and self._somebody_looks_at(moment) and self._weak_due_before(moment):
            self._axis.move_us(eve)
            await self._settle()
        self._axis.move_us(max(moment, self._axis.now_us))
        await self._settle()

    async def _settle(self) -> None:
        """Everything of this moment, in order, until nothing of it is left."""
        while True:
            kits = self._kits()
            for kit in kits:
                await kit.start_workers()
            await self._end_processors(kits)
            await self._axis.quiet()
            swept = False
            for kit in kits:
                swept = await kit.sweep() or swept
            if not swept and not self._anything_due():
                return

    async def _end_processors(self, kits: Sequence[Kit]) -> None:
        axis = self._axis
        if self._sleeps_due() or _is_due(axis.next_timer_us(), axis.now_us):
            for kit in kits:
                kit.gate.close()
            try:
                while self._fire_sleeps() or _is_due(axis.next_timer_us(), axis.now_us):
                    await axis.quiet()
                self._fire_timers()
            finally:
                for kit in kits:
                    kit.gate.open()
        else:
            self._fire_timers()

    def _fire_sleeps(self) -> bool:
        fired = False
        for clock in self._axis.clocks:
            timers = clock.sleep_timers
            while (first := timers.first()) is not None and first[0] <= clock.elapsed:
                timers.fire()
                fired = True
        return fired

    def _sleeps_due(self) -> bool:
        for clock in self._axis.clocks:
            first = clock.sleep_timers.first()
            if first is not None and first[0] <= clock.elapsed:
                return True
        return False

    def _fire_timers(self) -> None:
        for clock in list(self._axis.clocks):
            for timers in (clock.timers, clock.weak_timers):
                while (first := timers.first()) is not None and first[0] <= clock.elapsed:
                    timers.fire()

    def _anything_due(self) -> bool:
        for clock in self._axis.clocks:
            for timers in (clock.sleep_timers, clock.timers, clock.weak_timers):
                first = timers.first()
                if first is not None and first[0] <= clock.elapsed:
                    return True
        return _is_due(self._axis.next_timer_us(), self._axis.now_us)

    # --- what comes next ----------------------------------------------------------------------------------------------

    def _kits(self) -> list[Kit]:
        return [clock.kit for clock in self._axis.clocks if isinstance(clock.kit, Kit)]

    def _next(self) -> int | None:
        """The next moment at which something happens: now at the earliest."""
        found = self._axis.next_timer_us()
        for clock, start in self._axis.clocks.items():
            for timers in (clock.sleep_timers, clock.timers):
                if (first := timers.first()) is not None:
                    found = _earlier(found, start + first[0] * MS_US)
            if isinstance(clock.kit, Kit) and (due := clock.kit.next_due()) is not None:
                found = _earlier(found, start + (clock.elapsed + due - clock.now()) * MS_US)
        return None if found is None else max(found, self._axis.now_us)

    def _somebody_looks_at(self, moment: int) -> bool:
        """Whether somebody could tell at `moment` that a worker's record is old: who sleeps, or another worker."""
        if (due := self._axis.next_timer_us()) is not None and due <= moment:
            return True
        for clock, start in self._axis.clocks.items():
            first = clock.sleep_timers.first()
            if first is not None and start + first[0] * MS_US <= moment:
                return True
            participants = clock.participants
            if len(participants) > 1 or any(participant.running() for participant in participants):
                return True
        return False

    def _weak_due_before(self, moment: int) -> bool:
        for clock, start in self._axis.clocks.items():
            first = clock.weak_timers.first()
            if first is not None and start + first[0] * MS_US < moment:
                return True
        return False

    def _has_work(self) -> bool:
        if self._axis.next_timer_us() is not None:
            return True
        return any(
            clock.sleep_timers.first() is not None or (isinstance(clock.kit, Kit) and clock.kit.has_work())
            for clock in self._axis.clocks
        )

    def _still_running(self) -> str:
        names = [name for kit in self._kits() for name in kit.describe_running()]
        return f"; still running: {', '.join(names)}" if names else ""


def renewals(clock: VirtualClock) -> int:
    """How many timers of a clock do nothing but renew leases."""
    return sum(isinstance(one, WorkLoop) and one.renews for one in clock.participants)


def instant_ms(until: int | datetime | timedelta, now: int) -> int:
    """An instant (epoch milliseconds or an aware datetime), or a time from now. InvalidOptionsError otherwise."""
    if isinstance(until, timedelta):
        return now + duration_ms("until", until)
    if isinstance(until, datetime) and until.tzinfo is not None:
        until = round(until.timestamp() * 1000)
    if type(until) is not int:
        raise InvalidOptionsError(f"until={until!r}: a timedelta, epoch milliseconds or an aware datetime is allowed")
    if until < now:
        raise InvalidOptionsError(f"until={until}: it is {now} already")
    return until


def _earlier(first: int | None, second: int) -> int:
    return second if first is None or second < first else first


def _is_due(moment: int | None, now: int) -> bool:
    return moment is not None and moment <= now
