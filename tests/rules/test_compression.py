"""CMP-1, CMP-3, CMP-4: payloads that are stored compressed."""

import random
from typing import Any

import pytest

from glidemq_pb import JSON_SERIALIZER, InvalidOptionsError, Job, JobTemplate, NewJob, Producer, Schedule, Serializer

from .serializing import Pickle
from .world import World, added, stored

REPETITIVE = {"report": "All systems are nominal. " * 600}
"""The seed's payload: 15 KB that repeat themselves."""


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
