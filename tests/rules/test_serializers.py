"""SER: serializers: what they are, what goes through them, and what they cannot write or read."""

import pickle
from typing import Any

import pytest

from glidemq_pb import (
    JSON_SERIALIZER,
    Backoff,
    InvalidOptionsError,
    Job,
    JobTemplate,
    NewJob,
    Schedule,
    SerializationError,
    Worker,
)

from .serializing import COMPRESSIONS, Pickle
from .world import World, added, failing, nothing, stored


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
