"""`queue.explain`: why is this job not running? Do what it says is missing, and the job runs."""

from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, NewJob, Ordering, RateLimit, TokenBucket

from .watching import Watch
from .world import World, added, failing, line_of, nothing


def gates_of(explanation: Any) -> list[str]:
    """The names of the gates, in their order."""
    return [reason.gate for reason in explanation.reasons]


async def test_explain_an_unknown_job(world: World) -> None:
    explanation = await world.queue().explain("7")
    assert (explanation.state, explanation.position, explanation.reasons) == ("unknown", None, [])
    assert str(explanation) == "job 7 is unknown"
    with pytest.raises(InvalidOptionsError, match="job_id"):
        await world.queue().explain(5)  # type: ignore[arg-type]  # on purpose


async def test_explain_a_job_that_nothing_holds(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)
    await worker.pause()
    job = await added(queue, "a")
    explanation = await queue.explain(job.id)
    assert (explanation.state, explanation.position, explanation.reasons) == ("waiting", 0, [])
    assert str(explanation) == "job 1 is waiting and starts as soon as a worker has room"


async def test_explain_an_active_job_names_its_worker_and_lease(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(10**6), lock_duration=20_000)
    job = await added(queue, "a", ordering=Ordering("g"))
    await world.settle()
    explanation = await queue.explain(job.id)
    assert (explanation.state, explanation.lease_until, explanation.reasons) == ("active", world.now + 20_000, [])
    assert explanation.worker == (await queue.get_workers())[0].id
    assert str(explanation).startswith(f"job 1 is active on worker {explanation.worker}, whose lease ends at 2026-")


@pytest.mark.parametrize("state", ["completed", "failed"])
async def test_explain_an_ended_job(world: World, state: str) -> None:
    queue = world.queue()
    await world.worker(failing(0 if state == "completed" else 1))
    job = await added(queue, "a")
    await world.settle()
    explanation = await queue.explain(job.id)
    assert (explanation.state, explanation.reasons, explanation.worker) == (state, [], None)


async def test_explain_names_those_that_stand_before_it(world: World) -> None:
    queue = world.queue()
    jobs = await queue.add_bulk([NewJob("a") for _ in range(15)])
    await queue.add("urgent", priority=1, job_id="urgent")
    explanation = await queue.explain(jobs[14].id)
    reason = next(reason for reason in explanation.reasons if reason.gate == "position")
    assert explanation.position == 15
    assert reason.jobs == ["urgent", *[job.id for job in jobs[:9]]]
    assert "others stand before it: urgent, 1, 2" in str(explanation)


async def test_explain_says_when_no_worker_lives(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a")
    assert gates_of(await queue.explain(job.id)) == ["no_worker"]
    worker = await world.worker(world.working(10**9))
    await world.settle()
    await worker.close(force=True)
    await world.advance(10**6)
    job = await added(queue, "b")
    assert "no_worker" in gates_of(await queue.explain(job.id))


GATES = [
    "delayed", "retrying", "paused", "global_concurrency", "global_rate_limit", "limiter", "no_worker",
    "group_concurrency", "turn", "turn behind a delayed one", "turn by priority", "group_paused", "tokens",
    "group_rate_limit",
]  # fmt: skip


@pytest.mark.parametrize("gate", GATES)
async def test_explain_is_right_for_each_gate(world: World, gate: str) -> None:
    """It names the gate, with the moment or the jobs; when those have passed, the job runs."""
    queue = world.queue()
    watch = Watch(world, takes={"slow": 700})

    async def work(job: Job[Any, Any]) -> None:
        await watch(job)
        if gate == "retrying" and job.attempts_made == 0:
            raise ValueError("boom")

    options: dict[str, Any] = {}
    blocker: Job[Any, Any] | None = None
    limiter = RateLimit(1, 700) if gate == "limiter" else None
    worker = await world.worker(work, concurrency=5, limiter=limiter)
    begin = world.now
    match gate:
        case "delayed":
            options = {"delay": 700}
        case "retrying":
            options = {"attempts": 2, "backoff": Backoff("fixed", 700)}
        case "paused":
            await queue.pause()
        case "global_concurrency":
            await queue.set_global_concurrency(1)
            blocker = await added(queue, "slow")
        case "global_rate_limit":
            await queue.set_global_rate_limit(RateLimit(1, 700))
            await queue.add("first")
        case "limiter":
            await queue.add("first")
        case "no_worker":
            await worker.close()
        case "group_concurrency":
            options = {"ordering": Ordering("g")}
            blocker = await added(queue, "slow", **options)
        case "turn":
            await queue.rate_limit_group("g", 700)
            options = {"ordering": Ordering("g")}
            blocker = await added(queue, "before", **options)
        case "turn behind a delayed one":
            options = {"ordering": Ordering("g")}
            blocker = await added(queue, "before", delay=700, **options)
        case "turn by priority":
            await queue.rate_limit_group("g", 700)
            options = {"ordering": Ordering("g", 2)}
            blocker = await added(queue, "before", priority=5, **options)
        case "group_paused":
            await queue.rate_limit_group("g", 700)
            options = {"ordering": Ordering("g")}
        case "tokens":
            options = {"ordering": Ordering("g", 3, token_bucket=TokenBucket(7, 10)), "cost": 7}
            await queue.add("first", **options)
        case _:
            options = {"ordering": Ordering("g", 3, RateLimit(1, 700))}
            await queue.add("first", **options)
    await world.settle()
    job = await added(queue, "asked", **options)
    await world.settle()
    starts = len(watch.starts)
    explanation = await queue.explain(job.id)
    name = {"retrying": "delayed"}.get(gate, gate.partition(" ")[0])
    reasons = {reason.gate: reason for reason in explanation.reasons}
    assert name in reasons
    assert (name in ("delayed",)) == (explanation.state == "delayed")
    at = reasons[name].until
    assert at == (
        begin + 700
        if name in ("delayed", "global_rate_limit", "limiter", "group_paused", "tokens", "group_rate_limit")
        else None
    )
    if blocker is not None:
        assert reasons[name].jobs == [blocker.id]
    assert len(str(explanation).splitlines()) == 1 + len(explanation.reasons)
    match name:
        case "paused":
            await queue.resume()
        case "no_worker":
            await world.worker(work)
        case _ if at is not None:
            await world.advance(at - world.now - 1)
            assert len(watch.starts) == starts
            await world.advance(1)
        case _:
            await world.advance(700)
    await world.settle()
    assert watch.names[-1] == "asked"
    if at is not None:
        assert watch.moments[-1] == at - begin


async def test_explain_names_every_gate_at_once(world: World) -> None:
    queue = world.queue()
    await world.worker(world.working(10**6), concurrency=5, limiter=RateLimit(3, 10**6))
    await queue.set_global_concurrency(2)
    await queue.set_global_rate_limit(RateLimit(2, 10**6))
    ordering = Ordering("g", 2, RateLimit(2, 10**6), TokenBucket(2, 0.001))
    await queue.add_bulk([NewJob("a", ordering=ordering) for _ in range(3)])
    await world.settle()
    await queue.pause()
    await queue.rate_limit_group("g", 5_000)
    job = await added(queue, "asked", delay=100, ordering=ordering)
    explanation = await queue.explain(job.id)
    assert set(gates_of(explanation)) == {
        "delayed", "group_concurrency", "group_paused", "tokens", "group_rate_limit", "paused", "global_concurrency",
        "global_rate_limit",
    }  # fmt: skip


async def test_explain_changes_nothing(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob("a", ordering=Ordering("g", 1, RateLimit(1, 5), TokenBucket(1, 1))) for _ in range(3)])
    before = world.dump()
    for job_id in ("1", "2", "3", "none"):
        await queue.explain(job_id)
    assert world.dump() == before
    assert line_of(queue).calls["explain"] == 4
