"""RRL: a group that is paused at run time, from inside a job or from outside."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, GroupRateLimitError, InvalidOptionsError, Job, NewJob, Ordering, RateLimit, TokenBucket

from .watching import G, Watch, group_keys, group_of
from .world import Processor, World, added, nothing, stored


class Limited:
    """A processor whose first starts of jobs called `limited` pause their group; it notes every start."""

    def __init__(self, world: World, how: str = "call", times: int = 1, duration: int = 500, **options: Any) -> None:
        self.starts: list[tuple[str, int, int]] = []
        """Name, moment and `attempts_made`."""
        self._world = world
        self._begin = world.now
        self._how = how
        self._left = times
        self._duration = duration
        self._options = options

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.starts]

    async def __call__(self, job: Job[Any, Any]) -> None:
        self.starts.append((job.name, self._world.now - self._begin, job.attempts_made))
        if job.name == "limited" and self._left > 0:
            self._left -= 1
            if self._how == "raise":
                raise GroupRateLimitError(self._duration, **self._options)
            await job.rate_limit_group(self._duration, **self._options)


async def test_RRL_1_the_run_ends_the_job_waits_and_no_attempt_is_consumed(world: World) -> None:
    queue = world.queue()
    after: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        try:
            if len(after) == 0:
                await job.rate_limit_group(timedelta(milliseconds=500))
                after.append("never")
        finally:
            after.append("finally")

    worker = await world.worker(work)
    failures: list[BaseException] = []
    worker.on("failed", lambda job, error: failures.append(error))
    job = await added(queue, "a", ordering=G)
    await world.advance(499)
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made, found.failed_reason) == ("waiting", 0, None)
    await world.advance(1)
    assert await job.is_completed()
    assert after == ["finally", "finally"]
    assert failures == []
    assert await world.events("failed", "retrying") == []


@pytest.mark.parametrize("how", ["call", "raise"])
async def test_RRL_2_raising_the_error_is_the_same(world: World, how: str) -> None:
    queue = world.queue()
    limited = Limited(world, how)
    await world.worker(limited)
    await queue.add_bulk([NewJob("limited", ordering=G, attempts=1), NewJob("next", ordering=G)])
    await world.advance(1_000)
    assert limited.starts == [("limited", 0, 0), ("limited", 500, 0), ("next", 500, 0)]


@pytest.mark.parametrize("duration", [0, -1, 1.5, True, "1", float("inf")])
async def test_RRL_2_a_bad_duration_is_refused_when_it_is_given(world: World, duration: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="duration"):
        GroupRateLimitError(duration)
    queue = world.queue()
    with pytest.raises(InvalidOptionsError, match="duration"):
        await queue.rate_limit_group("g", duration)
    refused: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        try:
            await job.rate_limit_group(duration)
        except InvalidOptionsError as error:
            refused.append(str(error))

    await world.worker(work)
    job = await added(queue, "a", ordering=G)
    await world.settle()
    assert len(refused) == 1
    assert await job.is_completed()


async def test_RRL_3_from_outside_running_jobs_go_on_and_the_resume_moment_is_returned(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, takes=100)
    await world.worker(watch, concurrency=5)
    running = await added(queue, "running", ordering=G)
    await queue.add("next", ordering=G)
    await world.settle()
    assert await queue.rate_limit_group("g", 1_000) == world.now + 1_000
    await world.advance(100)
    assert await running.is_completed()
    await world.advance(900)
    assert watch.starts == [("running", 0), ("next", 1_000)]


async def test_RRL_3_it_works_for_a_group_never_seen(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    assert await queue.rate_limit_group("new", timedelta(seconds=1)) == world.now + 1_000
    await queue.add("a", ordering=Ordering("new"))
    await world.advance(1_000)
    assert watch.starts == [("a", 1_000)]
    await queue.rate_limit_group("never used", 1_000)
    await world.advance(1_000)
    assert group_keys(world) == set()


@pytest.mark.parametrize("key", ["", "k" * 257, None, 5])
async def test_RRL_3_a_bad_key_is_refused(world: World, key: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="key"):
        await world.queue().rate_limit_group(key, 1_000)


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_RRL_4_no_job_of_the_group_starts_before(world: World, concurrency: int) -> None:
    """B-16: waiting, new, due and retried jobs, and those released by a sibling's end, ran through a pause."""
    queue = world.queue()
    ordering = Ordering("g", concurrency)
    watch = Watch(world, takes={"sibling": 50}, fails={"sibling": 1})
    await world.worker(watch, concurrency=5)
    await queue.add("sibling", ordering=ordering, attempts=2, backoff=Backoff("fixed", 10))
    await world.settle()
    await queue.add("due", ordering=ordering, delay=20)
    delayed = await added(queue, "promoted", ordering=ordering, delay=10**6)
    await queue.rate_limit_group("g", 1_000)
    await queue.add("waiting", ordering=ordering)
    await delayed.promote()
    await queue.add("urgent", ordering=ordering, priority=1)
    await world.advance(999)
    assert watch.starts == [("sibling", 0)]
    await world.advance(200)
    assert {at for _, at in watch.starts[1:]} <= {1_000, 1_050}
    assert len(watch.starts) == 6


async def test_RRL_4_a_failed_job_that_is_retried_by_hand_waits_too(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"bad": 1})
    await world.worker(watch)
    job = await added(queue, "bad", ordering=G)
    await world.settle()
    await queue.rate_limit_group("g", 100)
    await job.retry()
    await world.advance(100)
    assert watch.starts == [("bad", 0), ("bad", 100)]


@pytest.mark.parametrize(
    ("options", "second", "resumes"),
    [({}, 100, 1_000), ({"extend": "max"}, 100, 1_000), ({"extend": "replace"}, 100, 100), ({}, 2_000, 2_000)],
)
async def test_RRL_5_extend(world: World, options: dict[str, Any], second: int, resumes: int) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    begin = world.now
    await queue.rate_limit_group("g", 1_000)
    assert await queue.rate_limit_group("g", second, **options) == begin + resumes
    await queue.add("a", ordering=G)
    await world.advance(3_000)
    assert watch.moments == [resumes]


@pytest.mark.parametrize("option", ["current_job", "requeue_position", "extend"])
async def test_RRL_5_a_bad_option_is_refused(world: World, option: str) -> None:
    options: Any = {option: "sideways"}
    with pytest.raises(InvalidOptionsError, match=option):
        GroupRateLimitError(1, **options)
    if option == "extend":
        with pytest.raises(InvalidOptionsError, match=option):
            await world.queue().rate_limit_group("g", 1, extend="sideways")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("how", ["call", "raise"])
async def test_RRL_6_fail_is_an_ordinary_failed_attempt(world: World, how: str) -> None:
    queue = world.queue()
    limited = Limited(world, how, times=2, current_job="fail")
    await world.worker(limited)
    job = await added(queue, "limited", attempts=2, backoff=Backoff("fixed", 800), ordering=G)
    await queue.add("next", ordering=G)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.failed_reason, found.attempts_made) == ("delayed", "group rate limited", 1)
    await world.advance(2_000)
    assert limited.starts == [("limited", 0, 0), ("limited", 800, 1), ("next", 1_300, 0)]
    assert (await stored(queue, job)).failed_reason == "group rate limited"
    assert await job.is_failed()


@pytest.mark.parametrize("position", ["front", "back"])
async def test_RRL_7_the_position_of_the_requeued_job(world: World, position: str) -> None:
    queue = world.queue()
    limited = Limited(world, requeue_position=position)
    await queue.add_bulk([NewJob(name, ordering=G) for name in ("limited", "queued 1", "queued 2")])
    await world.worker(limited)
    await world.settle()
    await queue.add("later", ordering=G)
    await world.advance(500)
    expected = {
        "front": ["limited", "limited", "queued 1", "queued 2", "later"],
        "back": ["limited", "queued 1", "queued 2", "limited", "later"],
    }
    assert limited.names == expected[position]


@pytest.mark.parametrize("position", ["front", "back"])
async def test_RRL_7_it_holds_in_a_group_of_more_and_for_priorities(world: World, position: str) -> None:
    queue = world.queue()
    ordering = Ordering("g", 2)
    limited = Limited(world, requeue_position=position)
    await queue.add("limited", ordering=ordering, priority=1)
    await world.worker(limited)
    await world.settle()
    await queue.add_bulk([NewJob("queued", ordering=ordering, priority=1), NewJob("late", ordering=ordering)])
    await world.advance(500)
    assert limited.names == ["limited", "limited", "queued", "late"]


async def test_RRL_8_the_returning_job_takes_a_slot_again(world: World) -> None:
    """B-08: it came back without one, so one more ran than may."""
    queue = world.queue()
    left = [1, 1]

    async def limited(job: Job[Any, Any]) -> None:
        if left:
            left.pop()
            await job.rate_limit_group(100)
        await watch(job)

    watch = Watch(world, takes=50)
    await world.worker(limited, concurrency=10)
    await queue.add_bulk([NewJob(str(number), ordering=Ordering("g", 2)) for number in range(6)])
    await world.advance(1_000)
    assert watch.most == 2
    assert watch.moments == [100, 100, 150, 150, 200, 200]
    assert sorted(watch.names[:2]) == ["0", "1"]
    assert group_keys(world) == set()


async def test_RRL_9_a_call_without_a_group_is_a_usage_error_inside_the_processor(world: World) -> None:
    queue = world.queue()
    await world.worker(Limited(world))
    job = await added(queue, "limited")
    await world.settle()
    found = await stored(queue, job)
    assert await job.is_failed()
    assert found.failed_reason is not None
    assert "no ordering key" in found.failed_reason


async def test_RRL_9_a_raised_error_without_a_group_is_an_ordinary_failure(world: World) -> None:
    queue = world.queue()
    limited = Limited(world, "raise")
    await world.worker(limited)
    job = await added(queue, "limited", attempts=2)
    await world.settle()
    assert limited.starts == [("limited", 0, 0), ("limited", 0, 1)]
    assert await job.is_completed()
    reasons = [event.data["failed_reason"] for event in await world.events("retrying")]
    assert len(reasons) == 1
    assert "no ordering key" in reasons[0]


async def test_RRL_10_other_groups_are_unaffected_and_the_longest_pause_counts(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        await watch(job)
        if job.data and job.id not in paused:
            paused.add(job.id)
            await job.rate_limit_group(job.data)

    paused: set[str] = set()
    watch = Watch(world)
    await world.worker(work, concurrency=5)
    await queue.add_bulk([NewJob(str(duration), duration, ordering=Ordering("g", 3)) for duration in (300, 900, 600)])
    await queue.add_bulk([NewJob("other", ordering=Ordering("h")), NewJob("plain")])
    await world.advance(2_000)
    assert dict(watch.starts[:5]) == {"300": 0, "900": 0, "600": 0, "other": 0, "plain": 0}
    assert sorted(watch.starts[5:]) == [("300", 900), ("600", 900), ("900", 900)]


async def test_RRL_11_an_event_names_the_group_and_the_moment(world: World) -> None:
    queue = world.queue()
    begin = world.now
    await world.worker(Limited(world))
    await queue.add("limited", ordering=G)
    await world.settle()
    await queue.rate_limit_group("é:{}", 100)
    events = await world.events("group-rate-limited")
    assert [dict(event.data) for event in events] == [
        {"group_key": "g", "duration": "500", "resume_at": str(begin + 500)},
        {"group_key": "é:{}", "duration": "100", "resume_at": str(begin + 100)},
    ]


@pytest.mark.parametrize("way", ["ttl", "revoke", "remove"])
async def test_RRL_11_while_parked_ttl_ticks_and_revoke_and_remove_work(world: World, way: str) -> None:
    queue = world.queue()
    limited = Limited(world, duration=1_000)
    await world.worker(limited)
    job = await added(queue, "limited", ordering=G, ttl=500 if way == "ttl" else None)
    await queue.add("next", ordering=G)
    await world.advance(100)
    if way == "revoke":
        assert await queue.revoke(job.id) == "revoked"
    if way == "remove":
        await job.remove()
    await world.advance(401)
    if way == "remove":
        assert await queue.get_job(job.id) is None
    else:
        assert (await stored(queue, job)).failed_reason == {"ttl": "expired", "revoke": "revoked"}[way]
    await world.advance(1_000)
    assert limited.starts == [("limited", 0, 0), ("next", 1_000, 0)]


async def test_RRL_12_each_start_takes_its_place_in_the_window_and_its_tokens(world: World) -> None:
    queue = world.queue()
    limited = Limited(world, duration=100)
    await world.worker(limited)
    ordering = Ordering("g", 1, RateLimit(2, 1_000), TokenBucket(5, 0.001))
    await queue.add("limited", ordering=ordering, cost=2)
    await queue.add("next", ordering=ordering)
    await world.advance(100)
    assert limited.names == ["limited", "limited"]
    assert group_of(world)["window_used"] == "2"
    assert group_of(world)["tokens"] == str(1_000_000 + 100)
    await world.advance(900)
    assert limited.starts[2:] == [("next", 1_000, 0)]


async def test_RRL_the_pause_survives_the_worker(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(Limited(world, duration=5_000))
    job = await added(queue, "limited", ordering=G)
    await world.settle()
    await worker.close()
    watch = Watch(world)
    await world.worker(watch)
    await world.advance(4_999)
    assert await job.is_waiting()
    await world.advance(1)
    assert watch.moments == [5_000]


async def test_RRL_a_call_in_a_task_group_ends_the_run_too(world: World) -> None:
    queue = world.queue()
    runs: list[int] = []

    async def work(job: Job[Any, Any]) -> None:
        runs.append(world.now)
        if len(runs) == 1:
            async with asyncio.TaskGroup() as group:
                group.create_task(job.rate_limit_group(100))

    processor: Processor = work
    await world.worker(processor)
    job = await added(queue, "a", ordering=G)
    await world.advance(100)
    assert await job.is_completed()
    assert [at - runs[0] for at in runs] == [0, 100]


async def test_RRL_a_pause_of_an_empty_group_leaves_nothing_when_it_has_passed(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.rate_limit_group("g", 1_000)
    assert group_of(world)["paused_until"] == str(world.now + 1_000)
    await world.advance(1_000)
    assert group_keys(world) == set()
