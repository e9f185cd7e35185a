"""QueueEvents on a real server: its connections, and what it survives."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb import Connection, Queue, QueueConnectionError, QueueEvent, QueueEvents
from glidemq_pb.backends import connect_backend
from glidemq_pb.server import PrivateServer

from . import tiny

DEADLINE_SECONDS = 60.0
READ_SECONDS = 4.0
"""Less than a blocking read lasts."""


class Observed:
    """A queue that is watched from outside, and what its watcher said."""

    def __init__(self, server: PrivateServer, stack: AsyncExitStack) -> None:
        self.name = uuid4().hex
        self.queue: Queue[Any, Any] = Queue(self.name, connection=server.url)
        self.events = QueueEvents(self.name, connection=server.url)
        self.errors: list[BaseException] = []
        self.events.on("error", self.errors.append)
        stack.push_async_callback(self.queue.close)
        stack.push_async_callback(self.events.close)

    async def next(self) -> QueueEvent:
        return await asyncio.wait_for(anext(self.events), DEADLINE_SECONDS)

    async def added(self) -> None:
        """Add a job and see its event, all that comes before it being an error of this test."""
        job = await self.queue.add("a")
        assert job is not None
        event = await self.next()
        assert (event.name, event.job_id) == ("added", job.id)


@asynccontextmanager
async def observed(server: PrivateServer) -> AsyncIterator[Observed]:
    async with AsyncExitStack() as stack:
        found = Observed(server, stack)
        await found.events.connect()
        yield found


async def waiting(server: PrivateServer, clients: int = 1) -> None:
    """Wait until so many blocking reads have reached the server."""
    await asyncio.to_thread(
        tiny.until, lambda: f"blocked_clients:{clients}\r\n" in tiny.ask(server.port, "INFO", "clients")
    )


def names(server: PrivateServer) -> list[str]:
    """The names of all clients of ours that are connected."""
    return sorted(re.findall(r" name=(glidemq_pb\S*)", tiny.ask(server.port, "CLIENT", "LIST")))


async def only(server: PrivateServer, *expected: str) -> None:
    """Wait until these are all: a server hears a little later that a connection was closed."""
    await asyncio.to_thread(tiny.until, lambda: names(server) == sorted(expected))


async def test_sc_1_it_has_one_connection_of_its_own(own_server: PrivateServer) -> None:
    async with QueueEvents("q", connection=own_server.url) as events:
        reading = asyncio.ensure_future(anext(events))
        await waiting(own_server)
        assert len(names(own_server)) == 1
        reading.cancel()
    await only(own_server)
    async with Queue[Any, Any]("q", connection=own_server.url) as queue:
        before = names(own_server)
        async with QueueEvents("q", backend=queue.backend) as events:
            reading = asyncio.ensure_future(anext(events))
            await waiting(own_server)
            assert len(names(own_server)) == len(before) + 1
            await asyncio.wait_for(queue.count(), READ_SECONDS)  # nothing of the queue waits for it
            reading.cancel()
        await only(own_server, *before)


async def test_a_lent_client_is_not_read_on(own_server: PrivateServer) -> None:
    import glide

    client = await glide.GlideClient.create(
        glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", own_server.port)], request_timeout=3_000)
    )
    backend = connect_backend(client=client)
    async with QueueEvents("q", backend=backend) as events:
        reading = asyncio.ensure_future(anext(events))
        await waiting(own_server)
        assert await asyncio.wait_for(client.ping(), DEADLINE_SECONDS) == b"PONG"
        queue: Queue[Any, Any] = Queue("q", backend=backend)
        await queue.add("a")
        assert (await asyncio.wait_for(reading, DEADLINE_SECONDS)).name == "added"
    await backend.close()
    await client.close()


@pytest.mark.parametrize("how", ["restart", "kill connections", "drop the library"])
async def test_evt_5_it_survives_and_says_so_once(durable_server: PrivateServer, how: str) -> None:
    async with observed(durable_server) as one:
        for _ in range(3):
            await one.added()
            reading = asyncio.ensure_future(one.next())
            await waiting(durable_server)
            one.errors.clear()
            if how == "restart":
                await asyncio.to_thread(durable_server.restart)
            elif how == "kill connections":
                tiny.ask(durable_server.port, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
            else:
                tiny.ask(durable_server.port, "FUNCTION", "FLUSH", "SYNC")
            job = await one.queue.add("a")
            assert job is not None
            event = await reading
            assert (event.name, event.job_id) == ("added", job.id)
            assert [type(error) for error in one.errors] == [QueueConnectionError] * (how != "drop the library")


async def test_evt_5_an_outage_is_told_once_for_iteration_and_listeners(durable_server: PrivateServer) -> None:
    async with observed(durable_server) as one:
        heard: list[QueueEvent] = []
        one.events.on("added", heard.append)
        await one.added()
        reading = asyncio.ensure_future(one.next())
        await waiting(durable_server, 2)
        durable_server.kill()
        both = vars(vars(one.events)["_outages"])
        await asyncio.to_thread(tiny.until, lambda: len(both["_cut_off"]) == 2)
        await asyncio.to_thread(durable_server.start)
        await one.queue.add("b")
        assert (await reading).data == {"name": "b"}
        await asyncio.to_thread(tiny.until, lambda: len(heard) == 2)
        assert len(one.errors) == 1
        assert "127.0.0.1" in str(one.errors[0])


async def test_evt_5_a_store_that_lost_its_data_is_told_and_read_from_its_oldest_event(
    own_server: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glidemq_pb.backends.valkey.reader.BLOCK_MS", 50)
    monkeypatch.setattr("glidemq_pb.backends.valkey.reader.GRACE_MS", 30_000)
    async with observed(own_server) as one:
        for _ in range(3):
            await one.added()
        tiny.ask(own_server.port, "FLUSHALL")
        await one.queue.add("b")
        event = await one.next()
        assert (event.id, event.data) == ("1", {"name": "b"})
        (error,) = one.errors
        assert "the store lost data" in str(error)


async def test_a_server_that_is_away_at_the_beginning_is_an_error(own_server: PrivateServer) -> None:
    own_server.kill()
    events = QueueEvents("q", connection=Connection([("127.0.0.1", own_server.port)], connect_timeout=3_000))
    with pytest.raises(QueueConnectionError, match=r"127\.0\.0\.1"):
        await events.connect()
    await asyncio.to_thread(own_server.start)
    await events.connect()
    await events.close()


async def test_closing_ends_a_wait_at_once_also_while_the_server_is_away(own_server: PrivateServer) -> None:
    async with observed(own_server) as one:
        reading = asyncio.ensure_future(anext(one.events))
        await waiting(own_server)
        async with asyncio.timeout(READ_SECONDS):
            await one.events.close()
        with pytest.raises(StopAsyncIteration):
            await reading
        await waiting(own_server, 0)
    async with observed(own_server) as one:
        reading = asyncio.ensure_future(anext(one.events))
        await waiting(own_server)
        own_server.kill()
        await asyncio.to_thread(tiny.until, lambda: len(one.errors) > 0)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await one.events.close()
            with pytest.raises(StopAsyncIteration):
                await reading
