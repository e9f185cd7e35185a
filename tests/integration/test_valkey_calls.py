"""Calls: what arrives, what a broken connection does to them, and what cancelling does."""

import asyncio
import subprocess
import sys
from pathlib import Path

import glide
import pytest

from glidemq_pb.backends import connect_backend
from glidemq_pb.backends.backend import Backend
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.backends.valkey.loading import packaged_library
from glidemq_pb.connection import Connection
from glidemq_pb.errors import ClosedError, InvalidStateError, QueueConnectionError
from glidemq_pb.semantics import jobs, reads, work
from glidemq_pb.semantics.lang import Refusal
from glidemq_pb.semantics.records import Caller, Counts, JobBatch
from glidemq_pb.server import PrivateServer

from . import tiny
from .conftest import MakeBackend
from .proxy import CuttingProxy, Moment

ROOT = Path(__file__).parents[2]


async def test_arguments_arrive_and_replies_come_back(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(valkey_server.port)
    text = "\x00\xff'\r\n\x80 nil"
    seen = await backend.call(tiny.echo, root, text, [tiny.Pair("a", -1), tiny.Pair("", 2**53 - 1)], maybe=None)
    assert seen == ["", text, "2", "a", "-1", "", "9007199254740991", "false"]
    backend.now = lambda: 12_345
    assert await backend.call(tiny.echo, root, "", [], 7) == ["12345", "", "0", "true", "7"]


async def test_a_queue_name_is_bytes_too(valkey_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(valkey_server.port)
    await backend.call(tiny.bump, f"{root}:\xc3\xa9", "one")
    assert tiny.ask(valkey_server.port, "GET", f"{root}:é:count") == "$1\r\n1\r\n"


async def test_a_refusal_is_raised(valkey_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    with pytest.raises(Refusal) as caught:
        await make_backend(valkey_server.port).call(tiny.refused, root)
    assert caught.value.code == "NEVER"


async def test_the_packaged_library_runs_a_job(valkey_server: PrivateServer, root: str) -> None:
    backend: Backend = connect_backend(valkey_server.url)
    batch = JobBatch(["greet"], ["payload"], [], [])
    caller = Caller("w", 1, 30_000, 1, 60_000, 1_000, metrics=False, limiter_max=0, limiter_ms=0, nudge=False, info="")
    assert await backend.call(jobs.enqueue, root, "call", batch, guarded=[], events_keep=0) == ":1:1"
    reply = await backend.call(work.settle_and_activate, root, caller, [], 1)
    assert [job.job_id for job in reply.started] == ["1"]
    assert await backend.call(reads.count_jobs, root) == Counts(0, 1, 0, 0, 0, 0, 0)
    await backend.close()


@pytest.mark.parametrize("moments", [("before",), ("after",), ("before", "after", "after", "before")])
async def test_a_cut_call_is_repeated_and_counts_once(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str, moments: tuple[Moment, ...]
) -> None:
    async with CuttingProxy(valkey_server.port) as proxy:
        backend = make_backend(proxy.port)
        await backend.connect()
        proxy.cut_next(*moments)
        assert await backend.call(tiny.bump, root, "one") == 1
        assert proxy.cuts == len(moments)
        assert await backend.call(tiny.count, root) == 1


async def test_many_calls_are_cut_and_all_count_once(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    async with CuttingProxy(valkey_server.port) as proxy:
        backend = make_backend(proxy.port)
        await backend.connect()
        proxy.cut_next("after", "before", "after")
        await asyncio.gather(*(backend.call(tiny.bump, root, str(i)) for i in range(100)))
        assert proxy.cuts == 3
        assert await backend.call(tiny.count, root) == 100


async def test_a_cancelled_call_is_executed(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(own_server.port)
    await backend.connect()
    tiny.ask(own_server.port, "CLIENT", "PAUSE", "60000", "WRITE")
    call = asyncio.create_task(backend.call(tiny.bump, root, "one"))
    await asyncio.to_thread(tiny.until, lambda: "blocked_clients:1\r\n" in tiny.ask(own_server.port, "INFO", "clients"))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    tiny.ask(own_server.port, "CLIENT", "UNPAUSE")
    assert await backend.call(tiny.bump, root, "two") == 2


async def test_a_call_cancelled_before_it_was_sent_is_executed_too(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(valkey_server.port)
    await backend.connect()
    call = asyncio.create_task(backend.call(tiny.bump, root, "one"))
    await asyncio.wait([call], timeout=0)
    call.cancel()
    await asyncio.wait([call])
    await backend.close()  # it waits for what is under way
    assert tiny.ask(valkey_server.port, "GET", f"{root}:count") == "$1\r\n1\r\n"


async def test_a_server_that_pauses_is_waited_for(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(own_server.port, request_timeout=100)
    await backend.connect()
    tiny.ask(own_server.port, "CLIENT", "PAUSE", "500", "ALL")
    assert await backend.call(tiny.bump, root, "one") == 1
    assert await backend.call(tiny.count, root) == 1


async def test_more_calls_than_the_limit_wait(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(valkey_server.port, inflight_requests_limit=2)
    await asyncio.gather(*(backend.call(tiny.bump, root, str(i)) for i in range(200)))
    assert await backend.call(tiny.count, root) == 200


async def test_a_borrowed_client_stays_open_and_is_shared(valkey_server: PrivateServer, root: str) -> None:
    client = await glide.GlideClient.create(
        glide.GlideClientConfiguration(
            [glide.NodeAddress("127.0.0.1", valkey_server.port)], inflight_requests_limit=20, request_timeout=5_000
        )
    )
    backends = [ValkeyBackend(None, client=client, library=tiny.library()) for _ in range(2)]
    await asyncio.gather(*(backends[i % 2].call(tiny.bump, root, str(i)) for i in range(100)))
    listener = await backends[0].listener()
    tiny.ask(valkey_server.port, "RPUSH", f"{root}:list", "x")
    assert await listener.listen([f"{root}:list"], tiny.LONG_MS) == (f"{root}:list", "x")
    for backend in backends:
        await backend.close()
    assert await client.ping() == b"PONG"
    await client.close()


async def test_a_second_event_loop_is_refused_at_once(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(valkey_server.port)
    await backend.connect()

    async def elsewhere() -> int:
        return await backend.call(tiny.bump, root, "one")

    with pytest.raises(InvalidStateError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))


async def test_a_borrowed_client_of_another_event_loop_is_refused_at_once(valkey_server: PrivateServer) -> None:
    configuration = glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", valkey_server.port)])
    client = await glide.GlideClient.create(configuration)

    async def elsewhere() -> None:
        await ValkeyBackend(None, client=client).connect()

    with pytest.raises(InvalidStateError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    await client.close()


async def test_a_closed_backend_says_so(valkey_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(valkey_server.port)
    await backend.call(tiny.bump, root, "one")
    await backend.close()
    await backend.close()
    for use in (backend.connect(), backend.listener(), backend.call(tiny.count, root)):
        with pytest.raises(ClosedError):
            await use


def run_python(text: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    ran = subprocess.run(
        [sys.executable, "-c", text, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout


def test_without_the_client_the_package_imports_and_the_error_names_the_extra() -> None:
    text = """
import asyncio, sys
sys.modules["glide"] = None
import glidemq_pb
from glidemq_pb.backends import connect_backend
try:
    asyncio.run(connect_backend("valkey://localhost:1").connect())
except ConnectionError as error:
    print(type(error).__name__, error)
"""
    assert run_python(text) == (
        "QueueConnectionError valkey://localhost:1: the Valkey client is not installed: "
        "pip install 'glidemq_pb[valkey]'\n"
    )


def test_the_end_of_another_loop_does_not_hang_this_one(valkey_server: PrivateServer) -> None:
    """The client reads all replies of a process on the loop that came first; when that is closed they stay unread."""
    text = """
import asyncio, sys, threading
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.connection import Connection
from glidemq_pb.semantics import reads

connection = Connection([("127.0.0.1", int(sys.argv[1]))], request_timeout=500)

async def use(backend):
    return await backend.call(reads.is_paused, "glide:{loops}")

async def main():
    leave = threading.Event()
    async def first():
        await use(ValkeyBackend(connection))
        used.set()
        await asyncio.to_thread(leave.wait)
    used = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(first()))
    thread.start()
    used.wait()
    backend = ValkeyBackend(connection)
    await use(backend)
    leave.set()
    await asyncio.to_thread(thread.join)
    print(await use(backend))

asyncio.run(main())
"""
    assert run_python(text, str(valkey_server.port)).endswith("False\n")


def test_the_library_is_packaged_once() -> None:
    assert packaged_library() is packaged_library()
    assert packaged_library().function("enqueue") in packaged_library().text


async def test_an_operation_that_the_library_lacks_fails_clearly(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(valkey_server.port, retry_timeout=200)
    with pytest.raises(QueueConnectionError, match="the function library is not on this server"):
        await backend.call(tiny.nothing, root)


async def test_the_address_names_no_password() -> None:
    with pytest.raises(QueueConnectionError) as caught:
        await connect_backend("valkey://user:secret@127.0.0.1:1").connect()
    assert "valkey://127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value) + repr(caught.value)


async def test_connections_say_who_they_are(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(own_server.port)
    await backend.call(tiny.bump, root, "one")
    listener = await backend.listener()
    assert await listener.listen([f"{root}:list"], 1) is None
    await asyncio.to_thread(
        tiny.until,
        lambda: {"glidemq_pb:commands", "glidemq_pb:listener"} <= client_names(own_server.port),
    )
    await make_backend(own_server.port, client_name="mine").connect()
    assert "mine" in client_names(own_server.port)


def client_names(port: int) -> set[str]:
    """The names of all connections."""
    return {word[5:] for word in tiny.ask(port, "CLIENT", "LIST").split() if word.startswith("name=")}


async def test_reads_may_go_to_replicas(own_server: PrivateServer, root: str) -> None:
    with PrivateServer() as replica:
        tiny.ask(replica.port, "REPLICAOF", "127.0.0.1", str(own_server.port))
        await asyncio.to_thread(
            tiny.until, lambda: "master_link_status:up" in tiny.ask(replica.port, "INFO", "replication")
        )
        addresses = [("127.0.0.1", own_server.port), ("127.0.0.1", replica.port)]
        backend = ValkeyBackend(Connection(addresses, read_from="prefer_replica"), library=tiny.library())
        assert await backend.call(tiny.bump, root, "one") == 1
        await asyncio.to_thread(tiny.caught_up, own_server.port, replica.port)
        assert await backend.call(tiny.count, root) == 1
        assert "cmdstat_fcall_ro:calls=1," in tiny.ask(replica.port, "INFO", "commandstats")
        await backend.close()


async def test_a_client_that_was_closed_underneath_is_replaced(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(valkey_server.port)
    assert await backend.call(tiny.bump, root, "one") == 1
    await vars(backend)["_client"].close()
    calls = [backend.call(tiny.bump, root, str(i)) for i in range(20)]
    await asyncio.gather(*calls)
    assert await backend.call(tiny.count, root) == 21


async def test_a_borrowed_client_goes_through_the_front_door(valkey_server: PrivateServer, root: str) -> None:
    configuration = glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", valkey_server.port)])
    client = await glide.GlideClient.create(configuration)
    for connection in (None, valkey_server.url):
        backend = connect_backend(connection, client=client)
        assert backend.address == valkey_server.url
        assert not await backend.call(reads.is_paused, root)
        await backend.close()
    await client.close()


def test_a_backend_can_be_closed_after_its_loop(valkey_server: PrivateServer, root: str) -> None:
    backend = connect_backend(valkey_server.url)

    async def use() -> bool:
        return await backend.call(reads.is_paused, root)

    assert not asyncio.run(use())
    asyncio.run(backend.close())
