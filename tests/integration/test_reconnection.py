"""What breaks under a Queue, a Worker and QueueEvents, and is survived without a restart of the process, told once."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from glidemq_pb import Job, Queue, QueueEvents, Worker
from glidemq_pb.connection import Connection
from glidemq_pb.server import PrivateServer

from . import tiny
from .test_valkey_cluster import nodes  # noqa: F401 - a fixture

DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.02
AGAIN = "the queue can be reached again"


async def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s"
        await asyncio.sleep(POLL_SECONDS)


class Site:
    """A queue in use: jobs whose runs end when they are told to, and all that was heard."""

    def __init__(self, connection: Connection, log: pytest.LogCaptureFixture) -> None:
        self.queue: Queue[Any, Any] = Queue("q", connection=connection)
        self.worker: Worker[Any, Any] = Worker("q", self._run, connection=connection, concurrency=5)
        self.events = QueueEvents("q", connection=connection)
        self.running: dict[str, asyncio.Event] = {}
        self.completed: list[str] = []
        self.seen: list[str] = []
        self.errors: list[BaseException] = []
        self.event_errors: list[BaseException] = []
        self._log = log
        self.worker.on("error", self.errors.append)
        self.worker.on("completed", lambda job, _: self.completed.append(job.id))
        self.events.on("completed", lambda event: self.seen.append(event.job_id))
        self.events.on("error", self.event_errors.append)

    async def _run(self, job: Job[Any, Any]) -> None:
        self.running[job.id] = asyncio.Event()
        await self.running[job.id].wait()

    async def start_job(self) -> str:
        """Add a job and wait until it runs."""
        job = await self.queue.add("a")
        assert job is not None
        await until(lambda: job.id in self.running)
        return job.id

    async def end_job(self, job_id: str) -> None:
        """Let it end, and wait until all know it."""
        self.running[job_id].set()
        await until(lambda: job_id in self.completed and job_id in self.seen)

    async def survives(self, break_it: Callable[[], Any]) -> None:
        """That what runs is settled, what is added runs, and the worker told one outage and its end."""
        self.errors.clear()
        self._log.clear()
        before = await self.start_job()
        await asyncio.to_thread(break_it)
        await self.end_job(before)
        await self.end_job(await self.start_job())
        await until(lambda: sum(AGAIN in record.getMessage() for record in self._log.records) == 1)
        assert len(self.errors) == 1
        told = [record.getMessage() for record in self._log.records if record.levelno >= logging.WARNING]
        assert len([message for message in told if message.startswith("worker")]) == 1
        assert self.worker.is_running()


MakeSite = Callable[..., Any]


@pytest.fixture
async def make_site(caplog: pytest.LogCaptureFixture) -> AsyncIterator[MakeSite]:
    caplog.set_level(logging.INFO, logger="glidemq_pb")
    async with AsyncExitStack() as stack:

        async def make(*ports: int, **options: Any) -> Site:
            site = Site(Connection([("127.0.0.1", port) for port in ports], request_timeout=1_000, **options), caplog)
            for component in (site.queue, site.events, site.worker):
                await stack.enter_async_context(component)
            return site

        yield make


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with PrivateServer({"appendonly": "yes", "repl-diskless-sync-delay": "0"}) as server:
        yield server


def kill_and_start(server: PrivateServer) -> None:
    server.kill()
    server.start()


def pause(server: PrivateServer) -> None:
    """It pauses this connection too, so nothing more is asked."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"CLIENT PAUSE 2500 ALL\r\n")
        assert connection.recv(5) == b"+OK\r\n"


BREAKS: dict[str, Callable[[PrivateServer], Any]] = {
    "restart": PrivateServer.restart,
    "crash": kill_and_start,
    "kill connections": lambda server: tiny.ask(server.port, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES"),
    "pause": pause,
    "drop the library": lambda server: tiny.ask(server.port, "FUNCTION", "FLUSH", "SYNC"),
}


@pytest.mark.parametrize("how", BREAKS)
async def test_it_is_survived_and_told_once(server: PrivateServer, make_site: MakeSite, how: str) -> None:
    site = await make_site(server.port)
    for _ in range(2):
        await site.survives(lambda: BREAKS[how](server))
    assert len(site.event_errors) <= 2


async def test_an_outage_longer_than_calls_are_repeated_is_told_once(
    server: PrivateServer, make_site: MakeSite
) -> None:
    site = await make_site(server.port, retry_timeout=300, connect_timeout=300)
    job_id = await site.start_job()
    site.errors.clear()
    server.kill()
    site.running[job_id].set()
    given_up = time.monotonic() + 2  # and made again, several times
    await until(lambda: time.monotonic() > given_up)
    server.start()
    await until(lambda: job_id in site.completed and job_id in site.seen)
    assert len(site.errors) == 1
    assert len(site.event_errors) == 1
    await site.end_job(await site.start_job())


@pytest.fixture
def replica(server: PrivateServer) -> Iterator[PrivateServer]:
    with PrivateServer({"appendonly": "yes"}) as replica:
        tiny.ask(replica.port, "REPLICAOF", "127.0.0.1", str(server.port))
        tiny.until(lambda: "master_link_status:up" in tiny.ask(replica.port, "INFO", "replication"))
        yield replica


def promote(server: PrivateServer, replica: PrivateServer) -> None:
    """Once it has all: what was not replicated would be lost, whatever a client does."""
    tiny.ask(server.port, "CLIENT", "PAUSE", "60000", "WRITE")
    tiny.caught_up(server.port, replica.port)
    tiny.ask(replica.port, "REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("how", ["crash", "switchover"])
async def test_a_failover_is_survived_and_told_once(
    server: PrivateServer, replica: PrivateServer, make_site: MakeSite, how: str
) -> None:
    def fail_over() -> None:
        promote(server, replica)
        if how == "crash":
            server.kill()
        else:
            tiny.ask(server.port, "REPLICAOF", "127.0.0.1", str(replica.port))
            tiny.ask(server.port, "CLIENT", "UNPAUSE")

    site = await make_site(server.port, replica.port)
    await site.survives(fail_over)
    counts = await site.queue.get_job_counts()
    assert (counts.completed, counts.waiting, counts.active) == (2, 0, 0)


async def test_a_restart_of_a_node_of_a_cluster_is_survived_and_told_once(
    nodes: list[PrivateServer],  # noqa: F811 - a fixture
    make_site: MakeSite,
) -> None:
    site = await make_site(nodes[0].port, cluster=True)
    (home,) = [node for node in nodes if tiny.ask(node.port, "EXISTS", "glide:{q}:meta").startswith(":")]
    await site.survives(home.restart)
