"""`world`: a queue with workers and virtual time, once on memory and once on a real Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest

from glidemq_pb.server import PrivateServer

from .world import MemorySide, Side, ValkeySide, World


@pytest.fixture(params=["memory", "valkey"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    if request.param == "memory":
        yield MemorySide()
    else:
        server: PrivateServer = request.getfixturevalue("valkey_server")
        valkey = ValkeySide(server.port)
        yield valkey
        valkey.close()


@pytest.fixture
async def world(side: Side) -> AsyncIterator[World]:
    world = World(side)
    yield world
    await world.close()
