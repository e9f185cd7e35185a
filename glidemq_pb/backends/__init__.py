"""The backends, and the only place that names a concrete one."""

from typing import TYPE_CHECKING

from ..connection import Connection, EmbeddedAddress, MemoryAddress, parse
from ..errors import InvalidOptionsError
from .backend import Backend

if TYPE_CHECKING:
    from .valkey.client import Client as Client


def connect_backend(
    connection: str | Connection | None = None,
    *,
    client: "Client | None" = None,
    label: str = "glidemq_pb",
    blocks: bool = False,
) -> Backend:
    """The backend that a component's `connection` and `client` arguments stand for; it connects on first use.

    client: a glide client to send calls with. It is borrowed: closing the backend does not close it. Its own
    blocking connections go to `connection`, or else to where the client is connected.
    label: what CLIENT LIST shows of the connections, before their role.
    blocks: it is sure to need a blocking connection, so a `client` alone is not enough (SC-3).
    Raises `InvalidOptionsError` when nothing names a store, also not GLIDEMQ_URL.
    """
    where = None if connection is None and client is not None and not blocks else parse(connection)
    if isinstance(where, MemoryAddress):
        if client is not None:
            raise InvalidOptionsError(f"connection={connection!r} and a client: a client cannot reach that store")
        from .memory.backend import shared_backend

        return shared_backend(where.name)
    from .valkey import ValkeyBackend
    from .valkey.client import ClientSource, check_client

    if isinstance(where, EmbeddedAddress):
        from .valkey.embedded import EmbeddedSource

        lent = None if client is None else check_client(client, Connection())
        return ValkeyBackend(None, source=EmbeddedSource(where, lent, label))
    lent = None if client is None else check_client(client, where)
    return ValkeyBackend(where, source=ClientSource(where, lent, label))
