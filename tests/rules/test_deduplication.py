"""DED: deduplication."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Backoff, Deduplication, InvalidOptionsError, Job, NewJob, Ordering, Queue

from .watching import Watch
from .world import World, added, failing, nothing, stored

SIMPLE = Deduplication("x")
THROTTLE = Deduplication("x", "throttle", 1_000)
DEBOUNCE = Deduplication("x", "debounce", 1_000)


def dedup_keys(world: World) -> set[str]:
    return {key for key in world.dump() if key.startswith("dedup")}


# --- DED-1: simple ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "delayed", "active", "completed", "failed", "retrying", "parked"])
async def test_DED_1_an_arrival_is_skipped_while_a_job_exists_in_any_state(world: World, state: str) -> None:
    queue = world.queue()
    options: dict[str, Any] = {}
    if state in ("active", "completed"):
        await world.worker(world.working(10**6 if state == "active" else 0))
    if state in ("failed", "retrying"):
        await world.worker(failing(5))
    if state == "retrying":
        options = {"attempts": 2, "backoff": Backoff("fixed", 10**6)}
    if state == "delayed":
        options = {"delay": 10**6}
    if state == "parked":
        await queue.rate_limit_group("g", 10**6)
        options = {"ordering": Ordering("g")}
    job = await added(queue, "a", 1, deduplication=SIMPLE, **options)
    await world.settle()
    assert await job.get_state() == {"retrying": "delayed", "parked": "waiting"}.get(state, state)
    before = await world.events()
    assert await queue.add("a", 2, deduplication=SIMPLE) is None
    assert await queue.add_bulk([NewJob("a", 3, deduplication=SIMPLE)]) == []
    assert await world.events() == before
    assert (await stored(queue, job)).data == 1


@pytest.mark.parametrize("way", ["remove_on_complete", "remove_on_fail", "clean", "remove", "obliterate", "drain"])
async def test_DED_1_the_id_is_free_once_the_job_is_removed(world: World, way: str) -> None:
    queue = world.queue()
    options: dict[str, Any] = {way: True} if way.startswith("remove_on") else {}
    job = await added(queue, "a", deduplication=SIMPLE, **options)
    if way == "remove_on_fail":
        await world.worker(failing(1))
    elif way in ("clean", "remove_on_complete"):
        await world.worker(nothing)
    await world.settle()
    if way == "clean":
        assert await queue.clean(0, 10, "completed") == [job.id]
    if way == "remove":
        await job.remove()
    if way == "obliterate":
        await queue.obliterate()
    if way == "drain":
        await queue.drain()
    assert dedup_keys(world) == set()
    assert await queue.add("a", deduplication=SIMPLE) is not None


async def test_DED_1_a_ttl_bounds_it(world: World) -> None:
    queue = world.queue()
    bounded = Deduplication("x", ttl=timedelta(seconds=1))
    await queue.add("a", deduplication=bounded, delay=10**6)
    await world.advance(999)
    assert await queue.add("b", deduplication=bounded) is None
    await world.advance(1)
    assert await queue.add("c", deduplication=bounded) is not None
    await world.advance(999)
    assert await queue.add("d", deduplication=bounded) is None


# --- DED-2: throttle --------------------------------------------------------------------------------------------------


async def test_DED_2_later_ones_are_dropped_until_ttl_after_the_acceptance(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    names: list[str | None] = []
    begin = world.now
    for at in (0, 1, 500, 999, 1_000, 1_001, 1_999, 2_000):
        await world.advance(at - (world.now - begin))
        job = await queue.add(str(at), deduplication=THROTTLE)
        names.append(None if job is None else job.name)
    assert names == ["0", None, None, None, "1000", None, None, "2000"]


@pytest.mark.parametrize("fate", ["removed", "failed", "completed", "revoked"])
async def test_DED_2_whatever_became_of_the_job(world: World, fate: str) -> None:
    queue = world.queue()
    job = await added(queue, "a", deduplication=THROTTLE)
    if fate == "removed":
        await job.remove()
    elif fate == "revoked":
        await queue.revoke(job.id)
    else:
        await world.worker(failing(1 if fate == "failed" else 0))
        await world.settle()
    await world.advance(999)
    assert await queue.add("b", deduplication=THROTTLE) is None
    await world.advance(1)
    assert await queue.add("c", deduplication=THROTTLE) is not None


async def test_DED_2_a_job_that_still_exists_after_the_window_does_not_drop(world: World) -> None:
    queue = world.queue()
    await queue.add("a", deduplication=THROTTLE, delay=10**6)
    await world.advance(1_000)
    assert await queue.add("b", deduplication=THROTTLE) is not None


# --- DED-3: windows are needed ----------------------------------------------------------------------------------------


def test_DED_3_a_throttle_without_a_window_is_refused() -> None:
    """B-27: it dropped nothing."""
    with pytest.raises(InvalidOptionsError, match=r"deduplication\.ttl"):
        Deduplication("x", "throttle")


async def test_DED_3_a_debounce_needs_a_ttl_or_a_delay(world: World) -> None:
    queue = world.queue()
    with pytest.raises(InvalidOptionsError, match=r"deduplication"):
        await queue.add("a", deduplication=Deduplication("x", "debounce"))
    assert world.dump() == {}
    await queue.add("a", deduplication=Deduplication("x", "debounce"), delay=100)
    await queue.add("b", deduplication=Deduplication("x", "debounce"), delay=100)
    watch = Watch(world)
    await world.worker(watch)
    await world.advance(1_000)
    assert watch.starts == [("b", 100)]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("",), "id"), (("k" * 257,), "id"), ((5,), "id"), (("x", "sometimes"), "mode"), (("x", "throttle", 0), "ttl"),
        (("x", "simple", -1), "ttl"), (("x", "debounce", 1.5), "ttl"), (("x", "simple", True), "ttl"),
    ],
)  # fmt: skip
def test_DED_3_a_bad_option_is_refused_by_name(arguments: tuple[Any, ...], option: str) -> None:
    with pytest.raises(InvalidOptionsError, match=rf"deduplication\.{option}"):
        Deduplication(*arguments)


# --- DED-4, DED-5: debounce -------------------------------------------------------------------------------------------


async def test_DED_4_only_the_last_arrival_of_a_window_runs(world: World) -> None:
    """B-27: its ttl was ignored, and the newest was dropped."""
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    jobs: list[Job[Any, Any]] = []
    for number in range(4):
        jobs.append(await added(queue, str(number), number, deduplication=DEBOUNCE))
        await world.advance(900)
    assert watch.starts == []
    await world.advance(100)
    assert watch.starts == [("3", 3_700)]
    assert len({job.id for job in jobs}) == 4
    assert [await queue.get_job(job.id) is None for job in jobs] == [True, True, True, False]
    removed = [event.job_id for event in await world.events("removed")]
    assert removed == [job.id for job in jobs[:3]]


async def test_DED_4_it_is_held_until_the_longer_of_ttl_and_delay(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("long", deduplication=Deduplication("a", "debounce", 500), delay=800)
    await queue.add("short", deduplication=Deduplication("b", "debounce", 500), delay=200)
    await world.advance(1_000)
    assert watch.starts == [("short", 500), ("long", 800)]


async def test_DED_4_a_delayed_arrival_restarts_its_own_window(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("1", deduplication=Deduplication("a", "debounce", 500), delay=800)
    await world.advance(700)  # its ttl has passed, but it is still held back
    await queue.add("2", deduplication=Deduplication("a", "debounce", 500), delay=800)
    await world.advance(2_000)
    assert watch.starts == [("2", 1_500)]


@pytest.mark.parametrize("state", ["waiting", "active", "parked", "retrying", "completed"])
async def test_DED_5_one_that_won_its_window_is_left_alone_and_the_newest_is_never_lost(
    world: World, state: str
) -> None:
    queue = world.queue()
    watch = Watch(world, takes={"first": 5_000 if state == "active" else 0}, fails={"first": 1})
    if state == "waiting":
        await queue.pause()
    if state == "parked":
        await queue.rate_limit_group("g", 1_500)
    options: dict[str, Any] = {"ordering": Ordering("g")} if state == "parked" else {}
    await world.worker(watch, concurrency=2)
    attempts: dict[str, Any] = {"attempts": 2, "backoff": Backoff("fixed", 5_000)} if state == "retrying" else {}
    await queue.add("first", deduplication=DEBOUNCE, **attempts, **options)
    await world.advance(1_000)
    second = await added(queue, "second", deduplication=DEBOUNCE, **options)
    assert await second.is_delayed()
    await queue.resume()
    await world.advance(10_000)
    assert sorted(set(watch.names)) == ["first", "second"]
    assert dict(watch.starts)["second"] == 2_000
    assert await world.events("removed") == []


async def test_DED_5_a_job_that_left_its_window_for_a_later_delay_is_not_cancelled(world: World) -> None:
    """It was promoted, ran, and was moved to delayed: it has won its window."""
    queue = world.queue()
    runs: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        runs.append(job.name)
        if runs == ["first"]:
            await job.move_to_delayed(world.now + 400)

    await world.worker(work)
    first = await added(queue, "first", deduplication=DEBOUNCE)
    await world.advance(100)
    await first.promote()
    await world.settle()
    await queue.add("second", deduplication=DEBOUNCE)
    await world.advance(2_000)
    assert runs == ["first", "first", "second"]


async def test_DED_5_a_promoted_one_has_left_its_window(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    first = await added(queue, "first", deduplication=DEBOUNCE)
    await first.promote()
    await queue.add("second", deduplication=DEBOUNCE)
    assert await first.is_waiting()


# --- DED-6 to DED-10 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["simple", "throttle", "debounce"])
async def test_DED_6_entries_vanish_with_their_window_and_job(world: World, mode: Any) -> None:
    """B-28: none was ever deleted."""
    queue = world.queue()
    await world.worker(nothing)
    deduplication = Deduplication("x", mode, None if mode == "simple" else 1_000)
    job = await added(queue, "a", deduplication=deduplication)
    assert dedup_keys(world) != set()
    await world.advance(1_000)
    await job.remove()
    assert dedup_keys(world) == set()
    await queue.add("a", deduplication=deduplication, remove_on_complete=True)
    await world.advance(1_000)
    assert dedup_keys(world) == set()


async def test_DED_7_ids_and_queues_are_independent(world: World) -> None:
    other = world.queue(f"{world.name}-other")
    queue = world.queue()
    for one in (queue, other):
        for dedup_id in ("x", "y", "é:{}"):
            assert await one.add("a", deduplication=Deduplication(dedup_id)) is not None
            assert await one.add("a", deduplication=Deduplication(dedup_id)) is None


async def test_DED_7_an_id_is_shared_by_all_modes_and_the_arrivals_mode_decides(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    assert await queue.add("simple", deduplication=SIMPLE) is not None
    assert await queue.add("throttle", deduplication=THROTTLE) is None  # accepted just now
    await world.advance(1_000)
    assert await queue.add("throttle", deduplication=THROTTLE) is not None
    assert await queue.add("simple", deduplication=SIMPLE) is None
    pending = await added(queue, "debounce", deduplication=DEBOUNCE)
    assert await queue.add("throttle", deduplication=THROTTLE) is None
    assert await queue.add("debounce", deduplication=DEBOUNCE) is not None
    assert await queue.get_job(pending.id) is None


async def test_CID_6_the_deduplication_is_checked_first_and_both_before_any_effect(world: World) -> None:
    """B-23: an id that was taken cancelled the pending job all the same."""
    queue = world.queue()
    await queue.add("taken", job_id="taken")
    pending = await added(queue, "pending", deduplication=DEBOUNCE)
    before = world.dump()
    assert await queue.add("a", job_id="taken", deduplication=DEBOUNCE) is None
    assert await queue.add("a", job_id="taken", deduplication=Deduplication("new")) is None
    after = world.dump()
    for dump in (before, after):  # replies to calls, and where ids stand, are no effects
        for key in ("calls", "meta"):
            dump.pop(key, None)
    assert after == before
    assert await pending.is_delayed()
    assert await queue.add("b", deduplication=Deduplication("new")) is not None


async def test_DED_8_the_pending_jobs_own_id_is_free_to_its_successor(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    for number in range(3):
        job = await added(queue, str(number), job_id="same", deduplication=DEBOUNCE)
        assert job.id == "same"
    await world.advance(1_000)
    assert watch.starts == [("2", 1_000)]
    names = [(event.name, event.job_id) for event in await world.events("added", "removed")]
    assert names == [("added", "same"), *[("removed", "same"), ("added", "same")] * 2]


async def test_DED_8_a_superseded_job_passes_its_turn_on(world: World) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    await queue.add("old", deduplication=DEBOUNCE, ordering=Ordering("g"))
    await queue.add("next", ordering=Ordering("g"))
    await world.settle()
    assert watch.starts == []
    await queue.add("new", deduplication=DEBOUNCE, ordering=Ordering("g"))
    await world.advance(1_000)
    assert watch.starts == [("next", 0), ("new", 1_000)]


@pytest.mark.parametrize("way", ["revoke", "remove"])
async def test_DED_8_when_the_pending_job_is_gone_the_next_arrival_starts_fresh(world: World, way: str) -> None:
    queue = world.queue()
    watch = Watch(world)
    await world.worker(watch)
    pending = await added(queue, "old", deduplication=DEBOUNCE)
    if way == "revoke":
        await queue.revoke(pending.id)
    else:
        await pending.remove()
    await world.advance(500)
    await queue.add("new", deduplication=DEBOUNCE)
    await world.advance(1_000)
    assert watch.starts == [("new", 1_500)]
    if way == "revoke":
        assert (await stored(queue, pending)).failed_reason == "revoked"


async def test_DED_9_the_options_of_the_accepted_job_apply(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await queue.add("plain")
    job = await added(queue, "a", deduplication=SIMPLE, priority=1, ttl=100)
    assert [one.name for one in await queue.get_jobs("waiting")] == ["a", "plain"]
    await world.worker(nothing)
    await world.advance(101)
    assert (await stored(queue, job)).failed_reason == "expired"
    debounced = await added(queue, "b", deduplication=DEBOUNCE, ttl=500)
    await world.advance(501)
    assert (await stored(queue, debounced)).failed_reason == "expired"


async def test_DED_10_of_100_concurrent_adds_exactly_1_is_accepted(world: World) -> None:
    queues: list[Queue[Any, Any]] = [world.queue() for _ in range(5)]
    jobs = await asyncio.gather(*[queues[number % 5].add("a", deduplication=SIMPLE) for number in range(100)])
    assert sum(job is not None for job in jobs) == 1
    assert await queues[0].count() == 1


async def test_DED_10_within_one_bulk_too(world: World) -> None:
    queue = world.queue()
    assert [job.name for job in await queue.add_bulk([NewJob(str(n), deduplication=SIMPLE) for n in range(5)])] == ["0"]
    jobs = await queue.add_bulk([NewJob(str(n), deduplication=Deduplication("y", "debounce", 10)) for n in range(5)])
    assert len(jobs) == 5
    assert [job.name for job in await queue.get_jobs("delayed")] == ["4"]


async def test_DED_the_option_is_read_back(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", deduplication=Deduplication("é", "throttle", 5))
    assert (await stored(queue, job)).opts["deduplication"] == Deduplication("é", "throttle", 5)
