"""Every public writing operation, with its connection cut before and after each of its calls is executed.

The server's clock and all identities are the same in each run, so the whole stored state can be compared with that of a
run without a cut: an effect that was missing, or came twice, would be seen whatever it is.
"""

import inspect
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glidemq_pb import (
    DagNode,
    Deduplication,
    FlowJob,
    FlowProducer,
    Job,
    JobTemplate,
    NewJob,
    Ordering,
    Producer,
    Queue,
    RateLimit,
    Schedule,
)
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.clock import SystemClock
from glidemq_pb.component import root_key
from glidemq_pb.connection import Connection
from glidemq_pb.run import Run
from glidemq_pb.semantics import work
from glidemq_pb.semantics.records import COMPLETED_RUN, FAILED_RUN, Caller, Settlement
from glidemq_pb.server import PrivateServer
from tests.properties.dump import SCRIPT, decoded, plain
from tests.properties.valkey_side import Connection as Wire

from .proxy import CuttingProxy, Moment

NOW = 1_800_000_000_000
CALLS_CUT = 3
"""Of one operation: more calls are more pages of the same."""


class FixedClock(SystemClock):
    """The same moment and the same identities in each run."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def now(self) -> int:
        return NOW

    def token(self) -> str:
        return f"token{next(self._numbers)}"


class Session:
    """One run: all components on one connection, through the proxy."""

    def __init__(self, port: int) -> None:
        self.backend = ValkeyBackend(Connection([("127.0.0.1", port)]))
        self.backend.now = lambda: NOW
        self.backend._clock = FixedClock()
        self.queue: Queue[Any, Any] = Queue("q", backend=self.backend)
        self.producer: Producer[Any] = Producer("q", backend=self.backend)
        self.flows = FlowProducer(backend=self.backend)

    async def added(self, *names: str, **options: Any) -> Job[Any, Any]:
        """Jobs in the queue, the last one of which is returned."""
        jobs = await self.queue.add_bulk([NewJob(name, {"n": 1}, **options) for name in names or ("a",)])
        return jobs[-1]

    async def started(self, **options: Any) -> Job[Any, Any]:
        """A job that runs, as its processor has it."""
        await self.added(**options)
        reply = await self._work([], 1)
        (one,) = reply.started
        return Job(self.queue._owner, one.job_id, one.fields, Run(reply.token))

    async def ended(self, status: str, **options: Any) -> Job[Any, Any]:
        """A job that has completed or failed."""
        job = await self.started(**options)
        assert job._run is not None
        settled = Settlement(job.wire_id, job._run.token, status, "1", None)
        await self._work([settled], 0)
        return job

    async def _work(self, settlements: list[Settlement], want: int) -> Any:
        call = 1 if want else 2
        caller = Caller(
            "w", call, 30_000, 1, 60_000, 1_000, metrics=True, limiter_max=0, limiter_ms=0, nudge=False, info=""
        )
        return await self.backend.call(work.settle_and_activate, root_key("glide", "q"), caller, settlements, want)


Act = Callable[[], Awaitable[Any]]
Case = Callable[[Session], Awaitable[Act]]
CASES: dict[str, Case] = {}


def case(name: str) -> Callable[[Case], Case]:
    """What prepares an operation, and returns the operation itself."""

    def keep(function: Case) -> Case:
        CASES[name] = function
        return function

    return keep


def at_once(name: str, act: Callable[[Session], Awaitable[Any]], *names: str, **options: Any) -> None:
    """An operation of the queue, with jobs in it."""

    @case(name)
    async def _(run: Session) -> Act:
        await run.added(*names or ("a", "b"), **options)
        return lambda: act(run)


at_once("Queue.add", lambda run: run.queue.add("c", {"n": 2}))
at_once("Queue.add with an id", lambda run: run.queue.add("c", job_id="mine"))
at_once(
    "Queue.add deduplicated", lambda run: run.queue.add("c", deduplication=Deduplication("d", mode="throttle", ttl=9))
)
at_once("Queue.add_bulk", lambda run: run.queue.add_bulk([NewJob("c"), NewJob("d", delay=5)]))
at_once("Queue.pause", lambda run: run.queue.pause())
at_once("Queue.revoke", lambda run: run.queue.revoke("1"))
at_once("Queue.drain", lambda run: run.queue.drain())
at_once("Queue.obliterate", lambda run: run.queue.obliterate())
at_once("Queue.set_group_limits", lambda run: run.queue.set_group_limits("g", concurrency=3), ordering=Ordering("g"))
at_once("Queue.rate_limit_group", lambda run: run.queue.rate_limit_group("g", 500), ordering=Ordering("g"))
at_once("Queue.set_global_concurrency", lambda run: run.queue.set_global_concurrency(3))
at_once("Queue.set_global_rate_limit", lambda run: run.queue.set_global_rate_limit(RateLimit(3, 1_000)))
at_once(
    "Queue.upsert_job_scheduler",
    lambda run: run.queue.upsert_job_scheduler("s", Schedule("0 8 * * *"), JobTemplate("a", {"n": 1})),
)
at_once("Producer.add", lambda run: run.producer.add("c", {"n": 2}))
at_once("Producer.add_bulk", lambda run: run.producer.add_bulk([NewJob("c"), NewJob("d")]))
at_once("FlowProducer.add", lambda run: run.flows.add(tree()))
at_once("FlowProducer.add_bulk", lambda run: run.flows.add_bulk([tree(), tree()]))
at_once(
    "FlowProducer.add_dag",
    lambda run: run.flows.add_dag([DagNode("x", queue_name="q"), DagNode("y", queue_name="q", deps=["x"])]),
)


def tree() -> FlowJob:
    return FlowJob("root", queue_name="q", children=[FlowJob("leaf", queue_name="q")])


@case("Queue.resume")
async def _(run: Session) -> Act:
    await run.queue.pause()
    return run.queue.resume


@case("Queue.clean")
async def _(run: Session) -> Act:
    await run.ended(COMPLETED_RUN)
    return lambda: run.queue.clean(0, 10, "completed")


@case("Queue.retry_jobs")
async def _(run: Session) -> Act:
    await run.ended(FAILED_RUN)
    return run.queue.retry_jobs


@case("Queue.remove_global_rate_limit")
async def _(run: Session) -> Act:
    await run.queue.set_global_rate_limit(RateLimit(3, 1_000))
    return run.queue.remove_global_rate_limit


@case("Queue.remove_job_scheduler")
async def _(run: Session) -> Act:
    await run.queue.upsert_job_scheduler("s", Schedule(every=1_000))
    return lambda: run.queue.remove_job_scheduler("s")


@case("Queue.replay_dead_letter_jobs")
async def _(run: Session) -> Act:
    return run.queue.replay_dead_letter_jobs


@case("Job.remove")
async def _(run: Session) -> Act:
    return (await run.added()).remove


@case("Job.retry")
async def _(run: Session) -> Act:
    return (await run.ended(FAILED_RUN)).retry


@case("Job.promote")
async def _(run: Session) -> Act:
    return (await run.added(delay=1_000)).promote


@case("Job.change_priority")
async def _(run: Session) -> Act:
    job = await run.added("a", "b")
    return lambda: job.change_priority(3)


@case("Job.change_delay")
async def _(run: Session) -> Act:
    job = await run.added(delay=1_000)
    return lambda: job.change_delay(2_000)


@case("Job.update_data")
async def _(run: Session) -> Act:
    job = await run.added()
    return lambda: job.update_data({"n": 7})


@case("Job.update_progress")
async def _(run: Session) -> Act:
    job = await run.started()
    return lambda: job.update_progress(7)


@case("Job.log")
async def _(run: Session) -> Act:
    job = await run.started()
    return lambda: job.log("a line")


READS = {
    "Queue": "get_job get_jobs get_job_counts count search_jobs get_job_logs get_metrics is_paused explain get_workers "
    "get_dead_letter_jobs get_global_concurrency get_global_rate_limit get_job_scheduler get_repeatable_jobs "
    "preview_schedule",
    "Producer": "",
    "FlowProducer": "get_flow",
    "Job": "get_state is_completed is_failed is_active is_waiting is_delayed is_revoked is_waiting_children "
    "get_children_values",
}
ELSEWHERE = {
    "connect": "writes nothing",
    "close": "writes nothing",
    "add_and_wait": "adds as `add` does; its waiting is tested beside",
    "wait_until_finished": "tested with waiting",
    "rate_limit_group": "of a Job: makes no call, it ends the run",
    "move_to_delayed": "makes no call, it ends the run",
    "move_to_waiting_children": "makes no call, it ends the run",
}


@pytest.mark.parametrize("kind", [Queue, Producer, FlowProducer, Job])
def test_every_public_operation_is_here(kind: type[Any]) -> None:
    public = {name for name, one in inspect.getmembers(kind, inspect.iscoroutinefunction) if not name.startswith("_")}
    here = {name.partition(".")[2].split()[0] for name in CASES if name.startswith(f"{kind.__name__}.")}
    assert public - here - set(READS[kind.__name__].split()) - set(ELSEWHERE) == set()
    assert here <= public


@pytest.mark.parametrize("name", CASES)
async def test_its_effect_comes_once_wherever_the_connection_is_cut(valkey_server: PrivateServer, name: str) -> None:
    async with CuttingProxy(valkey_server.port) as proxy:
        expected, calls = await state_after(name, valkey_server, proxy)
        assert calls > 0
        moments: tuple[Moment, ...] = ("before", "after")
        for passed, moment in itertools.product(range(min(calls, CALLS_CUT)), moments):
            cuts = proxy.cuts
            state, _ = await state_after(name, valkey_server, proxy, *["pass"] * passed, moment)
            assert proxy.cuts == cuts + 1
            assert state == expected


async def state_after(
    name: str, server: PrivateServer, proxy: CuttingProxy, *moments: Any
) -> tuple[dict[str, Any], int]:
    """All that is stored after an operation whose calls are cut so, and how many calls were sent."""
    wire = Wire(server.port)
    pattern = b"glide:{q}:*"
    for key in wire.call(b"KEYS", pattern):
        wire.call(b"DEL", key)
    run = Session(proxy.port)
    act = await CASES[name](run)
    before = proxy.requests
    proxy.cut_next(*moments)
    await act()
    calls = proxy.requests - before
    await run.backend.close()
    rows = decoded(wire.call(b"EVAL", SCRIPT.encode(), b"0", pattern))
    wire.close()
    return {key: plain(kind, value) for key, kind, value in rows}, calls
