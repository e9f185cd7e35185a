"""RET: retries and backoff."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, NewJob

from .world import World, added, failing, stored

DAY = 24 * 3_600_000
YEAR = 365 * DAY


async def gaps(world: World, attempts: int, backoff: Backoff | None, until: int = 20_000, **options: Any) -> list[int]:
    """The times between the starts of a job that always fails."""
    queue = world.queue()
    starts: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        starts.append(world.now)
        raise ValueError("again")

    await world.worker(work, **options)
    await queue.add("a", attempts=attempts, backoff=backoff)
    await world.advance(until)
    return [after - before for before, after in pairwise(starts)]


@pytest.mark.parametrize("attempts", [None, 0, 1])
async def test_RET_1_without_attempts_there_is_a_single_run(world: World, attempts: int | None) -> None:
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        raise ValueError("boom")

    await world.worker(work)
    job = await added(queue, "a", attempts=attempts)
    await world.settle()
    assert ran == ["a"]
    assert await job.is_failed()


async def test_RET_1_attempts_is_the_number_of_runs_in_all(world: World) -> None:
    assert len(await gaps(world, 4, None)) == 3


async def test_RET_1_fixed_waits_the_same_each_time(world: World) -> None:
    assert await gaps(world, 4, Backoff("fixed", 1_000)) == [1_000, 1_000, 1_000]


async def test_RET_1_exponential_doubles(world: World) -> None:
    assert await gaps(world, 5, Backoff("exponential", 1_000)) == [1_000, 2_000, 4_000, 8_000]


@pytest.mark.parametrize("attempts", [-1, 1.5, True, "3"])
async def test_RET_1_bad_attempts_are_refused(world: World, attempts: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="attempts"):
        await world.queue().add("a", attempts=attempts)


async def test_RET_2_jitter_adds_up_to_its_part_of_the_delay_in_whole_milliseconds(world: World) -> None:
    found = await gaps(world, 21, Backoff("fixed", 100, jitter=0.5))
    assert all(100 <= gap <= 150 for gap in found)
    assert len(set(found)) > 5
    assert max(found) > 125 > min(found)


async def test_RET_2_no_backoff_is_an_immediate_retry(world: World) -> None:
    assert await gaps(world, 3, None) == [0, 0]


@pytest.mark.parametrize("jitter", [-0.1, 1.1, float("nan"), True, "0.5"])
async def test_RET_2_jitter_outside_0_to_1_is_refused(world: World, jitter: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="jitter"):
        Backoff("fixed", 100, jitter=jitter)


async def test_RET_3_a_custom_strategy_gets_the_failures_so_far_and_the_error(world: World) -> None:
    seen: list[tuple[int, str]] = []

    def strategy(attempts_made: int, error: BaseException) -> int:
        seen.append((attempts_made, str(error)))
        return 1_000 * attempts_made

    found = await gaps(world, 4, Backoff("mine"), backoff_strategies={"mine": strategy})
    assert seen == [(1, "again"), (2, "again"), (3, "again")]
    assert found == [1_000, 2_000, 3_000]


@pytest.mark.parametrize(
    ("answer", "gap"), [(0, 0), (timedelta(seconds=1), 1_000), (10.4, 10)], ids=["0", "timedelta", "float"]
)
async def test_RET_3_what_a_strategy_may_answer(world: World, answer: Any, gap: int) -> None:
    assert await gaps(world, 2, Backoff("mine", 77), backoff_strategies={"mine": lambda made, error: answer}) == [gap]


async def test_RET_3_a_registered_name_overrides_the_built_in_one(world: World) -> None:
    found = await gaps(world, 3, Backoff("exponential", 1_000), backoff_strategies={"exponential": lambda *_: 5})
    assert found == [5, 5]


async def test_RET_3_an_unknown_name_behaves_as_fixed(world: World) -> None:
    assert await gaps(world, 3, Backoff("nobody", 300)) == [300, 300]


async def test_RET_3_a_strategy_is_not_called_without_attempts_or_backoff(world: World) -> None:
    queue = world.queue()
    called: list[int] = []

    def strategy(attempts_made: int, error: BaseException) -> int:
        called.append(attempts_made)
        return 0

    await world.worker(failing(9), backoff_strategies={"mine": strategy, "fixed": strategy})
    await queue.add("a", backoff=Backoff("mine"))
    await queue.add("b", attempts=3)
    await world.settle()
    assert called == []


@pytest.mark.parametrize("answer", [float("nan"), -1, None, "10", True])
async def test_RET_4_a_bad_answer_is_told_and_the_delay_of_the_backoff_counts(world: World, answer: Any) -> None:
    queue = world.queue()
    errors: list[BaseException] = []
    worker = await world.worker(failing(1), backoff_strategies={"mine": lambda *_: answer})
    worker.on("error", errors.append)
    job = await added(queue, "a", attempts=2, backoff=Backoff("mine", 500))
    await world.advance(499)
    assert await job.is_delayed()
    await world.advance(1)
    assert await job.is_completed()
    assert len(errors) == 1


async def test_RET_4_a_strategy_that_raises_is_told_and_the_delay_of_the_backoff_counts(world: World) -> None:
    queue = world.queue()
    errors: list[BaseException] = []

    def strategy(attempts_made: int, error: BaseException) -> int:
        raise KeyError("oops")

    worker = await world.worker(failing(1), backoff_strategies={"mine": strategy})
    worker.on("error", errors.append)
    job = await added(queue, "a", attempts=2, backoff=Backoff("mine", 500))
    await world.advance(500)
    assert await job.is_completed()
    assert [type(error) for error in errors] == [KeyError]


async def test_RET_5_between_attempts_a_job_is_delayed_with_its_last_reason(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(2))
    job = await added(queue, "a", attempts=3, backoff=Backoff("fixed", 100))
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("delayed", "boom", 1)
    assert "ValueError: boom" in str(found.stacktrace)
    assert found.finished_on is None


async def test_RET_5_retrying_is_told_with_reason_attempts_and_delay(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(2))
    job = await added(queue, "a", attempts=3, backoff=Backoff("exponential", 100))
    await world.advance(300)
    assert [(event.job_id, event.data) for event in await world.events("retrying")] == [
        (job.id, {"failed_reason": "boom", "attempts_made": "1", "delay": "100"}),
        (job.id, {"failed_reason": "boom", "attempts_made": "2", "delay": "200"}),
    ]


async def test_RET_5_the_job_of_the_failed_event_shows_the_attempt_counted(world: World) -> None:
    queue = world.queue()
    seen: list[tuple[int, str | None]] = []
    worker = await world.worker(failing(9))
    worker.on("failed", lambda job, error: seen.append((job.attempts_made, job.failed_reason)))
    await queue.add("a", attempts=3)
    await world.settle()
    assert seen == [(1, "boom"), (2, "boom"), (3, "boom")]


async def test_RET_6_a_retry_re_enters_its_lane(world: World) -> None:
    """Priority is kept, LIFO goes on top, FIFO to the tail."""
    queue = world.queue()
    ran: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        ran.append(job.name)
        if job.attempts_made == 0 and job.attempts > 1:
            raise ValueError("again")

    await queue.add_bulk(
        [
            NewJob("priority", priority=5, attempts=2),
            NewJob("priority 6", priority=6),
            NewJob("lifo old", lifo=True),
            NewJob("lifo", lifo=True, attempts=2),
            NewJob("fifo", attempts=2),
            NewJob("fifo next"),
        ]
    )
    await world.worker(work)
    await world.settle()
    assert ran == ["priority", "priority", "priority 6", "lifo", "lifo", "lifo old", "fifo", "fifo next", "fifo"]


async def test_RET_7_exhausted_is_failed(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(9))
    job = await added(queue, "a", attempts=3)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made, found.finished_on) == ("failed", 3, world.now)
    assert [event.data for event in await world.events("failed")] == [{"failed_reason": "boom"}]


async def test_RET_8_the_wait_is_capped_by_max_delay(world: World) -> None:
    assert await gaps(world, 5, Backoff("exponential", 1_000, max_delay=3_000)) == [1_000, 2_000, 3_000, 3_000]


async def test_RET_8_jitter_stays_below_max_delay(world: World) -> None:
    found = await gaps(world, 6, Backoff("fixed", 900, jitter=1, max_delay=1_000))
    assert all(900 <= gap <= 1_000 for gap in found)


@pytest.mark.parametrize("strategies", [{}, {"exponential": lambda *_: 10**300}], ids=["built-in", "strategy"])
async def test_RET_8_a_huge_backoff_is_a_year(world: World, strategies: dict[str, Callable[..., int]]) -> None:
    queue = world.queue()
    await world.worker(failing(99), backoff_strategies=strategies)
    await queue.add("a", attempts=70, backoff=Backoff("exponential", YEAR // 4))
    delays: list[int] = []
    while len(delays) < 4:
        await world.settle()
        delays = [int(event.data["delay"]) for event in await world.events("retrying")]
        (job,) = await queue.get_jobs("delayed")
        await job.promote()
    assert delays == ([YEAR // 4, YEAR // 2, YEAR, YEAR] if not strategies else [YEAR] * 4)


async def test_RET_8_the_60th_doubling_does_not_wrap(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(999))
    await queue.add("a", attempts=100, backoff=Backoff("exponential", 1))
    for _ in range(66):
        await world.settle()
        (job,) = await queue.get_jobs("delayed")
        await job.promote()
    await world.settle()
    delays = [int(event.data["delay"]) for event in await world.events("retrying")]
    assert delays[:4] == [1, 2, 4, 8]
    assert delays == sorted(delays)
    assert set(delays[40:]) == {YEAR}
