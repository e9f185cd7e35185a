"""A private Valkey that runs compiled programs."""

from collections.abc import Iterator

import pytest

from glidemq_pb.server import PrivateServer
from tests.compiler.running import Server


# All glide clients of a process hear their replies on one loop: this one must be closed before others are used.
@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with PrivateServer() as private, Server(private.port) as running:
        yield running
