"""DLQ: copies of jobs that failed for good, in another queue."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    Deduplication,
    InvalidOptionsError,
    Job,
    Keep,
    NewJob,
    Ordering,
    Queue,
    QueueConnectionError,
    RateLimit,
    TokenBucket,
    UnrecoverableError,
    Worker,
)
from glidemq_pb.postman import look_after
from glidemq_pb.semantics import inbox, letters

from .watching import Watch, group_keys
from .world import Line, World, added, failing, line_of, nothing, stored


class Reversed:
    """A serializer of its own."""

    name = "reversed"

    def serialize(self, value: object) -> bytes:
        return repr(value)[::-1].encode()

    def deserialize(self, raw: bytes) -> Any:
        return raw.decode()[::-1]


def dead_name(world: World) -> str:
    return f"{world.name}-dead"


def dead_queue(world: World, **options: Any) -> Queue[Any, Any]:
    """The queue where dead letters go."""
    return world.queue(dead_name(world), **options)


async def failing_worker(world: World, processor: Any = None, **options: Any) -> Worker[Any, Any]:
    """A worker that fails every job, and sends dead letters."""
    return await world.worker(processor or failing(99), dead_letter_queue=dead_name(world), **options)


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


# --- DLQ-5: exactly one copy ------------------------------------------------------------------------------------------


async def test_DLQ_5_the_letter_is_written_in_the_step_of_the_failure(world: World) -> None:
    """B-32: it was a second call."""
    queue = world.queue()
    worker = await failing_worker(world)
    cut_before(line_of(worker), letters.list_letters, executed=False)
    job = await added(queue, "a")
    await world.settle()
    assert await job.is_failed()
    assert len(world.dump()["outbox"]) == 1


CUTS = ["before the letter is read", "before it is taken", "before it is acknowledged", "before the reply"]


@pytest.mark.parametrize("cut", CUTS)
async def test_DLQ_5_a_worker_that_dies_at_any_point_of_the_delivery_leaves_exactly_one_copy(
    world: World, cut: str
) -> None:
    queue = world.queue()
    dead = dead_queue(world)
    worker = await failing_worker(world)
    line = line_of(worker)
    stop_at = {
        CUTS[0]: letters.list_letters, CUTS[1]: inbox.receive, CUTS[2]: letters.acknowledge,
        CUTS[3]: letters.acknowledge,
    }[cut]  # fmt: skip
    cut_before(line, stop_at, executed=cut == CUTS[3])
    await queue.add("a", 7)
    await world.settle()
    await worker.close(force=True)
    assert await dead.count() == (0 if cut in CUTS[:2] else 1)
    await failing_worker(world)
    await world.settle()
    assert [letter.data["data"] for letter in await dead.get_jobs("waiting")] == [7]
    assert "outbox" not in world.dump()
    assert len(await world.events("added", queue=dead_name(world))) == 1


def cut_before(line: Line, operation: Any, *, executed: bool) -> None:
    """Let a connection break at its first call of an operation: before it, or after it but before its reply."""
    call = line._backend.call

    class Cutting:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        async def call(self, called: Any, queue: str, *args: Any, **kwargs: Any) -> Any:
            if called is operation:
                if executed:
                    await call(called, queue, *args, **kwargs)
                line.cut()
                raise QueueConnectionError(line.address, "cut")
            return await call(called, queue, *args, **kwargs)

    backend = line._backend
    line._backend = Cutting()  # type: ignore[assignment]  # all of a Backend, by delegation


async def test_DLQ_5_two_workers_that_deliver_at_once_deliver_one_copy_of_each(world: World) -> None:
    queue = world.queue()
    for _ in range(3):
        await failing_worker(world, concurrency=4)
    await queue.add_bulk([NewJob(str(number)) for number in range(120)])
    await world.settle()
    await world.advance(5_000)
    names = [letter.name for letter in await queue.get_dead_letter_jobs()]
    assert sorted(names, key=int) == [str(number) for number in range(120)]
    assert "outbox" not in world.dump()


async def test_DLQ_5_a_letter_that_comes_when_a_delivery_is_about_to_end_is_delivered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    about_to_end, may_end = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> None:
        await look_after(*args)
        about_to_end.set()
        await may_end.wait()

    monkeypatch.setattr("glidemq_pb.postman.look_after", slow)
    queue, dead = world.queue(), world.queue(dead_name(world))
    worker = await world.worker(failing(9), dead_letter_queue=dead.name)
    await queue.add("a")
    await about_to_end.wait()
    await queue.add("b")
    await world.settle()
    assert await dead.count() == 1
    may_end.set()
    await worker.close()
    assert await dead.count() == 2


async def test_DLQ_5_the_letter_of_a_job_that_fails_while_its_worker_closes_is_delivered_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker has a connection of its own, which it gives up."""
    running, may_fail = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await look_after(*args)

    monkeypatch.setattr("glidemq_pb.postman.look_after", slow)

    async def work(job: Job[Any, Any]) -> None:
        running.set()
        await may_fail.wait()
        raise UnrecoverableError("for good")

    url = "memory://closing-with-a-letter"
    errors: list[BaseException] = []
    async with Queue[Any, Any]("q", connection=url) as queue, Queue[Any, Any]("dead", connection=url) as dead:
        worker: Worker[Any, Any] = Worker("q", work, connection=url, dead_letter_queue=dead.name)
        worker.on("error", errors.append)
        await worker.start()
        await queue.add("a")
        await running.wait()
        closing = asyncio.ensure_future(worker.close())
        for _ in range(10):  # it waits for the job by now
            await asyncio.sleep(0)
        may_fail.set()
        await closing
        assert (await dead.count(), errors) == (1, [])


async def test_DLQ_5_a_letter_stays_delivered_when_its_job_is_gone_again(world: World) -> None:
    """The number, not the job, says that it was taken."""
    queue = world.queue()
    dead = dead_queue(world)
    worker = await failing_worker(world)
    cut_before(line_of(worker), letters.acknowledge, executed=False)
    await queue.add("a")
    await world.settle()
    await worker.close(force=True)
    await (await dead.get_jobs("waiting"))[0].remove()
    await failing_worker(world)
    await world.settle()
    assert await dead.count() == 0
    assert "outbox" not in world.dump()


async def test_DLQ_5_numbers_outlive_obliterate(world: World) -> None:
    """A queue that begins again does not send letters that its dead letter queue has had already."""
    queue = world.queue()
    worker = await failing_worker(world)
    await queue.add("first")
    await world.settle()
    await worker.close()
    await queue.obliterate()
    await failing_worker(world)
    await queue.add("second")
    await world.settle()
    assert [letter.name for letter in await queue.get_dead_letter_jobs()] == ["first", "second"]


async def test_DLQ_5_a_dead_letter_queue_that_was_obliterated_takes_letters_again(world: World) -> None:
    queue = world.queue()
    dead = dead_queue(world)
    await failing_worker(world)
    await queue.add("first")
    await world.settle()
    await dead.obliterate()
    await queue.add("second")
    await world.settle()
    assert [letter.name for letter in await queue.get_dead_letter_jobs()] == ["second"]


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


# --- DLQ-7, DLQ-8 -----------------------------------------------------------------------------------------------------


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


# --- SER-5, SER-7: what nobody could decode ---------------------------------------------------------------------------


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
