"""SC: one client for many components, or a connection of its own for each; counted on the server."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import glide
import pytest

from glidemq_pb import (
    ClosedError,
    Connection,
    FlowJob,
    FlowProducer,
    InvalidOptionsError,
    Job,
    NewJob,
    Producer,
    Queue,
    QueueConnectionError,
    QueueEvents,
    Worker,
)
from glidemq_pb.server import PrivateServer

from . import tiny
from .proxy import CuttingProxy

MakeClient = Callable[..., Any]

AT_ONCE_SECONDS = 20.0
"""Less than calls are repeated for, and than their answers are waited for where they are paused."""


@pytest.fixture(scope="module")
def counted() -> Iterator[PrivateServer]:
    """A server on which nobody else has a connection, and which these tests leave as it is."""
    with PrivateServer() as server:
        yield server


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    """`make_client(port, **options)`: a glide client of the test's own, closed at the end.

    Its timeout is longer than the client's own 250 ms, which a busy machine may take.
    """
    async with AsyncExitStack() as stack:

        async def make(port: int, **options: Any) -> glide.GlideClient:
            addresses = [glide.NodeAddress("127.0.0.1", port)]
            client = await glide.GlideClient.create(
                glide.GlideClientConfiguration(addresses, **{"request_timeout": 10_000} | options)
            )
            stack.push_async_callback(client.close)
            return client

        yield make


async def process(job: Job[Any, Any]) -> None:
    """Does nothing."""


def names(port: int) -> list[str]:
    """The names of all connections but the one that asks; one without a name counts as `?`."""
    lines = tiny.ask(port, "CLIENT", "LIST").splitlines()
    found = [re.search(r" name=(\S*) .*cmd=(\S+)", line) for line in lines]
    return sorted(one[1] or "?" for one in found if one is not None and one[2] != "client|list")


async def expect(port: int, *expected: str) -> None:
    """Wait until exactly these connections are there."""
    await asyncio.to_thread(tiny.until, lambda: names(port) == sorted(expected))


# --- how many --------------------------------------------------------------------------------------------------------


async def test_sc_1_the_seeds_table_with_dedicated_connections(counted: PrivateServer) -> None:
    """Queue 1, FlowProducer 1, Worker 2, QueueEvents 1: 5 in all; a Producer is one more."""
    url = counted.url
    async with AsyncExitStack() as stack:
        await expect(counted.port)
        queue = await stack.enter_async_context(Queue[Any, Any]("jobs", connection=url))
        await queue.add("a")
        await expect(counted.port, "glidemq_pb:jobs:queue:commands")
        await stack.enter_async_context(Worker[Any, Any]("jobs", process, connection=url))
        worker = ["glidemq_pb:jobs:worker:commands", "glidemq_pb:jobs:worker:listener"]
        await expect(counted.port, "glidemq_pb:jobs:queue:commands", *worker)
        events = await stack.enter_async_context(QueueEvents("jobs", connection=url, last_event_id="0"))
        assert (await anext(events)).name == "added"
        flow = await stack.enter_async_context(FlowProducer(connection=url))
        await flow.add(FlowJob("parent", queue_name="jobs", children=[FlowJob("child", queue_name="jobs")]))
        all_but_the_producer = [
            "glidemq_pb:jobs:queue:commands",
            *worker,
            "glidemq_pb:jobs:events:reader",
            "glidemq_pb:flow:commands",
        ]
        await expect(counted.port, *all_but_the_producer)
        producer = await stack.enter_async_context(Producer[Any]("jobs", connection=url))
        await producer.add("b")
        await expect(counted.port, *all_but_the_producer, "glidemq_pb:jobs:producer:commands")
        await queue.obliterate(force=True)
    await expect(counted.port)


async def test_sc_1_sc_2_the_seeds_table_with_a_shared_client(counted: PrivateServer, make_client: MakeClient) -> None:
    """One, and one more for each Worker and each QueueEvents."""
    url = counted.url
    client = await make_client(counted.port, client_name="shared")
    async with AsyncExitStack() as stack:
        queue = await stack.enter_async_context(Queue[Any, Any]("shared-jobs", client=client))
        producer = await stack.enter_async_context(Producer[Any]("shared-jobs", client=client))
        flow = await stack.enter_async_context(FlowProducer(client=client))
        assert await producer.add("a") is not None
        await flow.add(FlowJob("parent", queue_name="shared-jobs", children=[FlowJob("b", queue_name="shared-jobs")]))
        await expect(counted.port, "shared")
        for options in ({"command_client": client}, {"client": client}):
            await stack.enter_async_context(Worker[Any, Any]("shared-jobs", process, connection=url, **options))
        listeners = ["glidemq_pb:shared-jobs:worker:listener"] * 2
        await expect(counted.port, "shared", *listeners)
        events = await stack.enter_async_context(QueueEvents("shared-jobs", connection=url, last_event_id="0"))
        assert (await anext(events)).name == "added"
        await expect(counted.port, "shared", "glidemq_pb:shared-jobs:events:reader", *listeners)
        await queue.obliterate(force=True)
    await expect(counted.port, "shared")


async def test_names_of_connections_are_printable_for_any_queue_name(counted: PrivateServer) -> None:
    async with Queue[Any, Any]("a b/ü", connection=counted.url):
        await expect(counted.port, "glidemq_pb:a%20b%2F%C3%BC:queue:commands")
    connection = Connection([("127.0.0.1", counted.port)], client_name="mine")
    async with Worker[Any, Any]("tasks", process, connection=connection):
        await expect(counted.port, "mine", "mine")


# --- who owns what ---------------------------------------------------------------------------------------------------


async def test_sc_2_sc_3_sc_4_what_cannot_be_built(
    counted: PrivateServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLIDEMQ_URL", raising=False)
    client = await make_client(counted.port)
    url = counted.url
    build: list[tuple[str, Callable[[], object]]] = [
        ("same thing", lambda: Worker("q", process, connection=url, client=client, command_client=client)),
        ("no store was named", lambda: Worker("q", process, client=client)),
        ("no store was named", lambda: Worker("q", process, command_client=client)),
        ("no store was named", lambda: Worker("q", process)),
        ("no store was named", lambda: Queue("q")),
        ("no store was named", lambda: Producer("q")),
        ("no store was named", FlowProducer),
        (
            "QueueEvents does not accept an injected `client`",
            lambda: QueueEvents("q", connection=url, client=client),
        ),
        ("a client cannot reach that store", lambda: Queue("q", connection="memory://", client=client)),
        ("allowed: a glide.GlideClient", lambda: Queue("q", client=url)),  # type: ignore[arg-type]
        ("two ways to the same place", lambda: Queue("q", connection=f"{url}?cluster=1", client=client)),
        (
            "client and a backend",
            lambda: Queue("q", client=client, backend=Queue[Any, Any]("q", client=client).backend),
        ),
    ]
    for told, make in build:
        with pytest.raises(InvalidOptionsError, match=re.escape(told)):
            make()
    monkeypatch.setenv("GLIDEMQ_URL", url)
    worker: Worker[Any, Any] = Worker("q", process, client=client)
    async with worker:
        assert worker.is_running()


async def test_sc_5_sc_6_closing_detaches_and_others_go_on(counted: PrivateServer, make_client: MakeClient) -> None:
    client = await make_client(counted.port)
    first, second = Queue[Any, Any]("one", client=client), Queue[Any, Any]("two", client=client)
    producer = Producer[Any]("two", client=client)
    worker: Worker[Any, Any] = Worker("two", process, connection=counted.url, client=client)
    await first.add("a")
    await first.obliterate()
    await first.close()
    with pytest.raises(ClosedError):
        await first.add("a")
    await producer.add("b", job_id="mine")
    await producer.close()
    async with FlowProducer(client=client) as flow:
        await flow.add(FlowJob("d", queue_name="two"))
    await worker.start()
    await worker.close()
    await second.add("c")
    await expect(counted.port, "?")  # the client alone, whose owner gave it no name
    await second.obliterate()
    await second.close()
    assert await client.ping() == b"PONG"


# --- setup, and many at once -----------------------------------------------------------------------------------------


async def test_sc_8_components_that_start_together_set_up_once(
    own_server: PrivateServer, make_client: MakeClient
) -> None:
    client = await make_client(own_server.port)
    components = [Queue[Any, Any](f"q{number}", client=client) for number in range(20)]
    await asyncio.gather(*(component.connect() for component in components))
    await asyncio.gather(*(component.add("a") for component in components))
    calls = tiny.ask(own_server.port, "INFO", "commandstats")
    assert "cmdstat_function|list:calls=1," in calls
    assert "cmdstat_function|load:calls=1," in calls
    for component in components:
        await component.close()


async def test_sc_9_more_calls_than_the_limit_of_a_shared_client_wait(
    counted: PrivateServer, make_client: MakeClient
) -> None:
    """All of one client count together, and none is refused."""
    client = await make_client(counted.port, inflight_requests_limit=10)
    queues = [Queue[Any, Any](f"many-{number}", client=client) for number in range(5)]
    await asyncio.gather(*(queues[number % 5].add("a") for number in range(1_000)))
    assert [await queue.count() for queue in queues] == [200] * 5
    for queue in queues:
        await queue.obliterate()
        await queue.close()


async def test_sc_9_calls_wait_while_the_owner_uses_up_the_limit(
    own_server: PrivateServer, make_client: MakeClient
) -> None:
    client = await make_client(own_server.port, inflight_requests_limit=5, request_timeout=60_000)
    async with Queue[Any, Any]("crowded", client=client) as queue:
        tiny.ask(own_server.port, "CLIENT", "PAUSE", "60000", "WRITE")
        owners = [asyncio.create_task(client.set("x", str(number))) for number in range(5)]
        await asyncio.wait(owners, timeout=0.1)
        adding = asyncio.create_task(queue.add("a"))
        await asyncio.wait([adding], timeout=0.2)
        assert not adding.done()
        tiny.ask(own_server.port, "CLIENT", "UNPAUSE")
        assert await adding is not None
        await asyncio.gather(*owners)


async def test_a_shared_client_with_the_shortest_timeout_adds_each_job_once(
    own_server: PrivateServer, make_client: MakeClient
) -> None:
    """The client gives up after its own 250 ms, and the call is executed all the same: it is repeated as the same."""
    client = await make_client(own_server.port, request_timeout=None)
    async with Queue[Any, Any]("slow", client=client) as queue:
        tiny.ask(own_server.port, "CLIENT", "PAUSE", "900", "WRITE")
        single, bulk = await asyncio.gather(queue.add("a"), queue.add_bulk([NewJob("b") for _ in range(50)]))
        assert single is not None
        assert sorted(int(job.id) for job in [single, *bulk]) == list(range(1, 52))
        assert await queue.count() == 51


async def test_a_worker_of_a_shared_client_with_the_shortest_timeout_runs_each_job_once(
    own_server: PrivateServer, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Each outage that was felt is told once: an error, and then its end. (A busy machine may pause by itself.)"""
    caplog.set_level(logging.INFO, "glidemq_pb")
    client = await make_client(own_server.port, request_timeout=None)
    ran: list[str] = []
    errors: list[BaseException] = []

    async def note(job: Job[Any, Any]) -> None:
        ran.append(job.id)

    worker: Worker[Any, Any] = Worker("slow", note, connection=own_server.url, client=client, concurrency=3)
    worker.on("error", errors.append)
    async with Queue[Any, Any]("slow", client=client) as queue, worker:
        await queue.add_bulk([NewJob("a") for _ in range(200)])
        for _ in range(3):
            tiny.ask(own_server.port, "CLIENT", "PAUSE", "400", "WRITE")
            before = len(ran)
            await until(lambda: len(ran) > before or len(ran) == 200)  # noqa: B023 - it is called here and now
        await until(lambda: tiny.ask(own_server.port, "ZCARD", "glide:{slow}:completed") == ":200\r\n")
    assert sorted(ran, key=int) == [str(number) for number in range(1, 201)]
    told = [record.levelno for record in caplog.records if record.getMessage().startswith("worker")]
    assert told == ([logging.ERROR, logging.INFO] * len(errors))[: len(told)]
    assert len(errors) == told.count(logging.ERROR)


# --- when it fails ---------------------------------------------------------------------------------------------------


async def test_sc_7_a_worker_whose_shared_client_is_cut_off_says_so_and_goes_on_after(
    counted: PrivateServer, make_client: MakeClient
) -> None:
    """The way of the client alone is cut: the worker's own connection is whole, and replaces nothing."""
    async with CuttingProxy(counted.port) as proxy:
        client = await make_client(proxy.port, client_name="shared", lazy_connect=True, request_timeout=250)
        connection = Connection([("127.0.0.1", counted.port)], retry_timeout=500)
        worker: Worker[Any, Any] = Worker("cut", process, connection=connection, client=client)
        errors: list[BaseException] = []
        completed: list[str] = []
        worker.on("error", errors.append)
        worker.on("completed", lambda job, _: completed.append(job.name))
        async with worker, Queue[Any, Any]("cut", connection=counted.url) as queue:
            await queue.add("before")
            await until(lambda: completed == ["before"])
            proxy.sever()
            await queue.add("during")
            await until(lambda: bool(errors))
            assert isinstance(errors[0], QueueConnectionError)
            assert not any("worker:commands" in name for name in names(counted.port))
            proxy.mend()
            await until(lambda: completed == ["before", "during"])
            assert vars(worker.backend)["_client"] is client
            await queue.obliterate(force=True)


async def test_sc_10_after_its_client_was_closed_a_component_fails_clearly_and_at_once(
    counted: PrivateServer, make_client: MakeClient
) -> None:
    client = await make_client(counted.port)
    queue, late = Queue[Any, Any]("gone", client=client), Producer[Any]("gone", client=client)
    await queue.add("a")
    await client.close()
    for use in (queue.add("b"), queue.count(), late.add("c"), late.connect()):
        async with asyncio.timeout(AT_ONCE_SECONDS):
            with pytest.raises(QueueConnectionError, match="the client was closed"):
                await use
    for component in (queue, late):
        async with asyncio.timeout(AT_ONCE_SECONDS):
            await component.close()
    async with Queue[Any, Any]("gone", connection=counted.url) as other:
        assert await other.count() == 1
        await other.obliterate()


async def test_sc_10_a_call_under_way_when_its_client_is_closed_does_not_hang(
    own_server: PrivateServer, make_client: MakeClient
) -> None:
    client = await make_client(own_server.port, request_timeout=60_000)
    async with Queue[Any, Any]("gone", client=client) as queue:
        tiny.ask(own_server.port, "CLIENT", "PAUSE", "60000", "WRITE")
        adding = asyncio.create_task(queue.add("a"))
        await asyncio.to_thread(
            tiny.until, lambda: "blocked_clients:1\r\n" in tiny.ask(own_server.port, "INFO", "clients")
        )
        await client.close()
        async with asyncio.timeout(AT_ONCE_SECONDS):
            with pytest.raises(QueueConnectionError, match="the client was closed"):
                await adding
        tiny.ask(own_server.port, "CLIENT", "UNPAUSE")


async def test_sc_10_a_worker_closes_also_after_its_client(counted: PrivateServer, make_client: MakeClient) -> None:
    client = await make_client(counted.port)
    worker: Worker[Any, Any] = Worker("wrong-order", process, connection=counted.url, client=client)
    errors: list[BaseException] = []
    worker.on("error", errors.append)
    await worker.start()
    await client.close()
    async with asyncio.timeout(AT_ONCE_SECONDS):
        await worker.close()
    assert not worker.is_running()
    assert all(isinstance(error, QueueConnectionError) for error in errors)
    await expect(counted.port)


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what comes from a server."""
    await asyncio.to_thread(tiny.until, happened)
