"""What a user is told when a server cannot be reached or will not serve: at once, with the address."""

import asyncio
import socket
import time
from collections.abc import Iterator

import glide
import pytest

from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.backends.valkey.errors import Remedy, understand
from glidemq_pb.errors import QueueConnectionError
from glidemq_pb.server import PrivateServer

from . import tiny
from .conftest import MakeBackend

SLACK_SECONDS = 15.0
"""For a busy machine, on top of the connect timeout: less than calls are repeated for."""


async def problem_of_connecting(backend: ValkeyBackend, connect_timeout: int = 5_000) -> str:
    """What connecting raises, which must be in time."""
    began = time.monotonic()
    with pytest.raises(QueueConnectionError) as caught:
        await backend.connect()
    assert time.monotonic() - began < connect_timeout / 1000 + SLACK_SECONDS
    assert caught.value.address == backend.address
    assert str(caught.value).startswith(backend.address)
    return caught.value.problem


async def problem_of_calling(backend: ValkeyBackend, root: str) -> str:
    with pytest.raises(QueueConnectionError) as caught:
        await backend.call(tiny.bump, root, "one")
    assert str(caught.value).startswith(backend.address)
    return caught.value.problem


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield listening.getsockname()[1]


async def test_nobody_listens(make_backend: MakeBackend) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert "cannot be reached" in await problem_of_connecting(make_backend(bound.getsockname()[1]))


async def test_a_server_that_never_answers(make_backend: MakeBackend, silent_port: int) -> None:
    backend = make_backend(silent_port, connect_timeout=500)
    problem = await problem_of_connecting(backend, 500)
    assert "timed out" in problem or "no answer within 500 ms" in problem  # which of two timeouts is first


async def test_a_request_timeout_below_the_connect_timeout(make_backend: MakeBackend, silent_port: int) -> None:
    backend = make_backend(silent_port, connect_timeout=700, request_timeout=100)
    await problem_of_connecting(backend, 700)


async def test_connecting_does_not_hold_the_event_loop(make_backend: MakeBackend, silent_port: int) -> None:
    connecting = asyncio.create_task(problem_of_connecting(make_backend(silent_port, connect_timeout=500), 500))
    turns = 0
    while not connecting.done():
        await asyncio.sleep(0)
        turns += 1
    await connecting
    assert turns > 100


async def test_tls_to_a_plain_port(valkey_server: PrivateServer, make_backend: MakeBackend) -> None:
    backend = make_backend(valkey_server.port, tls=True, connect_timeout=500)
    assert "does this port speak TLS?" in await problem_of_connecting(backend, 500)


async def test_passwords(make_backend: MakeBackend, root: str) -> None:
    with PrivateServer(password="right") as server:  # noqa: S106 - of a server that lives for this test
        wrong = make_backend(server.port, password="wrong")  # noqa: S106
        assert "the password is wrong" in await problem_of_connecting(wrong)
        assert "wants a password" in await problem_of_connecting(make_backend(server.port))
        assert await make_backend(server.port, password="right").call(tiny.bump, root, "one") == 1  # noqa: S106


async def test_a_replica_is_not_a_primary(own_server: PrivateServer, make_backend: MakeBackend) -> None:
    tiny.ask(own_server.port, "REPLICAOF", "127.0.0.1", "1")  # nobody there, from whom it could get the library
    assert "read-only replica" in await problem_of_connecting(make_backend(own_server.port))


async def test_a_server_without_functions(make_backend: MakeBackend) -> None:
    with PrivateServer({"rename-command": 'FUNCTION ""'}) as server:
        assert "Valkey 7.2 or later" in await problem_of_connecting(make_backend(server.port))


async def test_a_database_that_is_not_there(valkey_server: PrivateServer, make_backend: MakeBackend) -> None:
    backend = make_backend(valkey_server.port, database=99)
    assert "no database of this number" in await problem_of_connecting(backend)


async def test_a_user_without_permission(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    tiny.ask(own_server.port, "ACL", "SETUSER", "worker", "on", ">word", "~*", "+@all", "-fcall")
    backend = make_backend(own_server.port, username="worker", password="word")  # noqa: S106
    assert "lacks a permission" in await problem_of_calling(backend, root)


async def test_a_full_server(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(own_server.port)
    await backend.connect()
    tiny.ask(own_server.port, "CONFIG", "SET", "maxmemory", "1")
    assert "out of memory" in await problem_of_calling(backend, root)


async def test_a_primary_that_became_a_replica(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(own_server.port, retry_timeout=300)
    await backend.connect()
    tiny.ask(own_server.port, "REPLICAOF", "127.0.0.1", "1")
    assert "read-only replica" in await problem_of_calling(backend, root)
    tiny.ask(own_server.port, "REPLICAOF", "NO", "ONE")
    assert await backend.call(tiny.bump, root, "one") == 1


async def test_a_busy_server(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    tiny.ask(own_server.port, "CONFIG", "SET", "busy-reply-threshold", "1")
    backend = make_backend(own_server.port, retry_timeout=300)
    await backend.connect()
    spinning = asyncio.create_task(make_backend(own_server.port, request_timeout=60_000).call(tiny.spin, root))
    await asyncio.to_thread(tiny.until, lambda: "BUSY" in tiny.ask(own_server.port, "PING"))
    assert "busy with a slow script" in await problem_of_calling(backend, root)
    tiny.ask(own_server.port, "FUNCTION", "KILL")
    with pytest.raises(QueueConnectionError, match="the server refused the call"):
        await spinning
    assert await backend.call(tiny.bump, root, "one") == 1


async def test_a_failover_within_the_time_for_repeats_is_bridged(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(own_server.port)
    await backend.connect()
    tiny.ask(own_server.port, "REPLICAOF", "127.0.0.1", "1")
    call = asyncio.create_task(backend.call(tiny.bump, root, "one"))
    await asyncio.wait([call], timeout=0.3)
    assert not call.done()
    tiny.ask(own_server.port, "REPLICAOF", "NO", "ONE")
    assert await call == 1


async def test_connecting_waits_for_a_server_that_is_busy(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    tiny.ask(own_server.port, "CONFIG", "SET", "busy-reply-threshold", "1")
    other = make_backend(own_server.port, request_timeout=60_000)
    await other.connect()
    spinning = asyncio.create_task(other.call(tiny.spin, root))
    await asyncio.to_thread(tiny.until, lambda: "BUSY" in tiny.ask(own_server.port, "PING"))
    connecting = asyncio.create_task(make_backend(own_server.port).connect())
    await asyncio.wait([connecting], timeout=0.3)
    tiny.ask(own_server.port, "FUNCTION", "KILL")
    await asyncio.wait([spinning])
    assert isinstance(spinning.exception(), QueueConnectionError)
    await connecting


async def test_a_server_that_went_away(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(own_server.port, retry_timeout=500, request_timeout=200)
    await backend.connect()
    own_server.kill()
    assert "tried for 500 ms" in await problem_of_calling(backend, root)


async def test_a_user_who_was_removed(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    """The client only times out then; the reason comes from a look at the end."""
    tiny.ask(own_server.port, "ACL", "SETUSER", "worker", "on", ">word", "~*", "+@all")
    options = {"username": "worker", "password": "word", "retry_timeout": 300, "request_timeout": 200}
    backend = make_backend(own_server.port, **options)
    await backend.connect()
    tiny.ask(own_server.port, "ACL", "DELUSER", "worker")
    assert "the password is wrong" in await problem_of_calling(backend, root)


def test_conditions_that_pass_are_waited_for() -> None:
    for text in ("LOADING: x", "CLUSTERDOWN: x", "MASTERDOWN: x", "TRYAGAIN: x", "NOREPLICAS: x", "BUSY: x"):
        assert understand(glide.RequestError(text), 1).remedy is Remedy.REPEAT


def test_an_unknown_error_is_told_as_it_is() -> None:
    fault = understand(glide.RequestError("BAD_INT: x\n script"), 1)
    assert (fault.remedy, fault.problem) == (Remedy.NONE, "the server refused the call (BAD_INT: x script)")
    assert understand(glide.ClosingError("gone"), 1).remedy is Remedy.REOPEN
