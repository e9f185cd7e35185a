"""An asyncio event loop whose time is virtual, and which knows exactly when nothing more can happen now.

The stdlib's selector loop does all the work. It lets its selector wait only when nothing is ready: there, in
`VirtualTimeLoop.when_idle`, this one waits for what is real (threads, sockets, pipes), tells those who asked
that this moment is over, or lets time pass.
"""

import asyncio
import contextlib
import heapq
import itertools
import selectors
import threading
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from ..backends.memory import VirtualClock
from ..errors import GlideMQError
from .driver import FOREVER_US, Driver, StillRunningWarning

T = TypeVar("T")
Args = TypeVarTuple("Args")
Events = list[tuple[selectors.SelectorKey, int]]

SECOND_US = 1_000_000
PATIENCE_MS = 1_000
STALE_TIMERS_MAX = 1_000
TASKS_NAMED_MAX = 10


class NothingCanHappenError(GlideMQError):
    """The event loop waits for something that cannot come: no timer, no thread and no socket is left."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, for `asyncio.Runner(loop_factory=VirtualTimeLoop)` and test runners.

    `loop.time()` begins at 0 and stands still while anything can run. `asyncio.sleep`, `asyncio.timeout` and
    `loop.call_later` are virtual. Callbacks run in the order of asyncio's own loop, timers of one moment in the
    order in which they were set. Every `VirtualClock` used in the loop moves with it.

    Time is moved by `queue.advance()` and its like. When the test itself waits for a timer, the loop goes on to
    the next due moment as soon as nothing else can run. `NothingCanHappenError` when there is no such moment.

    Threads (`run_in_executor`, `asyncio.to_thread`), sockets and pipes are real: virtual time stands still until
    they were silent for `patience` real milliseconds. One that was counts as idle until it is heard again.
    """

    def __init__(self, *, patience: int = PATIENCE_MS) -> None:
        self.patience = patience
        self.clocks: dict[VirtualClock, int] = {}
        """The clocks used in this loop, each with the loop's time (microseconds) at the clock's start."""
        self.driver = Driver(self)
        self.now_us = 0
        """The loop's time in microseconds."""
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []  # a heap: due, order of creation
        self._numbers = itertools.count()
        self._cancelled = 0  # timers that are still in the heap
        self._waiters: list[asyncio.Future[None]] = []
        self._in_threads: set[Future[Any]] = set()
        self._silent: set[object] = set()
        self._executor: ThreadPoolExecutor | None = None
        self._ending_threads = False
        self._step: asyncio.Task[None] | None = None
        self._steps_from = 0
        self._idle_selector = IdleSelector(self)
        super().__init__(self._idle_selector)
        self._own_fds = set(self._idle_selector.get_map())

    # --- time ---------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self.now_us / SECOND_US

    def follow(self, clock: VirtualClock) -> None:
        """Move this clock together with the loop from now on."""
        if clock not in self.clocks:
            self.clocks[clock] = self.now_us - clock.elapsed * 1000

    def next_timer_us(self) -> int | None:
        """When the next timer of the loop itself is due."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._cancelled -= 1
        return timers[0][0] if timers else None

    def move_us(self, moment: int) -> None:
        """Let time pass up to `moment`. The loop's own timers run by themselves, the clocks' do not."""
        self.now_us = moment
        for clock, start in self.clocks.items():
            clock.move((moment - start) // 1000)

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (round(when * SECOND_US), next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Called by a handle that is being cancelled: sweep them out when they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > STALE_TIMERS_MAX and self._cancelled * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled() and entry[2] is not handle]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def release_due(self) -> bool:
        """Make the timers ready that are due: whether there were any."""
        if not self._timers or self._timers[0][0] > self.now_us:
            return False
        released = False
        while (due := self.next_timer_us()) is not None and due <= self.now_us:
            self.call_soon(_run_timer, heapq.heappop(self._timers)[2])
            released = True
        return released

    # --- idleness -----------------------------------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Wait until nothing more can happen at this moment: nothing is ready, nothing real is under way."""
        waiter: asyncio.Future[None] = self.create_future()
        self._waiters.append(waiter)
        await waiter

    def when_idle(self, poll: Callable[[float], Events]) -> Events:
        """Nothing is ready: wait for what is real, else say so to those who asked, else let time pass."""
        while True:
            if events := poll(0):
                self._silent.difference_update(key.fd for key, _ in events)
                return events
            pending = self._pending()
            if not pending:
                break
            if events := poll(self.patience / 1000):
                return events
            self._give_up(pending)
        waiters, self._waiters = self._waiters, []
        awake = False
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
                awake = True
        if awake or self._go_on():
            return []
        if threading.active_count() > 1 and (events := poll(self.patience / 1000)):  # a thread may yet call
            return events
        raise NothingCanHappenError(self._describe_tasks())

    def _pending(self) -> set[object]:
        """What is real, may wake the loop, and was not silent for long."""
        fds = self._idle_selector.get_map().keys() - self._own_fds
        if not (fds or self._in_threads or self._ending_threads):
            return set()
        pending: set[object] = {*fds, *self._in_threads}
        self._silent &= pending
        if self._ending_threads:
            pending.add(self)
        return pending - self._silent

    def _give_up(self, pending: set[object]) -> None:
        self._silent |= pending
        jobs = [
            job.description
            for clock in self.clocks
            for participant in clock.participants
            for job in participant.running()
            if not job.waits_in_kit
        ]
        warnings.warn(
            f"{len(pending)} threads or sockets were silent for {self.patience} ms of real time, and virtual time goes "
            f"on without them; running: {', '.join(jobs) or 'no job'}. Raise `patience=` to wait longer",
            StillRunningWarning,
            stacklevel=2,
        )

    def _go_on(self) -> bool:
        """Nobody moves the time and somebody waits: begin to visit the next due moment. False: there is none."""
        step = self._step
        if step is not None and step.done():
            self._step = None
            step.result()  # what went wrong must not be lost
        if step is None:
            self._steps_from = self.now_us
        if self.driver.moving or not self.driver.has_more(self._steps_from + FOREVER_US):
            return False
        self._step = self.create_task(self.driver.step())
        return True

    def _describe_tasks(self) -> str:
        tasks = sorted((task for task in asyncio.all_tasks(self) if not task.done()), key=lambda task: task.get_name())
        told = [task for task in tasks if not is_ours(task)] or tasks
        lines = [f"  {describe_task(task)}" for task in told[:TASKS_NAMED_MAX]]
        if len(tasks) > len(lines):
            lines.append(f"  and {len(tasks) - len(lines)} more")
        return "\n".join(["nothing can ever wake this loop: no timer is due, no thread runs; waiting are", *lines])

    # --- threads ------------------------------------------------------------------------------------------------------

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Args], T], *args: *Args) -> asyncio.Future[T]:
        if executor is None:
            executor = self._default()
        submitter = Submitter(executor)
        result = super().run_in_executor(submitter, func, *args)
        for future in submitter.submitted:
            self._in_threads.add(future)
            future.add_done_callback(self._thread_ended)  # runs after the one that hands over the result
        return result

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:  # type: ignore[override]  # as in asyncio
        self._executor = executor
        super().set_default_executor(executor)

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        self._ending_threads = True  # asyncio waits for it in a thread that is not one of the executor's
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self._ending_threads = False

    def _default(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self.set_default_executor(executor := ThreadPoolExecutor(thread_name_prefix="asyncio"))
            return executor
        return self._executor

    def _thread_ended(self, future: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed before
            self.call_soon_threadsafe(self._in_threads.discard, future)


class IdleSelector(selectors.DefaultSelector):
    """The platform's selector, which asks the loop before it would wait."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Events:
        # The loop's timers are not where asyncio looks, so that a timeout other than 0 means: nothing is ready.
        if self._loop.release_due() or timeout == 0:
            return super().select(0)
        return self._loop.when_idle(super().select)


class Submitter(Executor):
    """Hands work to an executor and remembers it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.submitted: list[Future[Any]] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = self._executor.submit(fn, *args, **kwargs)
        self.submitted.append(future)
        return future


def run(main: Coroutine[Any, Any, T], *, patience: int = PATIENCE_MS) -> T:
    """Run a coroutine under a `VirtualTimeLoop`, as `asyncio.run` does, and return its result."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(patience=patience)) as runner:
        return runner.run(main)


def describe_task(task: asyncio.Task[Any]) -> str:
    """A task's name, and where it waits."""
    frames = task.get_stack(limit=1)
    if not frames:
        return task.get_name()
    code = frames[-1].f_code
    return f"{task.get_name()}: {code.co_qualname}, {code.co_filename}:{frames[-1].f_lineno}"


def is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether it is a task of the library's, such as a worker's."""
    return any(frame.f_globals.get("__name__", "").startswith("glidemq_pb.") for frame in task.get_stack(limit=1))


def _run_timer(timer: asyncio.TimerHandle) -> None:
    if not timer.cancelled():
        timer._run()
