"""The synchronous face on a real server: threads, forks, other event loops, restarts, and the end of the process."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb import Connection, QueueConnectionError
from glidemq_pb.server import PrivateServer
from glidemq_pb.sync import Queue

from . import tiny
from .test_processes import ROOT

AnyQueue = Queue[Any, Any]
DEADLINE_SECONDS = 60.0
PATIENT = "?request_timeout=300000&connect_timeout=300000"
"""A call that is never answered is waited for so much longer than for the program's end."""


@pytest.fixture
def name() -> str:
    return f"sync-{uuid4().hex}"


@pytest.fixture
def queue(valkey_server: PrivateServer, name: str) -> Iterator[AnyQueue]:
    with AnyQueue(name, connection=valkey_server.url) as queue:
        yield queue


def said_by(server: PrivateServer, name: str, what: str) -> list[str]:
    """What a program of `sync_process` printed; it must end well, in time, and complain of nothing."""
    program = [sys.executable, "-W", "error", "-m", "tests.integration.sync_process", server.url + PATIENT, name, what]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_threads_share_one_connection(own_server: PrivateServer) -> None:
    with AnyQueue("q", connection=own_server.url) as queue:
        queue.connect()
        with ThreadPoolExecutor(16) as threads:
            jobs = list(threads.map(lambda n: queue.add("a", n), range(400)))
        assert len({job.id for job in jobs if job is not None}) == queue.count() == 400
        assert tiny.ask(own_server.port, "CLIENT", "LIST").count("name=glidemq_pb") == 1
    tiny.until(lambda: "name=glidemq_pb" not in tiny.ask(own_server.port, "CLIENT", "LIST"))


def test_a_process_ends_at_once_with_open_connections_and_calls_under_way(
    valkey_server: PrivateServer, name: str
) -> None:
    assert said_by(valkey_server, name, "ends") == ["added 1"]
    assert said_by(valkey_server, name, "ends_in_a_call") == ["begun True"]


def test_forked_children_use_what_their_parent_made(valkey_server: PrivateServer, name: str) -> None:
    assert said_by(valkey_server, name, "forks") == ["codes [0, 0, 0] jobs 5 state waiting"]


def test_so_do_their_children_whatever_other_threads_did_at_the_fork(valkey_server: PrivateServer, name: str) -> None:
    assert said_by(valkey_server, name, "grandchild") == ["code 0 jobs 2"]


def test_a_multiprocessing_pool_adds_jobs(valkey_server: PrivateServer, name: str) -> None:
    assert said_by(valkey_server, name, "pool") == ["added 6 6"]


def test_beside_an_event_loop_that_came_first_and_after_its_end(valkey_server: PrivateServer, name: str) -> None:
    assert said_by(valkey_server, name, "beside_a_loop") == ["during 21", "after 21", "during 42", "again 42"]


def test_an_event_loop_beside_it_is_heard(queue: AnyQueue, valkey_server: PrivateServer) -> None:
    import glidemq_pb

    async def main() -> int:
        async with glidemq_pb.Queue[Any, Any](queue.name, connection=valkey_server.url) as other:
            await other.add("b")
            return await other.count()

    queue.add("a")
    assert asyncio.run(main()) == 2
    assert asyncio.run(main()) == 3


def test_a_restart_is_bridged(own_server: PrivateServer) -> None:
    with AnyQueue("q", connection=own_server.url) as queue:
        queue.count()
        own_server.restart()
        queue.add("a")
        assert queue.count() == 1


def test_a_server_that_stays_away_is_an_error_in_time(own_server: PrivateServer) -> None:
    connection = Connection([("127.0.0.1", own_server.port)], retry_timeout=1_000, request_timeout=1_000)
    with AnyQueue("q", connection=connection) as queue:
        queue.count()
        own_server.kill()
        with pytest.raises(QueueConnectionError, match=r"127\.0\.0\.1"):
            queue.add("a")
