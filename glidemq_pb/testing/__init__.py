"""The test kit: the real Queue and Worker in memory, in virtual time."""

from ..backends.memory import VirtualClock
from .assertions import all_enqueued, assert_enqueued, drain, perform, refute_enqueued
from .driver import NotCompletedError, StillRunningWarning
from .live import LIVE_CLOCK
from .loop import NothingCanHappenError, VirtualTimeLoop, run
from .queue import TestQueue
from .timeline import Moment, Timeline
from .worker import TestWorker

__all__ = [
    "LIVE_CLOCK",
    "Moment",
    "NotCompletedError",
    "NothingCanHappenError",
    "StillRunningWarning",
    "TestQueue",
    "TestWorker",
    "Timeline",
    "VirtualClock",
    "VirtualTimeLoop",
    "all_enqueued",
    "assert_enqueued",
    "drain",
    "perform",
    "refute_enqueued",
    "run",
]
