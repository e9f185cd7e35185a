"""EVT: the queue's stream of events, and a worker's own."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import Backoff, InvalidOptionsError, Job, NewJob
from glidemq_pb.component import EVENTS_KEPT
from glidemq_pb.semantics.limits import EVENT_VALUE_MAX

from .world import Event, World, added, failing, nothing, stored


async def told(world: World, *names: str) -> list[tuple[str, str, dict[str, str]]]:
    return [(event.name, event.job_id, dict(event.data)) for event in await world.events(*names)]


async def test_EVT_1_added_names_the_job(world: World) -> None:
    queue = world.queue()
    await queue.add("mail ß", delay=5)
    assert await told(world) == [("added", "1", {"name": "mail ß"})]


async def test_EVT_1_a_successful_run_is_told_step_by_step(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> dict[str, int]:
        await world.sleep(10)
        await job.update_progress(50)
        return {"n": 1}

    begin = world.now
    await world.worker(work)
    await queue.add("a")
    await world.advance(10)
    events = await world.events()
    assert [(event.name, event.job_id, event.at - begin) for event in events] == [
        ("added", "1", 0),
        ("active", "1", 0),
        ("progress", "1", 10),
        ("completed", "1", 10),
        ("drained", "", 10),
    ]
    assert [dict(event.data) for event in events[2:4]] == [{"progress": "50"}, {"return_value": '{"n":1}'}]


async def test_EVT_1_failures_are_told_with_their_reason(world: World) -> None:
    queue = world.queue()
    await world.worker(failing(9))
    await queue.add("a", attempts=2, backoff=Backoff("fixed", 30))
    await world.advance(30)
    assert await told(world, "retrying", "failed") == [
        ("retrying", "1", {"failed_reason": "boom", "attempts_made": "1", "delay": "30"}),
        ("failed", "1", {"failed_reason": "boom"}),
    ]


async def test_EVT_1_stalled_is_told(world: World) -> None:
    queue = world.queue()
    dying = await world.worker(world.working(10**6))
    await queue.add("a")
    await world.settle()
    await dying.close(force=True)
    await world.worker(nothing)
    await world.advance(30_000)
    assert await told(world, "stalled") == [("stalled", "1", {})]


async def test_EVT_1_expired_retried_and_removed_are_told(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await world.worker(nothing)
    job = await added(queue, "a", ttl=1, delay=100)
    await world.advance(2)
    await job.retry()
    await job.remove()
    assert [event.name for event in await world.events()] == [
        "paused",
        "added",
        "expired",
        "retried",
        "removed",
        "drained",
    ]


async def test_EVT_1_changes_are_told_with_their_value(world: World) -> None:
    queue = world.queue()
    job = await added(queue, "a", delay=1_000)
    await job.change_priority(7)
    await job.change_delay(50)
    await job.promote()
    assert await told(world) == [
        ("added", "1", {"name": "a"}),
        ("priority-changed", "1", {"priority": "7"}),
        ("delay-changed", "1", {"delay": "50"}),
        ("promoted", "1", {}),
    ]


async def test_EVT_1_paused_and_resumed_are_told_once(world: World) -> None:
    queue = world.queue()
    await queue.pause()
    await queue.pause()
    await queue.resume()
    await queue.resume()
    assert await told(world) == [("paused", "", {}), ("resumed", "", {})]


async def test_EVT_1_a_job_that_ends_tells_exactly_one_end(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> None:
        if job.name == "bad":
            raise ValueError("boom")

    await queue.add("late", ttl=1)
    await world.advance(2)
    await world.worker(work)
    await queue.add_bulk([NewJob("good"), NewJob("bad"), NewJob("gone", delay=1_000)])
    await world.settle()
    removed = await stored(queue, "4")
    await removed.remove()
    ends = await told(world, "completed", "failed", "expired", "revoked", "removed")
    assert [(name, job_id) for name, job_id, _ in ends] == [
        ("expired", "1"),
        ("completed", "2"),
        ("failed", "3"),
        ("removed", "4"),
    ]


async def test_EVT_2_active_precedes_the_end_and_carries_the_same_job_object(world: World) -> None:
    queue = world.queue()
    seen: list[tuple[str, Any, Any]] = []
    processed: list[Any] = []

    async def work(job: Job[Any, Any]) -> str:
        processed.append(job)
        if job.name == "bad":
            raise ValueError("boom")
        return "result"

    worker = await world.worker(work)
    worker.on("active", lambda job: seen.append(("active", job, None)))
    worker.on("completed", lambda job, result: seen.append(("completed", job, result)))
    worker.on("failed", lambda job, error: seen.append(("failed", job, str(error))))
    await queue.add_bulk([NewJob("good"), NewJob("bad")])
    await world.settle()
    assert [(name, value) for name, _, value in seen] == [
        ("active", None),
        ("completed", "result"),
        ("active", None),
        ("failed", "boom"),
    ]
    assert seen[0][1] is seen[1][1] is processed[0]
    assert seen[2][1] is seen[3][1] is processed[1]
    assert (processed[0].return_value, processed[0].finished_on) == ("result", world.now)


async def test_EVT_2_failed_fires_on_every_failed_attempt(world: World) -> None:
    queue = world.queue()
    failures: list[str] = []
    worker = await world.worker(failing(2))
    worker.on("failed", lambda job, error: failures.append(str(error)))
    await queue.add("a", attempts=3)
    await world.settle()
    assert failures == ["boom", "boom"]


async def test_EVT_2_closing_and_closed(world: World) -> None:
    worker = await world.worker(nothing)
    seen: list[str] = []
    worker.on("closing", lambda: seen.append("closing"))
    worker.on("closed", lambda: seen.append("closed"))
    await worker.close()
    await worker.close()
    assert seen == ["closing", "closed"]


async def test_EVT_2_drained_is_told_by_the_worker_that_ran_the_queue_dry(world: World) -> None:
    queue = world.queue()
    seen: list[str] = []

    async def work(job: Job[Any, Any]) -> None:
        seen.append(job.name)

    worker = await world.worker(work)
    worker.on("drained", lambda: seen.append("drained"))
    await queue.add_bulk([NewJob("a"), NewJob("b")])
    await world.settle()
    assert seen == ["a", "b", "drained"]


async def test_EVT_2_on_is_a_decorator_too_and_takes_coroutine_functions(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)
    seen: list[str] = []

    @worker.on("completed")
    async def note(job: Job[Any, Any], result: object) -> None:
        await asyncio.sleep(0)
        seen.append(job.name)

    await queue.add("a")
    await world.settle()
    assert seen == ["a"]
    assert note.__name__ == "note"


async def test_EVT_2_an_unknown_event_is_refused(world: World) -> None:
    worker = world.idle_worker(nothing)
    with pytest.raises(InvalidOptionsError, match="complete"):
        worker.on("complete", print)


async def test_EVT_3_every_start_is_told(world: World) -> None:
    """Of each lane and each attempt (B-35)."""
    queue = world.queue()
    worker = await world.worker(failing(1))
    local: list[str] = []
    worker.on("active", lambda job: local.append(job.id))
    await queue.add_bulk(
        [NewJob("fifo"), NewJob("lifo", lifo=True), NewJob("prio", priority=1), NewJob("again", attempts=2)]
    )
    await queue.add("later", delay=10)
    await world.advance(10)
    assert local == ["3", "2", "1", "4", "4", "5"]
    assert [event.job_id for event in await world.events("active")] == local


async def test_EVT_3_the_stream_retains_exactly_the_newest(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob("a") for _ in range(EVENTS_KEPT + 20)])
    events = await world.events()
    assert len(events) == EVENTS_KEPT
    assert (events[0].job_id, events[-1].job_id) == ("21", str(EVENTS_KEPT + 20))
    await queue.pause()
    events = await world.events()
    assert (len(events), events[0].job_id, events[-1].name) == (EVENTS_KEPT, "22", "paused")


async def test_EVT_4_a_queue_without_events_tells_nothing(world: World) -> None:
    queue = world.queue(events=False)
    job = await added(queue, "a", delay=1)
    await job.change_priority(2)
    await job.promote()
    await queue.pause()
    await job.remove()
    assert await world.events() == []


async def test_EVT_4_a_worker_without_events_tells_only_its_own_listeners(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1), events=False)
    local: list[str] = []
    worker.on("active", lambda job: local.append("active"))
    worker.on("completed", lambda job, result: local.append("completed"))
    worker.on("failed", lambda job, error: local.append("failed"))
    worker.on("drained", lambda: local.append("drained"))
    await queue.add("a", attempts=2)
    await world.settle()
    assert local == ["active", "failed", "active", "completed", "drained"]
    assert [event.name for event in await world.events()] == ["added"]


@pytest.mark.parametrize("event", ["active", "completed", "failed", "drained"])
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_EVT_5_a_listener_that_raises_changes_no_job(world: World, event: str, kind: str) -> None:
    queue = world.queue()
    worker = await world.worker(failing(1))
    errors: list[BaseException] = []

    def plain(*_: object) -> None:
        raise KeyError("listener")

    async def coroutine(*_: object) -> None:
        raise KeyError("listener")

    worker.on(event, plain if kind == "plain" else coroutine)
    worker.on("error", errors.append)
    job = await added(queue, "a", attempts=2)
    await world.settle()
    found = await stored(queue, job)
    assert (await job.get_state(), found.attempts_made, found.return_value) == ("completed", 1, "done")
    assert errors
    assert {type(error) for error in errors} == {KeyError}


async def test_EVT_5_an_error_listener_that_raises_does_not_call_itself(world: World) -> None:
    queue = world.queue()
    worker = await world.worker(nothing)
    calls: list[BaseException] = []

    def listener(error: BaseException) -> None:
        calls.append(error)
        raise error

    def broken(job: Job[Any, Any]) -> None:
        raise KeyError("active")

    worker.on("error", listener)
    worker.on("active", broken)
    job = await added(queue, "a")
    await world.settle()
    assert len(calls) == 1
    assert await job.is_completed()


async def test_EVT_5_drained_is_told_once_by_the_call_that_leaves_nothing(world: World) -> None:
    queue = world.queue()
    first = await world.worker(world.working(10))
    second = await world.worker(world.working(20))
    local: list[int] = []
    for worker in (first, second):
        worker.on("drained", lambda: local.append(world.now))
    begin = world.now
    await queue.add_bulk([NewJob("a"), NewJob("b"), NewJob("c")])
    await world.advance(9)
    assert local == []
    await world.advance(1_000)
    assert len(local) == 1
    (event,) = await world.events("drained")
    assert event.at == local[0]
    assert event.at - begin in (20, 30)


async def test_EVT_5_delayed_jobs_do_not_keep_a_queue_from_being_drained(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.add_bulk([NewJob("a"), NewJob("b", delay=1_000)])
    await world.settle()
    assert len(await world.events("drained")) == 1


async def test_EVT_5_removing_the_last_waiting_job_drains_the_queue(world: World) -> None:
    queue = world.queue()
    jobs = [await added(queue, "a"), await added(queue, "b")]
    await jobs[0].remove()
    assert await world.events("drained") == []
    await jobs[1].remove()
    assert len(await world.events("drained")) == 1


async def test_EVT_5_an_idle_queue_is_not_drained_again(world: World) -> None:
    queue = world.queue()
    await world.worker(nothing)
    await queue.add("a")
    await world.advance(60_000)
    assert len(await world.events("drained")) == 1


async def test_EVT_a_value_above_4_kib_is_left_out(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        return "x" * (EVENT_VALUE_MAX - 2 if job.name == "fits" else EVENT_VALUE_MAX - 1)

    await world.worker(work)
    await queue.add("fits")
    await queue.add("does not")
    await world.settle()
    events: list[Event] = await world.events("completed")
    assert ["return_value" in event.data for event in events] == [True, False]
