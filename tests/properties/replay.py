"""Plays a printed history again, on memory and on a private Valkey: save the script, then `python FILE`."""

import sys
from collections.abc import Sequence

from glidemq_pb.server import PrivateServer

from .agree import replay
from .sides import MemorySide, Step
from .valkey_side import ValkeySide


def run(steps: Sequence[Step]) -> None:
    """Raises `DisagreementError` at the first step after which the sides differ, or the state is unsound."""
    with PrivateServer({}) as server:
        valkey = ValkeySide(server.port)
        try:
            replay(steps, [MemorySide(), valkey])
        finally:
            valkey.close()
    sys.stdout.write(f"{len(steps)} steps: both sides agree\n")
