"""The Valkey backend: FCALL of the function library that is compiled from `semantics`."""

from .backend import ValkeyBackend

__all__ = ["ValkeyBackend"]
