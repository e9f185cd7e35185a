"""Wall clocks that follow the virtual one, through freezegun."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC

from ..backends.memory import VirtualClock
from ..errors import GlideMQError


@contextmanager
def freeze_time(clock: VirtualClock) -> Generator[None]:
    """Inside, `time.time()`, `datetime.now()` and the like tell the clock's time, as it moves.

    GlideMQError when freezegun is not installed (`pip install glidemq_pb[test]`).
    """
    try:
        import freezegun
    except ImportError as missing:
        raise GlideMQError("freeze_time() needs freezegun: pip install 'glidemq_pb[test]'") from missing
    key = object()
    with freezegun.freeze_time(clock.datetime(), real_asyncio=True) as frozen:
        clock.on_move[key] = lambda: frozen.move_to(clock.datetime().astimezone(UTC).replace(tzinfo=None))
        try:
            yield
        finally:
            del clock.on_move[key]
