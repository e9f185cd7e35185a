"""Long random lives of job schedulers, and what is promised of them, worked out from the rules alone.

Workers die, plans get lost or come too late, jobs end in every way, time jumps. The model knows of each scheduler
when its next run is due; whether a host has told the store of it is looked up, and must agree where it has.
"""

import random
import types
from dataclasses import dataclass
from typing import Any

from glidemq_pb import semantics
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.records import Caller, PlannedRun, RunDetail, SchedulerSpec, Settlement

from .agree import START
from .sides import MemorySide, Refused, Step
from .workload import BrokenPromiseError

KEPT = 1_000_000
GRID = 300_000
"""The runs of the one cron pattern, `*/5 * * * *` in UTC: every five minutes of the epoch."""
ENDS = ("completed", "failed", "expired", "revoked", "removed")
NAMES = ("a", "b", "c", "d", "e", "f")
OPTIONS = (
    (), (), ("attempts", "2"), ("ttl", "40000"), ("remove_on_complete", "1"), ("remove_on_fail", "1"),
    ("priority", "3"), ("ordering_key", "g"), ("attempts", "3", "backoff", "fixed", "backoff_delay", "30000"),
)  # fmt: skip


@dataclass
class Promised:
    """One scheduler as the rules have it."""

    mode: str
    every: int
    start: int
    end: int
    limit: int
    due: int | None
    """When its next run is due; None while its job is out."""
    made: int = 0
    out: str = ""
    """The job that a repeat-after-complete scheduler waits for."""

    def after(self, now: int) -> int:
        """The first point of the grid behind a moment."""
        if self.mode == "cron":
            return now // GRID * GRID + GRID
        assert self.due is not None
        due = self.due
        while due <= now:
            due += self.every * max(1, (now - due) // self.every)
        return due


class Schedules:
    """One history."""

    def __init__(self, seed: int, package: types.ModuleType = semantics) -> None:
        self.random = random.Random(seed)
        self.side = MemorySide(package)
        self.now = START + self.random.randrange(GRID)
        self.promised: dict[str, Promised] = {}
        self.held: dict[str, str] = {}
        """Tokens by job, of workers that live."""
        self.calls = dict.fromkeys(("w1", "w2", "w3"), 0)
        self.asked: list[Any] = []
        self.told = 0
        self.runs = 0

    def live(self, steps: int) -> int:
        """Make so many steps; how many runs there were."""
        actions = {
            self.work: 10, self.tick: 3, self.answer: 5, self.answer_late: 1, self.add: 2, self.change: 2,
            self.take_away: 1, self.end_a_job: 3, self.die: 1, self.pause: 1,
        }  # fmt: skip
        for action in self.random.choices(list(actions), list(actions.values()), k=steps):
            self.pass_time()
            action()
            self.check()
        while self.asked:  # in the end all hosts answer
            self.answer()
            self.tick()
            self.check()
        for name in self.promised:
            if self.stored_due(name) is None and not self.promised[name].out:
                raise BrokenPromiseError(f"{name} is due at {self.promised[name].due}, and nobody has been asked")
        return self.runs

    def run(self, operation: str, *args: Any) -> Any:
        return self.side.run(operation, self.now, *args)

    def pass_time(self) -> None:
        dues = sorted(one.due for one in self.promised.values() if one.due is not None and one.due > self.now)
        chance = self.random.random()
        if chance < 0.5 and dues:
            self.now = dues[0] + self.random.choice((0, 0, 0, -1, 1, 700))
        elif chance < 0.6:
            self.now += self.random.choice((1_000_000, 40_000_000))
        elif chance < 0.65:
            self.now -= self.random.choice((1, 1_000, 400_000))
        elif chance < 0.9:
            self.now += self.random.choice((1, 1_000, 31_000))

    # --- what is expected ---------------------------------------------------------------------------------------------

    def sweep(self) -> list[str]:
        """The schedulers that fire now, as the rules say."""
        ready = [(one.due, name) for name, one in self.promised.items() if one.due is not None and one.due <= self.now]
        return [name for _, name in sorted(ready) if self.stored_due(name) is not None]

    def stored_due(self, name: str) -> int | None:
        entry = self.run("get_scheduler", name)
        fields = dict(zip(entry.fields[::2], entry.fields[1::2], strict=True))
        if not fields:
            raise BrokenPromiseError(f"{name} is gone")
        return int(fields["next_run"]) if "next_run" in fields else None

    def fired(self, name: str, job_id: str) -> None:
        """A run was added: what comes next."""
        self.runs += 1
        one = self.promised[name]
        if one.due is None or one.due > self.now:
            raise BrokenPromiseError(f"{name} fired at {self.now}, due at {one.due}")
        if one.out:
            raise BrokenPromiseError(f"{name} made {job_id} while {one.out} is out")
        one.made += 1
        if one.mode == "after":
            one.out, one.due = job_id, None
        elif one.limit and one.made >= one.limit:
            del self.promised[name]
        else:
            self.due_at(name, one.after(self.now))

    def ended(self, job_id: str) -> None:
        for name, one in list(self.promised.items()):
            if one.out == job_id:
                one.out = ""
                if one.limit and one.made >= one.limit:
                    del self.promised[name]
                else:
                    self.due_at(name, max(self.now + one.every, one.start))

    def due_at(self, name: str, due: int) -> None:
        one = self.promised[name]
        one.due = due
        if 0 <= one.end < due:
            del self.promised[name]

    def learn(self, expected: list[str], reply: Any = None) -> None:
        """Compare what an operation announced with what it had to do."""
        fired: list[tuple[str, str]] = []
        for entry in self.run("read_events", self.told, KEPT):
            self.told = entry.number
            fields = dict(zip(entry.fields[::2], entry.fields[1::2], strict=True))
            if entry.name in ENDS:
                self.held.pop(entry.job_id, None)
                self.ended(entry.job_id)
            elif entry.name == "added":
                fired.append((fields["name"], entry.job_id))
        if [name for name, _ in fired] != expected:
            raise BrokenPromiseError(f"at {self.now} fired {fired}, expected {expected}")
        for name, job_id in fired:
            self.fired(name, job_id)
        if reply is not None:
            self.asked = [*self.asked[-5:], reply.unplanned] if reply.unplanned else self.asked

    def check(self) -> None:
        listed = {
            entry.name: dict(zip(entry.fields[::2], entry.fields[1::2], strict=True))
            for entry in self.run("list_schedulers", 0)
        }
        lazy = {name for name, fields in listed.items() if fields["mode"] == "cron" and "next_run" not in fields}
        if not self.promised.keys() <= listed.keys() or not listed.keys() - self.promised.keys() <= lazy:
            raise BrokenPromiseError(f"promised {sorted(self.promised)}, listed {sorted(listed)}")
        for name, one in self.promised.items():
            fields = listed[name]
            if "next_run" in fields and int(fields["next_run"]) != one.due:
                raise BrokenPromiseError(f"{name} is to run at {fields['next_run']}, promised for {one.due}")
            if int(fields.get("iteration_count", 0)) != one.made or fields.get("in_flight", "") != one.out:
                raise BrokenPromiseError(f"{name}: {fields}, promised {one}")

    # --- what happens -------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        expected = self.sweep()
        self.learn(expected, self.run("tick", 1, KEPT))

    def work(self) -> None:
        worker = self.random.choice(list(self.calls))
        self.calls[worker] += 1
        mine = [job_id for job_id, token in self.held.items() if token.startswith(f"{worker}:")]
        ending = [self.settlement(job_id) for job_id in mine if self.random.random() < 0.6]
        caller = Caller(worker, self.calls[worker], 30_000, 1, KEPT * KEPT, KEPT, False, 0, 0, False, "")
        expected = self.sweep()
        reply = self.run("settle_and_activate", caller, ending, self.random.choice((0, 1, 9)))
        for settlement in ending:
            self.held.pop(settlement.job_id, None)
        self.learn(expected, reply)
        self.held.update((job.job_id, reply.token) for job in reply.started)

    def settlement(self, job_id: str) -> Settlement:
        outcome = self.random.choice(("completed", "completed", "failed", "failed", "delayed", "returned"))
        until = self.now + 20_000 if outcome == "delayed" else -1
        return Settlement(
            job_id,
            self.held[job_id],
            outcome,
            "",
            RunDetail("boom", "", until, 0, self.random.random() < 0.2, 0, False, False),
        )

    def die(self) -> None:
        """A worker is heard of no more."""
        worker = self.random.choice(list(self.calls))
        self.held = {job_id: token for job_id, token in self.held.items() if not token.startswith(f"{worker}:")}

    def end_a_job(self) -> None:
        entries = [
            entry
            for state in ("waiting", "delayed", "active", "failed")
            for entry in self.run("list_jobs", state, 0, -1, True)
        ]
        if entries:
            job_id = self.random.choice(entries).job_id
            self.run(self.random.choice(("remove", "revoke", "retry", "promote")), "", job_id, KEPT)
            self.learn([])

    def pause(self) -> None:
        self.run(self.random.choice(("pause", "resume", "resume")), KEPT)

    def answer(self) -> None:
        """A host answers what was asked last."""
        if self.asked:
            self.reply_to(self.asked.pop())

    def answer_late(self) -> None:
        """A host answers what was asked long ago."""
        if self.asked:
            self.reply_to(self.random.choice(self.asked))

    def reply_to(self, unplanned: list[Any]) -> None:
        runs = []
        for one in unplanned:
            first = one.after // GRID * GRID + GRID if one.fired else one.after
            runs.append(PlannedRun(one.name, one.pattern, one.tz, one.after, first, first + GRID))
        self.run("plan_runs", runs)
        self.learn([])

    def add(self) -> None:
        name = self.random.choice(NAMES)
        mode = self.random.choice(("cron", "every", "after"))
        if name in self.promised or self.run("get_scheduler", name).fields:
            return
        every = 0 if mode == "cron" else self.random.choice((1, 1_000, 60_000, 299_999))
        start = self.random.choice((-1, -1, self.now + 5_000, self.now - 12_345))
        base = max(self.now, start)
        first = {"cron": -(-base // GRID) * GRID, "every": self.now + every, "after": base}[mode]
        if mode == "every" and start >= 0:
            first = start if start >= self.now else start + ((self.now - start) // every + 1) * every
        end = self.random.choice(
            (
                -1,
                -1,
                first,
                first + self.random.randrange(3_000_000),
                first + (every or GRID) * self.random.randrange(4),
            )
        )
        limit = self.random.choice((0, 0, 1, 2, 5))
        self.promised[name] = Promised(mode, every, start, end, limit, first)
        self.upsert(name, first)

    def upsert(self, name: str, first: int = 0) -> bool:
        """Whether it was refused: it has no run within its bounds."""
        one = self.promised[name]
        cron = one.mode == "cron"
        spec = SchedulerSpec(
            one.mode, "*/5 * * * *" if cron else "", "UTC", one.every, one.start, one.end, one.limit,
            first if cron else 0, first + GRID if cron else 0, name, "", Fields(list(self.random.choice(OPTIONS))),
        )  # fmt: skip
        return isinstance(self.side.play(Step("upsert_scheduler", self.now, ("", name, spec))).reply, Refused)

    def change(self) -> None:
        """The same again, perhaps with another limit; another interval where that changes nothing else."""
        if not self.promised:
            return
        name = self.random.choice(list(self.promised))
        one = self.promised[name]
        one.limit = self.random.choice((0, one.limit, one.made + 1))
        if one.mode == "after":
            before, one.every = one.every, self.random.choice((1, 1_000, 60_000))
            if one.due is not None and before != one.every:
                due = max(self.now, one.due - before + one.every if one.made else one.start)
                if 0 <= one.end < due:
                    if not self.upsert(name):
                        raise BrokenPromiseError(f"{name} may begin at {due}, after its end")
                    one.every = before
                else:
                    one.due = due
        self.upsert(name, -(-max(self.now, one.start) // GRID) * GRID)

    def take_away(self) -> None:
        name = self.random.choice(NAMES)
        if self.run("remove_scheduler", "", name) != (name in self.promised) and name in self.promised:
            raise BrokenPromiseError(f"{name} was not there")
        self.promised.pop(name, None)
