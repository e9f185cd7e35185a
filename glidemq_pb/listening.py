"""How a worker waits to be woken: on the queue's wake list while it has room, on its own control list always.

A wait is ended by a push to the control list, never by cancelling it: a cancelled wait may swallow the token
that another worker needs.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from .backends.backend import Backend, Listener
from .errors import ClosedError, QueueConnectionError
from .semantics import work
from .semantics.keys import control_key, wake_key
from .semantics.wakes import LOOK
from .wire import from_wire


class Woken(Protocol):
    """What a worker does when it is woken."""

    def has_room(self) -> bool:
        """Whether it could start a job."""
        ...

    def is_done(self) -> bool:
        """Whether it closes and nothing of it runs or waits to be settled."""
        ...

    def look(self) -> None:
        """Make a call: something may be startable or due."""
        ...

    def obey(self, what: str, job_id: str) -> None:
        """A message about one of its jobs: `lost` or `revoked`."""
        ...


class Ear:
    """One worker's waiting."""

    def __init__(
        self,
        backend: Backend,
        root: str,
        worker_id: str,
        timeout: int,
        woken: Woken,
        failed: Callable[[Exception], Awaitable[None]],
    ) -> None:
        self.hears_wakes = False
        """Whether the wait under way is also on the wake list."""
        self.is_waiting = False
        self.took_wake = False
        """Whether it holds a wake that no call has answered yet."""
        self._backend = backend
        self._root = root
        self._control = control_key(root, worker_id)
        self._wake = wake_key(root)
        self._timeout = timeout
        self._woken = woken
        self._failed = failed
        self._listener: Listener | None = None

    @property
    def hears_only_control(self) -> bool:
        """Whether it must be nudged to hear wakes again."""
        return self.is_waiting and not self.hears_wakes

    async def open(self) -> None:
        """Make the connection to wait on."""
        self._listener = await self._backend.listener()

    async def close(self) -> None:
        """Give it up."""
        if self._listener is not None:
            await self._listener.close()

    async def listen(self) -> None:
        """Wait and tell, until the worker is done."""
        while self._listener is not None and not self._woken.is_done():
            self.hears_wakes = self._woken.has_room()
            keys = [self._control, self._wake] if self.hears_wakes else [self._control]
            self.is_waiting = True
            try:
                heard = await self._listener.listen(keys, self._timeout)
            except QueueConnectionError as error:
                self.is_waiting = False
                await self._failed(error)
                continue
            except ClosedError:
                return
            finally:
                self.is_waiting = False
            await self._hear(heard)

    async def pass_wake(self) -> None:
        """Hand a wake on to another worker."""
        await self._backend.call(work.pass_wake, self._root)

    async def _hear(self, heard: tuple[str, str] | None) -> None:
        if heard is None:
            self._woken.look()
        elif heard[0] == self._wake:
            if self._woken.has_room():
                self.took_wake = True
                self._woken.look()
            else:
                await self.pass_wake()
        elif heard[1] == LOOK:
            self._woken.look()
        else:
            what, _, job_id = heard[1].partition(":")
            if job_id:
                self._woken.obey(what, from_wire(job_id))
