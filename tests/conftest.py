"""Fixtures for every test: a private Valkey, started only when a test asks for it."""

from collections.abc import Iterator

import pytest

from glidemq_pb.server import PrivateServer

pytest_plugins = ["tests.summary"]  # the last lines of a run


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[PrivateServer]:
    """One server for the whole run: `.port .url .pid restart() stop()`. A test uses a queue name of its own."""
    with PrivateServer({"enable-debug-command": "local"}) as server:
        yield server
