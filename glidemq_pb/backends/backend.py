"""The Backend protocol: the one seam between the API layer and a store.

The API layer never touches a key or a command. A backend runs the operations of `semantics`
and lets a component wait on a queue's wake lists; it adds no rule of its own.
"""

from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ..clock import Clock
from ..outages import Outages
from ..semantics.store import Store

P = ParamSpec("P")
R = TypeVar("R")


class Listener(Protocol):
    """A connection of its own on which one component waits."""

    async def listen(self, keys: Sequence[str], timeout: int) -> tuple[str, str] | None:
        """Pop the first value pushed to one of the lists, earlier keys first: (key, value).

        None after `timeout` milliseconds. One call at a time. A call is ended by a push to one of
        its keys, never by cancelling it: a cancelled wait may swallow a value.
        """
        ...

    async def close(self) -> None:
        """Give the connection up; a wait under way ends with `ClosedError`."""
        ...


class Reader(Protocol):
    """A connection of its own on which one component follows a stream: one call or wait at a time."""

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """As `Backend.call`, for operations that only read: never repeated, so that a failure is known at once."""
        ...

    async def wait_for_entry(self, key: str, after: int) -> None:
        """Wait until the stream `key` has an entry with a greater number than `after`. It may return earlier.

        `QueueConnectionError` when the connection breaks; the next call or wait then has a new one. A wait is
        ended by `close`, never by cancelling it: the connection might stay busy with it.
        """
        ...

    async def close(self) -> None:
        """Give the connection up; what is under way ends with `ClosedError`."""
        ...


class Backend(Protocol):
    """Where queues live. Implement this, and pass the conformance suite, to add a third store."""

    @property
    def address(self) -> str:
        """Where it is, without credentials, for messages."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock that the components of this backend live by."""
        ...

    @property
    def calls_at_once(self) -> int:
        """How many calls a worker of many slots has under way: 2 where it would wait for an answer, else 1."""
        ...

    async def connect(self) -> None:
        """Reach the store, or raise `QueueConnectionError`. Done once, however many ask."""
        ...

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run one operation of `semantics` on the queue whose root key is `queue`; connects if needed.

        The backend fills in the store and `now`. Text crosses as wire text (see `semantics.lang`).
        Raises `Refusal` when the operation refused, and `QueueConnectionError` when the store could not
        be reached in time. A cancelled call is executed all the same or not at all.
        """
        ...

    async def listener(self) -> Listener:
        """A new connection to wait on, owned by the caller."""
        ...

    async def reader(self) -> Reader:
        """A new connection for reading a stream, owned by the caller; it connects with its first call."""
        ...

    def watch(self, queue: str, outages: Outages) -> Callable[[], None]:
        """Tell `outages` when calls for a queue, or waits, begin to be repeated because the store does not answer, and
        when they get through again; until what is returned is called."""
        ...

    async def close(self) -> None:
        """Give all connections up. Idempotent; calls made later raise `ClosedError`."""
        ...
