"""Opening the client (valkey-glide), which is imported when it is first used."""

import asyncio
import copy
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import WeakKeyDictionary

from ...connection import Connection
from ...errors import InvalidOptionsError, InvalidStateError, QueueConnectionError
from .errors import Fault, understand
from .loading import Library, Loader

if TYPE_CHECKING:
    from glide import GlideClient, GlideClusterClient

    Client = GlideClient | GlideClusterClient

CLIENT_TIMEOUT_MS = 250
"""The client's own default, for one that the caller made."""
CLIENT_INFLIGHT_LIMIT = 1_000
PRIMARY = ("primary", "PRIMARY")
"""The read preference that is none, in our words and in the client's."""
SPARE_REQUESTS = 16
"""Beside the calls that the gate admits: loading the library, looking at what is there."""

# Waits between attempts to reconnect: up to 125, 250, then 500 ms.
RECONNECT_TRIES, RECONNECT_FACTOR_MS, RECONNECT_BASE = 2, 125, 2


LABEL = "glidemq_pb"
"""What the names of our connections begin with."""


class Places:
    """A semaphore whose places can also be taken without waiting; who waits has the turn of his arrival."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free that nobody waits for."""
        if self._free <= 0 or self._waiting:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Take a place, once there is one."""
        if self.take():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give()  # it came at the same time
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def give(self) -> None:
        """Give a place back, to who waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Gate:
    """What all share who use one client object: its event loop, back-pressure, and the library's one-time setup.

    The client raises when too many requests are under way, and hangs on a second event loop.
    """

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop or asyncio.get_running_loop()
        self.places = Places(limit)
        self._loaders: dict[str, Loader] = {}

    def check_loop(self, address: str) -> None:
        """Raise `InvalidStateError` on another loop than the first."""
        if self.loop is not asyncio.get_running_loop():
            raise InvalidStateError(
                f"{address}: this client belongs to another event loop; "
                "make a component (and its client, if you pass one) for each loop"
            )

    def loader(self, library: Library) -> Loader:
        """The one who brings a library to the servers of this client."""
        if (loader := self._loaders.get(library.name)) is None:
            loader = self._loaders[library.name] = Loader(library)
        return loader


_gates: WeakKeyDictionary[Any, Gate] = WeakKeyDictionary()


def gate_of(client: "Client", limit: int) -> Gate:
    """The gate of a client that several components may share."""
    if (gate := _gates.get(client)) is None:
        gate = _gates[client] = Gate(limit, getattr(client, "_loop", None))
    return gate


def hearing_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that hears the replies to all clients of this process: the one in which the first was made.

    Once it is closed nobody hears anything, until a client is made in another loop, which then hears for all.
    """
    shared = sys.modules.get("glide.glide_client")  # an import statement would cost each call a microsecond
    return None if shared is None else getattr(shared, "_async_pipe_loop", None)


def replies_have_an_ear() -> bool:
    """Whether that loop is not closed."""
    loop = hearing_loop()
    return loop is None or not loop.is_closed()


def why_deaf() -> str:
    """What to add to "no answer" when that loop stands still, and so nobody can hear one; else nothing."""
    loop = hearing_loop()
    if loop is None or loop.is_running():
        return ""
    return "; the event loop in which this process made its first Valkey client hears all replies, and is not running"


def check_client(client: object, connection: Connection | None) -> "Client":
    """A client that a caller lends, beside the connection that it gave. InvalidOptionsError otherwise (SC-2)."""
    try:
        import glide
    except ImportError:
        raise InvalidOptionsError(
            f"client={client!r}: the Valkey client is not installed: pip install 'glidemq_pb[valkey]'"
        ) from None
    if not isinstance(client, glide.GlideClient | glide.GlideClusterClient):
        raise InvalidOptionsError(f"client={client!r}: allowed: a glide.GlideClient or a glide.GlideClusterClient")
    cluster = isinstance(client, glide.GlideClusterClient)
    if connection is not None and connection.cluster is not cluster:
        raise InvalidOptionsError(
            f"client is a {type(client).__name__}, and the connection has cluster={connection.cluster}: "
            "allowed: two ways to the same place"
        )
    return client


class ClientSource:
    """Where clients come from: a `Connection`, or else the configuration of a client that the caller lent."""

    def __init__(self, connection: Connection | None, lent: "Client | None", label: str = LABEL) -> None:
        self.lent = lent
        self._label = label
        self._connection = connection
        config: Any = None if lent is None else cast("Any", lent.config)
        self._lent_config = config
        self._lent_kind: Any = type(lent)
        timeouts = Connection() if connection is None else connection
        self.connect_timeout = timeouts.connect_timeout
        self.retry_timeout = timeouts.retry_timeout
        self._tls = timeouts.tls
        self._cluster = timeouts.cluster if lent is None else "Cluster" in type(config).__name__
        if lent is None:
            self.address = timeouts.address
            self.request_timeout = timeouts.request_timeout
            self.limit = timeouts.inflight_requests_limit
        else:
            hosts = ",".join(f"{one.host}:{one.port}" for one in config.addresses)
            self.address = f"valkey://{hosts}" if connection is None else connection.address
            self.request_timeout = config.request_timeout or CLIENT_TIMEOUT_MS
            self.limit = config.inflight_requests_limit or CLIENT_INFLIGHT_LIMIT
        self.reads_from_replicas = (timeouts.read_from if lent is None else config.read_from.name) not in PRIMARY
        self.role = "commands"
        """What the client that sends calls is for, as CLIENT LIST shows it."""

    def understand(self, error: Exception, waited_ms: int | None = None) -> Fault:
        """What an error of one of its clients means; `waited_ms` is the request timeout unless it was another."""
        waited = self.request_timeout if waited_ms is None else waited_ms
        return understand(error, waited, tls=self._tls, cluster=self._cluster)

    def has_moved(self) -> bool:
        """Whether the clients it opened last cannot reach the store any more, and a new one can."""
        return False

    async def close(self) -> None:
        """Nobody will use its clients any more."""

    def for_reading(self) -> Self:
        """A source of clients of our own to the same place, for one component that follows a stream."""
        source = copy.copy(self)
        source.lent = None
        source.role = "reader"
        source.retry_timeout = 0
        source.reads_from_replicas = False
        return source

    async def make_ear(self) -> None:
        """Let the running loop hear the replies to all clients of this process from now on."""
        client = await self.open(self.role)
        await client.close()

    async def open(self, role: str) -> "Client":
        """A new client of our own; it connects with its first command, as creating one would block the loop."""
        try:
            import glide
        except ImportError as error:
            raise QueueConnectionError(
                self.address, "the Valkey client is not installed: pip install 'glidemq_pb[valkey]'"
            ) from error
        if self._connection is None:
            opened: Client = await self._lent_kind.create(self._like_lent(role))
            return opened
        if self._connection.cluster:
            advanced = glide.AdvancedGlideClusterClientConfiguration(**self._advanced(self._connection))
            cluster = glide.GlideClusterClientConfiguration(
                advanced_config=advanced, **self._options(self._connection, role)
            )
            return await glide.GlideClusterClient.create(cluster)
        plain = glide.AdvancedGlideClientConfiguration(**self._advanced(self._connection))
        return await glide.GlideClient.create(
            glide.GlideClientConfiguration(advanced_config=plain, **self._options(self._connection, role))
        )

    def _like_lent(self, role: str) -> Any:
        """The configuration of a client of our own to where the lent one is; subscriptions are the caller's alone."""
        config = copy.copy(self._lent_config)
        config.pubsub_subscriptions = None
        config.client_name = f"{self._label}:{role}"
        config.lazy_connect = True
        return config

    def _options(self, connection: Connection, role: str) -> dict[str, Any]:
        import glide

        credentials = None
        if connection.password is not None:
            credentials = glide.ServerCredentials(connection.password, connection.username)
        return {
            "addresses": [glide.NodeAddress(host, port) for host, port in connection.addresses],
            "use_tls": connection.tls,
            "credentials": credentials,
            "read_from": glide.ReadFrom[connection.read_from.upper()],
            "request_timeout": connection.request_timeout,
            "reconnect_strategy": glide.BackoffStrategy(RECONNECT_TRIES, RECONNECT_FACTOR_MS, RECONNECT_BASE),
            "database_id": connection.database or None,
            "client_name": connection.client_name or f"{self._label}:{role}",
            "inflight_requests_limit": connection.inflight_requests_limit + SPARE_REQUESTS,
            "client_az": connection.client_az,
            "lazy_connect": True,
        }

    def _advanced(self, connection: Connection) -> dict[str, Any]:
        import glide

        options: dict[str, Any] = {"connection_timeout": connection.connect_timeout}
        if connection.tls_root_certificates is not None:
            options["tls_config"] = glide.TlsAdvancedConfiguration(root_pem_cacerts=connection.tls_root_certificates)
        return options
