"""What a type checker sees of the public API. mypy reads this; nothing runs it.

A line with `type: ignore[code]` must be an error: mypy reports one that is not needed.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from signal import Signals
from typing import Any, Literal, TypedDict, assert_type

from glide import GlideClient, GlideClusterClient

from glidemq_pb import (
    JSON_SERIALIZER,
    AbortSignal,
    Backoff,
    BulkError,
    DagNode,
    FlowJob,
    FlowNode,
    FlowProducer,
    InvalidOptionsError,
    Job,
    JobCounts,
    JobLogs,
    JobOptions,
    JobState,
    JobTemplate,
    Keep,
    MetricPoint,
    Metrics,
    NewJob,
    PayloadTooLargeError,
    Producer,
    Queue,
    QueueConnectionError,
    QueueEvent,
    QueueEvents,
    Schedule,
    SchedulerInfo,
    Serializer,
    ServerlessPool,
    Worker,
    chain,
    chord,
    graceful_shutdown,
    group,
    serverless_pool,
    sync,
)


class Email(TypedDict):
    to: str


class Receipt(TypedDict):
    message_id: str


class Pickled:
    """A serializer as users write them: a class attribute and plain methods."""

    name = "pickled"

    def serialize(self, value: object) -> bytes:
        return repr(value).encode()

    def deserialize(self, raw: bytes) -> object:
        return raw


async def adding(queue: Queue[Email, Receipt]) -> None:
    job = await queue.add("send", {"to": "a@example.com"}, delay=timedelta(seconds=5), priority=1, job_id="x")
    assert_type(job, Job[Email, Receipt] | None)
    options: JobOptions = {
        "attempts": 5,
        "backoff": Backoff("exponential", delay=1_000),
        "remove_on_fail": Keep(count=3),
    }
    await queue.add("send", Email(to="a"), **options)
    assert_type(await queue.add_bulk([NewJob("a", {"n": 1}), NewJob("b", ttl=5)]), list[Job[Email, Receipt]])
    await queue.add("send", {"too": "a"})  # type: ignore[arg-type]
    await queue.add("send", Email(to="a"), delay="5")  # type: ignore[arg-type]
    await queue.add("send", Email(to="a"), dealy=5)  # type: ignore[call-arg]
    NewJob("a", lifo="yes")  # type: ignore[arg-type]


async def waiting(queue: Queue[Email, Receipt], job: Job[Email, Receipt]) -> None:
    assert_type(await queue.add_and_wait("send", {"to": "a"}, wait_timeout=5_000, priority=1), Receipt)
    assert_type(await job.wait_until_finished(timedelta(seconds=5)), Receipt)
    await queue.add_and_wait("send", {"to": "a"}, wait_timeout="5")  # type: ignore[arg-type]


async def producing(producer: Producer[Email], client: GlideClient, cluster: GlideClusterClient) -> None:
    assert_type(await producer.add("send", {"to": "a"}, delay=timedelta(seconds=5)), str | None)
    assert_type(await producer.add_bulk([NewJob("a", {"n": 1})]), list[str | None])
    await producer.add("send", {"too": "a"})  # type: ignore[arg-type]
    await producer.add("send", Email(to="a"), dealy=5)  # type: ignore[call-arg]
    assert_type(serverless_pool.get_producer("mail", connection="memory://", compression="gzip"), Producer[Any])
    assert_type(ServerlessPool().size, int)
    await serverless_pool.close_all()
    async with Producer[Email]("mail", client=client) as entered:
        assert_type(entered, Producer[Email])
    Queue[Email, Receipt]("mail", client=cluster)
    Worker("mail", process, connection="valkey://h", command_client=client)
    Queue[Email, Receipt]("mail", client="valkey://h")  # type: ignore[arg-type]


async def looking(queue: Queue[Email, Receipt]) -> None:
    assert_type(await queue.get_job("1", exclude_data=True), Job[Email, Receipt] | None)
    assert_type(await queue.get_jobs("waiting-children", 0, 9), list[Job[Email, Receipt]])
    assert_type(await queue.get_job_counts(), JobCounts)
    assert_type(await queue.count(), int)
    assert_type(await queue.is_paused(), bool)
    logs = await queue.get_job_logs("1")
    assert_type(logs, JobLogs)
    assert_type(logs.logs, list[str])
    metrics = await queue.get_metrics("failed")
    assert_type(metrics, Metrics)
    assert_type(metrics.points, list[MetricPoint])
    await queue.get_jobs("paused")  # type: ignore[arg-type]
    async with Queue[Email, Receipt]("mail", connection="memory://") as entered:
        assert_type(entered, Queue[Email, Receipt])


async def reading(job: Job[Email, Receipt]) -> None:
    assert_type(job.id, str)
    assert_type(job.data, Email)
    assert_type(job.data["to"], str)
    assert_type(job.return_value, Receipt | None)
    assert_type(job.opts, JobOptions)
    assert_type(job.timestamp, int)
    assert_type(job.finished_on, int | None)
    assert_type(job.failed_reason, str | None)
    assert_type(job.deserialization_failed, bool)
    assert_type(await job.get_state(), JobState | Literal["unknown"])
    job.id = 5  # type: ignore[assignment]
    job.data = Email(to="b")  # type: ignore[misc]


async def acting(job: Job[Email, Receipt]) -> None:
    assert_type(await job.is_failed(), bool)
    await job.change_delay(timedelta(minutes=1))
    await job.update_data({"to": "b"})
    await job.update_data(5)  # type: ignore[arg-type]
    await job.update_progress({"done": 1})
    await job.update_progress("half")  # type: ignore[arg-type]
    assert_type(job.abort_signal, AbortSignal)
    await job.move_to_delayed(datetime.now(UTC), "next")


async def process(job: Job[Email, Receipt]) -> Receipt:
    return {"message_id": job.data["to"]}


def process_in_a_thread(job: Job[Email, Receipt]) -> Receipt:
    return {"message_id": job.data["to"]}


def process_and_tell(given: Job[Email, Receipt]) -> Receipt:
    job = sync.Job(given)
    assert_type(job, sync.Job[Email, Receipt])
    job.update_progress({"done": 1})
    job.update_progress("half")  # type: ignore[arg-type]
    assert_type(job.abort_signal, AbortSignal)
    return {"message_id": job.data["to"]}


async def working() -> None:
    assert_type(Worker("mail", process, connection="memory://"), Worker[Email, Receipt])
    processors: dict[str, Callable[[Job[Email, Receipt]], Any]] = {"a": process, "b": process_in_a_thread}
    async with Worker[Email, Receipt]("mail", processors) as worker:
        assert_type(worker, Worker[Email, Receipt])


async def stopping(queue: Queue[Email, Receipt], worker: Worker[Email, Receipt], events: QueueEvents) -> None:
    assert_type(await graceful_shutdown(queue, worker, events, grace=timedelta(seconds=5), deadline=1_000), Signals)
    await worker.close(grace=5_000)
    await worker.close(True)
    await graceful_shutdown(5)  # type: ignore[arg-type]
    await graceful_shutdown(queue, grace=1.5)  # type: ignore[arg-type]


def without_await(queue: sync.Queue[Email, Receipt]) -> None:
    job = queue.add("send", {"to": "a@example.com"}, delay=timedelta(seconds=5), priority=1)
    assert_type(job, sync.Job[Email, Receipt] | None)
    assert_type(queue.add_bulk([NewJob("a")]), list[sync.Job[Email, Receipt]])
    assert_type(queue.get_jobs("failed"), list[sync.Job[Email, Receipt]])
    assert_type(queue.get_job_counts(), JobCounts)
    assert_type(queue.upsert_job_scheduler("s", Schedule(every=5)), SchedulerInfo)
    if job is not None:
        assert_type(job.data, Email)
        assert_type(job.return_value, Receipt | None)
        assert_type(job.get_state(), JobState | Literal["unknown"])
        job.update_data(5)  # type: ignore[arg-type]
    with sync.Queue[Email, Receipt]("mail", connection="memory://") as entered:
        assert_type(entered, sync.Queue[Email, Receipt])
    queue.add("send", {"too": "a"})  # type: ignore[arg-type]
    queue.add("send", delay="5")  # type: ignore[arg-type]
    queue.get_jobs("paused")  # type: ignore[arg-type]
    producer = sync.Producer[Email]("mail", connection="memory://")
    assert_type(producer.add("send", {"to": "a"}), str | None)
    assert_type(producer.add_bulk([NewJob("a")]), list[str | None])
    producer.add("send", {"too": "a"})  # type: ignore[arg-type]


async def scheduling(queue: Queue[Email, Receipt]) -> None:
    schedule = Schedule("0 8 * * *", tz="Europe/Berlin", start_date=datetime.now(UTC), limit=3)
    assert_type(
        await queue.upsert_job_scheduler("s", schedule, JobTemplate("n", {"to": "a"}, priority=1)), SchedulerInfo
    )
    assert_type(await queue.get_job_scheduler("s"), SchedulerInfo | None)
    assert_type(await queue.get_repeatable_jobs(), list[SchedulerInfo])
    assert_type(await queue.remove_job_scheduler("s"), bool)
    assert_type(await queue.preview_schedule(Schedule(every=timedelta(hours=1))), list[int])
    JobTemplate(priority="high")  # type: ignore[arg-type]
    schedule.limit = 4  # type: ignore[misc]


async def flowing(job: Job[Email, Receipt], queue: Queue[Email, Receipt]) -> None:
    async with FlowProducer(connection="memory://") as flow:
        node = await flow.add(FlowJob("a", queue_name="q", children=[FlowJob("b", {"n": 1}, queue_name="r", delay=5)]))
        assert_type(node, FlowNode)
        assert_type(node.children, list[FlowNode])
        assert_type(node.job.id, str)
        assert_type(await flow.add_bulk([chain(group(FlowJob("a", queue_name="q")))]), list[FlowNode])
        assert_type(chord([FlowJob("a", queue_name="q")], FlowJob("b", queue_name="q")), FlowJob)
        assert_type(await flow.add_dag([DagNode("a", queue_name="q", deps=["b"])]), dict[str, Job[Any, Any]])
        assert_type(await flow.get_flow(job), FlowNode)
    FlowJob("a")  # type: ignore[call-arg]
    FlowJob("a", queue_name="q", on_child_failure="stop")  # type: ignore[arg-type]
    FlowJob("a", queue_name="q", children=["b"])  # type: ignore[list-item]
    assert_type(job.parent_id, str | None)
    assert_type(await job.get_children_values(), dict[str, Receipt])
    await queue.add("b", Email(to="a"), parent=job)
    await queue.add("b", Email(to="a"), parent="1")  # type: ignore[arg-type]


async def watching() -> None:
    async with QueueEvents("mail", connection="memory://", last_event_id="0") as events:
        assert_type(events, QueueEvents)
        async for event in events:
            assert_type(event, QueueEvent)
            assert_type(event.job_id, str | None)
            assert_type(event.data, dict[str, Any])
            event.name = "added"  # type: ignore[misc]

        @events.on("failed")
        def failed(event: QueueEvent) -> None: ...

        events.on("failed", failed)
    QueueEvents("mail", client=object())  # type: ignore[arg-type]


def records() -> None:
    assert_type(Backoff("fixed", delay=timedelta(seconds=1)).delay, int)
    assert_type(Keep(age=timedelta(days=1)).age, int | None)
    serializers: list[Serializer] = [JSON_SERIALIZER, Pickled()]
    Queue[Email, Receipt]("mail", serializer=serializers[1])
    Queue[Email, Receipt]("mail", serializer=5)  # type: ignore[arg-type]


def errors(bulk: BulkError, size: PayloadTooLargeError, connection: QueueConnectionError) -> None:
    as_options: InvalidOptionsError = size
    as_value: ValueError = as_options
    as_builtin: ConnectionError = connection
    assert_type(size.size, int)
    assert_type(connection.address, str)
    assert_type(bulk.added, list[Any])
    assert as_value or as_builtin
