"""The library comes back by itself after everything that makes a server forget it."""

import asyncio

import pytest

from glidemq_pb.backends.valkey.loading import Library
from glidemq_pb.errors import QueueConnectionError
from glidemq_pb.server import PrivateServer

from . import tiny
from .conftest import MakeBackend


def libraries(port: int) -> int:
    """How many libraries of ours the server has."""
    return tiny.ask(port, "FUNCTION", "LIST").count("\r\nlibrary_name\r\n")


async def test_a_flush_of_functions(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backend = make_backend(own_server.port)
    assert await backend.call(tiny.bump, root, "one") == 1
    tiny.ask(own_server.port, "FUNCTION", "FLUSH")
    assert await backend.call(tiny.bump, root, "two") == 2


async def test_a_restart(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    """Without persistence: functions and data are gone."""
    backend = make_backend(own_server.port)
    assert await backend.call(tiny.bump, root, "one") == 1
    await asyncio.to_thread(own_server.restart)
    assert await backend.call(tiny.bump, root, "two") == 1


async def test_a_call_made_while_the_server_is_away(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(own_server.port, request_timeout=500)
    await backend.connect()
    own_server.kill()
    call = asyncio.create_task(backend.call(tiny.bump, root, "one"))
    await asyncio.wait([call], timeout=0.5)
    assert not call.done()
    await asyncio.to_thread(own_server.start)
    assert await call == 1


async def test_a_new_primary_after_a_failover(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    """Functions are replicated, so a replica that takes over has them."""
    with PrivateServer() as replica:
        backend = make_backend(own_server.port)
        assert await backend.call(tiny.bump, root, "one") == 1
        tiny.ask(replica.port, "REPLICAOF", "127.0.0.1", str(own_server.port))
        await asyncio.to_thread(
            tiny.until, lambda: "master_link_status:up" in tiny.ask(replica.port, "INFO", "replication")
        )
        tiny.ask(replica.port, "REPLICAOF", "NO", "ONE")
        assert await make_backend(replica.port).call(tiny.bump, root, "two") == 2


async def test_two_releases_share_a_server(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    old, new = make_backend(own_server.port, content_hash="old"), make_backend(own_server.port, content_hash="new")
    assert [await old.call(tiny.bump, root, "1"), await new.call(tiny.bump, root, "2")] == [1, 2]
    assert libraries(own_server.port) == 2
    assert [await new.call(tiny.bump, root, "3"), await old.call(tiny.bump, root, "4")] == [3, 4]


async def test_many_load_at_once(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    backends = [make_backend(own_server.port) for _ in range(5)]
    await asyncio.gather(*(backend.connect() for backend in backends))
    tiny.ask(own_server.port, "FUNCTION", "FLUSH")
    tiny.ask(own_server.port, "CONFIG", "RESETSTAT")
    calls = [backend.call(tiny.bump, root, f"{i}") for i, backend in enumerate(backends * 20)]
    await asyncio.gather(*calls)
    assert await backends[0].call(tiny.count, root) == 100
    assert libraries(own_server.port) == 1
    loads = tiny.ask(own_server.port, "INFO", "commandstats").split("cmdstat_function|load:calls=")[1]
    assert int(loads.split(",")[0]) <= len(backends)


async def test_a_user_who_may_not_load_uses_what_is_there(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    rules = ("on", ">word", "~*", "+@all", "-function")
    tiny.ask(own_server.port, "ACL", "SETUSER", "worker", *rules)
    backend = make_backend(own_server.port, username="worker", password="word")  # noqa: S106
    with pytest.raises(QueueConnectionError, match="lacks a permission"):
        await backend.call(tiny.bump, root, "one")
    await make_backend(own_server.port).connect()
    assert await backend.call(tiny.bump, root, "one") == 1


def test_text_that_is_no_library_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="not a library of glidemq_pb"):
        Library.of("#!lua name=other\n")
