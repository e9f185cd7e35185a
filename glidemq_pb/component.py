"""What Queue, Worker and the rest have in common: a name, a backend, and the life between connect and close."""

from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote

from .backends import connect_backend
from .backends.backend import Backend
from .connection import Connection
from .errors import ClosedError, InvalidOptionsError
from .job import JobOwner
from .options import check_bool, check_queue_name, check_text
from .payload import Compression, check_compression
from .serializers import Serializer, check_serializer
from .wire import to_wire

if TYPE_CHECKING:
    from .backends import Client

Role = Literal["queue", "producer", "flow", "worker", "events"]
"""What a component is, as CLIENT LIST shows it."""
EVENTS_KEPT = 10_000
"""Events a queue's stream retains (EVT-3)."""


class Connected:
    """Part of the public classes: connects on first use, is an async context manager, and closes once.

    Where it lives: see `choose_backend`. `close()` gives up what is its own: a `client` or a `backend` that was given
    stays open. Use after `close()` raises ClosedError.
    """

    _role: Role = "queue"

    def __init__(
        self,
        *,
        connection: str | Connection | None,
        backend: Backend | None,
        prefix: str,
        serializer: Serializer,
        events: bool,
        compression: Compression = "none",
        client: "Client | None" = None,
        queue: str = "",
    ) -> None:
        check_text("prefix", prefix, forbidden="{}")
        self._events_keep = EVENTS_KEPT if check_bool("events", events) else 0
        self._prefix = prefix
        self._serializer = check_serializer(serializer)
        self._compression: Compression = check_compression(compression)
        self._owns_backend = backend is None
        self._backend = choose_backend(connection, client, backend, role=self._role, queue=queue)
        self._owners: dict[str, JobOwner] = {}
        self._closed = False

    def _owner_of(self, name: str) -> JobOwner:
        """What the jobs of one queue share, as far as they come from this object."""
        owner = self._owners.get(name)
        if owner is None:
            owner = self._owners[name] = JobOwner(
                self._backend, root_key(self._prefix, name), name, self._serializer, self._events_keep, self._prefix,
                self._compression,
            )  # fmt: skip
            owner.closed = self._closed
        return owner

    @property
    def backend(self) -> Backend:
        """The store it lives in."""
        return self._backend

    @property
    def prefix(self) -> str:
        """What the names of its keys begin with."""
        return self._prefix

    async def connect(self) -> None:
        """Reach the store; otherwise the first call does. QueueConnectionError when it cannot be reached in time."""
        self._check_open()
        await self._backend.connect()

    async def close(self) -> None:
        """Give up its own connection. Idempotent; a client or a backend that was passed in stays open."""
        if not self._closed:
            self._closed = True
            for owner in self._owners.values():
                await owner.close()
            if self._owns_backend:
                await self._backend.close()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"this {type(self).__name__} was closed; make a new one")


class Component(Connected):
    """A Connected that belongs to one queue."""

    def __init__(
        self,
        name: str,
        *,
        connection: str | Connection | None,
        backend: Backend | None,
        prefix: str,
        serializer: Serializer,
        events: bool,
        compression: Compression = "none",
        client: "Client | None" = None,
    ) -> None:
        check_queue_name("name", name)
        super().__init__(
            connection=connection, backend=backend, prefix=prefix, serializer=serializer, events=events,
            compression=compression, client=client, queue=name,
        )  # fmt: skip
        self._owner = self._owner_of(name)

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._owner.queue_name

    def _check_open(self) -> None:
        self._owner.check_open()


def root_key(prefix: str, name: str) -> str:
    """The root of a queue's keys, as wire text: its name is the hash tag."""
    return to_wire(f"{prefix}:{{{name}}}")


def choose_backend(
    connection: str | Connection | None,
    client: "Client | None",
    backend: Backend | None,
    *,
    role: Role,
    queue: str = "",
) -> Backend:
    """The store that a component's arguments name.

    connection: a URL, a `Connection`, or None for GLIDEMQ_URL. client: a glide client of the caller's, to send calls
    with; a connection beside it serves what blocks, and a worker needs one (SC-3). backend: instead of both.
    InvalidOptionsError when nothing names a store, or too much does.
    """
    if backend is not None:
        given = [name for name, value in (("connection", connection), ("client", client)) if value is not None]
        if given:
            raise InvalidOptionsError(f"{' and '.join(given)} and a backend: give one of them")
        return backend
    label = f"glidemq_pb:{quote(queue, safe='')}:{role}" if queue else f"glidemq_pb:{role}"
    return connect_backend(connection, client=client, label=label, blocks=role == "worker")
