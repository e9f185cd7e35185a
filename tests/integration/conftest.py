"""Servers and backends for the tests against a real Valkey."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.connection import Connection
from glidemq_pb.server import PrivateServer

from .tiny import library

MakeBackend = Callable[..., ValkeyBackend]


@pytest.fixture
def own_server() -> Iterator[PrivateServer]:
    """A server that the test may break."""
    with PrivateServer({"repl-diskless-sync-delay": "0"}) as server:
        yield server


@pytest.fixture
def durable_server() -> Iterator[PrivateServer]:
    """A server that the test may restart: it has then what it acknowledged."""
    with PrivateServer({"appendonly": "yes", "appendfsync": "always"}) as server:
        yield server


@pytest.fixture
def root() -> str:
    """The root key of a queue that no other test uses."""
    return f"glide:{{{uuid4().hex}}}"


@pytest.fixture
async def make_backend() -> AsyncIterator[MakeBackend]:
    """`make_backend(port, **options of Connection)`: a backend with the tiny library, closed at the end."""
    async with AsyncExitStack() as stack:

        def make(port: int, *, content_hash: str = "tiny1", **options: Any) -> ValkeyBackend:
            connection = Connection([("127.0.0.1", port)], **options)
            backend = ValkeyBackend(connection, library=library(content_hash))
            stack.push_async_callback(backend.close)
            return backend

        yield make
