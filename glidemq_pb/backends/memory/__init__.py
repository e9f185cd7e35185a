"""Queues in this process: for `memory://`, the test kit and the property tests."""

from .backend import MemoryBackend, MemoryListener, shared_backend
from .store import MemoryStore
from .virtual_clock import VirtualClock

__all__ = ["MemoryBackend", "MemoryListener", "MemoryStore", "VirtualClock", "shared_backend"]
