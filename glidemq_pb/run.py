"""One run of a processor: its abort signal, and what the processor asked for."""

import asyncio

from .errors import GroupRateLimitError, InvalidStateError, JobAbortedError


class AbortSignal:
    """Tells a processor to stop. Fires once; the first reason stands.

    `aborted` is True once it fired; `reason` is then `revoked`, `timed out`, `lease lost` or `aborted`.
    Safe to read from a plain function's thread.
    """

    __slots__ = ("_waiters", "aborted", "reason")

    def __init__(self) -> None:
        self.aborted = False
        self.reason: str | None = None
        self._waiters: set[asyncio.Future[None]] | None = None  # few ever wait

    def fire(self, reason: str) -> bool:
        """Fire the signal, in the worker's event loop: whether this was the first time."""
        if self.aborted:
            return False
        self.reason = reason
        self.aborted = True
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)
        return True

    async def wait(self) -> str:
        """Wait until the signal fires: its reason. A wait of the test kit."""
        if not self.aborted:
            waiter = asyncio.get_running_loop().create_future()
            waiters = self._waiters = self._waiters or set()
            waiters.add(waiter)
            try:
                await waiter
            finally:
                waiters.discard(waiter)
        return self.reason or ""

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for it now."""
        return bool(self._waiters)

    def raise_if_aborted(self) -> None:
        """Raise `JobAbortedError` when the signal has fired."""
        if self.aborted:
            raise JobAbortedError(self.reason or "aborted")


class Run:
    """What the worker and the Job object of one run share."""

    __slots__ = ("_abort", "discarded", "loop", "over", "token")

    def __init__(self, token: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.token = token
        self.loop = loop
        """The worker's, for a processor that runs in a thread."""
        self.discarded = False
        self.over = False
        self._abort: AbortSignal | None = None

    @property
    def abort(self) -> AbortSignal:
        """Its signal, made when somebody first asks for it: few do."""
        if self._abort is None:
            self._abort = AbortSignal()
        return self._abort

    def check_open(self, what: str) -> None:
        """Raise `InvalidStateError` once the run is over."""
        if self.over:
            raise InvalidStateError(f"{what} is only possible while the processor runs")


class RunEnd(BaseException):
    """What ends a run of the processor from inside.

    A BaseException, so that `except Exception` in a processor does not swallow it.
    """


class RunRateLimited(RunEnd):
    """`rate_limit_group` ends a run of the processor, as a raised `GroupRateLimitError` does."""

    def __init__(self, error: GroupRateLimitError) -> None:
        super().__init__("the run of this job is over: its group was rate limited")
        self.error = error


class RunDelayed(RunEnd):
    """`move_to_delayed` ends a run of the processor: back at `until`, no attempt consumed."""

    def __init__(self, until: int, data: str) -> None:
        super().__init__("the run of this job is over: it was moved to delayed")
        self.until = until
        """Epoch milliseconds."""
        self.data = data
        """The new payload as wire text; empty keeps the old one."""


class RunWaiting(RunEnd):
    """`move_to_waiting_children` ends a run of the processor: again when its children are done."""

    def __init__(self) -> None:
        super().__init__("the run of this job is over: it waits for its children")
