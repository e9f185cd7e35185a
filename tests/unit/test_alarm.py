"""A timer that is moved again and again."""

import asyncio
from collections.abc import Callable

import pytest

from glidemq_pb.backends.memory import VirtualClock
from glidemq_pb.clock import Alarm, SystemClock, Timer


class CountingClock(SystemClock):
    """Counts the timers that are made."""

    def __init__(self) -> None:
        self.made = 0

    def call_later(self, delay: float, callback: Callable[[], None], *, weak: bool = False) -> Timer:
        self.made += 1
        return super().call_later(delay, callback, weak=weak)


async def wait(milliseconds: float) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(milliseconds / 1000, over.set)
    await over.wait()


async def test_a_moment_that_moves_away_costs_no_timer_and_is_kept() -> None:
    clock, rings = CountingClock(), list[float]()
    loop = asyncio.get_running_loop()
    alarm = Alarm(clock, lambda: rings.append(loop.time()))
    begun = loop.time()
    for _ in range(100):
        alarm.set(5)
    alarm.set(30)
    assert clock.made == 1
    await wait(60)
    assert len(rings) == 1
    assert rings[0] - begun >= 0.029
    assert clock.made == 2
    assert not alarm.is_set


async def test_a_moment_that_comes_nearer_is_kept() -> None:
    rings = list[int]()
    alarm = Alarm(SystemClock(), lambda: rings.append(1))
    alarm.set(60_000)
    alarm.set(1)
    assert alarm.is_set
    await wait(20)
    assert rings == [1]


@pytest.mark.parametrize("way", ["cancel", "end"])
async def test_one_that_is_cancelled_does_not_call(way: str) -> None:
    rings = list[int]()
    alarm = Alarm(SystemClock(), lambda: rings.append(1))
    alarm.set(1)
    getattr(alarm, way)()
    assert not alarm.is_set
    await wait(20)
    assert rings == []
    alarm.set(0)
    await wait(20)
    assert rings == [1]


async def test_it_may_be_set_again_by_its_own_call() -> None:
    rings = list[int]()

    def ring() -> None:
        rings.append(1)
        if len(rings) < 3:
            alarm.set(1)

    alarm = Alarm(SystemClock(), ring)
    alarm.set(0)
    await wait(50)
    assert rings == [1, 1, 1]


async def test_virtual_time_sees_the_moment_that_was_set_last_and_no_other() -> None:
    clock, rings = VirtualClock(), list[int]()
    alarm = Alarm(clock, lambda: rings.append(clock.elapsed), weak=True)
    alarm.set(5)
    alarm.set(30)
    assert len(clock.weak_timers) == 1
    assert clock.next_due() == clock.now() + 30
    clock.advance_to(clock.now() + 100)
    assert rings == [30]
    alarm.set(5)
    alarm.cancel()
    assert clock.next_due() is None
