"""DLQ-6, SER-5: the entries of a dead letter queue, and their replay; the bytes of what nobody could decode."""

from typing import Any

import pytest

from glidemq_pb import Backoff, Deduplication, Job, Keep, NewJob, Ordering, QueueConnectionError, RateLimit, TokenBucket
from glidemq_pb.semantics import letters

from .dead_lettering import cut_before, dead_name, dead_queue, failing_worker
from .watching import Watch
from .world import World, added, line_of, nothing, stored


class Reversed:
    """A serializer of its own."""

    name = "reversed"

    def serialize(self, value: object) -> bytes:
        return repr(value)[::-1].encode()

    def deserialize(self, raw: bytes) -> Any:
        return raw.decode()[::-1]


# --- DLQ-6: entries, and replay ---------------------------------------------------------------------------------------


async def test_DLQ_6_entries_are_ordinary_jobs(world: World) -> None:
    queue = world.queue()
    dead = dead_queue(world)
    await failing_worker(world)
    await queue.add_bulk([NewJob("a", {"n": number}) for number in range(3)])
    await world.settle()
    entries = await dead.get_jobs("waiting")
    assert (await stored(dead, entries[0])).data["data"] == {"n": 0}
    await entries[0].remove()
    seen: list[Any] = []

    async def process(job: Job[Any, Any]) -> str:
        seen.append((job.data["original_job_id"], job.data["data"]))
        return "looked at"

    await world.worker(process, dead_name(world))
    await world.settle()
    assert seen == [("2", {"n": 1}), ("3", {"n": 2})]
    assert (await dead.get_job_counts()).completed == 2
    assert await queue.get_dead_letter_jobs() == []


async def test_DLQ_6_replay_adds_the_original_again_and_the_entry_goes(world: World) -> None:
    queue = world.queue()
    dead = dead_queue(world)
    worker = await failing_worker(world)
    options: dict[str, Any] = {
        "priority": 3, "attempts": 2, "backoff": Backoff("exponential", 10, jitter=0.5), "ttl": 10**6, "timeout": 500,
        "lock_duration": 5_000, "ordering": Ordering("g", 2, RateLimit(5, 10), TokenBucket(10, 5)), "cost": 2.5,
        "remove_on_complete": Keep(age=5, count=3), "remove_on_fail": 7,
    }  # fmt: skip
    job = await added(
        queue, "a", {"to": "x"}, job_id="own", delay=20, deduplication=Deduplication("d", ttl=10**6), **options
    )
    await world.advance(1_000)
    assert await job.is_failed()
    await worker.close()
    await queue.pause()
    before = (await stored(queue, job)).opts
    assert await queue.replay_dead_letter_jobs() == 1
    await world.settle()
    assert await dead.count() == 0
    replayed = (await queue.get_jobs("waiting"))[0]
    assert (replayed.name, replayed.data, replayed.attempts_made) == ("a", {"to": "x"}, 0)
    assert replayed.id != "own"
    expected = {name: value for name, value in before.items() if name not in ("job_id", "delay", "deduplication")}
    assert {name: value for name, value in replayed.opts.items() if value is not None} == {
        name: value for name, value in expected.items() if value is not None
    }
    assert await job.is_failed()  # the original stays


async def test_DLQ_6_replay_of_chosen_ones(world: World) -> None:
    queue = world.queue()
    worker = await failing_worker(world)
    await queue.add_bulk([NewJob(str(number)) for number in range(4)])
    await world.settle()
    await worker.close()
    entries = await queue.get_dead_letter_jobs()
    ordinary = await added(dead_queue(world), "ordinary")
    chosen = [entries[2].id, entries[0].id, "unknown", ordinary.id, entries[2].id]
    assert await queue.replay_dead_letter_jobs(chosen) == 2
    await world.settle()
    assert [job.name for job in await queue.get_jobs("waiting")] == ["2", "0"]
    assert [letter.name for letter in await queue.get_dead_letter_jobs()] == ["1", "3"]
    assert await queue.replay_dead_letter_jobs([]) == 0


async def test_DLQ_6_a_replayed_job_that_fails_again_is_a_dead_letter_again(world: World) -> None:
    queue = world.queue()
    await failing_worker(world)
    await queue.add("a", 5)
    await world.settle()
    for _ in range(3):
        assert await queue.replay_dead_letter_jobs() == 1
        await world.settle()
    entries = await queue.get_dead_letter_jobs()
    assert [(letter.data["data"], letter.data["original_job_id"]) for letter in entries] == [(5, "4")]


@pytest.mark.parametrize("by", ["worker", "dead worker", "replay"])
async def test_DLQ_6_what_a_crash_during_replay_left_behind_is_delivered(world: World, by: str) -> None:
    queue = world.queue()
    worker = await failing_worker(world)
    await queue.add("a", 5)
    await world.settle()
    await worker.close()
    dying = world.queue()
    cut_before(line_of(dying), letters.list_letters, executed=False)
    with pytest.raises(QueueConnectionError):
        await dying.replay_dead_letter_jobs()
    assert await queue.count() == 0
    assert "outbox" in world.dump(dead_name(world))
    watch = Watch(world)
    if by == "worker":
        await world.worker(watch, dead_letter_queue=dead_name(world))
    elif by == "replay":
        assert await queue.replay_dead_letter_jobs() == 0
    else:
        await world.worker(nothing, dead_name(world))
    if by != "worker":
        await world.worker(watch)
    await world.settle()
    assert watch.names == ["a"]
    assert "outbox" not in world.dump(dead_name(world))


# --- SER-5: what nobody could decode ----------------------------------------------------------------------------------


async def test_SER_5_the_copy_of_an_undecodable_job_keeps_the_original_bytes(world: World) -> None:
    """B-32: the copy stored `{}`."""
    own = world.queue(serializer=Reversed())
    await failing_worker(world)  # its serializer is JSON
    await own.add("a", {"to": "ü"})
    await world.settle()
    entry = world.dump(dead_name(world))["job:1"]
    assert entry["data"] == "\x01reversed\0" + repr({"to": "ü"})[::-1].encode().decode("latin-1")
    as_json = (await dead_queue(world).get_jobs("waiting"))[0]
    assert as_json.data["data"] == {}
    assert as_json.deserialization_failed
    assert as_json.data["original_job_id"] == "1"
    as_own = (await own.get_dead_letter_jobs())[0]
    assert as_own.data["data"] == repr({"to": "ü"})
    assert not as_own.deserialization_failed


async def test_SER_5_replay_brings_the_original_bytes_back(world: World) -> None:
    own = world.queue(serializer=Reversed())
    worker = await failing_worker(world)
    await own.add("a", [1, "ü"])
    await world.settle()
    await worker.close()
    assert await world.queue().replay_dead_letter_jobs() == 1
    replayed = (await own.get_jobs("waiting"))[0]
    assert replayed.data == repr([1, "ü"])
    assert not replayed.deserialization_failed
