"""The Queue: what it refuses before it calls, what it sends, how it reads replies. The rules are tested elsewhere."""

import asyncio
import math
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import (
    Backoff,
    BulkError,
    ClosedError,
    FormatError,
    InvalidOptionsError,
    JobCounts,
    JobLogs,
    Keep,
    MetricPoint,
    Metrics,
    NewJob,
    PayloadTooLargeError,
    Queue,
    QueueConnectionError,
    SerializationError,
)
from glidemq_pb.semantics import reads
from glidemq_pb.semantics.records import FAILED_RUN
from tests.unit.components import FOREIGN, NOW, CountingBackend, FakeWorker, Reversed


@pytest.fixture
def backend() -> CountingBackend:
    return CountingBackend()


@pytest.fixture
def queue(backend: CountingBackend) -> Queue[Any, Any]:
    return Queue("tasks", backend=backend)


# --- building --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "a:b"}, "name='a:b'"),
        ({"name": ""}, "name=''"),
        ({"prefix": "{x}"}, "prefix='{x}'"),
        ({"prefix": ""}, "prefix=''"),
        ({"serializer": object()}, "serializer=<object"),
        ({"events": 1}, "events=1"),
        ({"connection": "http://x"}, "connection='http://x'"),
        ({"connection": "memory://x", "backend": CountingBackend()}, "connection and a backend"),
        ({}, "connection=None: no store was named"),
    ],
)
def test_a_bad_argument_is_refused_at_construction(
    arguments: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLIDEMQ_URL", raising=False)
    with pytest.raises(InvalidOptionsError) as refused:
        Queue(**{"name": "tasks"} | arguments)
    assert str(refused.value).startswith(told)


async def test_the_environment_may_name_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "memory://from-environment"
    monkeypatch.setenv("GLIDEMQ_URL", url)
    async with Queue[int, None]("tasks") as one, Queue[int, None]("tasks", connection=url) as two:
        await one.add("a", 1)
        assert await two.count() == 1
        assert one.backend.address == url


async def test_queues_of_other_names_and_prefixes_share_nothing(backend: CountingBackend) -> None:
    queues = [Queue[int, None]("a", backend=backend, prefix=prefix) for prefix in ("glide", "other")]
    queues.append(Queue("b", backend=backend))
    await queues[0].add("x", 1)
    assert [await queue.count() for queue in queues] == [1, 0, 0]
    assert queues[2].name == "b"


# --- closing ---------------------------------------------------------------------------------------------------------


async def test_after_close_all_raise_closed_error(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    job = await queue.add("a", 1)
    assert job is not None
    await queue.close()
    await queue.close()
    calls = len(backend.calls)
    for attempt in (
        queue.add("a", 1),
        queue.add_bulk([]),
        queue.get_job("1"),
        queue.get_jobs("waiting"),
        queue.count(),
        queue.pause(),
        queue.connect(),
        job.remove(),
        job.get_state(),
    ):
        with pytest.raises(ClosedError, match="'tasks'"):
            await attempt
    assert len(backend.calls) == calls


async def test_a_borrowed_backend_stays_open(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    async with queue:
        await queue.add("a", 1)
    other = Queue[Any, Any]("tasks", backend=backend)
    assert await other.count() == 1


async def test_its_own_backend_is_closed() -> None:
    queue = Queue[Any, Any]("tasks", connection="memory://its-own")
    await queue.add("a", 1)
    await queue.close()
    with pytest.raises(ClosedError):
        await queue.backend.call(reads.is_paused, "glide:{tasks}")


async def test_a_queue_of_another_format_is_named(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    backend.failures[0] = FOREIGN
    with pytest.raises(FormatError, match=r"queue 'tasks' at memory:// was written by a release with another"):
        await queue.count()


# --- adding ----------------------------------------------------------------------------------------------------------


async def test_add_returns_the_job_as_it_was_stored(queue: Queue[Any, Any]) -> None:
    backoff = Backoff("exponential", delay=5, jitter=0.5)
    added = await queue.add(
        "send", {"to": "é"}, job_id="email-42é", delay=timedelta(seconds=1), priority=3, ttl=500, timeout=60,
        lock_duration=9_000, attempts=5, backoff=backoff, remove_on_complete=True, remove_on_fail=Keep(count=2),
    )  # fmt: skip
    stored = await queue.get_job("email-42é")
    assert added is not None
    assert stored is not None
    for job in (added, stored):
        assert (job.id, job.name, job.queue_name, job.data) == ("email-42é", "send", "tasks", {"to": "é"})
        assert job.opts == {
            "delay": 1_000, "priority": 3, "ttl": 500, "timeout": 60, "lock_duration": 9_000, "attempts": 5,
            "backoff": backoff, "remove_on_complete": True, "remove_on_fail": 2,
        }  # fmt: skip
        assert (job.timestamp, job.expire_at, job.delay, job.priority) == (NOW, NOW + 500, 1_000, 3)
        assert (job.attempts_made, job.progress, job.stalled_count) == (0, 0, 0)
        assert (job.return_value, job.failed_reason, job.stacktrace) == (None, None, None)
        assert (job.processed_on, job.finished_on, job.deserialization_failed) == (None, None, False)
    assert repr(added) == "<Job 'email-42é' 'send' of queue 'tasks'>"


async def test_cid_3_an_id_that_is_taken_adds_nothing(queue: Queue[Any, Any]) -> None:
    assert await queue.add("a", 1, job_id="x") is not None
    assert await queue.add("b", 2, job_id="x") is None
    added = await queue.add_bulk([NewJob("c", 3, job_id="x"), NewJob("d", 4, job_id="y"), NewJob("e", 5, job_id="y")])
    assert [(job.id, job.name) for job in added] == [("y", "d")]


async def test_an_empty_id_is_not_given(queue: Queue[Any, Any]) -> None:
    for job_id in ("", None):
        assert await queue.add("a", 1, job_id=job_id) is not None
    assert [job.id for job in await queue.get_jobs("waiting")] == ["1", "2"]


async def test_the_callers_data_is_not_shared(queue: Queue[Any, Any]) -> None:
    data = {"n": [1]}
    job = await queue.add("a", data)
    data["n"].append(2)
    assert job is not None
    assert job.data == {"n": [1]}
    assert job.data is job.data


async def test_no_data_is_none(queue: Queue[Any, Any]) -> None:
    await queue.add("a")
    await queue.add_bulk([NewJob("b")])
    assert [job.data for job in await queue.get_jobs("waiting")] == [None, None]
    assert not any(job.deserialization_failed for job in await queue.get_jobs("waiting"))


@pytest.mark.parametrize(
    ("error", "name", "data", "options"),
    [
        (InvalidOptionsError, "", 1, {}),
        (InvalidOptionsError, 5, 1, {}),
        (InvalidOptionsError, "a", 1, {"priority": 2049}),
        (InvalidOptionsError, "a", 1, {"dealy": 5}),
        (SerializationError, "a", {"x": object()}, {}),
        (SerializationError, "a", math.nan, {}),
        (PayloadTooLargeError, "a", "x" * 1_048_575, {}),
    ],
)
async def test_a_bad_job_is_refused_before_anything_is_sent(
    queue: Queue[Any, Any], backend: CountingBackend, error: type[Exception], name: Any, data: Any, options: Any
) -> None:
    with pytest.raises(error):
        await queue.add(name, data, **options)
    assert backend.calls == []


async def test_the_largest_payload_is_taken(queue: Queue[Any, Any]) -> None:
    assert await queue.add("a", "x" * 1_048_574) is not None  # and two quotation marks


async def test_each_call_has_its_own_identity(queue: Queue[Any, Any]) -> None:
    jobs = [await queue.add("a", 1) for _ in range(2)]
    assert [job.id for job in jobs if job is not None] == ["1", "2"]


# --- adding many -----------------------------------------------------------------------------------------------------


async def test_a_bulk_is_one_call_in_order(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    added = await queue.add_bulk([NewJob("a", n, job_id=f"{n}") for n in range(1_000)])
    assert backend.calls == ["enqueue"]
    assert [job.data for job in added] == list(range(1_000))
    assert [job.id for job in await queue.get_jobs("waiting")] == [str(n) for n in range(1_000)]


async def test_an_empty_bulk_calls_nothing(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    assert await queue.add_bulk([]) == []
    assert backend.calls == []


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("b", InvalidOptionsError),
        (NewJob("b", object()), SerializationError),
        (NewJob("b", "x" * 1_048_575), PayloadTooLargeError),
    ],
)
async def test_one_bad_job_keeps_all_out_and_is_named_by_its_index(
    queue: Queue[Any, Any], backend: CountingBackend, bad: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^jobs\[1\]"):
        await queue.add_bulk([NewJob("a", 1), bad, NewJob("c", 3)])
    assert backend.calls == []


async def test_more_than_a_thousand_go_in_chunks(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    added = await queue.add_bulk(NewJob("a", n) for n in range(2_001))
    assert backend.calls == ["enqueue"] * 3
    assert [job.id for job in added] == [str(n + 1) for n in range(2_001)]


async def test_more_than_8_mib_go_in_chunks(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    data = "x" * 1_048_574
    added = await queue.add_bulk([NewJob("a", data) for _ in range(9)])
    assert backend.calls == ["enqueue"] * 2
    assert [job.id for job in added] == [str(n + 1) for n in range(9)]


async def test_a_bulk_of_names_ids_and_options_of_every_kind(queue: Queue[Any, Any]) -> None:
    asked = [NewJob("ä"), NewJob("b", 2, job_id="ö"), NewJob("c", "é", priority=3), NewJob("d", ttl=5), NewJob("e")]
    added = await queue.add_bulk(asked)
    assert [(job.id, job.name, job.data, job.opts) for job in added] == [
        ("1", "ä", None, {}), ("ö", "b", 2, {}), ("2", "c", "é", {"priority": 3}), ("3", "d", None, {"ttl": 5}),
        ("4", "e", None, {}),
    ]  # fmt: skip
    for job in added:
        stored = await queue.get_job(job.id)
        assert stored is not None
        assert (stored.name, stored.data, stored.opts, stored.timestamp, stored.expire_at) == (
            job.name, job.data, job.opts, job.timestamp, job.expire_at,
        )  # fmt: skip


async def test_a_refusal_of_a_later_chunk_says_what_was_added(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    problem = QueueConnectionError("valkey://x:1", "out of memory")
    backend.failures[1] = problem
    with pytest.raises(BulkError, match="1000 jobs were added, then a chunk was refused: valkey://x:1") as refused:
        await queue.add_bulk([NewJob("a", n) for n in range(1_500)])
    assert refused.value.__cause__ is problem
    assert [job.id for job in refused.value.added] == [str(n + 1) for n in range(1_000)]
    assert await queue.count() == 1_000


async def test_a_refusal_of_the_first_chunk_is_raised_as_it_is(
    queue: Queue[Any, Any], backend: CountingBackend
) -> None:
    backend.failures[0] = QueueConnectionError("valkey://x:1", "out of memory")
    with pytest.raises(QueueConnectionError, match="out of memory"):
        await queue.add_bulk([NewJob("a", n) for n in range(1_500)])
    assert await queue.count() == 0


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job_id", ["1", "", "a:b", "x" * 300, "a\nb"])
async def test_job_11_a_job_that_is_not_there_is_none(queue: Queue[Any, Any], job_id: str) -> None:
    assert await queue.get_job(job_id) is None
    assert await queue.get_job_logs(job_id) == JobLogs([], 0)


async def test_get_1_listings_go_on_over_pages(queue: Queue[Any, Any]) -> None:
    await queue.add_bulk([NewJob("a", n) for n in range(1_201)])
    for start, end in [(0, -1), (0, 0), (3, 1_100), (499, 500), (1_200, 5_000), (1_201, -1), (5, 4)]:
        expected = list(range(1_201))[start : None if end < 0 else end + 1]
        assert [job.data for job in await queue.get_jobs("waiting", start, end)] == expected


async def test_large_payloads_make_shorter_pages(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    await queue.add_bulk([NewJob("a", f"{n}" + "x" * 1_000_000) for n in range(9)])
    assert [job.data[0] for job in await queue.get_jobs("waiting")] == [f"{n}" for n in range(9)]
    assert backend.calls.count("list_jobs") == 4  # 4, 4, 1, none


async def test_exclude_data_leaves_the_payload_out(queue: Queue[Any, Any]) -> None:
    await queue.add("a", {"n": 1})
    job = await queue.get_job("1", exclude_data=True)
    listed = await queue.get_jobs("waiting", exclude_data=True)
    for one in (job, *listed):
        assert one is not None
        assert (one.name, one.data, one.deserialization_failed) == ("a", None, False)


async def test_get_2_counts_and_listings_of_every_state(queue: Queue[Any, Any]) -> None:
    worker = FakeWorker(queue)
    await queue.add_bulk([NewJob("a", n) for n in range(4)])
    await queue.add("later", 1, delay=5)
    await worker.end(await worker.start(), value="7")
    await worker.end(await worker.start(), FAILED_RUN, reason="boom")
    await worker.start()
    assert await queue.get_job_counts() == JobCounts(1, 1, 1, 1, 1, 0)
    assert await queue.count() == 1
    listed = {state: await queue.get_jobs(state) for state in ("waiting", "active", "delayed", "completed", "failed")}
    assert {state: [job.id for job in jobs] for state, jobs in listed.items()} == {
        "waiting": ["4"], "active": ["3"], "delayed": ["5"], "completed": ["1"], "failed": ["2"],
    }  # fmt: skip
    assert await queue.get_jobs("waiting-children") == []
    assert (listed["completed"][0].return_value, listed["completed"][0].finished_on) == (7, NOW)
    assert (listed["failed"][0].failed_reason, listed["failed"][0].attempts_made) == ("boom", 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("paused",), "state='paused'"),
        ((None,), "state=None"),
        (("waiting", -1), "start=-1"),
        (("waiting", 0, -2), "end=-2"),
        (("waiting", 0.0), "start=0.0"),
    ],
)
async def test_a_bad_listing_is_refused(queue: Queue[Any, Any], arguments: Any, told: str) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        await queue.get_jobs(*arguments)
    assert str(refused.value).startswith(told)


async def test_a_bad_id_is_refused(queue: Queue[Any, Any]) -> None:
    with pytest.raises(InvalidOptionsError, match="job_id=5"):
        await queue.get_job(5)  # type: ignore[arg-type]


async def test_job_13_logs_go_on_over_pages(queue: Queue[Any, Any]) -> None:
    await queue.add("a", 1)
    job = await FakeWorker(queue).start()
    for n in range(1_001):
        await job.log(f"line é {n}")
    lines = [f"line é {n}" for n in range(1_001)]
    assert await queue.get_job_logs("1") == JobLogs(lines, 1_001)
    assert await queue.get_job_logs("1", 2, 3) == JobLogs(lines[2:4], 1_001)
    assert await queue.get_job_logs("1", 1_000, 5_000) == JobLogs(lines[1_000:], 1_001)
    assert await queue.get_job_logs("1", 5_000) == JobLogs([], 1_001)
    assert await queue.get_job_logs("1", 5, 4) == JobLogs([], 1_001)


async def test_metrics_are_by_minute_oldest_first(queue: Queue[Any, Any], backend: CountingBackend) -> None:
    worker = FakeWorker(queue)
    await queue.add_bulk([NewJob("a", n) for n in range(4)])
    clock: Any = backend.clock
    for minute in (0, 0, 2, 11):
        clock.advance_to(NOW + minute * 60_000)
        await worker.end(await worker.start())
    points = [MetricPoint(NOW + minute * 60_000, count) for minute, count in ((0, 2), (2, 1), (11, 1))]
    assert await queue.get_metrics("completed") == Metrics(points, 4)
    assert await queue.get_metrics("completed", 1, 1) == Metrics(points[1:2], 4)
    assert await queue.get_metrics("completed", 1) == Metrics(points[1:], 4)
    assert await queue.get_metrics("failed") == Metrics([], 0)
    with pytest.raises(InvalidOptionsError, match="state='active'"):
        await queue.get_metrics("active")  # type: ignore[arg-type]


async def test_pause_and_resume(queue: Queue[Any, Any]) -> None:
    assert await queue.is_paused() is False
    await queue.pause()
    await queue.pause()
    assert await queue.is_paused() is True
    await queue.resume()
    assert await queue.is_paused() is False


# --- events and serializers ------------------------------------------------------------------------------------------


async def events(queue: Queue[Any, Any]) -> list[str]:
    return [event.name for event in await queue._owner.call(reads.read_events, 0, 100)]


async def test_evt_4_without_events_nothing_is_told(backend: CountingBackend) -> None:
    silent = Queue[Any, Any]("tasks", backend=backend, events=False)
    job = await silent.add("a", 1)
    assert job is not None
    await silent.pause()
    await job.change_priority(5)
    await job.remove()
    assert await events(silent) == []
    await Queue[Any, Any]("tasks", backend=backend).add("a", 1)
    assert await events(silent) == ["added"]


async def test_another_serializers_name_is_stored_with_the_payload(backend: CountingBackend) -> None:
    queue = Queue[Any, Any]("tasks", backend=backend, serializer=Reversed())
    job = await queue.add("a", "abc")
    assert job is not None
    assert job.data == "abc"
    await queue.add_bulk([NewJob("b", "xyz", priority=1)])
    assert [one.data for one in await queue.get_jobs("waiting")] == ["xyz", "abc"]
    fields = await backend.call(reads.get_job, "glide:{tasks}", "1", False)
    assert fields[fields.index("data") + 1] == "\x01reversed\0cba"


async def test_a_cancelled_add_may_have_added(queue: Queue[Any, Any]) -> None:
    adding = asyncio.get_running_loop().create_task(queue.add("a", 1))
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert await queue.count() in (0, 1)
