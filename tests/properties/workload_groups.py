"""Long random lives of a queue whose tenants have limits, judged by `model_groups` at every start."""

import random
import types
from typing import Any

from glidemq_pb import semantics
from glidemq_pb.semantics.invariants import violations
from glidemq_pb.semantics.jobs import ids_in
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.records import Caller, GroupLimits, JobSpec, RunDetail, Settlement
from glidemq_pb.semantics.settling import statuses_in
from tests.strategies import batch_of

from .agree import START
from .model_groups import BrokenGateError, Gates, Group, Member, Window
from .sides import MemorySide, Q

KEYS = ("g1", "g2", "g3")
FOREVER = 10**9
UNFINISHED = ("waiting", "delayed", "active")
LEASE = 30_000


class TenantLife:
    """One history; time only goes forward."""

    def __init__(self, seed: int, package: types.ModuleType = semantics) -> None:
        self.random = random.Random(seed)
        self.side = MemorySide(package)
        self.gates = Gates()
        self.now = START
        self.calls = {"w1": 0, "w2": 0, "w3": 0}
        self.limiters = {"w1": (0, 0), "w2": (0, 0), "w3": self.random.choice(((0, 0), (2, 300)))}
        self.held: dict[str, dict[str, str]] = {name: {} for name in self.calls}
        self.starts = 0
        self.count = 0

    def run(self, operation: str, *args: Any) -> Any:
        return self.side.run(operation, self.now, *args)

    def agree(self, what: str, actual: Any, expected: Any) -> None:
        if actual != expected:
            raise BrokenGateError(f"{what}: {actual!r}, promised {expected!r}")

    def live(self, steps: int) -> None:
        actions = {
            self.add: 8, self.work: 18, self.tick: 1, self.change: 5, self.limit_group: 2, self.pause_group: 1,
            self.pause: 1, self.limit_queue: 1,
        }  # fmt: skip
        for action in self.random.choices(list(actions), list(actions.values()), k=steps):
            self.pass_time()
            self.step(action)

    def step(self, action: Any) -> None:
        self.gates.operation += 1
        action()
        self.check()

    def pass_time(self) -> None:
        choice = self.random.random()
        moments = self.gates.moments(self.now)
        if choice < 0.3 and moments:
            self.now = max(self.now, self.random.choice(moments[:3]) + self.random.choice((-1, 0, 0, 1)))
        elif choice < 0.6:
            self.now += self.random.choice((1, 7, 50, 400, 3_000))

    # --- actions --------------------------------------------------------------------------------------------------

    def limits(self) -> dict[str, int]:
        pick = self.random.choice
        found: dict[str, int] = {}
        found.update(pick(({}, {}, {"concurrency": pick((1, 2, 3))})))
        found.update(pick(({}, {}, {"rate_max": pick((1, 2, 3)), "rate_ms": pick((100, 1_000))})))
        bucket = {"capacity": pick((1_000, 1_500, 3_000)), "refill": pick((333, 1_000, 7_001))}
        found.update(pick(({}, {}, {}, bucket)))
        return found

    def add(self) -> None:
        if sum(job.state in UNFINISHED for job in self.gates.jobs.values()) > 25:
            return
        pick = self.random.choice
        specs: list[JobSpec] = []
        made: list[tuple[Member, dict[str, int], int]] = []
        for _ in range(pick((1, 1, 2, 4))):
            key = pick(("", *KEYS, *KEYS))
            limits = self.limits() if key else {}
            cost = pick((1_000, 1_000, 500, 0, 1_500, 2_500))
            held = self.gates.groups[key].bucket if key in self.gates.groups else None
            named = [made[i][1] for i in range(len(made)) if made[i][0].key == key and "capacity" in made[i][1]]
            capacity = limits.get("capacity") or (named[-1]["capacity"] if named else held.capacity if held else cost)
            cost = min(cost, capacity)
            self.count += 1
            job = Member(
                f"j{self.count}", key, pick((0, 0, 0, 1, 5)), not key and self.random.random() < 0.2, cost,
                pick((0, 1, 2, 3)), pick(((), ("completed",), ("completed", "failed"))), ttl=pick((0, 0, 0, 0, 2_000)),
            )  # fmt: skip
            delay = pick((0, 0, 0, 0, 30, 900))
            options = {
                "ordering_key": key,
                "priority": job.priority,
                "lifo": int(job.lifo),
                "delay": delay,
                "ttl": job.ttl,
            }
            options |= {"attempts": job.attempts, "cost": cost} | {
                f"group_{name}": value for name, value in limits.items()
            }
            options |= {f"remove_on_{state[:-1] if state == 'completed' else 'fail'}": 1 for state in job.gone_when}
            flat = [str(text) for pair in options.items() if pair[1] or pair[0] == "cost" for text in pair]
            made.append((job, limits, delay))
            specs.append(JobSpec(job.id, "n", "", Fields(flat)))
        self.agree("enqueue", ids_in(self.run("enqueue", "", batch_of(specs), [], 0)), [spec.job_id for spec in specs])
        for job, limits, delay in made:
            self.gates.add(self.now, job, limits, delay)

    def settlement(self, job_id: str, token: str) -> tuple[Settlement, dict[str, Any]]:
        pick = self.random.choice
        outcome = pick(("completed", "completed", "failed", "delayed", "returned"))
        what: dict[str, Any] = {"after": pick((0, 0, 40, 700)), "group_ms": 0, "replace": False, "back": False}
        if outcome in ("failed", "returned") and self.random.random() < 0.3:
            what |= {"group_ms": pick((20, 600)), "replace": pick((False, True)), "back": pick((False, True))}
        until = self.now + what["after"] if outcome == "delayed" else what["after"]
        made = Settlement(
            job_id,
            token,
            outcome,
            "",
            RunDetail("", "", until, 0, False, what["group_ms"], what["replace"], what["back"]),
        )
        return made, what

    def work(self, *, finish: bool = False) -> None:
        worker = self.random.choice(list(self.calls))
        made: list[Settlement] = []
        told: list[str] = []
        for job_id, token in list(self.held[worker].items()):
            if finish or self.random.random() < 0.5:
                settlement, what = self.settlement(job_id, token)
                if finish:
                    settlement = Settlement(job_id, token, "completed", "", None)
                made.append(settlement)
                told.append(self.gates.settle(self.now, job_id, token, settlement.outcome, what if not finish else {}))
                del self.held[worker][job_id]
        want = max(self.random.choice((1, 1, 2, 4)) - len(self.held[worker]), 0)
        stalled_max = self.random.choice((0, 1, 1, 1))
        stalled = self.gates.sweep(self.now, stalled_max)
        self.calls[worker] += 1
        limiter = self.limiters[worker]
        caller = Caller(
            worker, self.calls[worker], LEASE, stalled_max, FOREVER, 0, metrics=True, limiter_max=limiter[0],
            limiter_ms=limiter[1], nudge=False, info="",
        )  # fmt: skip
        reply = self.run("settle_and_activate", caller, made, want)
        self.agree("statuses", statuses_in(reply.statuses, len(made)), told)
        self.agree("stalled", sorted(reply.stalled), sorted(stalled))
        for started in reply.started:
            job = self.gates.judge_start(self.now, started.job_id, limiter)
            self.gates.start(job, self.now, reply.token, LEASE, limiter)
            self.held[worker][job.id] = reply.token
            self.starts += 1
        if len(reply.started) < want:
            self.gates.judge_rest(self.now, limiter)

    def tick(self) -> None:
        self.run("tick", 1, 0)
        self.gates.sweep(self.now, 1)

    def change(self) -> None:
        operation = self.random.choice(
            ("revoke", "remove", "retry", "retry", "promote", "change_priority", "change_delay")
        )
        known = [job.id for job in self.gates.jobs.values() if job.state != "gone"]
        if not known:
            return
        job_id = self.random.choice(known)
        to = self.random.choice((0, 1, 5) if operation == "change_priority" else (0, 60, 800))
        extra = (to,) if operation.startswith("change") else ()
        self.agree(
            operation, self.run(operation, "", job_id, *extra, 0), self.gates.change(self.now, operation, job_id, to)
        )

    def limit_group(self) -> None:
        key = self.random.choice(KEYS)
        limits = self.limits() | self.random.choice(
            ({}, {}, {"rate_max": 0, "rate_ms": 0}, {"capacity": 0, "refill": 0})
        )
        names = ("concurrency", "rate_max", "rate_ms", "capacity", "refill")
        self.run("set_group_limits", key, GroupLimits(*[limits.get(name, -1) for name in names]), 0)
        group = self.gates.groups.setdefault(key, Group())
        group.keeps = True
        self.gates.limit(self.now, group, limits)
        self.gates.refresh(self.now, key)

    def pause_group(self) -> None:
        key, duration, replace = (
            self.random.choice(KEYS),
            self.random.choice((1, 90, 2_000)),
            self.random.random() < 0.5,
        )
        until = self.gates.pause_group(self.now, key, duration, replace=replace)
        self.agree("resumes", self.run("rate_limit_group", "", key, duration, replace, 0), until)
        self.gates.refresh(self.now, key)

    def pause(self) -> None:
        self.gates.paused = self.random.random() < 0.3
        self.run("pause" if self.gates.paused else "resume", 0)

    def limit_queue(self) -> None:
        if self.random.random() < 0.5:
            self.gates.concurrency = self.random.choice((0, 0, 1, 3))
            self.run("set_global_concurrency", self.gates.concurrency)
            return
        most, length = self.random.choice(((0, 0), (0, 0), (2, 200), (1, 1_000), (3, 50)))
        self.run("set_global_rate_limit", most, length)
        if most and self.gates.rate is not None:
            self.gates.rate.change(self.now, most, length)
        else:
            self.gates.rate = Window(most, length) if most else None

    # --- promises -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Each job is where it should be; nothing leaks; what may start is ready."""
        if problems := violations(self.side.store.dump(Q), Q, self.now):
            raise BrokenGateError("\n".join(problems))
        for job in list(self.gates.jobs.values()):
            fields = self.run("get_job", job.id, True)
            stored = dict(zip(fields[::2], fields[1::2], strict=True))
            actual = stored.get("state", "waiting") if stored else "gone"
            self.agree(f"state of {job.id}", actual, job.state)
            if job.state == "gone":
                del self.gates.jobs[job.id]
        listed = [entry.job_id for entry in self.run("list_jobs", "waiting", 0, -1, True)]
        self.agree("ready", sorted(listed), sorted(job.id for job in self.gates.ready()))

    def drain(self) -> None:
        """Given time and workers, everything ends, and no group is left that says nothing."""
        self.step(self.resume)
        for _ in range(3_000):
            if not any(job.state in UNFINISHED for job in self.gates.jobs.values()):
                break
            moments = self.gates.moments(self.now)
            self.step(lambda: self.work(finish=True))
            if self.random.random() < 0.5 and moments:
                self.now = max(self.now, moments[0])
        else:
            raise BrokenGateError("a job did not end")
        self.now += 10 * 3_600_000
        self.step(self.tick)
        kept = [key for key, group in self.gates.groups.items() if not group.keeps]
        self.agree("groups that are left", kept, [])

    def resume(self) -> None:
        self.gates.paused = False
        self.run("resume", 0)
