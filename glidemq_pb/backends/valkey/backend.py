"""The Valkey backend: operations run inside the server, by FCALL. The one place where calls are repeated."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from ...clock import Clock, SystemClock
from ...connection import Connection
from ...errors import ClosedError
from ...outages import Outages
from ...semantics.store import Store
from ..codec import codec_of
from .at_once import AtOnce, UnderWay
from .client import ClientSource, Gate, gate_of, replies_have_an_ear, why_deaf
from .errors import Fault, Remedy, is_failure
from .listener import ValkeyListener
from .loading import Library, packaged_library
from .reader import ValkeyReader
from .watches import Watches

if TYPE_CHECKING:
    from .client import Client

P = ParamSpec("P")
R = TypeVar("R")

GRACE_MS = 1_000
"""How much later than the client's own timeout ours is."""
PAUSE_MS_FIRST, PAUSE_MS_MAX = 20, 500
"""Between repeats."""


@dataclass(slots=True)
class Route:
    """How calls of one operation go."""

    function: bytes
    encode: Callable[..., bytes]
    decode: Callable[[Any], Any]
    reads_only: bool


class Call:
    """What is sent, once or more often."""

    __slots__ = ("_argument", "_route", "root")

    def __init__(self, route: Route, root: bytes, argument: bytes) -> None:
        self._route = route
        self.root = root
        self._argument = argument

    def through(self, client: "Client") -> Coroutine[Any, None, Any]:
        """Send it through this client."""
        untyped: Any = client  # its types are recursive beyond the checkers
        run = untyped.fcall_ro if self._route.reads_only else untyped.fcall
        sending: Coroutine[Any, None, Any] = run(self._route.function, [self.root], [self._argument])
        return sending


class ValkeyBackend:
    """Implements `Backend` on a Valkey server or cluster, by a client of its own or one that the caller lends.

    connection: where it is; None takes the address from `client`. client: a glide client to send calls
    with; it is never closed here. library: for tests. now: for tests, instead of the server's clock. source: instead
    of connection and client.

    A call is sent to its end, whatever happens to the task that awaits it, and repeated with the same arguments while
    the connection breaks, at most `retry_timeout`: each writing operation carries its identity in its arguments.
    """

    def __init__(
        self,
        connection: Connection | None,
        *,
        client: "Client | None" = None,
        library: Library | None = None,
        now: Callable[[], int] | None = None,
        source: ClientSource | None = None,
    ) -> None:
        self.now = now
        """Milliseconds to send as `now`; None is the server's clock."""
        self._source = ClientSource(connection, client) if source is None else source
        self._library = packaged_library() if library is None else library
        self._clock = SystemClock()
        self._client: Client | None = None
        self._gate: Gate | None = None
        self._connecting: asyncio.Task[Client] | None = None
        self._replacing: asyncio.Task[Fault | None] | None = None
        self._routes: dict[Callable[..., Any], Route] = {}
        self._sending = UnderWay((self._source.request_timeout + GRACE_MS) / 1000)
        self._listeners: set[ValkeyListener | ValkeyReader] = set()
        self._watches = Watches(self._source.address)
        self._closed = False

    @property
    def address(self) -> str:
        return self._source.address

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def calls_at_once(self) -> int:
        return 2

    # --- connecting ---------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        await self._connected()

    async def _connected(self) -> "Client":
        """The client; connects when there is none."""
        self._check_usable()
        if self._client is not None:
            return self._client
        if self._connecting is None:
            self._gate_here()
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add_done_callback(self._end_connecting)
        return await asyncio.shield(self._connecting)

    def _end_connecting(self, task: "asyncio.Task[Client]") -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # told to those who wait; nobody may be left

    async def _connect(self) -> "Client":
        opened = await self._open()
        if isinstance(opened, Fault):
            raise opened.at(self.address)
        if self._closed:
            await self._give_up(opened)
            self._check_usable()
        self._client = opened
        return opened

    async def _open(self) -> "Client | Fault":
        """A client that has reached the server and seen the library there, or what stands in the way."""
        client = self._source.lent or await self._source.open(self._source.role)
        timeout = self._source.connect_timeout
        try:
            async with asyncio.timeout((timeout + GRACE_MS) / 1000):
                fault = await self._prepare(client)
                while fault is not None and fault.remedy is Remedy.REPEAT:
                    await asyncio.sleep(PAUSE_MS_MAX / 1000)
                    fault = await self._prepare(client)
        except TimeoutError:
            fault = Fault(Remedy.RECONNECT, f"no answer within {timeout} ms{why_deaf()}")
        except BaseException:
            await self._give_up(client)
            raise
        if fault is None:
            return client
        await self._give_up(client)
        return fault

    async def _prepare(self, client: "Client") -> Fault | None:
        """See that the library is there. What stands in the way, None for nothing."""
        import glide

        try:
            await self._gate_here().loader(self._library).ensure(client)
        except glide.GlideError as error:
            fault = self._source.understand(error)
            # Someone who may look at no functions may still call those that an administrator loaded.
            return None if fault.remedy is Remedy.GRANT else fault
        return None

    async def _give_up(self, client: "Client") -> None:
        if client is not self._source.lent:
            await client.close()

    async def _replace(self, broken: "Client") -> Fault | None:
        """Put a new client in the place of a broken one, once however many ask meanwhile; a lent one stays."""
        if self._replacing is None or self._replacing.done():
            if self._closed or self._client is not broken or broken is self._source.lent:
                return None
            self._replacing = asyncio.get_running_loop().create_task(self._put_new(broken))
            self._replacing.add_done_callback(lambda task: task.cancelled() or task.exception())  # told below
        return await asyncio.shield(self._replacing)

    async def _put_new(self, broken: "Client") -> Fault | None:
        opened = await self._open()
        if isinstance(opened, Fault):
            return opened
        if self._closed or self._client is not broken:
            await self._give_up(opened)
            return None
        self._client = opened
        await broken.close()
        return None

    # --- calling ------------------------------------------------------------------------------------------------------

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        if self._closed or (gate := self._gate) is None or gate.loop is not asyncio.get_running_loop():
            self._check_usable()
        route = self._routes.get(operation) or self._route(operation)
        argument = route.encode(None if self.now is None else self.now(), *args, **kwargs)
        call = Call(route, queue.encode("latin-1"), argument)  # wire text: one character, one byte
        client, gate = self._client, self._gate
        if client is None or gate is None or not replies_have_an_ear() or not gate.places.take():
            sending = asyncio.get_running_loop().create_task(self._send_in_turn(call))
            self._sending.follow(sending)
            reply = await asyncio.shield(sending)
        else:
            reply = await AtOnce(self._send(client, gate, call), self._sending)
        result: R = route.decode(reply)
        return result

    def _route(self, operation: Callable[..., Any]) -> Route:
        """The way of an operation's calls, worked out once."""
        codec = codec_of(operation)
        route = self._routes[operation] = Route(
            self._library.function(operation.__name__).encode(),
            codec.encode,
            codec.decode,
            self._source.reads_from_replicas and bool(vars(operation)["__operation__"]["may_lag"]),
        )
        return route

    async def _send_in_turn(self, call: Call) -> Any:
        """Send once there is a client, and a place for one more call."""
        client = await self._connected()
        gate = self._gate_here()
        await gate.places.wait()
        if not replies_have_an_ear():
            try:
                await self._source.make_ear()
            except BaseException:
                gate.places.give()
                raise
        return await AtOnce(self._send(client, gate, call), self._sending)

    async def _send(self, client: "Client", gate: Gate, call: Call) -> Any:
        """Send once, and give the place back; when that fails, again until it is answered, or the time for repeating it
        is over."""
        sent_at = gate.loop.time()
        loads = gate.loader(self._library).loads
        try:
            try:
                reply = await call.through(client)
            except Exception as error:
                if not is_failure(error):
                    raise
                reply = await gate.loop.create_task(self._repeat(client, gate, call, error, loads, sent_at))
        finally:
            gate.places.give()
        if self._watches.told:
            self._watches.answered(call.root)
        return reply

    async def _repeat(
        self, client: "Client", gate: Gate, call: Call, error: Exception, loads: int, sent_at: float
    ) -> Any:
        pause = PAUSE_MS_FIRST / 1000
        deadline = sent_at + self._source.retry_timeout / 1000
        silent: Client | None = None
        while True:
            self._check_usable()
            fault = self._source.understand(error)
            if fault.vague and client is silent:
                # It waits for a server that may never come back, while a new client would find another one.
                fault = replace(fault, remedy=Remedy.RECONNECT)
            silent = client if fault.vague else None
            if fault.remedy.is_of_an_outage and gate.loop.time() + pause <= deadline:
                self._watches.failed(call.root, sent_at, fault.at(self.address))
            fault = await self._remedied(client, fault, loads)
            if gate.loop.time() + pause > deadline:
                raise (await self._diagnosed(fault)).at(self.address) from error
            if fault.remedy.is_for_a_person or (
                fault.remedy is Remedy.REOPEN and client is self._source.lent  # its owner's to open (SC-10)
            ):
                raise fault.at(self.address) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_MS_MAX / 1000)
            self._check_usable()
            client = self._client or client
            loads = gate.loader(self._library).loads
            if not replies_have_an_ear():
                await self._source.make_ear()
            sent_at = gate.loop.time()
            try:
                async with asyncio.timeout(self._sending.timeout):
                    return await call.through(client)
            except Exception as again:
                if not is_failure(again):
                    raise
                error = again

    async def _remedied(self, client: "Client", fault: Fault, loads: int) -> Fault:
        """Do what may help; the fault, or a worse one that this met."""
        import glide

        match Remedy.RECONNECT if self._source.has_moved() else fault.remedy:
            case Remedy.RECONNECT | Remedy.REOPEN:
                return await self._replace(client) or fault
            case Remedy.LOAD:
                try:
                    await self._gate_here().loader(self._library).load(client, loads)
                except glide.GlideError as error:
                    return self._source.understand(error)
            case _:
                pass
        return fault

    async def _diagnosed(self, fault: Fault) -> Fault:
        """At the end of all repeats: a client that only waits for its connection does not say what is wrong with it."""
        tried = f"; it was tried for {self._source.retry_timeout} ms" if self._source.retry_timeout else ""
        if fault.vague and self._source.lent is None:
            opened = await self._open()
            if isinstance(opened, Fault):
                return Fault(opened.remedy, opened.problem + tried)
            await opened.close()
        return Fault(fault.remedy, fault.problem + tried)

    # --- waiting and ending -------------------------------------------------------------------------------------------

    async def listener(self) -> ValkeyListener:
        await self._connected()
        listener = ValkeyListener(self._source, self._watches, self._listeners.discard)
        self._listeners.add(listener)
        return listener

    def watch(self, queue: str, outages: Outages) -> Callable[[], None]:
        return self._watches.add(queue.encode("latin-1"), outages)

    async def reader(self) -> ValkeyReader:
        self._check_usable()
        own = ValkeyBackend(None, library=self._library, now=self.now, source=self._source.for_reading())
        reader = ValkeyReader(own, self._listeners.discard)
        self._listeners.add(reader)
        return reader

    async def try_once(self, command: "Callable[[Client], Awaitable[None]]", limit: int) -> None:
        """Send a command of the client itself, for at most `limit` milliseconds. `QueueConnectionError`."""
        import glide

        client = self._client or await self._connected()
        try:
            async with asyncio.timeout(limit / 1000):
                await command(client)
        except (glide.GlideError, TimeoutError) as error:
            self._check_usable()
            raise self._source.understand(error, limit).at(self.address) from error

    async def disconnect(self) -> None:
        """Give the client up that may be broken: the next call connects anew."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(RuntimeError):  # futures of a loop that is closed
                await self._give_up(client)

    async def close(self) -> None:
        """Give all connections up, once the calls under way were answered or their sending timed out.

        Of those, none is repeated any more. Idempotent.
        """
        if self._closed:
            return
        self._closed = True
        for listener in list(self._listeners):
            await listener.close()
        if self._gate is None or self._gate.loop is not asyncio.get_running_loop():
            self._sending.forget()
        await self._sending.emptied(self._source.request_timeout / 1000)
        await self.disconnect()
        await self._source.close()

    def _gate_here(self) -> Gate:
        if self._gate is None:
            lent = self._source.lent
            self._gate = Gate(self._source.limit) if lent is None else gate_of(lent, self._source.limit)
        self._gate.check_loop(self.address)
        return self._gate

    def _check_usable(self) -> None:
        if self._closed:
            raise ClosedError(f"{self.address}: this backend is closed")
        if self._gate is not None:
            self._gate.check_loop(self.address)
