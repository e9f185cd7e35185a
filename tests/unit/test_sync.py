"""The synchronous face in memory: what it gives back, where it may be used, how it ends."""

import asyncio
import inspect
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

import glidemq_pb
from glidemq_pb import (
    BulkError,
    ClosedError,
    InvalidOptionsError,
    InvalidStateError,
    NewJob,
    PayloadTooLargeError,
    QueueEvents,
    Schedule,
    Worker,
)
from glidemq_pb.backends.memory import MemoryBackend
from glidemq_pb.sync import Job, Producer, Queue
from glidemq_pb.sync.portal import Portal
from tools import sync_face

AnyQueue = Queue[Any, Any]
HANGS_MS = 60_000
_names = itertools.count()


@pytest.fixture
def url() -> str:
    """A store that no other test uses."""
    return f"memory://sync-{next(_names)}"


@pytest.fixture
def queue(url: str) -> Iterator[AnyQueue]:
    with AnyQueue("q", connection=url) as queue:
        yield queue


def test_what_is_written_is_what_the_asynchronous_classes_say() -> None:
    assert sync_face.main(["verify"]) == 0


def test_every_method_is_there_with_its_parameters() -> None:
    faces = ((glidemq_pb.Queue, Queue), (glidemq_pb.Producer, Producer), (glidemq_pb.Job, Job))
    for original, face in faces:
        for name, function in inspect.getmembers(original, inspect.iscoroutinefunction):
            if name.startswith("_"):
                continue
            theirs, ours = inspect.signature(function), inspect.signature(getattr(face, name))
            assert list(ours.parameters) == list(theirs.parameters), name
            assert not inspect.iscoroutinefunction(getattr(face, name))


def test_a_stale_face_is_found(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sync_face, "ROOT", tmp_path)
    monkeypatch.setattr(sync_face, "FOLDER", tmp_path)
    monkeypatch.setattr(sync_face, "formatted", lambda text, name: text)
    assert sync_face.main(["verify"]) == 1
    assert "make generate" in capsys.readouterr().err
    assert sync_face.main(["build"]) == 0
    assert sync_face.main(["verify"]) == 0
    (tmp_path / "queue.py").write_text("# by hand")
    assert sync_face.main(["verify"]) == 1
    assert sync_face.main([]) == 2


def test_jobs_are_added_and_looked_at_without_await(queue: AnyQueue) -> None:
    job = queue.add("mail", {"to": "ann"}, delay=1_000, job_id="x")
    assert isinstance(job, Job)
    assert (job.id, job.name, job.data, job.delay, job.queue_name) == ("x", "mail", {"to": "ann"}, 1_000, "q")
    assert queue.add("mail", job_id="x") is None
    found = queue.get_job("x")
    assert isinstance(found, Job)
    assert found.get_state() == "delayed"
    found.promote()
    found.update_data({"to": "bob"})
    assert [one.data for one in queue.get_jobs("waiting")] == [{"to": "bob"}]
    assert isinstance(queue.search_jobs(name="mail")[0], Job)
    assert queue.get_job("nobody") is None
    jobs = queue.add_bulk([NewJob("a"), NewJob("b")])
    assert [one.name for one in jobs] == ["a", "b"]
    assert queue.get_job_counts().waiting == queue.count() == 3
    jobs[0].remove()
    assert jobs[0].get_state() == "unknown"
    assert repr(found) == repr(found._job)


def test_a_producer_gives_back_ids_and_keeps_places(url: str, queue: AnyQueue) -> None:
    with Producer[Any]("q", connection=url) as producer:
        assert producer.add("a", {"n": 1}, job_id="x") == "x"
        assert producer.add_bulk([NewJob("b"), NewJob("c", job_id="x")]) == ["1", None]
        with ThreadPoolExecutor(4) as threads:
            ids = list(threads.map(lambda n: producer.add("d", n), range(20)))
        assert len(set(ids)) == 20
        assert not producer.closed
    assert queue.count() == 22
    assert producer.closed
    with pytest.raises(ClosedError):
        producer.add("a")


def test_operators_work_without_await(queue: AnyQueue) -> None:
    queue.pause()
    assert queue.is_paused()
    queue.resume()
    queue.upsert_job_scheduler("s", Schedule(every=1_000))
    assert [one.name for one in queue.get_repeatable_jobs()] == ["s"]
    queue.add("a")
    seen: list[int] = []
    queue.drain(on_progress=seen.append)
    assert seen[-1] == 1
    assert queue.name == "q"


def test_a_worker_elsewhere_runs_its_jobs(queue: AnyQueue, url: str) -> None:
    async def process(job: glidemq_pb.Job[Any, Any]) -> int:
        return int(job.data) * 2

    async def work() -> None:
        done = asyncio.Event()
        worker = Worker[Any, Any]("q", process, connection=url)
        worker.on("completed", lambda job, result: done.set())
        async with worker:
            await asyncio.wait_for(done.wait(), HANGS_MS / 1_000)

    job = queue.add("double", 21)
    asyncio.run(work())
    assert job is not None
    found = queue.get_job(job.id)
    assert found is not None
    assert (found.get_state(), found.return_value) == ("completed", 42)


def test_a_result_is_waited_for_from_a_thread(queue: AnyQueue, url: str) -> None:
    async def process(job: glidemq_pb.Job[Any, Any]) -> int:
        return int(job.data) * 2

    async def work() -> tuple[Any, Any]:
        job = await asyncio.to_thread(queue.add, "double", 2)
        assert job is not None
        waiting = asyncio.create_task(asyncio.to_thread(job.wait_until_finished, HANGS_MS))
        async with Worker[Any, Any]("q", process, connection=url):
            return await asyncio.to_thread(queue.add_and_wait, "double", 21, wait_timeout=HANGS_MS), await waiting

    assert asyncio.run(work()) == (42, 4)


def test_a_processor_that_is_a_plain_function_speaks_of_its_job(queue: AnyQueue, url: str) -> None:
    def process(given: glidemq_pb.Job[Any, Any]) -> str:
        job = Job(given)
        job.log("begun")
        job.update_progress({"done": 1})
        if job.data == "later":
            job.move_to_delayed(timedelta(hours=1))
        assert not job.abort_signal.aborted
        job.discard()
        if job.data == "fails":
            raise ValueError("no")
        return job.get_state()

    async def work() -> None:
        ends: asyncio.Queue[object] = asyncio.Queue()
        async with (
            QueueEvents("q", connection=url, last_event_id="0") as events,
            Worker[Any, Any]("q", process, connection=url, concurrency=3),
        ):
            events.on("drained", ends.put_nowait)
            await asyncio.wait_for(ends.get(), HANGS_MS / 1_000)

    jobs = queue.add_bulk([NewJob("a", data, attempts=5) for data in ("works", "fails", "later")])
    asyncio.run(work())
    found = [one for job in jobs if (one := queue.get_job(job.id)) is not None]
    assert [job.get_state() for job in found] == ["completed", "failed", "delayed"]
    assert [job.progress for job in found] == [{"done": 1}] * 3
    assert [queue.get_job_logs(job.id).logs for job in found] == [["begun"]] * 3
    assert found[0].return_value == "active"


def test_a_processor_in_the_event_loop_is_told_to_await(queue: AnyQueue, url: str) -> None:
    async def process(job: glidemq_pb.Job[Any, Any]) -> None:
        Job(job).update_progress(1)

    async def work() -> None:
        async with Worker[Any, Any]("q", process, connection=url):
            with pytest.raises(glidemq_pb.JobFailedError, match="block the event loop"):
                await asyncio.to_thread(queue.add_and_wait, "a", wait_timeout=HANGS_MS)

    asyncio.run(work())


def test_bad_input_is_refused_as_by_the_asynchronous_one(queue: AnyQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidOptionsError, match="priority"):
        queue.add("a", priority=-1)
    with pytest.raises(PayloadTooLargeError):
        queue.add("a", "x" * 2**20)
    with pytest.raises(InvalidOptionsError, match="name"):
        AnyQueue("", connection="memory://")
    monkeypatch.delenv("GLIDEMQ_URL", raising=False)
    with pytest.raises(InvalidOptionsError, match="GLIDEMQ_URL"):
        AnyQueue("q")
    client: dict[str, Any] = {"client": object()}
    with pytest.raises(TypeError, match="client"):
        AnyQueue("q", **client)


def test_the_jobs_of_a_bulk_that_ended_early_are_synchronous_too(url: str) -> None:
    class Refusing(MemoryBackend):
        calls = 0

        async def call(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == 2:
                raise glidemq_pb.QueueConnectionError("there", "away")
            return await super().call(*args, **kwargs)

    with AnyQueue("q", backend=Refusing()) as queue, pytest.raises(BulkError) as refused:
        queue.add_bulk([NewJob("a") for _ in range(1_001)])
    assert len(refused.value.added) == 1_000
    assert {type(job) for job in refused.value.added} == {Job}


def test_many_threads_share_one_queue(queue: AnyQueue) -> None:
    with ThreadPoolExecutor(16) as threads:
        jobs = list(threads.map(lambda n: queue.add("a", n), range(200)))
    assert len({job.id for job in jobs if job is not None}) == queue.count() == 200


def test_inside_an_event_loop_it_is_refused_and_in_a_thread_of_one_it_works(queue: AnyQueue) -> None:
    async def inside() -> int:
        with pytest.raises(InvalidStateError, match="block the event loop"):
            queue.count()
        return await asyncio.to_thread(queue.count)

    assert asyncio.run(inside()) == 0


def test_inside_a_callback_it_is_refused_instead_of_waiting_for_itself(queue: AnyQueue) -> None:
    queue.add("a")
    with pytest.raises(InvalidStateError, match="block the event loop"):
        queue.drain(on_progress=lambda handled: queue.count())


def test_a_closed_one_says_so(url: str) -> None:
    queue = AnyQueue("q", connection=url)
    job = queue.add("a")
    queue.close()
    queue.close()
    with pytest.raises(ClosedError, match="'q'"):
        queue.count()
    assert job is not None
    with pytest.raises(ClosedError):
        job.remove()


def test_one_that_was_never_used_starts_no_thread() -> None:
    code = (
        "import threading\n"
        "from glidemq_pb.sync import Queue\n"
        "Queue('q', connection='valkey://localhost:1')\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_context_variables_of_the_caller_are_seen_by_its_serializer(url: str) -> None:
    import contextvars

    tenant = contextvars.ContextVar("tenant", default="none")

    class Stamping:
        name = "stamping"

        def serialize(self, value: Any) -> str:
            return f"{tenant.get()}:{value}"

        def deserialize(self, raw: bytes) -> str:
            return raw.decode()

    with AnyQueue("q", connection=url, serializer=Stamping()) as queue:
        tenant.set("ann")
        job = queue.add("a", 1)
    assert job is not None
    assert job.data == "ann:1"


def test_an_interrupted_wait_cancels_the_call() -> None:
    portal = Portal()
    begun, cancelled = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    class Interrupted(BaseException):
        """Ctrl-C, as it arrives in a thread that waits."""

    def interrupted_result(*_: object) -> None:
        begun.wait(HANGS_MS / 1_000)
        raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("concurrent.futures.Future.result", interrupted_result)
        with pytest.raises(Interrupted):
            portal.run(endless)
    assert cancelled.wait(HANGS_MS / 1_000)
    portal.end()
    with pytest.raises(ClosedError, match="ending"):
        portal.run(endless)
    portal.end()
