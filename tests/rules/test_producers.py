"""PRD: who only adds."""

from collections.abc import Callable
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    BulkError,
    ClosedError,
    Deduplication,
    GlideMQError,
    InvalidOptionsError,
    NewJob,
    Ordering,
    PayloadTooLargeError,
    Producer,
    Queue,
    QueueConnectionError,
    RateLimit,
    SerializationError,
    TokenBucket,
)
from glidemq_pb.semantics.limits import ENQUEUE_MAX

from .world import World, line_of, nothing, stored

ALL_OPTIONS: dict[str, Any] = {
    "job_id": "mine",
    "delay": 5_000,
    "priority": 3,
    "ttl": 60_000,
    "timeout": 1_000,
    "lock_duration": 2_000,
    "attempts": 4,
    "backoff": Backoff("exponential", delay=10, jitter=0.5, max_delay=100),
    "ordering": Ordering("k", 2, RateLimit(max=1, duration=10), TokenBucket(capacity=5, refill_rate=1)),
    "cost": 2,
    "deduplication": Deduplication("d", mode="throttle", ttl=10),
    "remove_on_complete": 5,
    "remove_on_fail": True,
}
BAD_JOBS: list[tuple[type[GlideMQError], str, Any, dict[str, Any]]] = [
    (InvalidOptionsError, "", None, {}),
    (InvalidOptionsError, "a", None, {"priority": 2_049}),
    (InvalidOptionsError, "a", None, {"priority": -1}),
    (InvalidOptionsError, "a", None, {"delay": -1}),
    (InvalidOptionsError, "a", None, {"delay": 1.5}),
    (InvalidOptionsError, "a", None, {"ttl": -1}),
    (InvalidOptionsError, "a", None, {"cost": -1}),
    (InvalidOptionsError, "a", None, {"lock_duration": 999}),
    (InvalidOptionsError, "a", None, {"job_id": "x" * 257}),
    (InvalidOptionsError, "a", None, {"lifo": True, "ordering": Ordering("k")}),
    (InvalidOptionsError, "a", None, {"cost": 9, "ordering": Ordering("k", token_bucket=TokenBucket(8, 1))}),
    (InvalidOptionsError, "a", None, {"dealy": 1}),
    (InvalidOptionsError, "a", None, {"deduplication": Deduplication("d", mode="debounce")}),
    (PayloadTooLargeError, "a", "x" * 1_048_576, {}),
    (SerializationError, "a", object(), {}),
]


async def test_PRD_1_add_returns_the_id_or_none(world: World) -> None:
    producer = world.producer()
    assert await producer.add("a", {"n": 1}) == "1"
    assert await producer.add("b", job_id="mine") == "mine"
    assert await producer.add("c", job_id="mine") is None
    job = await stored(world.queue(), "1")
    assert (job.name, job.data, job.timestamp) == ("a", {"n": 1}, world.now)


async def test_PRD_1_a_deduplicated_job_is_none(world: World) -> None:
    producer = world.producer()
    assert await producer.add("a", deduplication=Deduplication("d")) == "1"
    assert await producer.add("a", deduplication=Deduplication("d")) is None


async def test_PRD_1_a_bulk_has_one_entry_for_each_job(world: World) -> None:
    producer = world.producer()
    jobs = [NewJob("a"), NewJob("b", job_id="x"), NewJob("c", job_id="x"), NewJob("d"), NewJob("e", job_id="x")]
    assert await producer.add_bulk(jobs) == ["1", "x", None, "2", None]
    assert await producer.add_bulk(iter(jobs[1:3])) == [None, None]


async def test_PRD_1_an_empty_bulk_is_empty_and_sends_nothing(world: World) -> None:
    producer = world.producer()
    assert await producer.add_bulk([]) == []
    assert sum(line_of(producer).calls.values()) == 0


async def test_PRD_1_a_bulk_above_one_call_stays_aligned(world: World) -> None:
    producer = world.producer()
    jobs = [NewJob("a", job_id="taken" if number % 500 == 1 else None) for number in range(ENQUEUE_MAX + 2)]
    ids = await producer.add_bulk(jobs)
    skipped = [position for position, job_id in enumerate(ids) if job_id is None]
    assert (len(ids), skipped) == (len(jobs), [501, 1_001])
    assert line_of(producer).calls["enqueue"] == 2


async def test_PRD_1_a_bulk_refused_half_way_says_what_was_added(world: World) -> None:
    producer = world.producer()
    jobs = [NewJob("a", job_id="same" if number < 2 else None) for number in range(ENQUEUE_MAX)]
    refusal = QueueConnectionError("here", "full")

    async def refuse() -> None:
        line_of(producer).refusals["enqueue"] = refusal

    line_of(producer).after_calls(1, refuse)
    with pytest.raises(BulkError, match="999 jobs were added, then a chunk was refused: here: full") as caught:
        await producer.add_bulk([*jobs, NewJob("late")])
    assert caught.value.added[:3] == ["same", None, "1"]
    assert caught.value.__cause__ is refusal
    assert (await world.queue().get_job_counts()).waiting == 999


async def test_PRD_2_after_close_adding_raises_and_close_is_idempotent(world: World) -> None:
    producer = world.producer()
    await producer.add("a")
    await producer.close()
    await producer.close()
    assert producer.closed
    for use in (producer.add("b"), producer.add_bulk([]), producer.connect()):
        with pytest.raises(ClosedError):
            await use
    assert await world.queue().count() == 1


async def test_PRD_2_without_a_store_it_raises_when_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIDEMQ_URL", raising=False)
    with pytest.raises(InvalidOptionsError, match="no store was named"):
        Producer("tasks")


@pytest.mark.parametrize(("kind", "name", "data", "options"), BAD_JOBS)
async def test_PRD_3_what_a_queue_refuses_a_producer_refuses_in_the_same_words(
    world: World, kind: type[GlideMQError], name: str, data: Any, options: dict[str, Any]
) -> None:
    adders: list[Producer[Any] | Queue[Any, Any]] = [world.producer(), world.queue()]
    told: list[str] = []
    for adder in adders:
        with pytest.raises(kind) as caught:
            await adder.add(name, data, **options)
        told.append(str(caught.value))
        assert sum(line_of(adder).calls.values()) == 0
    assert told[0] == told[1]
    assert world.dump() == {}


@pytest.mark.parametrize("bad", [lambda: NewJob("a", object()), lambda: "a", lambda: NewJob("a", "x" * 1_048_576)])
async def test_PRD_3_one_bad_job_keeps_a_bulk_out_and_is_named(world: World, bad: Callable[[], NewJob]) -> None:
    told: list[str] = []
    for adder in (world.producer(), world.queue()):
        with pytest.raises(GlideMQError, match=r"jobs\[1\]") as caught:
            await adder.add_bulk([NewJob("good"), bad()])
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert world.dump() == {}


async def test_PRD_3_what_is_stored_is_what_a_queue_stores(world: World) -> None:
    """The same two jobs, one way and the other, into two queues: no key differs."""
    first, second = world.producer(), world.queue("other-" + world.name)
    bulk = [NewJob("b", [1, 2], lifo=True), NewJob("c", **ALL_OPTIONS | {"job_id": "c", "deduplication": None})]
    for adder in (first, second):
        await adder.add("a", {"n": 1}, **ALL_OPTIONS)
        await adder.add_bulk(bulk)
    ours, theirs = world.dump(), world.dump("other-" + world.name)
    assert {key for key in ours if not key.startswith("call:")} >= {"job:mine", "job:1", "job:c", "events"}
    assert without_calls(ours) == without_calls(theirs)


def without_calls(dump: dict[str, Any]) -> dict[str, Any]:
    """The state without the producers' tokens, which are random."""
    return {key: value for key, value in dump.items() if "call" not in key}


async def test_PRD_3_a_workers_results_do_not_depend_on_who_added(world: World) -> None:
    producer = world.producer(events=False)
    await producer.add("a", priority=1)
    await world.worker(nothing)
    await world.settle()
    assert (await world.queue().get_job_counts()).completed == 1
    assert await world.events("added") == []
