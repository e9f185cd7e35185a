"""Every operation on memory and on a real Valkey: equal replies, equal states key by key, sound states."""

from hypothesis import given

from tests.strategies import Move, histories

from .agree import play
from .profile import EXAMPLES, machine
from .sides import MemorySide

LENGTH = 50


@machine(EXAMPLES)
@given(histories(LENGTH))
def test_memory(moves: list[Move]) -> None:
    play(moves, [MemorySide()])
