"""DLQ: copies of jobs that failed for good, in another queue: which jobs, and what becomes of the originals."""

from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, Keep, NewJob, Ordering, TokenBucket, UnrecoverableError

from .dead_lettering import dead_name, dead_queue, failing_worker
from .watching import Watch, group_keys
from .world import World, added, failing, nothing, stored

# --- DLQ-1, DLQ-2, DLQ-3 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named_by", ["worker", "queue"])
async def test_DLQ_1_a_new_job_appears_waiting_in_that_queue(world: World, named_by: str) -> None:
    dead = dead_queue(world)
    queue = world.queue(dead_letter_queue=dead_name(world) if named_by == "queue" else None)
    worker = await (failing_worker(world) if named_by == "worker" else world.worker(failing(99)))
    job = await added(queue, "a", {"n": "é"})
    await world.settle()
    letters_of_dead = await dead.get_jobs("waiting")
    assert [letter.name for letter in letters_of_dead] == ["a"]
    assert [letter.id for letter in await queue.get_dead_letter_jobs()] == [letter.id for letter in letters_of_dead]
    assert letters_of_dead[0].data == {
        "original_queue": world.name,
        "original_job_id": job.id,
        "data": {"n": "é"},
        "failed_reason": "boom",
        "attempts_made": 1,
    }
    assert "outbox" not in world.dump()
    assert [key for key in world.dump() if key.startswith("letter")] == []
    await worker.close()


async def test_DLQ_1_positions_are_inclusive(world: World) -> None:
    queue = world.queue()
    await failing_worker(world)
    await queue.add_bulk([NewJob(str(number)) for number in range(6)])
    await world.settle()
    names = [letter.name for letter in await queue.get_dead_letter_jobs()]
    assert names == [str(number) for number in range(6)]
    for start, end in ((0, 0), (1, 3), (2, -1), (4, 10), (6, 9)):
        expected = names[start:] if end < 0 else names[start : end + 1]
        assert [letter.name for letter in await queue.get_dead_letter_jobs(start, end)] == expected


async def test_DLQ_2_the_original_stays_failed_and_emits_failed(world: World) -> None:
    queue = world.queue()
    await failing_worker(world)
    job = await added(queue, "a", attempts=3)
    await world.settle()
    assert await job.is_failed()
    assert [event.job_id for event in await world.events("failed")] == [job.id]
    assert (await queue.get_dead_letter_jobs())[0].data["attempts_made"] == 3
    assert (await stored(queue, job)).attempts_made == 3


@pytest.mark.parametrize("keep", [True, 0, Keep(count=0)])
async def test_DLQ_2_also_when_the_original_is_not_kept(world: World, keep: Any) -> None:
    queue = world.queue()
    await failing_worker(world)
    job = await added(queue, "a", 5, remove_on_fail=keep)
    await world.settle()
    assert await queue.get_job(job.id) is None
    assert [letter.data["data"] for letter in await queue.get_dead_letter_jobs()] == [5]


async def test_DLQ_3_not_while_attempts_remain(world: World) -> None:
    queue = world.queue()
    await failing_worker(world)
    await queue.add("a", attempts=2, backoff=Backoff("fixed", 1_000))
    await world.advance(999)
    assert await queue.get_dead_letter_jobs() == []
    await world.advance(1)
    assert len(await queue.get_dead_letter_jobs()) == 1


async def test_DLQ_3_nothing_configured_is_an_empty_list(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(1))
    await queue.add("a")
    await world.settle()
    assert await queue.get_dead_letter_jobs() == []
    assert await queue.replay_dead_letter_jobs() == 0
    assert "outbox" not in world.dump()


async def test_DLQ_3_a_shared_queue_of_dead_letters_shows_each_its_own(world: World) -> None:
    dead = dead_queue(world)
    first = world.queue()
    second = world.queue(f"{world.name}-second")
    await failing_worker(world)
    await world.worker(failing(99), f"{world.name}-second", dead_letter_queue=dead_name(world))
    await dead.add("ordinary")
    for number in range(6):
        await (first if number % 2 else second).add(str(number))
        await world.settle()
    assert [letter.name for letter in await first.get_dead_letter_jobs()] == ["1", "3", "5"]
    assert [letter.name for letter in await second.get_dead_letter_jobs(1, 2)] == ["2", "4"]
    assert await dead.count() == 7
    assert await first.replay_dead_letter_jobs() == 3
    await world.settle()
    assert [letter.name for letter in await second.get_dead_letter_jobs()] == ["0", "2", "4"]


# --- DLQ-4: sources ---------------------------------------------------------------------------------------------------


SOURCES = {
    "exhausted": "boom", "unrecoverable": "no use", "discard": "boom", "timeout": "timed out", "stalled": "stalled",
    "cost": "cost exceeds capacity",
    "group limit": "group rate limited", "no processor": "no processor for job name 'a'",
    "return value": None, "large value": None,
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
async def test_DLQ_4_sources(world: World, source: str) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> Any:
        if source == "unrecoverable":
            raise UnrecoverableError("no use")
        if source == "discard":
            job.discard()
        if source in ("timeout", "stalled"):
            await world.sleep(10**9)
        if source == "group limit":
            await job.rate_limit_group(1, current_job="fail")
        if source == "return value":
            return object()
        if source == "large value":
            return "x" * 2_000_000
        raise ValueError("boom")

    processor = {"other": work} if source == "no processor" else work
    options: dict[str, Any] = {"timeout": 10 if source == "timeout" else None}
    if source in ("unrecoverable", "discard"):
        options["attempts"] = 5
    if source == "group limit":
        options["ordering"] = Ordering("g")
    if source == "cost":
        await queue.pause()
        options |= {"ordering": Ordering("g", token_bucket=TokenBucket(10, 1)), "cost": 10}
    worker = await failing_worker(world, processor, max_stalled_count=0)
    job = await added(queue, "a", [1], **options)
    await world.settle()
    if source == "cost":
        await queue.set_group_limits("g", token_bucket=TokenBucket(5, 1))
        await queue.resume()
    if source == "stalled":
        await worker.close(force=True)
        await failing_worker(world, processor, max_stalled_count=0)
        await world.advance(30_000)
    await world.advance(10)
    found = await stored(queue, job)
    assert await job.is_failed()
    dead = await queue.get_dead_letter_jobs()
    assert [(letter.data["failed_reason"], letter.data["data"]) for letter in dead] == [(found.failed_reason, [1])]
    if SOURCES[source] is not None:
        assert found.failed_reason == SOURCES[source]


@pytest.mark.parametrize("way", ["expired", "revoked", "removed", "completed"])
async def test_DLQ_4_not_what_was_meant_to_be_dropped(world: World, way: str) -> None:
    queue = world.queue()
    await world.worker(nothing, dead_letter_queue=dead_name(world))
    job = await added(queue, "a", ttl=10 if way == "expired" else None, delay=0 if way == "completed" else 20)
    if way == "revoked":
        await queue.revoke(job.id)
    if way == "removed":
        await job.remove()
    await world.advance(100)
    assert await queue.get_dead_letter_jobs() == []


# --- DLQ-7, DLQ-8, events ---------------------------------------------------------------------------------------------


async def test_DLQ_7_its_own_queue_is_refused_at_construction(world: World) -> None:
    bad: Any
    for bad in (world.name, "", "a:b", 5):
        with pytest.raises(InvalidOptionsError, match="dead_letter_queue"):
            world.queue(dead_letter_queue=bad)
        with pytest.raises(InvalidOptionsError, match="dead_letter_queue"):
            world.idle_worker(nothing, dead_letter_queue=bad)


async def test_DLQ_7_an_entry_may_exceed_the_limit_by_its_envelope(world: World) -> None:
    queue = world.queue()
    await failing_worker(world)
    largest = "x" * (1_048_576 - 2)
    await queue.add("a", largest)
    await world.settle()
    entries = await queue.get_dead_letter_jobs()
    assert entries[0].data["data"] == largest
    assert await queue.replay_dead_letter_jobs() == 1
    await world.settle()
    assert len(await queue.get_dead_letter_jobs()) == 1


async def test_DLQ_8_the_slot_of_its_group_is_free(world: World) -> None:
    queue = world.queue()
    watch = Watch(world, fails={"bad": 1})
    await world.worker(watch, concurrency=3, dead_letter_queue=dead_name(world))
    await queue.add_bulk([NewJob("bad", ordering=Ordering("g")), NewJob("good", ordering=Ordering("g"))])
    await world.settle()
    assert watch.names == ["bad", "good"]
    assert group_keys(world) == set()
    assert len(await queue.get_dead_letter_jobs()) == 1


async def test_DLQ_the_events_of_both_queues(world: World) -> None:
    queue = world.queue()
    await failing_worker(world)
    await queue.add("a")
    await world.settle()
    assert [(event.name, event.job_id) for event in await world.events(queue=dead_name(world))] == [("added", "1")]
    await queue.replay_dead_letter_jobs()
    await world.settle()
    names = [event.name for event in await world.events(queue=dead_name(world))]
    assert names[:3] == ["added", "removed", "drained"]
