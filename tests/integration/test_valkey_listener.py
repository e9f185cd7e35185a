"""Waiting on lists: no value is lost to a timeout, a cancellation or a close."""

import asyncio
import re

import pytest

from glidemq_pb.errors import ClosedError, QueueConnectionError
from glidemq_pb.server import PrivateServer

from . import tiny
from .conftest import MakeBackend


async def blocked(port: int, clients: int = 1) -> None:
    """Wait until so many blocking pops have reached the server."""
    await asyncio.to_thread(tiny.until, lambda: f"blocked_clients:{clients}\r\n" in tiny.ask(port, "INFO", "clients"))


def pops(port: int) -> int:
    """How many blocking pops were begun."""
    found = re.search(r"cmdstat_blpop:calls=(\d+)", tiny.ask(port, "INFO", "commandstats"))
    return 0 if found is None else int(found[1])


async def test_the_first_list_with_a_value_is_popped(
    valkey_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    listener = await make_backend(valkey_server.port).listener()
    tiny.ask(valkey_server.port, "RPUSH", f"{root}:b", "1", "2")
    tiny.ask(valkey_server.port, "RPUSH", f"{root}:a", "3")
    keys = [f"{root}:a", f"{root}:b"]
    assert [await listener.listen(keys, tiny.LONG_MS) for _ in range(3)] == [
        (f"{root}:a", "3"),
        (f"{root}:b", "1"),
        (f"{root}:b", "2"),
    ]


async def test_a_push_wakes(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    listener = await make_backend(own_server.port).listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "é")
    assert await listening == (f"{root}:a", "\xc3\xa9")


async def test_a_timeout_loses_no_value(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    listener = await make_backend(own_server.port).listener()
    for i in range(20):
        assert await listener.listen([f"{root}:a"], 1) is None
        if i % 2:
            await blocked(own_server.port)
        tiny.ask(own_server.port, "RPUSH", f"{root}:a", str(i))
        assert await listener.listen([f"{root}:a"], tiny.LONG_MS) == (f"{root}:a", str(i))


async def test_a_cancelled_wait_loses_no_value(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    listener = await make_backend(own_server.port).listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "x")
    assert await listener.listen([f"{root}:a"], tiny.LONG_MS) == (f"{root}:a", "x")


async def test_other_keys_count_when_the_pop_under_way_has_ended(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    wake, control = f"{root}:wake", f"{root}:control"
    listener = await make_backend(own_server.port).listener()
    assert await listener.listen([wake, control], 1) is None
    await blocked(own_server.port)
    tiny.ask(own_server.port, "RPUSH", control, "leave")
    assert await listener.listen([control], tiny.LONG_MS) == (control, "leave")
    assert await listener.listen([control], 1) is None
    await blocked(own_server.port)
    tiny.ask(own_server.port, "RPUSH", wake, "token")
    assert await listener.listen([control], 1) is None
    assert tiny.ask(own_server.port, "LLEN", wake) == ":1\r\n"


async def test_a_closed_listener_takes_nothing_any_more(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    listener = await make_backend(own_server.port).listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    await listener.close()
    with pytest.raises(ClosedError):
        await listening
    await blocked(own_server.port, 0)
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "x")
    assert tiny.ask(own_server.port, "LLEN", f"{root}:a") == ":1\r\n"
    with pytest.raises(ClosedError):
        await listener.listen([f"{root}:a"], 1)
    await listener.close()


async def test_closing_the_backend_closes_its_listeners(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(own_server.port)
    listener = await backend.listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    await backend.close()
    with pytest.raises(ClosedError):
        await listening


async def test_a_restart_is_bridged(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    listener = await make_backend(own_server.port).listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    await asyncio.to_thread(own_server.restart)
    await blocked(own_server.port)
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "x")
    assert await listening == (f"{root}:a", "x")


async def test_a_killed_connection_is_replaced(own_server: PrivateServer, make_backend: MakeBackend, root: str) -> None:
    listener = await make_backend(own_server.port).listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    tiny.ask(own_server.port, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
    await blocked(own_server.port)
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "x")
    assert await listening == (f"{root}:a", "x")


async def test_a_server_that_stays_away_is_reported(
    own_server: PrivateServer, make_backend: MakeBackend, root: str
) -> None:
    backend = make_backend(own_server.port, retry_timeout=300)
    listener = await backend.listener()
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await blocked(own_server.port)
    own_server.kill()
    with pytest.raises(QueueConnectionError, match=backend.address):
        await listening
    await asyncio.to_thread(own_server.start)
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "x")
    assert await listener.listen([f"{root}:a"], tiny.LONG_MS) == (f"{root}:a", "x")


async def test_a_pop_that_nobody_ends_is_begun_again(
    own_server: PrivateServer, make_backend: MakeBackend, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glidemq_pb.backends.valkey.listener.POP_SECONDS", 0.01)
    listener = await make_backend(own_server.port).listener()
    tiny.ask(own_server.port, "CONFIG", "RESETSTAT")
    listening = asyncio.create_task(listener.listen([f"{root}:a"], tiny.LONG_MS))
    await asyncio.to_thread(tiny.until, lambda: pops(own_server.port) >= 3)
    tiny.ask(own_server.port, "RPUSH", f"{root}:a", "x")
    assert await listening == (f"{root}:a", "x")
