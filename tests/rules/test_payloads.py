"""SER and CMP: serializers, compression, and the limit of a payload."""

import pickle
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glidemq_pb import (
    JSON_SERIALIZER,
    Backoff,
    InvalidOptionsError,
    Job,
    JobTemplate,
    NewJob,
    PayloadTooLargeError,
    Producer,
    Queue,
    Schedule,
    SerializationError,
    Serializer,
    Worker,
)
from glidemq_pb.errors import PAYLOAD_BYTES_MAX
from glidemq_pb.payload import Compression

from .world import World, added, failing, nothing, stored

REPETITIVE = {"report": "All systems are nominal. " * 600}
"""The seed's payload: 15 KB that repeat themselves."""
COMPRESSIONS: tuple[Compression, ...] = ("none", "gzip")


class Pickle:
    """Bytes, and any Python value."""

    name = "pickle"

    def serialize(self, value: object) -> bytes:
        return pickle.dumps(value)

    def deserialize(self, raw: bytes) -> Any:
        return pickle.loads(raw)  # noqa: S301 - the test's own


class Digits:
    """Text that JSON would read as another value."""

    name = "digits"

    def serialize(self, value: object) -> str:
        return str(value)[::-1]

    def deserialize(self, raw: bytes) -> Any:
        return int(raw.decode()[::-1])


class Fragile(Pickle):
    """Reads nothing that was to be broken."""

    def deserialize(self, raw: bytes) -> Any:
        value = super().deserialize(raw)
        if value == "broken":
            raise ValueError("broken")
        return value


def errors_of(worker: Worker[Any, Any]) -> list[BaseException]:
    """What the worker tells as `error`."""
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    return errors


# --- SER-1, SER-6: what a serializer is -------------------------------------------------------------------------------


class Incomplete:
    name = "incomplete"

    def serialize(self, value: object) -> bytes:
        return b"x"


class Asynchronous(Pickle):
    async def deserialize(self, raw: bytes) -> Any:
        return None


@pytest.mark.parametrize("serializer", [Incomplete(), Asynchronous(), None, object()])
async def test_SER_1_one_that_lacks_a_method_or_has_async_ones_is_refused_at_construction(
    world: World, serializer: Any
) -> None:
    with pytest.raises(InvalidOptionsError, match="serializer="):
        world.queue(serializer=serializer)
    with pytest.raises(InvalidOptionsError, match="serializer="):
        world.idle_worker(nothing, serializer=serializer)


async def test_SER_6_json_is_the_default_and_has_a_name(world: World) -> None:
    queue = world.queue(serializer=JSON_SERIALIZER)
    await world.worker(failing(0))
    job = await added(queue, "a", {"to": ["ü", 1, None]})
    await world.settle()
    found = await stored(world.queue(), job)
    assert (found.data, found.return_value) == ({"to": ["ü", 1, None]}, "done")
    assert world.dump()[f"job:{job.id}"]["data"] == '{"to":["\xc3\xbc",1,null]}'


# --- SER-2, SER-9: what goes through it -------------------------------------------------------------------------------


async def test_SER_2_data_results_and_progress_go_through_it_however_they_come(world: World) -> None:
    queue = world.queue(serializer=Pickle())
    seen: list[Any] = []

    async def work(job: Job[Any, Any]) -> Any:
        seen.append(job.data)
        await job.update_progress({"done": {1, 2}})  # sets: no JSON
        await job.update_data({"then": {3}})
        return {4}

    await world.worker(work, serializer=Pickle())
    one = await added(queue, "a", {1, 2})
    (two,) = await queue.add_bulk([NewJob("b", {"x": (1, {2})})])
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=1), JobTemplate(data={9}))
    await world.advance(1_000)
    assert seen == [{1, 2}, {"x": (1, {2})}, {9}]
    for job in (one, two):
        found = await stored(queue, job)
        assert (found.data, found.progress, found.return_value) == ({"then": {3}}, {"done": {1, 2}}, {4})
        assert not found.deserialization_failed


async def test_SER_9_none_is_no_value_whatever_the_serializer(world: World) -> None:
    class Never(Pickle):
        def serialize(self, value: object) -> bytes:
            raise AssertionError("it was asked")

    queue = world.queue(serializer=Never())
    await world.worker(nothing, serializer=Never())
    job = await added(queue, "a")
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.data, found.return_value) == ("completed", None, None)
    assert not found.deserialization_failed


# --- SER-3: what cannot be serialized ---------------------------------------------------------------------------------


async def test_SER_3_add_raises_and_nothing_is_stored(world: World) -> None:
    queue = world.queue()
    await queue.add("before")
    before = world.dump()
    for attempt in (
        queue.add("a", object()),
        queue.add_bulk([NewJob("b", 1), NewJob("c", object())]),
        queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate(data=object())),
    ):
        with pytest.raises(SerializationError) as refused:
            await attempt
        assert refused.value.__cause__ is not None
    assert world.dump() == before


async def test_SER_3_a_result_that_cannot_be_serialized_fails_the_attempt_and_retries_apply(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> Any:
        return object() if job.attempts_made == 0 else "fine"

    await world.worker(work)
    job = await added(queue, "a", attempts=2, backoff=Backoff("fixed", 1_000))
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made) == ("delayed", 1)
    assert str(found.failed_reason).startswith("Return value cannot be serialized by 'json'")
    await world.advance(1_000)
    assert (await stored(queue, job)).return_value == "fine"


# --- SER-4, SER-5: what cannot be read --------------------------------------------------------------------------------


async def test_SER_4_an_undecodable_payload_is_delivered_flagged_and_told(world: World) -> None:
    queue = world.queue(serializer=Fragile())
    seen: list[Any] = []

    async def work(job: Job[Any, Any]) -> str:
        seen.append((job.data, job.deserialization_failed))
        return "done"

    worker = await world.worker(work, serializer=Fragile())
    errors = errors_of(worker)
    job = await added(queue, "a", "broken")
    await world.settle()
    assert seen == [({}, True)]
    assert await job.is_completed()
    (error,) = errors
    assert isinstance(error, SerializationError)
    assert (type(error.__cause__), str(error)) == (
        ValueError, f"job 1 of queue {queue.name}: its data: 'pickle' cannot decode it: ValueError: broken",
    )  # fmt: skip


async def test_SER_4_a_bad_result_is_none_and_flagged(world: World) -> None:
    queue = world.queue(serializer=Fragile())

    async def work(job: Job[Any, Any]) -> str:
        return "broken"

    await world.worker(work, serializer=Fragile())
    job = await added(queue, "a", "fine")
    await world.settle()
    found = await stored(queue, job)
    assert (found.data, found.return_value, found.deserialization_failed) == ("fine", None, True)


async def test_SER_5_bytes_that_would_decode_to_garbage_are_flagged_too(world: World) -> None:
    """`21` is how Digits stores 12; to JSON it is another number."""
    queue = world.queue(serializer=Digits())
    seen: list[Any] = []

    async def work(job: Job[Any, Any]) -> int:
        seen.append((job.data, job.deserialization_failed))
        await job.update_progress(12)
        return 12

    worker = await world.worker(work)
    errors = errors_of(worker)
    job = await added(queue, "a", 12)
    await world.settle()
    assert seen == [({}, True)]
    assert "made by the serializer 'digits', and 'json' is in use here" in str(errors[0])
    mine = await stored(queue, job)
    assert (mine.data, mine.return_value, mine.progress, mine.deserialization_failed) == (12, None, 0, True)
    workers = await stored(world.queue(), job)
    assert (workers.data, workers.return_value, workers.progress) == ({}, 12, 12)


async def test_SER_5_retries_keep_the_bytes_that_nobody_could_read(world: World) -> None:
    queue = world.queue(serializer=Digits())
    worker = await world.worker(failing(9))
    job = await added(queue, "a", 12, attempts=2)
    await world.settle()
    assert await job.is_failed()
    await worker.close()
    await job.retry()
    seen: list[Any] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append(job.data)

    await world.worker(work, serializer=Digits())
    await world.settle()
    assert seen == [12]


async def test_SER_5_data_of_another_serializer_may_be_replaced_and_says_whose_it_is(world: World) -> None:
    queue = world.queue(serializer=Digits())
    job = await added(queue, "a", 12)
    await (await stored(world.queue(), job)).update_data(34)
    assert (await stored(world.queue(), job)).data == 34
    assert (await stored(queue, job)).data == {}
    await job.update_data(56)
    assert (await stored(queue, job)).data == 56


# --- SER-7, SER-8 -----------------------------------------------------------------------------------------------------


async def test_SER_7_options_and_dead_letters_do_not_depend_on_the_serializer(world: World) -> None:
    dead = f"{world.name}-dead"
    queue = world.queue(serializer=Pickle())
    await world.worker(failing(9), serializer=Pickle(), dead_letter_queue=dead)
    job = await added(queue, "a", {1}, priority=3, attempts=2, backoff=Backoff("fixed", 0))
    await world.settle()
    as_json = await stored(world.queue(), job)
    assert as_json.opts == {"priority": 3, "attempts": 2, "backoff": Backoff("fixed", 0)}
    assert (as_json.failed_reason, as_json.attempts_made) == ("boom", 2)
    (letter,) = await world.queue(dead).get_jobs("waiting")
    assert letter.data == {
        "original_queue": queue.name, "original_job_id": "1", "data": {}, "failed_reason": "boom", "attempts_made": 2,
    }  # fmt: skip
    assert letter.deserialization_failed
    (mine,) = await queue.get_dead_letter_jobs()
    assert (mine.data["data"], mine.deserialization_failed) == ({1}, False)


@pytest.mark.parametrize("mark", [b"\x01json\0", b"\x02json\0", b"\x1f\x8b\x08", b"gz:"])
async def test_SER_8_compression_is_recorded_and_no_prefix_is_mistaken_for_it(world: World, mark: bytes) -> None:
    class Marked(Pickle):
        """Calls itself json, and makes what looks compressed."""

        name = "json"

        def serialize(self, value: object) -> bytes:
            return mark + pickle.dumps(value)

        def deserialize(self, raw: bytes) -> Any:
            assert raw.startswith(mark)
            return pickle.loads(raw.removeprefix(mark))  # noqa: S301 - the test's own

    for value in ({1}, {"text": "x" * 1_000}):
        for compression in COMPRESSIONS:
            queue = world.queue(serializer=Marked(), compression=compression)
            job = await stored(queue, await added(queue, "a", value))
            assert (job.data, job.deserialization_failed) == (value, False)


# --- CMP-1, CMP-3, CMP-4: compression ---------------------------------------------------------------------------------


@pytest.mark.parametrize("serializer", [JSON_SERIALIZER, Pickle()])
async def test_CMP_1_workers_listings_retries_and_dead_letters_see_plain_data(
    world: World, serializer: Serializer
) -> None:
    dead = f"{world.name}-dead"
    queue = world.queue(serializer=serializer, compression="gzip")
    seen: list[Any] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append(job.data)
        raise ValueError("no")

    worker = await world.worker(work, serializer=serializer, dead_letter_queue=dead)
    await added(queue, "a", REPETITIVE, attempts=2)
    await queue.add_bulk([NewJob("b", REPETITIVE)])
    await world.settle()
    assert seen == [REPETITIVE] * 3
    plain = world.queue(serializer=serializer)
    assert [job.data for job in await plain.get_jobs("failed")] == [REPETITIVE] * 2
    assert [job.id for job in await plain.search_jobs(data=REPETITIVE)] == ["2", "1"]
    assert [job.data["data"] for job in await plain.get_dead_letter_jobs()] == [REPETITIVE] * 2
    assert len(world.dump(dead)["job:1"]["data"]) < 1_000
    await worker.close()
    assert await plain.replay_dead_letter_jobs() == 2
    await plain.retry_jobs()
    assert [job.data for job in await plain.get_jobs("waiting")] == [REPETITIVE] * 4
    for number in (1, 2, 3, 4):
        entry = world.dump()[f"job:{number}"]
        assert (len(entry["data"]) < 1_000, entry["compression"]) == (True, "gzip")


async def test_CMP_1_a_producer_compresses_too(world: World) -> None:
    queue = world.queue()
    producer = Producer[Any](queue.name, backend=world.line(), compression="gzip")
    await producer.add("a", REPETITIVE)
    await producer.add_bulk([NewJob("b", REPETITIVE)])
    assert [job.data for job in await queue.get_jobs("waiting")] == [REPETITIVE] * 2
    assert [len(world.dump()[f"job:{number}"]["data"]) < 300 for number in (1, 2)] == [True, True]


@pytest.mark.parametrize("compression", ["zip", "", True, None])
async def test_CMP_1_another_compression_is_refused(world: World, compression: Any) -> None:
    with pytest.raises(InvalidOptionsError, match=r"compression=.*: allowed: 'none', 'gzip'"):
        world.queue(compression=compression)


async def test_CMP_1_templates_of_schedulers_are_compressed(world: World) -> None:
    queue = world.queue(compression="gzip")
    info = await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=1), JobTemplate(data=REPETITIVE))
    assert info.template.data == REPETITIVE
    assert len(world.dump()["scheduler:s"]["data"]) < 1_000
    seen: list[Any] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append(job.data)

    await world.worker(work)
    await world.advance(1_000)
    assert seen == [REPETITIVE]
    assert len(world.dump()["job:1"]["data"]) < 1_000


async def test_CMP_3_the_seeds_claim_15_kb_that_repeat_are_stored_in_less_than_1_kb(world: World) -> None:
    queue = world.queue(compression="gzip")
    assert len(JSON_SERIALIZER.serialize(REPETITIVE)) > 15_000
    job = await added(queue, "process-large", REPETITIVE)
    entry = world.dump()[f"job:{job.id}"]
    assert len(entry["data"]) < 300
    assert sum(len(name) + len(value) for name, value in entry.items()) < 1_000
    assert (await stored(world.queue(), job)).data == REPETITIVE


async def test_CMP_3_compressed_and_plain_jobs_live_side_by_side(world: World) -> None:
    packed, plain = world.queue(compression="gzip"), world.queue()
    values = [REPETITIVE, {"text": "ü" * 50_000}, {"words": [random.Random(7).random() for _ in range(25_000)]}]
    for value in values:
        await packed.add("packed", value)
        await plain.add("plain", value)
    seen: list[tuple[str, Any]] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append((job.name, job.data))

    await world.worker(work)
    await world.settle()
    assert seen == [(name, value) for value in values for name in ("packed", "plain")]
    sizes = [len(world.dump()[f"job:{number}"]["data"]) for number in range(1, 7)]
    assert (sizes[2] < 1_000, sizes[3] > 100_000) == (True, True)  # 100 KB that repeat
    assert sizes[5] > 450_000  # 500 KB that hardly do


async def test_CMP_4_what_would_not_shrink_is_stored_plain(world: World) -> None:
    queue = world.queue(compression="gzip")
    small = await added(queue, "a", {"n": 1})
    noise = await added(queue, "a", {"n": random.Random(1).randbytes(60).hex()[:90]})
    dump = world.dump()
    assert dump[f"job:{small.id}"]["data"] == '{"n":1}'
    assert len(dump[f"job:{noise.id}"]["data"]) <= 98


async def test_CMP_4_update_data_keeps_the_compression_whoever_calls_it(world: World) -> None:
    packed, plain = world.queue(compression="gzip"), world.queue()
    jobs = [await added(packed, "packed", {"n": 1}), await added(plain, "plain", {"n": 1})]

    async def work(job: Job[Any, Any]) -> None:
        await job.update_data(REPETITIVE)

    worker = await world.worker(work)
    await world.settle()
    sizes = [len(world.dump()[f"job:{job.id}"]["data"]) for job in jobs]
    assert (sizes[0] < 1_000, sizes[1] > 15_000) == (True, True)
    await worker.close()
    for job in jobs:  # each by a queue of the other setting
        other = plain if job.name == "packed" else packed
        found = await stored(other, job)
        assert found.data == REPETITIVE
        await found.update_data({"again": REPETITIVE})
        assert (await stored(other, job)).data == {"again": REPETITIVE}
    assert [len(world.dump()[f"job:{job.id}"]["data"]) < 1_000 for job in jobs] == [True, False]


async def test_CMP_4_a_next_step_keeps_the_compression(world: World) -> None:
    queue = world.queue(compression="gzip")
    steps: list[Any] = []

    async def work(job: Job[Any, Any]) -> None:
        steps.append(job.data.get("step"))
        if job.data.get("step") is None:
            await job.move_to_delayed(world.now + 1_000, "second")

    await world.worker(work)
    job = await added(queue, "a", REPETITIVE)
    await world.settle()
    assert len(world.dump()[f"job:{job.id}"]["data"]) < 1_000
    await world.advance(1_000)
    assert steps == [None, "second"]
    assert (await stored(queue, job)).data == {**REPETITIVE, "step": "second"}


# --- CMP-2: one limit and one message ---------------------------------------------------------------------------------

AT_LIMIT = "ü" * ((PAYLOAD_BYTES_MAX - 2) // 2)
"""As JSON, with its quotes: exactly the limit, in bytes."""
ABOVE = AT_LIMIT + "x"
TOLD = rf"exceeds maximum size \({PAYLOAD_BYTES_MAX + 1} bytes > {PAYLOAD_BYTES_MAX}\); store the data elsewhere"


async def add_late(queue: Queue[Any, Any], value: Any) -> None:
    await queue.add_bulk([NewJob("a", 1), NewJob("b", value)])


async def update(queue: Queue[Any, Any], value: Any) -> None:
    await (await added(queue, "c", 1)).update_data(value)


async def schedule(queue: Queue[Any, Any], value: Any) -> None:
    await queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate(data=value))


async def add(queue: Queue[Any, Any], value: Any) -> None:
    await queue.add("a", value)


async def produce(queue: Queue[Any, Any], value: Any) -> None:
    producer = Producer[Any](queue.name, backend=queue.backend)
    await producer.add("a", value)


async def produce_late(queue: Queue[Any, Any], value: Any) -> None:
    await Producer[Any](queue.name, backend=queue.backend).add_bulk([NewJob("a", 1), NewJob("b", value)])


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("surface", [add, add_late, produce, produce_late, update, schedule])
async def test_CMP_2_the_limit_itself_is_allowed_and_one_byte_more_is_refused_on_every_surface(
    world: World, surface: Callable[[Queue[Any, Any], Any], Awaitable[None]], compression: Any
) -> None:
    queue = world.queue(compression=compression)
    with pytest.raises(PayloadTooLargeError, match=f"Job data {TOLD}"):
        await surface(queue, ABOVE)
    kept = [key for key in world.dump() if key.startswith(("job:", "scheduler:"))]
    assert kept == (["job:1"] if surface is update else [])
    await surface(queue, AT_LIMIT)


async def test_CMP_2_a_result_above_the_limit_fails_the_attempt(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        return ABOVE if job.attempts_made == 0 else AT_LIMIT

    worker = await world.worker(work)
    failures: list[Any] = []
    worker.on("failed", lambda job, error: failures.append(error))
    job = await added(queue, "a", attempts=2)
    await world.settle()
    assert (await stored(queue, job)).return_value == AT_LIMIT
    (error,) = failures
    assert isinstance(error, PayloadTooLargeError)
    assert str(error).startswith(f"Return value exceeds maximum size ({PAYLOAD_BYTES_MAX + 1} bytes > ")


async def test_CMP_2_progress_and_log_lines_have_the_same_limit(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        over = "x" * (PAYLOAD_BYTES_MAX + 1)
        with pytest.raises(PayloadTooLargeError, match=f"Log line {TOLD}"):
            await job.log(over)
        with pytest.raises(PayloadTooLargeError, match=f"Progress {TOLD}"):
            await job.update_progress({"p": over[8:]})
        with pytest.raises(PayloadTooLargeError, match=r"Job data exceeds maximum size"):
            await job.move_to_delayed(0, over)
        await job.log(over[1:])
        await job.update_progress({"p": over[9:]})

    await world.worker(work)
    job = await added(queue, "a", {})
    await world.settle()
    assert await job.is_completed()
    assert (await queue.get_job_logs(job.id)).count == 1
