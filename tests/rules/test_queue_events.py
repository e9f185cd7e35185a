"""EVT: watching a queue's events from outside, by iteration and by listeners."""

import asyncio
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    ClosedError,
    FormatError,
    GroupRateLimitError,
    InvalidOptionsError,
    Job,
    NewJob,
    Ordering,
    QueueConnectionError,
    QueueEvent,
    QueueEvents,
    RateLimit,
)
from glidemq_pb.component import EVENTS_KEPT
from glidemq_pb.semantics.errors import Code
from glidemq_pb.semantics.lang import Refusal
from glidemq_pb.semantics.limits import EVENT_VALUE_MAX
from glidemq_pb.subscription import PAGE, RETRY_MS

from .world import PATIENCE_SECONDS, World, added, failing, line_of, nothing


class Reverse:
    """A serializer that JSON cannot read."""

    name = "reverse"

    def serialize(self, value: Any) -> str:
        return "".join(reversed(str(value)))

    def deserialize(self, raw: bytes) -> str:
        return "".join(reversed(raw.decode()))


async def taken(events: QueueEvents, count: int) -> list[QueueEvent]:
    """The next events, by iteration."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(events) for _ in range(count)]


async def up_to(events: QueueEvents, name: str) -> list[QueueEvent]:
    """The events up to the next of this name, by iteration."""
    found: list[QueueEvent] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in events:
            found.append(event)
            if event.name == name:
                break
    return found


def told(events: list[QueueEvent]) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(event.name, event.job_id, event.data) for event in events]


def names(events: list[QueueEvent]) -> list[str]:
    return [event.name for event in events]


# --- what is told ----------------------------------------------------------------------------------------------------


async def test_EVT_1_a_run_is_told_with_its_values_decoded(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> dict[str, int] | None:
        await world.sleep(10)
        await job.update_progress({"half": True} if job.name == "mail ß" else 50)
        return {"n": 1} if job.name == "mail ß" else None

    begin = world.now
    async with world.subscriber() as events:
        await queue.add("mail ß")
        await queue.add("b")
        await world.worker(work)
        await world.advance(20)
        found = await up_to(events, "drained")
    assert told(found) == [
        ("added", "1", {"name": "mail ß"}),
        ("added", "2", {"name": "b"}),
        ("active", "1", {}),
        ("progress", "1", {"progress": {"half": True}}),
        ("completed", "1", {"return_value": {"n": 1}}),
        ("active", "2", {}),
        ("progress", "2", {"progress": 50}),
        ("completed", "2", {"return_value": None}),
        ("drained", None, {}),
    ]
    assert [event.id for event in found] == [str(n) for n in range(1, 10)]
    assert [event.timestamp - begin for event in found] == [0] * 3 + [10] * 3 + [20] * 3


async def test_EVT_1_failures_are_told_with_numbers_as_numbers(world: World) -> None:
    queue = world.queue()
    async with world.subscriber() as events:
        await world.worker(failing(9, "böse"))
        await queue.add("a", attempts=2, backoff=Backoff("fixed", 30))
        await world.advance(30)
        found = await up_to(events, "failed")
    assert told(found) == [
        ("added", "1", {"name": "a"}),
        ("active", "1", {}),
        ("retrying", "1", {"failed_reason": "böse", "attempts_made": 1, "delay": 30}),
        ("drained", None, {}),
        ("active", "1", {}),
        ("failed", "1", {"failed_reason": "böse"}),
    ]


async def test_EVT_1_what_an_operator_does_is_told(world: World) -> None:
    queue = world.queue()
    async with world.subscriber() as events:
        await queue.pause()
        job = await added(queue, "a", delay=1_000, job_id="x")
        await job.change_priority(7)
        await job.change_delay(50)
        await job.promote()
        await queue.revoke("x")
        await job.retry()
        await job.remove()
        await queue.add("b", ttl=1)
        await world.advance(2)
        await world.worker(nothing)
        await queue.resume()
        await world.settle()
        await queue.clean(0, 10, "failed")
        found = await up_to(events, "cleaned")
    assert told(found) == [
        ("paused", None, {}),
        ("added", "x", {"name": "a"}),
        ("priority-changed", "x", {"priority": 7}),
        ("delay-changed", "x", {"delay": 50}),
        ("promoted", "x", {}),
        ("revoked", "x", {}),
        ("drained", None, {}),
        ("retried", "x", {}),
        ("removed", "x", {}),
        ("drained", None, {}),
        ("added", "1", {"name": "b"}),
        ("expired", "1", {}),
        ("drained", None, {}),
        ("resumed", None, {}),
        ("cleaned", None, {"count": 1}),
    ]


async def test_EVT_1_a_stalled_job_and_a_limited_group_are_told(world: World) -> None:
    queue = world.queue()

    async def limited(job: Job[Any, Any]) -> None:
        if job.name == "limits":
            raise GroupRateLimitError(500)

    async with world.subscriber() as events:
        dying = await world.worker(world.working(10**6))
        await queue.add("stalls")
        await world.settle()
        await dying.close(force=True)
        await world.worker(limited)
        await world.advance(30_000)
        await queue.add("limits", ordering=Ordering("g", rate_limit=RateLimit(5, 1_000)))
        await world.settle()
        found = await up_to(events, "group-rate-limited")
    assert ("stalled", "1", {}) in told(found)
    assert told(found)[-1] == (
        "group-rate-limited",
        None,
        {"group_key": "g", "duration": 500, "resume_at": world.now + 500},
    )


async def test_EVT_1_a_long_value_is_left_out(world: World) -> None:
    queue = world.queue()

    async def work(job: Job[Any, Any]) -> str:
        return "x" * EVENT_VALUE_MAX

    async with world.subscriber() as events:
        await world.worker(work)
        await queue.add("a")
        found = await up_to(events, "completed")
    assert found[-1].data == {}
    assert not found[-1].deserialization_failed


async def test_EVT_1_a_value_that_cannot_be_read_is_flagged_and_told(world: World) -> None:
    queue = world.queue(serializer=Reverse())

    async def work(job: Job[Any, Any]) -> str:
        await job.update_progress({"a": 1})
        return "abc"

    errors: list[BaseException] = []
    fitting = world.subscriber(serializer=Reverse())
    await fitting.connect()
    async with world.subscriber() as events:
        events.on("error", errors.append)
        await world.worker(work, serializer=Reverse())
        await queue.add("a", "data")
        found = await up_to(events, "completed")
    assert [(one.name, one.data, one.deserialization_failed) for one in found[-2:]] == [
        ("progress", {}, True),
        ("completed", {}, True),
    ]
    assert len(errors) == 2
    assert [one.data for one in await taken(fitting, 4)][2:] == [{"progress": "{'a': 1}"}, {"return_value": "abc"}]


async def test_EVT_4_what_is_done_without_events_is_not_seen(world: World) -> None:
    async with world.subscriber() as events:
        await world.worker(nothing, events=False)
        await world.queue(events=False).add("silent")
        await world.settle()
        await world.queue().add("loud", delay=5)
        assert told(await taken(events, 1)) == [("added", "2", {"name": "loud"})]


# --- nothing is missed -----------------------------------------------------------------------------------------------


async def test_EVT_5_nothing_is_missed_after_it_reported_ready(world: World) -> None:
    queue = world.queue()
    await queue.add("before")
    events = world.subscriber()
    await events.connect()
    jobs = PAGE + 7
    await queue.add_bulk([NewJob(f"a{n}") for n in range(jobs)])
    found = await taken(events, jobs)
    await queue.add("later")
    found += await taken(events, 1)
    assert [event.data["name"] for event in found] == [f"a{n}" for n in range(jobs)] + ["later"]


async def test_EVT_5_iteration_that_is_not_begun_yet_and_listeners_added_later_begin_at_ready(world: World) -> None:
    queue = world.queue()
    events = world.subscriber()
    await events.connect()
    await queue.add("a")
    heard: list[QueueEvent] = []
    events.on("added", heard.append)
    await world.settle()
    await queue.add("b")
    await world.settle()
    assert [event.data["name"] for event in heard] == ["a", "b"]
    assert told(await taken(events, 2)) == told(heard)


async def test_EVT_5_without_connect_it_is_ready_when_iteration_begins(world: World) -> None:
    queue = world.queue()
    await queue.add("before")
    events = world.subscriber()
    first = asyncio.ensure_future(taken(events, 1))
    await world.settle()
    await queue.add("after")
    assert told(await first) == [("added", "2", {"name": "after"})]


async def test_EVT_5_it_resumes_from_the_beginning_and_from_any_event(world: World) -> None:
    queue = world.queue()
    await queue.add_bulk([NewJob(name) for name in "abcd"])
    async with world.subscriber(last_event_id="0") as events:
        found = await taken(events, 4)
    assert [event.data["name"] for event in found] == list("abcd")
    async with world.subscriber(last_event_id=found[1].id) as events:
        assert [event.data["name"] for event in await taken(events, 2)] == ["c", "d"]
        await queue.add("e")
        assert [event.data["name"] for event in await taken(events, 1)] == ["e"]


async def test_EVT_3_exactly_the_retained_events_are_there_and_the_missed_ones_are_counted(world: World) -> None:
    queue = world.queue()
    slow = world.subscriber()
    await slow.connect()
    more = 3
    await queue.add_bulk([NewJob("a") for _ in range(1_000)])
    (first,) = await taken(slow, 1)  # and a page of what follows
    for _ in range(EVENTS_KEPT // 1_000):
        await queue.add_bulk([NewJob("a") for _ in range(1_000)])
    await queue.add_bulk([NewJob("a") for _ in range(more)])
    assert first.id == "1"
    assert [event.id for event in await taken(slow, PAGE - 1)] == [str(n) for n in range(2, PAGE + 1)]
    missed, *found = await taken(slow, EVENTS_KEPT + 1)
    assert told([missed]) == [("missed", None, {"count": 1_000 + more - PAGE})]
    assert [event.id for event in found] == [str(n) for n in range(1_001 + more, 1_001 + more + EVENTS_KEPT)]
    assert int(missed.id) == int(found[0].id) - 1
    async with world.subscriber(last_event_id=missed.id) as events:
        assert (await taken(events, 1))[0] == found[0]


async def test_EVT_5_a_listener_that_fell_behind_hears_missed(world: World) -> None:
    queue = world.queue()
    for _ in range(EVENTS_KEPT // 1_000):
        await queue.add_bulk([NewJob("a") for _ in range(1_000)])
    await queue.pause()
    heard: list[QueueEvent] = []
    events = world.subscriber(last_event_id="0")
    events.on("missed", heard.append)
    events.on("paused", heard.append)
    await events.connect()
    await world.settle()
    assert told(heard) == [("missed", None, {"count": 1}), ("paused", None, {})]


async def test_EVT_5_obliterating_the_queue_loses_no_later_event(world: World) -> None:
    queue = world.queue()
    async with world.subscriber() as events:
        await queue.add("a")
        await taken(events, 1)
        await queue.obliterate(force=True)
        await queue.add("b")
        assert [(event.name, event.data) for event in await taken(events, 1)] == [("added", {"name": "b"})]


async def test_EVT_5_a_wait_that_is_cancelled_loses_no_event(world: World) -> None:
    queue = world.queue()
    async with world.subscriber() as events:
        for name in "abc":
            waiting = asyncio.ensure_future(anext(events))
            await world.settle()
            waiting.cancel()
            await asyncio.wait({waiting})
            await queue.add(name)
            assert [event.data["name"] for event in await taken(events, 1)] == [name]


async def test_EVT_5_each_event_goes_to_one_of_those_who_iterate_at_once(world: World) -> None:
    queue = world.queue()
    async with world.subscriber() as events:
        both = [asyncio.ensure_future(taken(events, 2)) for _ in range(2)]
        await world.settle()
        await queue.add_bulk([NewJob(name) for name in "abcd"])
        found = [event.data["name"] for some in await asyncio.gather(*both) for event in some]
    assert sorted(found) == list("abcd")


async def test_EVT_5_an_outage_is_told_once_however_long_and_nothing_is_missed(world: World) -> None:
    queue = world.queue()
    heard: list[QueueEvent] = []
    errors: list[BaseException] = []
    events = world.subscriber()
    events.on("added", heard.append)
    events.on("error", errors.append)
    await events.connect()
    iterating = asyncio.ensure_future(taken(events, 2))
    await world.settle()
    for name in "ab":
        line_of(events).refusals["read_events"] = QueueConnectionError("there", "the connection was lost")
        await queue.add(name)
        await world.advance(20 * RETRY_MS)
        assert [str(error) for error in errors] == ["there: the connection was lost"]
        errors.clear()
        line_of(events).refusals.clear()
        await world.advance(RETRY_MS)
    assert told(heard) == told(await iterating) == [("added", "1", {"name": "a"}), ("added", "2", {"name": "b"})]


async def test_EVT_5_a_store_of_another_release_is_told(world: World) -> None:
    queue = world.queue()
    heard: list[BaseException] = []
    events = world.subscriber()
    events.on("error", heard.append)
    events.on("added", print)
    await events.connect()
    iterating = asyncio.ensure_future(taken(events, 1))
    await world.settle()
    line_of(events).refusals["read_events"] = Refusal(Code.FORMAT)
    await queue.add("a")
    with pytest.raises(FormatError):
        await iterating
    await world.settle()
    assert [type(error) for error in heard] == [FormatError]
    late = world.subscriber()
    line_of(late).refusals["last_event"] = Refusal(Code.FORMAT)
    with pytest.raises(FormatError):
        await late.connect()
    line_of(late).refusals.clear()
    async with late:
        await queue.add("b")
        assert [event.data["name"] for event in await taken(late, 1)] == ["b"]


# --- listeners -------------------------------------------------------------------------------------------------------


async def test_EVT_5_listeners_get_their_events_in_order_and_coroutines_are_awaited(world: World) -> None:
    queue = world.queue()
    heard: list[tuple[str, str]] = []
    events = world.subscriber()

    @events.on("completed")
    async def later(event: QueueEvent) -> None:
        await world.sleep(5)
        heard.append(("later", event.job_id or ""))

    def at_once(event: QueueEvent) -> None:
        heard.append((event.name, event.job_id or ""))

    events.on("active", at_once)
    assert events.on("completed", at_once) is at_once
    async with events:
        await world.worker(nothing)
        await queue.add_bulk([NewJob("a"), NewJob("b")])
        await world.advance(5)
    assert heard == [
        ("active", "1"),
        ("completed", "1"),
        ("active", "2"),
        ("completed", "2"),
        ("later", "1"),
        ("later", "2"),
    ]


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_EVT_5_a_listener_that_raises_changes_nothing_and_is_reported(world: World, kind: str) -> None:
    queue = world.queue()
    errors: list[BaseException] = []

    def plain(event: QueueEvent) -> None:
        raise KeyError("listener")

    async def coroutine(event: QueueEvent) -> None:
        raise KeyError("listener")

    heard: list[QueueEvent] = []
    async with world.subscriber() as events:
        events.on("completed", plain if kind == "plain" else coroutine)
        events.on("completed", heard.append)
        events.on("error", errors.append)
        await world.worker(nothing)
        jobs = [await added(queue, name) for name in "ab"]
        await world.settle()
        assert [type(error) for error in errors] == [KeyError] * 2
        assert len(heard) == 2
        assert [await job.get_state() for job in jobs] == ["completed"] * 2


async def test_EVT_5_a_listener_may_close(world: World) -> None:
    queue = world.queue()
    heard: list[str] = []
    events = world.subscriber()

    @events.on("added")
    async def close(event: QueueEvent) -> None:
        heard.append(event.job_id or "")
        await events.close()

    await events.connect()
    await queue.add("a")
    await world.settle()
    await queue.add("b")
    await world.settle()
    assert heard == ["1"]


async def test_EVT_5_a_name_that_is_no_event_is_refused(world: World) -> None:
    with pytest.raises(InvalidOptionsError, match="event='complete': allowed: 'active', "):
        world.subscriber().on("complete", print)


# --- its life --------------------------------------------------------------------------------------------------------


async def test_WRK_8_close_ends_iteration_and_is_idempotent(world: World) -> None:
    queue = world.queue()
    events = world.subscriber()
    await events.connect()
    await queue.add("a")
    found: list[str] = []

    async def iterate() -> None:
        found.extend([event.name async for event in events])

    iterating = asyncio.ensure_future(iterate())
    await world.settle()
    await asyncio.gather(events.close(), events.close())
    await asyncio.wait_for(iterating, PATIENCE_SECONDS)
    await events.close()
    assert found == ["added"]
    with pytest.raises(ClosedError):
        await events.connect()
    with pytest.raises(ClosedError):
        aiter(events)


async def test_WRK_8_closing_inside_the_loop_ends_it(world: World) -> None:
    queue = world.queue()
    async with world.subscriber() as events:
        await queue.add_bulk([NewJob("a"), NewJob("b")])
        found: list[str | None] = []
        async for event in events:
            found.append(event.job_id)
            await events.close()
    assert found == ["1"]


@pytest.mark.parametrize("last_event_id", ["", "x", "-1", "0-5", "²", 5, None])
async def test_EVT_5_a_bad_place_to_begin_is_refused(world: World, last_event_id: Any) -> None:
    with pytest.raises(InvalidOptionsError, match="last_event_id"):
        world.subscriber(last_event_id=last_event_id)


async def test_SC_4_a_client_is_refused(world: World) -> None:
    client: Any = object()
    with pytest.raises(InvalidOptionsError) as refused:
        world.subscriber(client=client)
    assert str(refused.value) == "QueueEvents does not accept an injected `client`"
