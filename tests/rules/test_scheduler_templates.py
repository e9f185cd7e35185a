"""SCH-12, SCH-13, B-21: jobs of a scheduler are jobs like all others, with data and every option of the template."""

from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    InvalidOptionsError,
    Job,
    JobTemplate,
    Keep,
    Ordering,
    PayloadTooLargeError,
    RateLimit,
    Schedule,
    SerializationError,
    TokenBucket,
)

from .scheduling import noting_times, scheduler
from .world import World, nothing, noting

OPTIONS: list[dict[str, Any]] = [
    {"priority": 7},
    {"lifo": True},
    {"ttl": 5_000, "timeout": 100, "lock_duration": 2_000},
    {"attempts": 4, "backoff": Backoff("exponential", 1_000, 0.5, 60_000)},
    {"remove_on_complete": Keep(age=1_000, count=3), "remove_on_fail": 1},
    {"ordering": Ordering("g", 2, RateLimit(3, 1_000), TokenBucket(5, 0.5)), "cost": 2.5},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options))
async def test_SCH_12_every_option_is_that_of_the_jobs(world: World, options: dict[str, Any]) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)
    await worker.pause()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate("n", [1], **options))
    await world.advance(1_000)
    (job,) = await queue.get_jobs("waiting")
    assert (job.name, job.data, job.scheduler_name) == ("n", [1], "s")
    assert job.opts == options
    assert (await scheduler(queue)).template.options == options


def test_SCH_12_and_LIFO_3_lifo_and_an_ordering_key_are_refused_together() -> None:
    with pytest.raises(InvalidOptionsError, match=r"lifo and ordering\.key cannot be used together"):
        JobTemplate(lifo=True, ordering=Ordering("g"))


async def test_SCH_12_name_and_data_have_defaults(world: World) -> None:
    queue = world.queue()
    seen: list[tuple[str, Any, str | None]] = []

    async def process(job: Any) -> None:
        seen.append((job.name, job.data, job.scheduler_name))

    await world.worker(process)
    await queue.upsert_job_scheduler("s\xfc", Schedule(every=1_000, limit=1))
    await world.advance(1_000)
    plain = await queue.add("plain")
    await world.settle()
    assert plain is not None
    assert seen == [("s\xfc", plain.data, "s\xfc"), ("plain", plain.data, None)]


@pytest.mark.parametrize(
    "option", [{"delay": 1}, {"job_id": "x"}, {"deduplication": None}, {"parent": None}, {"delay": 0}, {"job_id": ""}]
)
def test_SCH_12_what_makes_no_sense_in_a_template_is_refused(option: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="template"):
        JobTemplate("n", **option)


async def test_B_21_ordering_is_kept_among_runs(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts, takes=1_500), concurrency=9)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=4), JobTemplate(ordering=Ordering("g")))
    await world.advance(10_000)
    assert starts == [1_000, 2_500, 4_000, 5_500]


async def test_B_21_the_rate_limit_of_the_template_holds(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts), concurrency=9)
    template = JobTemplate(ordering=Ordering("g", 9, RateLimit(2, 5_000)))
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=4), template)
    await world.advance(20_000)
    assert starts == [1_000, 2_000, 6_000, 6_000]


async def test_B_21_the_bucket_and_the_cost_of_the_template_hold(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    await world.worker(noting_times(world, starts), concurrency=9)
    template = JobTemplate(ordering=Ordering("g", 9, token_bucket=TokenBucket(2, 1)), cost=2)
    await queue.upsert_job_scheduler("s", Schedule(every=500, limit=3), template)
    await world.advance(20_000)
    assert starts == [500, 2_500, 4_500]


async def test_SCH_12_runs_take_their_lanes(world: World) -> None:
    queue, ran = world.queue(), list[str]()
    worker = await world.worker(noting(ran))
    await worker.pause()
    for name, options in (("fifo", {}), ("lifo", {"lifo": True}), ("low", {"priority": 9}), ("high", {"priority": 1})):
        await queue.upsert_job_scheduler(name, Schedule(every=1_000, limit=2), JobTemplate(**options))
    await world.advance(2_000)
    await worker.resume()
    await world.settle()
    assert ran == ["high", "high", "low", "low", "lifo", "lifo", "fifo", "fifo"]


async def test_SCH_12_a_run_that_waits_too_long_expires(world: World) -> None:
    queue, starts = world.queue(), list[int]()
    worker = await world.worker(noting_times(world, starts))
    await worker.pause()
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=3), JobTemplate(ttl=1_500))
    await world.advance(3_600)
    await worker.resume()
    await world.settle()
    assert starts == [3_600]
    assert [event.at for event in await world.events("expired")] == [world.now - 1_099, world.now - 99]


async def test_SCH_12_runs_are_not_deduplicated_and_others_are_by_themselves(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(5_000), concurrency=9)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=3), JobTemplate("same", {"same": 1}))
    await world.advance(3_000)
    assert (await queue.get_job_counts()).active == 3


async def test_SCH_12_ids_go_on_from_the_queues_counter(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    first = await queue.add("a", job_id="7")
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=2))
    await world.advance(2_000)
    ids = [job.id for job in await queue.get_jobs("completed")]
    last = await queue.add("b")
    assert first is not None
    assert last is not None
    assert sorted([*ids, last.id]) == ["10", "7", "8", "9"]


async def test_SCH_12_a_run_is_announced_as_an_added_job(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=1), JobTemplate("n"))
    await world.advance(1_000)
    assert [(event.name, event.job_id, event.at) for event in await world.events()][:3] == [
        ("added", "1", world.now),
        ("active", "1", world.now),
        ("completed", "1", world.now),
    ]
    (added,) = await world.events("added")
    assert added.data == {"name": "n"}


async def test_SCH_12_runs_count_in_the_metrics(world: World) -> None:
    queue = world.queue()

    async def process(job: Job[Any, Any]) -> None:
        if job.name == "bad":
            raise ValueError("no")

    await world.worker(process, metrics=True)
    await queue.upsert_job_scheduler("good", Schedule(every=1_000, limit=3))
    await queue.upsert_job_scheduler("bad", Schedule(every=1_000, limit=2))
    await world.advance(10_000)
    counts = [sum(point.count for point in (await queue.get_metrics(kind)).points) for kind in ("completed", "failed")]
    assert counts == [3, 2]


async def test_SCH_13_data_that_cannot_be_stored_is_refused_by_the_upsert(world: World) -> None:
    queue = world.queue()
    before = await queue.upsert_job_scheduler("s", Schedule(every=1_000), JobTemplate(data={"ok": 1}))
    for data, error in ((object(), SerializationError), ("x" * 1_048_577, PayloadTooLargeError)):
        with pytest.raises(error):
            await queue.upsert_job_scheduler("s", Schedule(every=5), JobTemplate(data=data))
        with pytest.raises(error):
            await queue.upsert_job_scheduler("new", Schedule(every=5), JobTemplate(data=data))
    assert await queue.get_repeatable_jobs() == [before]


async def test_SCH_13_runs_reuse_the_bytes_of_the_upsert(world: World) -> None:
    queue = world.queue()
    data = {"list": [1]}
    seen: list[Any] = []

    async def process(job: Any) -> None:
        seen.append(job.data["list"][:])
        job.data["list"].append(2)

    await world.worker(process)
    await queue.upsert_job_scheduler("s", Schedule(every=1_000, limit=2), JobTemplate(data=data))
    data["list"].append(3)
    await world.advance(3_000)
    assert seen == [[1], [1]]
