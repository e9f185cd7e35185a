"""Following a stream by a blocking read, on a connection of its own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from ...errors import QueueConnectionError
from ...semantics.store import Store

if TYPE_CHECKING:
    from .backend import ValkeyBackend
    from .client import Client

P = ParamSpec("P")
R = TypeVar("R")

BLOCK_MS = 5_000
"""How long one blocking read lasts: a connection that died without a word, and a stream that went back (its server
lost data), are noticed so long after."""
GRACE_MS = 1_000


class ValkeyReader:
    """Implements `Reader` by a backend of its own, whose one client calls and waits in turn.

    The blocking read takes no entry, it only tells that there is one: entries are read by an operation, as all else.
    """

    def __init__(self, line: "ValkeyBackend", on_close: "Callable[[ValkeyReader], None]") -> None:
        self._line = line
        self._on_close = on_close
        self.waiting = False
        """Whether a blocking read is under way."""

    async def call(
        self,
        operation: Callable[Concatenate[Store, str, int, P], R],
        queue: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        try:
            return await self._line.call(operation, queue, *args, **kwargs)
        except QueueConnectionError:
            await self._line.disconnect()
            raise

    async def wait_for_entry(self, key: str, after: int) -> None:
        import glide

        async def read(client: "Client") -> None:
            await client.xread({key.encode("latin-1"): b"0-%d" % after}, glide.StreamReadOptions(BLOCK_MS, 1))

        self.waiting = True
        try:
            await self._line.try_once(read, BLOCK_MS + GRACE_MS)
        except QueueConnectionError:
            await self._line.disconnect()
            raise
        finally:
            self.waiting = False

    async def close(self) -> None:
        """Give the connection up; the server then ends the blocking read."""
        self._on_close(self)
        await self._line.close()
