"""A worker's ears: the queue's wake list while the worker has room, and its own control list always.

A wait is ended by a push to the control list, never by cancelling it: a cancelled wait may swallow the token
that another worker needs.
"""

from collections.abc import Callable, Sequence

from .backends.backend import Backend, Listener
from .clock import pass_time
from .errors import ClosedError, QueueConnectionError
from .job_owner import JobOwner
from .outages import Outages
from .semantics import work
from .semantics.keys import control_key, wake_key
from .semantics.wakes import LOOK
from .wire import from_wire

RETRY_MS = 500
"""How long a worker waits before it repeats a call, or a wait, that could not be made."""


class Listening:
    """Hears for one worker, whose lines the store knows by `names`; `look` and `obey` are told what is heard.

    `idles`: whether the worker waits for jobs; one that works hears of them by its own calls. `has_room`: whether it
    can take a job that it was woken for.

    `obey` gets what the store says of one of the worker's jobs, `lost` or `revoked`, and the job's id.
    """

    def __init__(
        self,
        backend: Backend,
        owner: JobOwner,
        names: Sequence[str],
        timeout: int,
        outages: Outages,
        *,
        has_room: Callable[[], bool],
        idles: Callable[[], bool],
        look: Callable[[], None],
        obey: Callable[[str, str], None],
    ) -> None:
        self._backend = backend
        self._owner = owner
        self._controls = [control_key(owner.root, name) for name in names]
        self._wake = wake_key(owner.root)
        self._timeout = timeout
        self._outages = outages
        self._has_room = has_room
        self._idles = idles
        self._look = look
        self._obey = obey
        self.took_wake = False
        """Whether it holds a wake that no call has answered yet."""
        self._listener: Listener | None = None
        self._hears_wakes = False
        self._has_been_told = True
        """That there is room: by a call, whose reply may still be on its way. So it is at the beginning."""
        self._listening = False
        self._pausing = False
        self._closed = False

    @property
    def waits(self) -> bool:
        """Whether its wait is registered, or it waits before it tries again."""
        return self._listening or self._pausing

    @property
    def is_deaf_to_wakes(self) -> bool:
        """Whether it waits on the control list alone."""
        return self._listening and not self._hears_wakes

    async def open(self) -> None:
        """Connect. QueueConnectionError."""
        self._listener = await self._backend.listener()

    async def close(self) -> None:
        """End, also the wait under way."""
        self._closed = True
        if self._listener is not None:
            await self._listener.close()

    async def pass_wake(self) -> None:
        """Hand a wake on to another worker."""
        await self._backend.call(work.pass_wake, self._owner.root)

    async def listen(self, is_over: Callable[[], bool]) -> None:
        """Listen until the worker may leave. ClosedError when the backend was closed under it."""
        while not is_over():
            try:
                heard = await self._wait()
                self._outages.end(self)
                await self._hear(heard)
            except QueueConnectionError as error:
                self._outages.begin(self, error)
                self._pausing = True
                await pass_time(self._backend.clock, RETRY_MS)
                self._pausing = False
            except ClosedError:
                if self._closed:
                    return
                raise

    async def _wait(self) -> tuple[str, str] | None:
        if self._listener is None:
            raise ClosedError("this worker does not listen")
        self._hears_wakes = self._idles() or (self._has_been_told and self._has_room())
        self._has_been_told = False
        self._listening = True
        try:
            keys = [*self._controls, self._wake] if self._hears_wakes else self._controls
            return await self._listener.listen(keys, self._timeout)
        finally:
            self._listening = False

    async def _hear(self, heard: tuple[str, str] | None) -> None:
        if heard is None:
            self._look()
        elif heard[0] == self._wake:
            if self._has_room():
                self.took_wake = True
                self._look()
            else:  # also when it is closing: its last job may take long
                await self.pass_wake()
        elif heard[1] == LOOK:
            self._look()
        else:
            what, _, job_id = heard[1].partition(":")
            if job_id:
                self._obey(what, from_wire(job_id))
            else:
                self._has_been_told = True
