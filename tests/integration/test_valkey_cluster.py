"""A cluster of three: each queue lives on one node, and the library on all of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import partial

import glide
import pytest

from glidemq_pb import Queue, QueueEvents
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.connection import Connection, parse
from glidemq_pb.errors import QueueConnectionError
from glidemq_pb.semantics import jobs, reads
from glidemq_pb.semantics.records import JobBatch
from glidemq_pb.server import PrivateServer, free_port
from tests import summary
from tests.properties.profile import DEEP
from tests.rules.flow_histories import FlowHistory
from tests.rules.world import ValkeySide, World

from . import tiny
from .conftest import MakeBackend

SLOTS = 16_384
QUEUES = 12
FLOW_HISTORIES = 20 if DEEP else 1


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[PrivateServer]]:
    """Three primaries that share the slots, without replicas."""
    with ExitStack() as stack:
        # By itself a node takes its own port + 10,000 for the bus, which may be above the last port there is.
        buses: set[int] = set()
        while len(buses) < 3:
            buses.add(free_port())
        servers = [
            stack.enter_context(
                PrivateServer(
                    {
                        "cluster-enabled": "yes",
                        "cluster-node-timeout": "30000",
                        "cluster-port": str(bus),
                        "appendonly": "yes",
                    }
                )
            )
            for bus in buses
        ]
        ports = [server.port for server in servers]
        for i, port in enumerate(ports):
            last = SLOTS - 1 if i == len(ports) - 1 else (i + 1) * (SLOTS // 3) - 1
            assert tiny.ask(port, "CLUSTER", "ADDSLOTSRANGE", str(i * (SLOTS // 3)), str(last)) == "+OK\r\n"
            assert tiny.ask(port, "CLUSTER", "SET-CONFIG-EPOCH", str(i + 1)) == "+OK\r\n"
        for port, bus in zip(ports[1:], list(buses)[1:], strict=True):
            tiny.ask(ports[0], "CLUSTER", "MEET", "127.0.0.1", str(port), str(bus))
        for port in ports:
            tiny.until(lambda: _knows_all(port))  # noqa: B023 - it is called here and now
        yield servers


def _knows_all(port: int) -> bool:
    information = tiny.ask(port, "CLUSTER", "INFO")
    return "cluster_state:ok" in information and "cluster_known_nodes:3" in information


@pytest.fixture
async def backend(nodes: list[PrivateServer]) -> AsyncIterator[ValkeyBackend]:
    connection = Connection([("127.0.0.1", nodes[0].port)], cluster=True)
    backend = ValkeyBackend(connection, library=tiny.library("cluster"))
    yield backend
    await backend.close()


async def test_queues_live_on_all_nodes(nodes: list[PrivateServer], backend: ValkeyBackend) -> None:
    roots = [f"glide:{{queue-{i}}}" for i in range(QUEUES)]
    assert await asyncio.gather(*(backend.call(tiny.bump, root, "one") for root in roots)) == [1] * QUEUES
    assert all(tiny.ask(node.port, "DBSIZE") not in (":0\r\n", f":{2 * QUEUES}\r\n") for node in nodes)


async def test_nodes_that_forgot_the_library_get_it_again(
    nodes: list[PrivateServer], backend: ValkeyBackend, root: str
) -> None:
    await backend.connect()
    for node in nodes[:2]:
        tiny.ask(node.port, "FUNCTION", "FLUSH")
    for i in range(QUEUES):
        assert await backend.call(tiny.bump, f"glide:{{{root[7:-1]}-{i}}}", "one") == 1
    assert all("glidemq_pb_bump_cluster" in tiny.ask(node.port, "FUNCTION", "LIST") for node in nodes)


async def test_a_node_that_restarts_is_bridged(nodes: list[PrivateServer], backend: ValkeyBackend, root: str) -> None:
    roots = [f"glide:{{{root[7:-1]}-{i}}}" for i in range(QUEUES)]
    await asyncio.gather(*(backend.call(tiny.bump, queue, "one") for queue in roots))
    await asyncio.to_thread(nodes[2].restart)
    await asyncio.gather(*(backend.call(tiny.bump, queue, "two") for queue in roots))


async def test_listening_on_a_cluster(nodes: list[PrivateServer], backend: ValkeyBackend, root: str) -> None:
    listener = await backend.listener()
    keys = [f"{root}:wake", f"{root}:control"]
    assert await listener.listen(keys, 1) is None
    # Whichever node it is that owns the queue: the others answer MOVED.
    replies = [tiny.ask(node.port, "RPUSH", keys[1], "x") for node in nodes]
    assert sorted(reply[:1] for reply in replies) == ["-", "-", ":"]
    assert await listener.listen(keys, tiny.LONG_MS) == (keys[1], "x")


def somebody_waits_on(nodes: list[PrivateServer]) -> bool:
    return any(not re.search("blocked_clients:0\r", tiny.ask(node.port, "INFO", "clients")) for node in nodes)


async def test_events_of_queues_on_all_nodes(nodes: list[PrivateServer], root: str) -> None:
    url = f"valkey://127.0.0.1:{nodes[0].port}?cluster=1"
    for i in range(3):
        name = f"{root[7:-1]}-events-{i}"
        async with Queue[None, None](name, connection=url) as queue, QueueEvents(name, connection=url) as events:
            for _ in range(2):
                reading = asyncio.ensure_future(anext(events))
                await asyncio.to_thread(tiny.until, partial(somebody_waits_on, nodes))
                await queue.add("a")
                assert (await asyncio.wait_for(reading, 60)).name == "added"


async def test_the_packaged_library_on_a_cluster(nodes: list[PrivateServer]) -> None:
    connection = parse(f"valkey://127.0.0.1:{nodes[1].port}?cluster=1")
    assert isinstance(connection, Connection)
    backend = ValkeyBackend(connection)
    for i in range(QUEUES):
        batch = JobBatch(["n"] * 10, ["d"] * 10, [], [])
        await backend.call(jobs.enqueue, f"glide:{{packaged-{i}}}", "call", batch, [], 0)
        assert (await backend.call(reads.count_jobs, f"glide:{{packaged-{i}}}")).waiting == 10
    await backend.close()


async def test_a_borrowed_cluster_client(nodes: list[PrivateServer], root: str) -> None:
    client = await glide.GlideClusterClient.create(
        glide.GlideClusterClientConfiguration([glide.NodeAddress("127.0.0.1", nodes[0].port)], request_timeout=5_000)
    )
    backend = ValkeyBackend(None, client=client, library=tiny.library("cluster"))
    assert await backend.call(tiny.bump, root, "one") == 1
    listener = await backend.listener()
    for node in nodes:
        tiny.ask(node.port, "RPUSH", f"{root}:list", "x")
    assert await listener.listen([f"{root}:list"], tiny.LONG_MS) == (f"{root}:list", "x")
    await backend.close()
    await client.close()


@pytest.mark.parametrize("seed", range(2000, 2000 + FLOW_HISTORIES))
async def test_flows_over_the_nodes_of_a_cluster(nodes: list[PrivateServer], seed: int) -> None:
    """As on one server (see `tests/rules/test_flow_histories.py`); five queues are on two nodes at least."""
    side = ValkeySide(*(node.port for node in nodes))
    world = World(side)
    try:
        history = FlowHistory(world, seed)
        await history.live(4)
    finally:
        await world.close()
        side.close()
    for what, count in history.numbers().items():
        summary.record(f"random flows on a cluster: {what}", count)


async def test_nobody_listens(make_backend: MakeBackend) -> None:
    with pytest.raises(QueueConnectionError, match="cannot be reached"):
        await make_backend(1, cluster=True, connect_timeout=1_000).connect()


async def test_a_cluster_client_for_a_single_server_is_told(
    valkey_server: PrivateServer, make_backend: MakeBackend
) -> None:
    with pytest.raises(QueueConnectionError, match="a single server needs cluster=False"):
        await make_backend(valkey_server.port, cluster=True).connect()


async def test_a_plain_client_for_a_cluster_is_told(nodes: list[PrivateServer], make_backend: MakeBackend) -> None:
    """At the first queue that lives on another node: at once, and nothing was written."""
    backend = make_backend(nodes[0].port)
    results = await asyncio.gather(
        *(backend.call(tiny.bump, f"glide:{{plain-{number}}}", "one") for number in range(QUEUES)),
        return_exceptions=True,
    )
    refused = [result for result in results if result != 1]
    assert 0 < len(refused) < QUEUES
    assert all(isinstance(one, QueueConnectionError) and "give cluster=True" in str(one) for one in refused)
