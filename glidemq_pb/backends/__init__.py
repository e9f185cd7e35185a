"""The backends, and the only place that names a concrete one."""

from typing import TYPE_CHECKING

from ..connection import Connection, EmbeddedAddress, MemoryAddress, parse
from .backend import Backend

if TYPE_CHECKING:
    from .valkey.client import Client


def connect_backend(connection: str | Connection | None = None, *, client: "Client | None" = None) -> Backend:
    """The backend that a component's `connection` and `client` arguments stand for; it connects on first use.

    client: a glide client to send calls with. It is borrowed: closing the backend does not close it. Its own
    blocking connections go to `connection`, or else to where the client is connected.
    Raises `InvalidOptionsError` when nothing names a store, also not GLIDEMQ_URL.
    """
    if client is not None:
        from .valkey import ValkeyBackend

        where = None if connection is None else parse(connection)
        return ValkeyBackend(where if isinstance(where, Connection) else None, client=client)
    where = parse(connection)
    if isinstance(where, MemoryAddress):
        from .memory.backend import shared_backend

        return shared_backend(where.name)
    from .valkey import ValkeyBackend

    if isinstance(where, EmbeddedAddress):
        from .valkey.embedded import EmbeddedSource

        return ValkeyBackend(None, source=EmbeddedSource(where))
    return ValkeyBackend(where)
