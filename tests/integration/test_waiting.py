"""Waiting for the end of jobs on a real server: its one connection, and what no cut may lose."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import glide
import pytest

from glidemq_pb import Job, Queue, Worker
from glidemq_pb.server import PrivateServer
from tests.properties.profile import DEEP

from . import tiny

WAITS = 100
CALLS = 1_000 if DEEP else 100
DEADLINE_SECONDS = 60.0


def clients(server: PrivateServer) -> int:
    """How many connections the server has, without the one that asks."""
    return len(re.findall(r"^id=|\nid=", tiny.ask(server.port, "CLIENT", "LIST"))) - 1


async def reach(server: PrivateServer, connections: int) -> None:
    """Connections open and close a little after whoever wants it goes on, a worker's second one for example."""
    await asyncio.to_thread(tiny.until, lambda: clients(server) == connections)


async def doubled(job: Job[Any, Any]) -> int:
    await asyncio.sleep(0)
    found: int = job.data * 2
    return found


async def test_job_15_a_hundred_waits_take_one_connection_more(own_server: PrivateServer) -> None:
    async with (
        Queue[int, int]("rpc", connection=own_server.url) as queue,
        Worker[int, int]("rpc", doubled, connection=own_server.url, concurrency=20),
    ):
        assert await queue.count() == 0
        before = 3  # one of the queue, two of the worker
        await reach(own_server, before)
        waiting = [queue.add_and_wait("double", n, remove_on_complete=True) for n in range(WAITS)]
        assert await asyncio.gather(*waiting) == [2 * n for n in range(WAITS)]
        assert clients(own_server) == before + 1
        assert await queue.add_and_wait("double", 4) == 8
        assert clients(own_server) == before + 1
    await reach(own_server, 0)
    kept = tiny.ask(own_server.port, "KEYS", "*")
    assert ":answer" not in kept
    assert ":reply" not in kept


async def test_job_15_a_queue_on_a_borrowed_client_waits_on_a_connection_of_its_own(own_server: PrivateServer) -> None:
    address = glide.NodeAddress("127.0.0.1", own_server.port)
    client = await glide.GlideClient.create(glide.GlideClientConfiguration([address]))
    async with Worker[int, int]("rpc", doubled, connection=own_server.url):
        async with Queue[int, int]("rpc", client=client) as queue:
            before = 3  # the borrowed one, two of the worker
            await reach(own_server, before)
            waiting = [queue.add_and_wait("double", n, delay=500) for n in range(3)]
            assert await asyncio.gather(*waiting) == [0, 2, 4]
            assert clients(own_server) == before + 1
        await reach(own_server, before)
        assert await client.ping() == b"PONG"
    await client.close()


@pytest.mark.parametrize("how", ["restart", "kill connections", "drop the library"])
async def test_job_15_no_answer_is_lost_to_what_happens_to_the_server_meanwhile(
    durable_server: PrivateServer, how: str
) -> None:
    go_on = asyncio.Event()
    running: list[str] = []

    async def work(job: Job[int, int]) -> int:
        running.append(job.id)
        await go_on.wait()
        return job.data * 2

    name = uuid4().hex
    async with (
        Queue[int, int](name, connection=durable_server.url) as queue,
        Worker[int, int](name, work, connection=durable_server.url, concurrency=10) as worker,
    ):
        worker.on("error", lambda error: None)
        adding = [
            asyncio.ensure_future(queue.add_and_wait("a", n, wait_timeout=60_000, remove_on_complete=True))
            for n in range(20)
        ]
        await asyncio.to_thread(tiny.until, lambda: len(running) >= 10)
        if how == "restart":
            await asyncio.to_thread(durable_server.restart)
        elif how == "kill connections":
            tiny.ask(durable_server.port, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
        else:
            tiny.ask(durable_server.port, "FUNCTION", "FLUSH", "SYNC")
        go_on.set()
        results = await asyncio.wait_for(asyncio.gather(*adding), DEADLINE_SECONDS)
        assert results == [2 * n for n in range(20)]


async def test_job_15_calls_go_on_while_all_connections_are_killed_again_and_again(
    own_server: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was popped when its connection broke is lost: the store is then asked without it."""
    monkeypatch.setattr("glidemq_pb.waiting.LOOK_MS", 200)
    done = 0

    async def call(queue: Queue[int, int], n: int) -> None:
        nonlocal done
        assert await queue.add_and_wait("double", n, wait_timeout=60_000, remove_on_complete=True) == 2 * n
        done += 1

    async with (
        Queue[int, int]("rpc", connection=own_server.url) as queue,
        Worker[int, int]("rpc", doubled, connection=own_server.url, concurrency=10) as worker,
    ):
        worker.on("error", lambda error: None)
        calls = asyncio.gather(*[call(queue, n) for n in range(CALLS)])
        for share in (0.2, 0.5, 0.8):
            await asyncio.to_thread(tiny.until, lambda share=share: done >= share * CALLS)  # type: ignore[misc]
            tiny.ask(own_server.port, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
        await asyncio.wait_for(calls, DEADLINE_SECONDS)
    assert done == CALLS
