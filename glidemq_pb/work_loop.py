"""The loop of a worker: settle what finished while the last call was under way, take what there is room
for, start it, repeat.

A task for each line makes calls, one at a time (see `call_lines`), and `Listening.listen` waits to be told to make one.
"""

import asyncio
from collections.abc import Callable

from .backends.backend import Backend
from .call_lines import LATE_MS, Line, Lines
from .clock import Alarm, Timer
from .emitter import Emitter
from .errors import GlideMQError, InvalidStateError
from .execution import Execution, Executor, Outcome
from .job import Job, JobOwner
from .leases import Leases
from .listening import Listening
from .planning import Planner
from .postman import Postman
from .reporting import report
from .run import Run
from .semantics import work
from .semantics.records import RETURNED_RUN, Settlement, StartedJob, WorkReply
from .settings import Settings
from .worker_calls import Answer, WorkerCalls


class WorkLoop:
    """What a Worker does between `connect` and `close`."""

    def __init__(
        self,
        backend: Backend,
        owner: JobOwner,
        settings: Settings,
        emitter: Emitter,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.holding = False
        """Paused: start nothing more."""
        self.closing = False
        self.stopped = False
        """Closed by force: nothing reaches the store any more."""
        self._backend = backend
        self._clock = backend.clock
        self._owner = owner
        self._settings = settings
        self._emitter = emitter
        self._on_failure = on_failure
        self._failure: BaseException | None = None
        self._slots: set[Execution] = set()
        self._by_id: dict[str, Execution] = {}
        self._finished: list[Outcome] = []
        self._must_call = True
        self._idle = asyncio.Event()
        self._idle.set()
        self._ready = asyncio.Event()
        self._outages = outages = emitter.outages(
            "the queue cannot be reached; it is tried until it can", "the queue can be reached again",
            queue=owner.queue_name,
        )  # fmt: skip
        self._stop_watching: Callable[[], None] = lambda: None
        worker_id = backend.clock.token()
        self._lines = Lines(
            worker_id,
            lambda name: WorkerCalls(
                name, backend, owner, settings, outages,
                may_repeat=lambda: self._ready.is_set() and not self.closing,
                active=(lambda: len(self._slots)) if name == worker_id else None,
            ),
            settings.concurrency,
            backend.calls_at_once,
        )  # fmt: skip
        self._leases = Leases(
            backend, owner.root, worker_id, lambda: self._slots, emitter, outages, cancel=settings.cancel_on_abort
        )
        self._listening = Listening(
            backend, owner, self._lines.names, min(settings.block_timeout, settings.stalled_interval), outages,
            has_room=lambda: self._room() > 0,
            idles=lambda: self._room() > 0 and not self._works,
            look=self._poke,
            obey=self._leases.obey,
        )  # fmt: skip
        self._postman = Postman(backend, owner, emitter, outages)
        self._planner = Planner(backend, owner, emitter, outages, self._poke)
        self._held_until = 0.0
        self._hold_timer: Timer | None = None
        self._due = Alarm(backend.clock, self._poke, weak=True)
        self._late = Alarm(backend.clock, self._hurry, weak=True)
        self._tasks: list[asyncio.Task[None]] = []

    # --- life cycle ---------------------------------------------------------------------------------------------------

    async def start(self, executor: Executor) -> None:
        """Begin to take jobs: returns after the first call was answered, or raises what made it fail."""
        self._executor = self._leases.executor = executor
        try:
            await self._listening.open()
            self._stop_watching = self._backend.watch(self._owner.root, self._outages)
            self._clock.attend(self)
            loop = asyncio.get_running_loop()
            self._tasks = [
                *(loop.create_task(self._work(line)) for line in self._lines.all),
                loop.create_task(self._listening.listen(self._may_leave)),
            ]
            for task in self._tasks:
                task.add_done_callback(self._watch)
            ready = loop.create_task(self._ready.wait())
            await asyncio.wait([ready, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            await self.stop()
            raise

    async def finish(self) -> None:
        """End gracefully: running jobs end and are settled, nothing new is started.

        A store that cannot be reached ends it too: what was not settled is recovered when its lease ends.
        """
        self.closing = True
        self._poke()
        await asyncio.wait(self._tasks)
        await self._postman.done()  # perhaps with the last job's letter
        self._stop_watching()
        if not self.stopped:
            self._clock.dismiss(self)
            self._cancel_timers()
            try:
                for name in self._lines.names:
                    await self._owner.call(work.leave, name)
            except GlideMQError as error:
                self._emitter.error(error, "the worker could not say that it leaves", queue=self._owner.queue_name)
            await self._listening.close()

    def _watch(self, task: asyncio.Task[None]) -> None:
        """A loop that ends by an error takes everything along: half a worker would look alive."""
        if task.cancelled() or (error := task.exception()) is None or self._failure is not None:
            return
        self._failure = error
        if self._ready.is_set():
            self._emitter.error(error, "the worker stopped", queue=self._owner.queue_name)
            self._emitter.spawn(self.stop())
            self._on_failure(error)

    def interrupt(self) -> None:
        """Make the running jobs end soon, and give those back that do not complete all the same."""
        for execution in list(self._slots):
            self._executor.interrupt(execution)

    async def stop(self) -> None:
        """End at once: running jobs are aborted, and recovered by others when their leases end (WRK-6)."""
        self.stopped = self.closing = True
        self._stop_watching()
        self._clock.dismiss(self)
        self._cancel_timers()
        for execution in list(self._slots):
            execution.lost = True
            self._executor.abort(execution, "aborted", cancel=True)
            execution.run.over = True  # its token is good until the lease ends, so its writes are refused here
        for task in self._tasks:
            task.cancel()
        await self._listening.close()

    def shut_down(self) -> None:
        """Take no more threads."""
        self._executor.shut_down()

    async def drained_slots(self) -> None:
        """Wait until no job runs."""
        await self._idle.wait()

    def check_outside(self, what: str) -> None:
        """Raise InvalidStateError inside one of the processors that `what` would wait for."""
        task = asyncio.current_task()
        if any(execution.task is task for execution in self._slots):
            raise InvalidStateError(f"{what}() waits for running jobs, so it cannot be awaited inside a processor")

    # --- what others ask ----------------------------------------------------------------------------------------------

    def running(self) -> list[Execution]:
        """The jobs that occupy a slot now, also those that outlive their attempt."""
        return list(self._slots)

    @property
    def parked(self) -> bool:
        """Whether the loop waits to be woken: nothing to settle, no call under way, its wait registered."""
        return (not self._works or self._lines.is_pausing) and (self._listening.waits or self.closing)

    @property
    def renews(self) -> bool:
        """Whether a timer is set to renew leases."""
        return self._leases.renews

    @property
    def is_held(self) -> bool:
        """Whether `hold` keeps it from starting jobs now."""
        return self._held_until > 0 and self._clock.monotonic() < self._held_until

    def resume(self) -> None:
        """Take jobs again."""
        self.holding = False
        self._poke()

    def hold(self, duration: int) -> None:
        """Start nothing for `duration` milliseconds; 0 changes nothing (WRK-2)."""
        if duration > 0:
            self._held_until = max(self._held_until, self._clock.monotonic() + duration)
            if self._hold_timer is not None:
                self._hold_timer.cancel()
            self._hold_timer = self._clock.call_later(self._held_until - self._clock.monotonic(), self._poke)

    def abort(self, job_id: str) -> bool:
        """Fire the signal of a running job: whether it runs here."""
        execution = self._by_id.get(job_id)
        if execution is None or execution.is_over:
            return False
        self._leases.abort(execution)
        return True

    # --- what executions report ---------------------------------------------------------------------------------------

    def settle(self, outcome: Outcome) -> None:
        """Send this with the next call."""
        if not self.stopped:
            self._finished.append(outcome)
            self._wake()

    def free(self, execution: Execution) -> None:
        """The processor has returned: its slot is free."""
        self._slots.discard(execution)
        if self._by_id.get(execution.job.id) is execution:
            del self._by_id[execution.job.id]
        if not self._slots:
            self._leases.stop()
            self._idle.set()
        self._poke()

    # --- the calls ----------------------------------------------------------------------------------------------------

    def _poke(self) -> None:
        self._must_call = True
        self._wake()

    def _wake(self) -> None:
        self._lines.wake(everyone=self.closing)  # then each looks whether it may leave

    def _room(self) -> int:
        if self._takes_nothing:
            return 0
        return self._settings.concurrency - len(self._slots)

    @property
    def _takes_nothing(self) -> bool:
        return self.closing or self.holding or (self._held_until > 0 and self.is_held)

    @property
    def _works(self) -> bool:
        """Whether it calls, or is about to."""
        return self._lines.are_asking or self._must_call or bool(self._finished)

    def _may_leave(self) -> bool:
        """Whether it is closing and nothing is left to do."""
        return self.closing and not self._slots and not self._finished

    async def _work(self, line: Line) -> None:
        """Call after call. The jobs of a reply start when the next call is on its way, so that the server works too."""
        while self._lines.untaken or not self._may_leave():
            arrived, line.arrived = line.arrived, False
            if self._must_call or self._finished:
                await (self._call_and_accept(line) if arrived else self._call(line))
            elif arrived:
                self._accept()
            else:
                line.sleep = asyncio.get_running_loop().create_future()
                await line.sleep
                line.sleep = None
        self._lines.open -= 1
        self._lines.wake(everyone=True)  # they may leave too
        if not self._lines.open:
            await self._backend.call(work.nudge, self._owner.root, line.calls.name)

    async def _call_and_accept(self, line: Line) -> None:
        call = asyncio.get_running_loop().create_task(self._call(line))
        try:
            await asyncio.sleep(0)  # the call is sent
            self._accept()
            await call
        except BaseException:
            call.cancel()
            raise

    async def _call(self, line: Line) -> None:
        """Settle what has finished and ask for jobs."""
        self._must_call = False
        outcomes = [outcome for outcome in self._finished if not outcome.execution.lost]
        self._finished = []
        want = self._lines.want(self._room())
        nudge = want > 0 and self._listening.is_deaf_to_wakes
        self._lines.begin(line)
        self._lines.arrive(line, await line.calls.make(outcomes, want, nudge=nudge))

    def _hurry(self) -> None:
        self._emitter.spawn(self._accept_late())

    async def _accept_late(self) -> None:
        self._accept(late=True)
        self._wake()

    def _accept(self, *, late: bool = False) -> None:
        """Do what the answers say that have their turn."""
        answer: Answer | None = None
        for answer in self._lines.take(late=late):
            reply = answer.reply
            report(answer.outcomes, reply, self._emitter, self._leases.lose)
            self._take(reply, answer.sent_at)
            self._leases.catch_up(more=self._lines.are_asking)
            self._obey_limiter(reply)
            if reply.letters:
                self._postman.call()
            self._planner.plan(reply.unplanned)
            self._plan(reply)
        if not self._lines.untaken:
            self._late.cancel()
        elif not self._late.is_set:
            self._late.set(LATE_MS)
        if answer is None:
            return
        self._ready.set()
        reply = answer.reply
        if self._room() > 0 and not self._lines.are_asking:
            got_all = 0 < answer.want == len(reply.started)  # so there may be more
            nobody_listens = self._listening.is_deaf_to_wakes and not answer.nudge
            self._must_call = self._must_call or got_all or nobody_listens

    def _take(self, reply: WorkReply, sent_at: float) -> None:
        loop = asyncio.get_running_loop()
        monotonic = self._clock.monotonic()
        now = str(reply.now)
        lease_ms = self._settings.lock_duration
        for started in reply.started:
            if self._takes_nothing:
                self._hand_back(started, reply.token)
                continue
            run = Run(reply.token, loop)
            job: Job[object, object] = Job(self._owner, started.job_id, started.fields, run)
            job.note_start(now, monotonic)
            execution = Execution(self._clock, job, run, job.lock_duration or lease_ms, sent_at)
            self._slots.add(execution)
            self._by_id[job.id] = execution
            self._leases.watch(execution)
            if (undecodable := job.deserialization_error) is not None:
                self._emitter.error(undecodable, "a job cannot be decoded", **execution.log_extra)
            self._emitter.emit("active", job)
            self._executor.start(execution)
        if self._slots:
            self._idle.clear()

    def _obey_limiter(self, reply: WorkReply) -> None:
        """While its own limiter holds it, a worker must not keep the wake that another one could use (WRK-1)."""
        woken, self._listening.took_wake = self._listening.took_wake, False
        if reply.hold_ms > 0:
            self.hold(reply.hold_ms)
            if woken and not reply.started:
                self._emitter.spawn(self._outages.attempt(self._listening.pass_wake()))

    def _hand_back(self, started: StartedJob, token: str) -> None:
        """A job that arrived when the worker must not start it any more goes back to its place (B-10, B-12)."""
        run = Run(token)
        job: Job[object, object] = Job(self._owner, started.job_id, started.fields, run)
        execution = Execution(self._clock, job, run, self._settings.lock_duration, self._clock.monotonic())
        settlement = Settlement(started.job_id, token, RETURNED_RUN, "", None)
        self._finished.append(Outcome(execution, settlement))

    def _plan(self, reply: WorkReply) -> None:
        """Look again when the reply says so, or at once while due work is left."""
        if not reply.more and reply.wait_ms >= 0:
            self._due.set(reply.wait_ms)
            return
        self._due.cancel()
        if reply.more:
            self._poke()

    def _cancel_timers(self) -> None:
        self._leases.end()
        self._due.end()
        self._late.end()
        if self._hold_timer is not None:
            self._hold_timer.cancel()
