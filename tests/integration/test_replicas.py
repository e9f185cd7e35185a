"""`read_from`: what people look at may come from a replica; what is decided by, and what changes, never does."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import glide
import pytest

from glidemq_pb import Connection, Job, Queue, Schedule, Worker
from glidemq_pb.server import PrivateServer

from . import tiny


@pytest.fixture
def replica(own_server: PrivateServer) -> Iterator[PrivateServer]:
    with PrivateServer() as server:
        tiny.ask(server.port, "REPLICAOF", "127.0.0.1", str(own_server.port))
        tiny.until(lambda: "master_link_status:up" in tiny.ask(server.port, "INFO", "replication"))
        yield server


async def process(job: Job[Any, Any]) -> None:
    """Does nothing."""


def calls(server: PrivateServer, command: str) -> int:
    """How often a command was called there."""
    found = re.search(rf"cmdstat_{command}:calls=(\d+)", tiny.ask(server.port, "INFO", "commandstats"))
    return 0 if found is None else int(found[1])


async def test_looking_goes_to_the_replica_and_the_rest_to_the_primary(
    own_server: PrivateServer, replica: PrivateServer
) -> None:
    addresses = [("127.0.0.1", own_server.port), ("127.0.0.1", replica.port)]
    connection = Connection(addresses, read_from="prefer_replica")
    queue = Queue[Any, Any]("tasks", connection=connection, dead_letter_queue="dead")
    async with queue, Worker[Any, Any]("tasks", process, connection=connection):
        assert await queue.add_and_wait("a", wait_timeout=tiny.LONG_MS) is None
        await queue.upsert_job_scheduler("s", Schedule("0 8 * * *"))
        assert (await queue.get_job_counts()).completed == 1
        assert await queue.clean(0, 10, "completed") == ["1"]
        await queue.drain()
        assert calls(replica, "fcall_ro") == 0
        job = await queue.add("b", delay=60_000)
        assert job is not None
        await asyncio.to_thread(tiny.caught_up, own_server.port, replica.port)
        looks = [
            queue.get_job(job.id),
            queue.get_jobs("delayed"),
            queue.get_job_logs(job.id),
            queue.get_metrics("completed"),
            queue.get_workers(),
            queue.get_global_rate_limit(),
            queue.get_job_scheduler("s"),
            queue.explain(job.id),
            queue.is_paused(),
            queue.get_dead_letter_jobs(),
            job.get_state(),
        ]
        for number, look in enumerate(looks, 1):
            before = calls(replica, "fcall_ro")
            await look
            assert calls(replica, "fcall_ro") > before, f"look {number} did not go to the replica"
        await queue.obliterate(force=True)


async def test_a_shared_client_reads_from_where_its_owner_wants(
    own_server: PrivateServer, replica: PrivateServer
) -> None:
    addresses = [glide.NodeAddress("127.0.0.1", server.port) for server in (own_server, replica)]
    client = await glide.GlideClient.create(
        glide.GlideClientConfiguration(addresses, read_from=glide.ReadFrom.PREFER_REPLICA, request_timeout=5_000)
    )
    async with Queue[Any, Any]("tasks", client=client) as queue:
        await queue.add("a")
        await asyncio.to_thread(tiny.caught_up, own_server.port, replica.port)  # it has the library
        assert calls(replica, "fcall_ro") == 0
        await queue.is_paused()
        assert calls(replica, "fcall_ro") == 1
    await client.close()


async def test_a_zone_has_its_own_replica(own_server: PrivateServer, replica: PrivateServer) -> None:
    with PrivateServer() as elsewhere:
        tiny.ask(elsewhere.port, "REPLICAOF", "127.0.0.1", str(own_server.port))
        for server, zone in ((own_server, "a"), (replica, "b"), (elsewhere, "c")):
            tiny.ask(server.port, "CONFIG", "SET", "availability-zone", zone)
        await asyncio.to_thread(
            tiny.until, lambda: "master_link_status:up" in tiny.ask(elsewhere.port, "INFO", "replication")
        )
        addresses = [("127.0.0.1", server.port) for server in (own_server, elsewhere, replica)]
        connection = Connection(addresses, read_from="az_affinity", client_az="b")
        async with Queue[Any, Any]("tasks", connection=connection) as queue:
            await asyncio.to_thread(tiny.caught_up, own_server.port, replica.port, elsewhere.port)
            for _ in range(10):
                await queue.is_paused()
        assert [calls(server, "fcall_ro") for server in (own_server, elsewhere, replica)] == [0, 0, 10]
