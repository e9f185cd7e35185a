"""Virtual time: moved only when told to, timers at their exact moments, chance from a seed."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from glidemq_pb.backends.memory import VirtualClock
from glidemq_pb.clock import Clock, RunningJob
from glidemq_pb.errors import InvalidOptionsError

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def test_it_is_a_clock_that_starts_in_2026() -> None:
    clock: Clock = VirtualClock()
    assert clock.now() == START
    assert VirtualClock().datetime() == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("start", [1_500, datetime(1970, 1, 1, 1, 0, 1, 500_999, tzinfo=timezone(timedelta(hours=1)))])
def test_it_starts_at_a_given_instant(start: Any) -> None:
    assert VirtualClock(start).now() == 1_500


@pytest.mark.parametrize("start", [datetime(2026, 1, 1), 1.5, True, "2026"])  # the first one is naive
def test_a_start_that_is_no_instant_is_refused(start: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="start"):
        VirtualClock(start)


def test_timers_fire_at_their_own_moments_in_order_of_due_then_creation() -> None:
    clock = VirtualClock(0)
    fired: list[tuple[str, int]] = []

    def note(name: str) -> None:
        fired.append((name, clock.now()))

    def create_another() -> None:
        clock.call_later(0, lambda: note("created at 10"))

    clock.call_later(20, lambda: note("late"))
    clock.call_later(10, lambda: note("first"))
    clock.call_later(9.2, lambda: note("second"))  # rounded up
    clock.call_later(10, create_another)
    clock.call_later(31, lambda: note("after"))
    clock.advance_to(30)

    assert fired == [("first", 10), ("second", 10), ("created at 10", 10), ("late", 20)]
    assert (clock.now(), clock.monotonic(), clock.next_due()) == (30, 30.0, 31)


def test_a_cancelled_timer_is_not_called_and_not_due() -> None:
    clock = VirtualClock(0)
    fired: list[int] = []
    timer = clock.call_later(5, lambda: fired.append(5))
    later = clock.call_later(7, lambda: fired.append(7))
    timer.cancel()
    timer.cancel()
    assert clock.next_due() == 7
    clock.advance_to(10)
    later.cancel()
    assert fired == [7]
    assert clock.next_due() is None


def test_many_cancelled_timers_are_swept_out() -> None:
    clock = VirtualClock(0)
    fired: list[int] = []
    timers = [clock.call_later(n, lambda n=n: fired.append(n)) for n in range(5_000)]  # type: ignore[misc]  # n=n
    for timer in timers[:2_600] + timers[2_700:]:
        timer.cancel()
    assert len(clock.timers._heap) < 1_500
    clock.advance_to(10_000)
    assert fired == list(range(2_600, 2_700))


def test_time_does_not_run_backwards_by_itself() -> None:
    clock = VirtualClock(1_000)
    with pytest.raises(ValueError, match="before 1000"):
        clock.advance_to(999)


@pytest.mark.parametrize("instant", [500, 1_000, 90_000])
def test_a_step_of_the_wall_clock_moves_no_timer(instant: int) -> None:
    clock = VirtualClock(1_000)
    fired: list[int] = []
    clock.call_later(10, lambda: fired.append(clock.now()))
    clock.set(instant)
    assert (clock.now(), clock.monotonic(), clock.next_due()) == (instant, 0.0, instant + 10)
    clock.advance_to(instant + 10)
    assert fired == [instant + 10]


@pytest.mark.parametrize(
    ("stepped_to", "end", "elapsed"),
    [
        (5, 100, 105),  # back by 5: 5 milliseconds more to go
        (60, 100, 50),  # forwards by 50: 50 fewer
        (100, 100, 10),
        (500, 500, 10),  # past the destination: time does not turn back
    ],
)
def test_a_timer_that_steps_the_wall_clock_changes_how_far_there_is_to_go(
    stepped_to: int, end: int, elapsed: int
) -> None:
    clock = VirtualClock(0)
    fired: list[tuple[float, int]] = []
    clock.call_later(10, lambda: clock.set(stepped_to))
    for delay in (10, 40, 50, 51, 100, 103, 105, 106):
        clock.call_later(delay, lambda: fired.append((clock.monotonic(), clock.now())))
    clock.advance_to(100)
    assert (clock.now(), clock.monotonic()) == (end, float(elapsed))
    moments = [delay for delay in (10, 40, 50, 51, 100, 103, 105, 106) if delay <= elapsed]
    assert fired == [(float(delay), stepped_to - 10 + delay) for delay in moments]


async def test_a_sleep_lasts_until_time_has_moved_by_it() -> None:
    clock = VirtualClock(0)
    tasks = [asyncio.create_task(clock.sleep(d)) for d in (timedelta(seconds=1), 2_000)]
    await asyncio.sleep(0)
    assert (clock.sleepers, clock.next_due()) == (2, 1_000)
    assert all(clock.is_sleeping(task) for task in tasks)
    clock.advance_to(1_999)
    assert [clock.is_sleeping(task) for task in tasks] == [False, True]  # at once, before the task resumes
    await tasks[0]
    assert not tasks[1].done()
    clock.advance_to(2_000)
    await tasks[1]
    assert clock.sleepers == 0


async def test_a_cancelled_sleep_leaves_nothing_behind() -> None:
    clock = VirtualClock(0)
    task = asyncio.create_task(clock.sleep(1_000))
    await asyncio.sleep(0)
    task.cancel()
    assert clock.sleepers == 0
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_due() is None


async def test_a_sleep_of_nothing_needs_no_time() -> None:
    await VirtualClock().sleep(0)


@pytest.mark.parametrize("duration", [0.5, True, -1, timedelta(seconds=-1)])
async def test_a_sleep_that_is_no_duration_is_refused(duration: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="duration"):
        await VirtualClock().sleep(duration)


def test_a_sleeper_of_a_loop_that_is_gone_stops_nothing() -> None:
    clock = VirtualClock(0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(clock.sleep(10))
    loop.run_until_complete(asyncio.sleep(0))
    coroutine = task.get_coro()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch
    loop.close()
    clock.advance_to(20)
    assert clock.now() == 20
    assert coroutine is not None
    coroutine.close()


def test_chance_repeats_with_the_seed() -> None:
    first, second, other = VirtualClock(seed=3), VirtualClock(seed=3), VirtualClock(seed=4)
    assert [first.token() for _ in range(3)] == [second.token() for _ in range(3)]
    drawn = [first.random() for _ in range(3)]
    assert drawn == [second.random() for _ in range(3)] != [other.random() for _ in range(3)]
    assert all(0 <= number < 1 for number in drawn)


class Worker:
    """A participant."""

    parked = True

    def running(self) -> list[RunningJob]:
        return []


async def test_participants_are_known_from_attending_to_dismissal() -> None:
    clock, workers = VirtualClock(), [Worker(), Worker()]
    for worker in workers:
        clock.attend(worker)
    assert list(clock.participants) == workers
    clock.dismiss(workers[0])
    clock.dismiss(workers[0])
    assert list(clock.participants) == workers[1:]


def test_identities_do_not_change_the_jitter() -> None:
    first, second = VirtualClock(), VirtualClock()
    first.token()
    assert first.random() == second.random()
    assert len({first.token() for _ in range(1_000)}) == 1_000
