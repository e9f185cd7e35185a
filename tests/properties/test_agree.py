"""Every operation on memory and on a real Valkey: equal replies, equal states key by key, sound states."""

from collections.abc import Iterator

import pytest
from hypothesis import given, seed

from glidemq_pb.server import PrivateServer
from tests import summary
from tests.strategies import OPERATIONS, POP, Move, histories

from .agree import play
from .profile import EXAMPLES, SHARDS, machine
from .sides import MemorySide, Side, operations
from .valkey_side import ValkeySide

LENGTH = 50


@pytest.fixture(scope="module")
def sides(valkey_server: PrivateServer) -> Iterator[list[Side]]:
    valkey = ValkeySide(valkey_server.port)
    yield [MemorySide(), valkey]
    valkey.close()


def test_the_machine_draws_every_operation() -> None:
    assert OPERATIONS.keys() - {POP} == operations().keys()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_two_backends_agree_after_every_step(shard: int, sides: list[Side]) -> None:
    steps = 0

    @seed(shard)
    @machine(EXAMPLES)
    @given(histories(LENGTH))
    def agree(moves: list[Move]) -> None:
        nonlocal steps
        steps += len(play(moves, sides))

    agree()
    summary.record("conformance steps compared", steps)
