"""Long random lives of a queue with deduplicated arrivals, revocations and dead letters, judged by `model_control`.

Two deliverers carry letters between the queue and its dead letter queue, with no regard for each other; either may stop
between any two of its calls, or go on with a batch that the other one delivered long ago.
"""

import random
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from glidemq_pb import semantics
from glidemq_pb.semantics.invariants import violations
from glidemq_pb.semantics.jobs import ids_in
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.records import Caller, ClearCursor, JobSpec, Letter, RunDetail, Settlement
from glidemq_pb.semantics.settling import statuses_in
from tests.strategies import batch_of

from .agree import START
from .model_control import BrokenControlError, Control, Dead, Run, promised_of, stored_as
from .sides import MemorySide, Q

FOREVER = 10**12
LEASE = 5_000
DEAD = "glide:{dead}"
WINDOWS = {
    "s": ("simple", 0),
    "t": ("simple", 300),
    "r": ("throttle", 200),
    "b": ("debounce", 150),
    "l": ("debounce", 5_000),
}
"""A deduplication id, its mode and its window. `m` is used with every mode, and one window."""


@dataclass
class Deliverer:
    """Somebody between two calls of a delivery."""

    batch: list[Letter] = field(default_factory=list[Letter])
    taken: list[str] = field(default_factory=list[str])


@dataclass
class Road:
    """The way of letters from one queue to another."""

    source: MemorySide
    target: MemorySide
    deliverers: list[Deliverer] = field(default_factory=lambda: [Deliverer(), Deliverer()])
    arrived: int = 0
    """The number of the last letter that the target took."""


class ControlLife:
    """One history; time only goes forward."""

    def __init__(self, seed: int, package: types.ModuleType = semantics) -> None:
        self.random = random.Random(seed)
        self.side, self.grave = MemorySide(package), MemorySide(package)
        self.out, self.back = Road(self.side, self.grave), Road(self.grave, self.side)
        self.control = Control()
        self.now = START
        self.calls = {"w1": 0, "w2": 0}
        self.held: dict[str, str] = {}
        self.buried: dict[str, Dead] = {}
        """Entries of the dead letter queue, by their ids there."""
        self.replayed: list[Dead] = []
        self.steps = self.letters = 0
        self.run("set_dead_letters", DEAD)

    def run(self, operation: str, *args: Any) -> Any:
        return self.side.run(operation, self.now, *args)

    def agree(self, what: str, actual: Any, expected: Any) -> None:
        if actual != expected:
            raise BrokenControlError(f"{what}: {actual!r}, promised {expected!r}")

    def live(self, steps: int) -> None:
        actions: dict[Callable[[], object], int] = {
            self.add: 7, self.race: 4, self.work: 14, self.change: 9, self.extend: 2, self.tick: 2, self.deliver: 9,
            self.hear: 2, self.rebury: 2, self.drain: 1,
        }  # fmt: skip
        for action in self.random.choices(list(actions), list(actions.values()), k=steps):
            self.pass_time()
            action()
            self.steps += 1
            self.check()

    def pass_time(self) -> None:
        choice, moments = self.random.random(), self.control.moments(self.now)
        if choice < 0.3 and moments:
            self.now = max(self.now, self.random.choice(moments[:3]) + self.random.choice((-1, 0, 0, 1)))
        elif choice < 0.55:
            self.now += self.random.choice((1, 20, 120, 1_000))

    # --- the queue ------------------------------------------------------------------------------------------------

    def race(self) -> None:
        """Somebody arrives just when a window ends."""
        if not self.control.accepted:
            return
        dedup_id = self.random.choice(list(self.control.accepted))
        self.now = max(self.now, self.control.accepted[dedup_id].until + self.random.choice((-1, 0)))
        self.add(dedup_id)

    def add(self, asked: str = "") -> None:
        if len(self.control.jobs) > 30:
            self.run("clean_some", "", "failed", self.now + 1, 50, 0)
            self.run("clean_some", "", "completed", self.now + 1, 50, 0)
            self.control.jobs = {job.id: job for job in self.control.in_state("waiting", "delayed", "active")}
        pick = self.random.choice
        specs: list[JobSpec] = []
        promised: list[str] = []
        for _ in range(pick((1, 1, 1, 3))):
            dedup_id = asked or pick(("", *WINDOWS, "m", "m"))
            mode, window = WINDOWS.get(dedup_id, (pick(("simple", "throttle", "debounce")), 250))
            if dedup_id == "":
                mode, window = "", 0
            delay = pick((0, 0, 0, 40, 400))
            job = Run(
                "", f"d{self.steps}", pick((0, 1, 2)), pick((0, 0, 0, 90, 2_000)),
                pick(((), (), ("completed",), ("failed",), ("completed", "failed"))), mode, dedup_id,
            )  # fmt: skip
            if dedup_id == "" and self.random.random() < 0.7:  # a plain job, which else would be one in two hundred
                job, delay = Run("", job.data, 0, 0, (), "", ""), 0
            wanted = pick(("", "", "", "x", "y", "12", "012"))
            specs.append(JobSpec(wanted, "n", job.data, Fields(written(job, window, delay))))
            promised.append(self.control.arrive(self.now, wanted, job, window, delay))
        self.agree("enqueue", ids_in(self.run("enqueue", "", batch_of(specs), [], 0)), promised)

    def work(self, *, finish: bool = False) -> None:
        worker = self.random.choice(list(self.calls))
        made: list[Settlement] = []
        promised: list[str] = []
        held = [one for one in self.held.items() if one[1].startswith(worker)]
        for job_id, token in held:
            if not finish and self.random.random() < 0.4:
                continue
            outcome = (
                "completed" if finish else self.random.choice(("completed", "failed", "failed", "delayed", "returned"))
            )
            final, after = self.random.random() < 0.2, self.random.choice((0, 0, 60))
            until = self.now + after if outcome == "delayed" else after
            made.append(Settlement(job_id, token, outcome, "", RunDetail("boom", "", until, 0, final, 0, False, False)))
            promised.append(self.control.settle(self.now, job_id, token, outcome, final=final, after=after))
            del self.held[job_id]
        stalled_max = self.random.choice((0, 1, 1))
        stalled = self.control.sweep(self.now, stalled_max)
        self.calls[worker] += 1
        caller = Caller(worker, self.calls[worker], LEASE, stalled_max, FOREVER, 0, False, 0, 0, False, "")
        want = self.random.choice((0, 1, 2))
        ready = len(self.control.in_state("waiting"))
        reply = self.run("settle_and_activate", caller, made, want)
        self.agree("statuses", statuses_in(reply.statuses, len(made)), promised)
        self.agree("stalled", sorted(reply.stalled), sorted(stalled))
        self.agree("starts", len(reply.started), min(want, ready))
        self.agree("letters", reply.letters, len(self.waiting_letters()) > 0)
        for job in reply.started:
            self.control.start(self.now, job.job_id, reply.token, LEASE)
            self.held[job.job_id] = reply.token

    def extend(self) -> None:
        for job_id, token in self.held.items():
            self.agree(
                "extend",
                self.run("extend", token.partition(":")[0], [job_id], [token], [LEASE]),
                [self.control.extend(self.now, job_id, token, LEASE)],
            )

    def tick(self) -> None:
        self.run("tick", 1, 0)
        self.control.sweep(self.now, 1)

    def change(self) -> None:
        operation = self.random.choice(("revoke", "revoke", "revoke", "remove", "retry", "promote"))
        job_id = self.random.choice([*self.control.jobs, "none"])
        self.agree(operation, self.run(operation, "", job_id, 0), self.control.change(self.now, operation, job_id))

    def drain(self) -> None:
        cursor, removed, done = ClearCursor(0, 0, 0), 0, False
        marks = self.run("get_marks")
        while not done:
            reply = self.run("clear_some", marks, cursor, 1, 0)
            cursor, done = reply.cursor, reply.done
            removed += reply.removed
        self.agree("drained", removed, self.control.drop_waiting())

    def hear(self) -> None:
        """A worker listens: it is told of what it runs, once (REV-3)."""
        for worker in self.calls:
            heard: list[str] = []
            while (message := self.side.store.take_first(f"{Q}:control:{worker}")) is not None:
                heard += [message] if ":" in message else []  # not about a job: the timer
            self.agree(f"told to {worker}", heard, self.control.told.pop(worker, []))

    # --- letters --------------------------------------------------------------------------------------------------

    def waiting_letters(self) -> list[Letter]:
        return list(self.run("list_letters"))

    def deliver(self) -> None:
        """One call of a delivery, or its end in the middle."""
        road = self.random.choice((self.out, self.out, self.back))
        what = self.random.choice(("fetch", "give", "give", "give", "lose", "forget", "stop"))
        self.go_on(road, self.random.choice(road.deliverers), what)
        self.check_letters()

    def go_on(self, road: Road, deliverer: Deliverer, what: str) -> None:
        if what == "fetch":
            deliverer.batch = list(road.source.run("list_letters", self.now))
        elif what == "give" and deliverer.batch:
            letter = deliverer.batch[0]
            answer = road.target.run("receive", self.now, Q, letter, 0)
            self.agree("receive", answer, "early" if letter.ordinal > road.arrived + 1 else "taken")
            if answer == "taken":
                deliverer.taken.append(deliverer.batch.pop(0).sequence)
            if letter.ordinal == road.arrived + 1:
                road.arrived += 1
                self.arrived(road)
        elif what == "forget":
            road.source.run("acknowledge", self.now, deliverer.taken)
            deliverer.taken = []
        elif what == "lose":
            del deliverer.batch[:1]
        elif what == "stop":
            deliverer.batch, deliverer.taken = [], []

    def arrived(self, road: Road) -> None:
        """The first failure that was not delivered is; or a replayed one is back."""
        if road is self.out:
            entries = road.target.run("list_jobs", self.now, "waiting", 0, -1, False)
            self.buried[entries[-1].job_id] = self.control.dead[self.letters]
            self.letters += 1
            return
        old = self.replayed.pop(0).job
        job = Run("", old.data, old.attempts, old.ttl, old.gone_when)
        self.control.arrive(self.now, "", job, 0, 0)

    def rebury(self) -> None:
        """An entry is sent back, or removed (DLQ-6)."""
        if not self.buried:
            return
        entry = self.random.choice(list(self.buried))
        if self.random.random() < 0.3:
            self.agree("remove", self.grave.run("remove", self.now, "", entry, 0), "done")
        else:
            self.agree("replay", self.grave.run("replay", self.now, entry, Q, 0), True)
            self.replayed.append(self.buried[entry])
        del self.buried[entry]
        self.check_letters()

    # --- promises -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        if problems := violations(self.side.store.dump(Q), Q, self.now):
            raise BrokenControlError("\n".join(problems))
        stored = {
            entry.job_id: stored_as(pairs(entry.fields))
            for state in ("waiting", "delayed", "active", "completed", "failed")
            for entry in self.run("list_jobs", state, 0, -1, False)
        }
        self.agree("jobs", stored, {job.id: promised_of(job) for job in self.control.jobs.values()})

    def check_letters(self) -> None:
        entries = self.grave.run("list_jobs", self.now, "waiting", 0, -1, False)
        self.agree(
            "dead letters",
            {entry.job_id: letter_of(pairs(entry.fields)) for entry in entries},
            {entry: (one.job.id, one.data, one.reason, one.made) for entry, one in self.buried.items()},
        )

    def end(self) -> None:
        """Every letter arrives, every job ends, and nothing of what was deduplicated is left."""
        for _ in range(2_000):
            for road in (self.out, self.back):
                for what in ("fetch", "give", "forget"):
                    self.go_on(road, road.deliverers[0], what)
            self.work(finish=True)
            self.now = max(self.now, *self.control.moments(self.now)[:1], 0)
            if not (self.control.in_state("waiting", "delayed", "active") or self.replayed or self.waiting_letters()):
                break
        self.check()
        self.check_letters()
        self.agree("letters delivered", self.letters, len(self.control.dead))
        for job_id in list(self.control.jobs):
            self.agree("remove", self.run("remove", "", job_id, 0), self.control.change(self.now, "remove", job_id))
        self.now += FOREVER // 2
        self.tick()
        self.agree("deduplication records", [key for key in self.side.store.dump(Q) if ":dedup" in key], [])


def written(job: Run, window: int, delay: int) -> list[str]:
    """The options of an arrival as they are sent."""
    options: dict[str, Any] = {"attempts": job.attempts, "ttl": job.ttl, "delay": delay}
    if job.dedup_id:
        options |= {"dedup_id": job.dedup_id, "dedup_mode": job.mode, "dedup_ttl": window}
    options |= {f"remove_on_{'complete' if state == 'completed' else 'fail'}": 1 for state in job.gone_when}
    return [str(text) for pair in options.items() if pair[1] for text in pair]


def pairs(fields: list[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def letter_of(fields: dict[str, str]) -> tuple[str, str, str, int]:
    """What an entry of the dead letter queue tells (DLQ-2)."""
    return fields["dead_id"], fields["data"], fields["dead_reason"], int(fields.get("dead_attempts") or 0)
