"""Long random lives of a queue with producers and a fleet of workers, checked against the model after every step."""

import random
import types
from dataclasses import dataclass, field
from typing import Any

from glidemq_pb import semantics
from glidemq_pb.semantics.jobs import ids_in
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.records import Caller, JobSpec, RunDetail, Settlement
from glidemq_pb.semantics.settling import statuses_in
from tests.strategies import batch_of

from .agree import START
from .model import DAY, Model
from .sides import MemorySide, Q

STATES = ("waiting", "active", "delayed", "completed", "failed")
KEPT = 1_000_000_000
"""Events kept, and how long a worker's record is: for ever."""
REPEATED_WITHIN = 60_000


class BrokenPromiseError(AssertionError):
    """A promise that was not kept."""


@dataclass
class FleetWorker:
    """A worker as its queue sees it. It has room for `room` jobs, and looks when woken, at its timer, or whenever."""

    name: str
    room: int
    call: int = 0
    held: dict[str, str] = field(default_factory=dict)
    idle: bool = False
    """Its last call left it with room: it listens to `:wake`."""
    woken: bool = False
    looks_at: int | None = None
    last: tuple[Any, ...] = ()
    """Its last call, for a repetition."""


class Life:
    """One history. `steady`: time never goes back, so that wakes and timers can be judged too."""

    def __init__(self, seed: int, package: types.ModuleType = semantics) -> None:
        self.random = random.Random(seed)
        self.steady = self.random.random() < 0.7
        self.side = MemorySide(package)
        self.model = Model()
        self.now = self.latest = START
        self.fleet = [FleetWorker(f"w{i}", self.random.randint(1, 3)) for i in range(self.random.randint(1, 3))]
        self.born = len(self.fleet)
        self.calls: list[tuple[int, str, str, tuple[Any, ...]]] = []
        self.events_seen = 0
        self.steps = 0

    def live(self, steps: int) -> None:
        """Make so many steps."""
        actions = {
            self.add: 6, self.work: 14, self.hear: 6, self.extend: 2, self.change: 7, self.write: 2, self.repeat: 1,
            self.pause: 1, self.tick: 1, self.leave: 1,
        }  # fmt: skip
        chosen = self.random.choices(list(actions), list(actions.values()), k=steps)
        for action in chosen:
            self.pass_time()
            action()
            self.steps += 1
            self.check()

    def pass_time(self) -> None:
        moments = [moment for moment in self.model.due_moments() if moment > self.now]
        timers = [worker.looks_at for worker in self.fleet if self.now < (worker.looks_at or 0) < self.now + DAY]
        choice = self.random.random()
        if choice < 0.25 and moments:
            self.now = max(self.random.choice(moments[:3]) + self.random.choice((-1, 0, 0, 1)), self.now)
        elif choice < 0.3 and timers:
            self.now = min(one for one in timers if one is not None)
        elif choice < 0.6:
            self.now += self.random.choice((1, 2, 10, 100, 1_000, 10_000))
        elif choice < 0.62:
            self.now += self.random.choice((3_600_000, DAY))
        elif choice < 0.65 and not self.steady:
            self.now -= self.random.choice((1, 100, 5_000))
        self.latest = max(self.latest, self.now)

    # --- actions --------------------------------------------------------------------------------------------------

    def run(self, operation: str, *args: Any) -> Any:
        return self.side.run(operation, self.now, *args)

    def agree(self, operation: str, actual: Any, expected: Any) -> None:
        if actual != expected:
            raise BrokenPromiseError(f"{operation} replied {actual!r}, promised {expected!r}")

    def options(self) -> dict[str, str]:
        pick = self.random.choice
        found: dict[str, str] = {}
        if self.random.random() < 0.4:  # a plain job: by chance, one in seven hundred would be
            return found
        for one in (
            pick(({}, {}, {}, {"delay": pick((1, 50, 1_000))}, {"ttl": pick((1, 40, 900))}, {"delay": 30, "ttl": 40})),
            pick(({}, {}, {"priority": pick((1, 2, 2048))}, {"lifo": 1}, {"priority": 2, "lifo": 1})),
            pick(
                ({}, {"attempts": pick((1, 2, 3))}, {"attempts": 4, "backoff": "fixed", "backoff_delay": pick((0, 25))})
            ),
            pick(
                (
                    {},
                    {"attempts": 5, "backoff": "exponential", "backoff_delay": 10, "backoff_jitter": pick((0, 30_000))},
                )
            ),
            pick(({}, {}, {"backoff_max": 25}, {"lock_duration": 700})),
            pick(({}, {"remove_on_complete": 1}, {"keep_completed": pick((0, 1, 3))}, {"keep_completed_ms": 500})),
            pick(({}, {"remove_on_fail": 1}, {"keep_failed": pick((0, 2))}, {"keep_failed": 3, "keep_failed_ms": 800})),
        ):
            found.update({name: str(value) for name, value in one.items()})
        return found

    def producer_call(self) -> str:
        self.born += 1
        return self.random.choice(("", "", f"p{self.born}"))

    def an_id(self) -> str:
        known = list(self.model.jobs)
        return self.random.choice(known) if known and self.random.random() < 0.95 else "none"

    def add(self) -> None:
        if len(self.model.jobs) > 60:
            return
        wanted = [
            self.random.choice(("", "", "", "a", "b", "c", "7", "040", "33")) for _ in range(self.random.randint(1, 4))
        ]
        specs = [(one, f"n{one}", f"d{self.steps}", self.options()) for one in wanted]
        call = self.producer_call()
        self.calls.append((self.now, call, "enqueue", (specs,)))
        self._add(call, specs)

    def _add(self, call: str, specs: list[tuple[str, str, str, dict[str, str]]]) -> None:
        made = [
            JobSpec(one, name, data, Fields([text for pair in options.items() for text in pair]))
            for one, name, data, options in specs
        ]
        self.agree(
            "enqueue",
            ids_in(self.run("enqueue", call, batch_of(made), [], KEPT)),
            self.model.enqueue(self.now, call, specs),
        )

    def repeat(self) -> None:
        """Somebody did not hear the reply to a call."""
        if self.random.random() < 0.5:
            recent = [one for one in self.calls if one[1] and 0 <= self.now - one[0] < REPEATED_WITHIN]
            if recent and self.steady:
                _, call, operation, args = self.random.choice(recent)
                if operation == "enqueue":
                    self._add(call, *args)
                else:
                    self._change(operation, call, *args)
            return
        worker = self.random.choice(self.fleet)
        if worker.last:
            self._call(worker, worker.call - self.random.choice((0, 0, 0, 1)), *worker.last, repeated=True)

    def work(self) -> None:
        """A worker settles some of what it holds and takes what it has room for."""
        eager = [one for one in self.fleet if one.woken or (one.looks_at is not None and one.looks_at <= self.now)]
        worker = self.random.choice(eager or self.fleet)
        settlements = [
            self.settlement(job_id, token) for job_id, token in worker.held.items() if self.random.random() < 0.5
        ]
        if self.random.random() < 0.05:
            settlements.append(self.settlement(self.an_id(), "w0:1"))
        held = worker.held.keys() - {one[0] for one in settlements}
        lease, stalled_max = self.random.choice((20, 1_000, 30_000)), self.random.choice((0, 1, 1))
        worker.call += 1
        metrics = self.random.random() < 0.7
        self._call(worker, worker.call, lease, stalled_max, metrics, settlements, worker.room - len(held))

    def settlement(self, job_id: str, token: str) -> tuple[str, str, str, dict[str, Any]]:
        outcome = self.random.choice(("completed", "completed", "failed", "failed", "delayed", "returned"))
        what: dict[str, Any] = {"value": "", "reason": "", "after": -1, "fraction": 0, "final": False}
        if outcome == "completed":
            what["value"] = f"r{self.steps}"
        elif outcome == "failed":
            what.update(reason=self.random.choice(("no", "expired")), final=self.random.random() < 0.1)
            what.update(fraction=self.random.randrange(100_000), after=self.random.choice((-1, -1, -1, 0, 15)))
        elif outcome == "delayed":
            what.update(until=self.now + self.random.choice((-1, 0, 1, 60)), value=self.random.choice(("", "again")))
        return job_id, token, outcome, what

    def _call(
        self, worker: FleetWorker, call: int, lease: int, stalled_max: int, metrics: bool,
        settlements: list[tuple[str, str, str, dict[str, Any]]], want: int, *, repeated: bool = False,
    ) -> None:  # fmt: skip
        made = [
            Settlement(job_id, token, outcome, what["value"], RunDetail(
                what["reason"], "", what["after"] if outcome == "failed" else what.get("until", -1), what["fraction"],
                what["final"], 0, False, False,
            ))
            for job_id, token, outcome, what in settlements
        ]  # fmt: skip
        caller = Caller(worker.name, call, lease, stalled_max, KEPT * 1_000, KEPT, metrics, 0, 0, False, "")
        expected = self.model.work(self.now, worker.name, call, lease, stalled_max, metrics, settlements, want)
        try:
            reply = self.run("settle_and_activate", caller, made, want)
        except Exception as refusal:
            if expected is not None or type(refusal).__name__ != "Refusal":
                raise
            return
        if expected is None:
            raise BrokenPromiseError(f"call {call} of {worker.name} came late and was answered")
        statuses, ids, stalled, drained = expected
        self.agree("statuses", statuses_in(reply.statuses, len(made)), statuses)
        self.agree("started", [job.job_id for job in reply.started], ids)
        self.agree("stalled", reply.stalled, stalled)
        self.agree("drained", reply.drained, drained)
        if not repeated:
            self.agree("more", reply.more, False)
        for job in reply.started:
            self.agree(
                "data",
                dict(zip(job.fields[::2], job.fields[1::2], strict=True))["data"],
                self.model.jobs[job.job_id].data,
            )
        if not repeated:
            worker.last = (lease, stalled_max, metrics, settlements, want)
            for one in settlements:
                worker.held.pop(one[0], None)
            worker.held.update(dict.fromkeys(ids, reply.token))
            worker.idle, worker.woken = len(ids) < want, False
            worker.looks_at = None if reply.wait_ms < 0 else self.now + reply.wait_ms
            while self.side.store.take_first(f"{Q}:control:{worker.name}") is not None:
                pass  # it has heard, and looked

    def hear(self) -> None:
        """An idle worker pops a token, any worker what it is told by name."""
        for worker in self.fleet:
            while (told := self.side.store.take_first(f"{Q}:control:{worker.name}")) is not None:
                worker.woken = worker.woken or told == "look"
        idle = [worker for worker in self.fleet if worker.idle and not worker.woken]
        if idle and self.side.store.take_first(f"{Q}:wake") is not None:
            self.random.choice(idle).woken = True

    def extend(self) -> None:
        worker = self.random.choice(self.fleet)
        ids, tokens = list(worker.held), list(worker.held.values())
        lease = 2_000  # not shorter than what is left of any lease here but the longest
        if any(self.model.jobs[one].lease_until > self.now + lease for one in ids if one in self.model.jobs):
            return
        actual = self.run("extend", worker.name, ids, tokens, [lease] * len(ids))
        self.agree("extend", actual, self.model.extend(self.now, ids, tokens, lease))

    def change(self) -> None:
        operation = self.random.choice(("remove", "retry", "retry", "promote", "change_priority", "change_delay"))
        to = self.random.choice((0, 1, 2, 2048) if operation == "change_priority" else (0, 1, 200))
        args, call = (self.an_id(), to), self.producer_call()
        self.calls.append((self.now, call, operation, args))
        self._change(operation, call, *args)

    def _change(self, operation: str, call: str, job_id: str, to: int) -> None:
        extra = (to,) if operation in ("change_priority", "change_delay") else ()
        actual = self.run(operation, call, job_id, *extra, KEPT)
        self.agree(operation, actual, self.model.change(operation, self.now, call, job_id, to))

    def write(self) -> None:
        operation = self.random.choice(("update_data", "update_progress", "add_log"))
        job_id, text = self.an_id(), f"t{self.steps}"
        job = self.model.jobs.get(job_id)
        token = self.random.choice(("", "w0:1", job.token if job else ""))
        before = () if operation == "update_data" else ("",)
        after = (KEPT,) if operation == "update_progress" else ()
        actual = self.run(operation, *before, job_id, token, text, *after)
        self.agree(operation, actual, self.model.write(operation, job_id, token, text))

    def pause(self) -> None:
        paused = self.random.random() < 0.4
        self.agree("pause", self.run("pause" if paused else "resume", KEPT), self.model.set_paused(paused))

    def tick(self) -> None:
        self.agree("more", self.run("tick", 1, KEPT).more, False)
        self.model.tick(self.now, 1)

    def leave(self) -> None:
        """A worker closes, whatever it holds; a new one takes its place."""
        worker = self.random.choice(self.fleet)
        self.run("leave", worker.name)
        self.model.workers.pop(worker.name, None)
        self.fleet.remove(worker)
        self.born += 1
        self.fleet.append(FleetWorker(f"w{self.born}", self.random.randint(1, 3)))

    # --- promises -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        counts = self.run("count_jobs")
        for state in STATES:
            listed = self.run("list_jobs", state, 0, -1, False)
            self.agree(
                f"list of {state}", [entry.job_id for entry in listed], [job.id for job in self.model.listed(state)]
            )
            self.agree(f"count of {state}", getattr(counts, state), len(listed))
            for entry in listed:
                self.check_job(entry.job_id, dict(zip(entry.fields[::2], entry.fields[1::2], strict=True)))
        self.check_events()
        self.check_metrics()
        if self.steady:
            self.check_wakes()

    def check_job(self, job_id: str, fields: dict[str, str]) -> None:
        job = self.model.jobs[job_id]
        promised = {
            "data": job.data,
            "attempts_made": str(job.attempts_made) if job.attempts_made else None,
            "failed_reason": job.reason,
            "return_value": job.value,
            "progress": job.progress,
            "expire_at": None if job.deadline is None else str(job.deadline),
            "finished_on": None if job.finished_on is None else str(job.finished_on),
        }
        self.agree(f"job {job_id}", {name: fields.get(name) for name in promised}, promised)
        self.agree(f"log of {job_id}", self.run("get_log", job_id, 0, -1).lines, job.log)

    def check_events(self) -> None:
        told = self.run("read_events", self.events_seen, 1_000)
        self.events_seen += len(told)
        self.agree("events", sorted((one.name, one.job_id) for one in told), sorted(self.model.events))
        self.model.events.clear()

    def check_metrics(self) -> None:
        for state in ("completed", "failed"):
            flat = self.run("get_metrics", state)
            counted = {int(minute): int(count) for minute, count in zip(flat[::2], flat[1::2], strict=True)}
            for (of, minute), count in self.model.minutes.items():
                if of == state and minute * 60_000 + DAY > self.latest:
                    self.agree(f"{state} in {minute}", counted.pop(minute, 0), count)
            if any(minute * 60_000 + DAY > self.latest for minute in counted):
                raise BrokenPromiseError(f"{state}: counted {counted} too much")

    def about_to_look(self, worker: FleetWorker) -> bool:
        """Woken, told on its own list, or at its timer."""
        told = self.side.store.llen(f"{Q}:control:{worker.name}") > 0
        return worker.woken or told or (worker.looks_at or self.now + 1) <= self.now

    def will_look(self, worker: FleetWorker) -> bool:
        """Whether it was woken, or its moment has come, or it has still to hear that it is to look."""
        messages = self.side.store.lrange(f"{Q}:control:{worker.name}", 0, -1)
        return worker.woken or (worker.looks_at or self.now + 1) <= self.now or "look" in messages

    def check_wakes(self) -> None:
        """Somebody is about to look whenever there is something to see."""
        idle = any(worker.idle for worker in self.fleet)
        token = idle and self.side.store.llen(f"{Q}:wake") > 0
        looking = any(self.about_to_look(worker) for worker in self.fleet)
        taking = any(worker.idle and self.about_to_look(worker) for worker in self.fleet)
        if self.model.listed("waiting") and not self.model.paused and idle and not token and not taking:
            raise BrokenPromiseError("a job can start, a worker idles, and nobody wakes it")
        moments = self.model.due_moments()
        called = [worker for worker in self.fleet if worker.call]
        if moments and called and not (token and idle) and not looking:
            soonest = min((worker.looks_at for worker in called if worker.looks_at is not None), default=None)
            if soonest is None or soonest > max(moments[0], self.now):
                late = None if soonest is None else soonest - moments[0]
                raise BrokenPromiseError(
                    f"due {moments[0] - self.now} ms from now; the first to look is {late} ms late"
                )
