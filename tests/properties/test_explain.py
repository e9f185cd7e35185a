"""`explain` is right for every reason to wait: do what it says is missing, and the job runs.

A queue is blocked in random ways, at several gates at once. Then one job is asked again and again why it waits, and
just what each reason names is done: wait until the moment, end the jobs, lift what holds it, give a worker. When no
reason is left, the very next call of a worker with room starts it. A job that does not start although nothing is said
to hold it, and a reason that does not go away, fail the test.
"""

import random
import types
from typing import Any

from hypothesis import given, seed
from hypothesis import strategies as st

from glidemq_pb import semantics
from glidemq_pb.semantics.flow_records import FlowSpec
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.records import Caller, GroupLimits, JobBatch, Settlement
from tests import summary

from .agree import START
from .profile import DEEP, machine
from .sides import MemorySide, Q

QUEUES = 2_000 if DEEP else 200
ROUNDS = 60
FOREVER = 10**9
KEYS = ("", "g", "g", "h")
LIMITER = (2, 5_000)


class Blocked:
    """A queue, blocked in random ways."""

    def __init__(self, chance: random.Random, package: types.ModuleType = semantics) -> None:
        self.random = chance
        self.side = MemorySide(package)
        self.now = START
        self.calls = 0
        self.tokens: dict[str, str] = {}
        self.jobs: list[str] = []
        self.seen: set[str] = set()
        for _ in range(self.random.randint(4, 14)):
            actions = (
                self.add,
                self.add,
                self.add_flow,
                self.start,
                self.limit_group,
                self.pause_group,
                self.limit_queue,
            )
            self.random.choice(actions)()
            self.now += self.random.choice((0, 0, 1, 300))
        if not self.jobs:
            self.add()
        if self.random.random() < 0.3:
            self.run("pause", 0)
        if self.random.random() < 0.2 and self.calls:
            self.run("leave", "w")

    def run(self, operation: str, *args: Any) -> Any:
        return self.side.run(operation, self.now, *args)

    def add(self) -> None:
        pick = self.random.choice
        for _ in range(pick((1, 3))):
            key = pick(KEYS)
            options = {"ordering_key": key} if key else {}
            options |= pick(({}, {}, {"delay": "700"}, {"priority": "1"}))
            if key:
                options |= pick(({}, {"group_concurrency": "2"}, {"group_rate_max": "1", "group_rate_ms": "4000"}))
                options |= pick(({}, {}, {"group_capacity": "2000", "group_refill": "500"}))
            job_id = f"j{len(self.jobs)}"
            self.jobs.append(job_id)
            self.run(
                "enqueue",
                "",
                JobBatch(["n"], [""], [job_id], [Fields([text for pair in options.items() for text in pair])]),
                [],
                0,
            )

    def add_flow(self) -> None:
        """A parent, in a group or in none, over one or two children; one of them may have failed already."""
        pick = self.random.choice
        key, count = pick(KEYS), pick((1, 2))
        ids = [f"j{len(self.jobs) + number}" for number in range(count + 1)]
        self.jobs += ids
        options = Fields(["ordering_key", key] if key else [])
        parent = FlowSpec(ids[0], "n", "", options, [], [], list(range(1, count + 1)), [])
        children = [FlowSpec(one, "n", "", Fields(["priority", "1"]), [0], [], [], []) for one in ids[1:]]
        self.run("add_flow", "", "f", 0, [parent, *children], [], [], 0)
        if pick((True, False)):
            self.run("revoke", "", ids[1], 0)

    def limit_group(self) -> None:
        pick = self.random.choice
        limits = GroupLimits(pick((-1, 1, 2)), *pick(((-1, -1), (1, 3_000))), *pick(((-1, -1), (1_000, 250))))
        self.run("set_group_limits", pick(("g", "h")), limits, 0)

    def pause_group(self) -> None:
        self.run("rate_limit_group", "", self.random.choice(("g", "h")), 2_000, False, 0)

    def limit_queue(self) -> None:
        if self.random.random() < 0.5:
            self.run("set_global_concurrency", self.random.choice((1, 2)))
        else:
            self.run("set_global_rate_limit", 1, 6_000)

    def start(self) -> None:
        self.work(self.random.choice((1, 2)), limiter=self.random.choice(((0, 0), LIMITER)))

    def work(self, want: int, *, settle: tuple[str, ...] = (), limiter: tuple[int, int] = (0, 0)) -> list[str]:
        self.calls += 1
        caller = Caller("w", self.calls, FOREVER, 1, FOREVER, 0, metrics=False, limiter_max=limiter[0],
                        limiter_ms=limiter[1], nudge=False, info="")  # fmt: skip
        ends = [Settlement(one, self.tokens.pop(one), "completed", "", None) for one in settle]
        reply = self.run("settle_and_activate", caller, ends, want)
        self.tokens |= {job.job_id: reply.token for job in reply.started}
        return [job.job_id for job in reply.started]

    # --- doing what is missing ------------------------------------------------------------------------------------

    def see_to(self, job_id: str) -> None:
        """Do what is said to be missing until the job runs."""
        for _ in range(ROUNDS):
            self.run("tick", 1, 0)
            facts = self.run("explain", job_id)
            if facts.state not in ("waiting", "delayed", "waiting-children"):
                return
            if not facts.reasons:
                assert self.calls, "no worker was ever there, and none is missed"
                assert self.work(1, limiter=LIMITER) == [job_id], f"nothing holds {job_id}, and it does not start"
                return
            reason = self.random.choice(facts.reasons)
            self.seen.add(reason.gate)
            self.do(job_id, reason)
            left = self.run("explain", job_id)
            again = [
                one
                for one in left.reasons
                if one.gate == reason.gate and one.until == reason.until and one.jobs == reason.jobs
            ]
            assert not again or left.state == "active", f"{job_id}: {reason} is still said after it was seen to"
        raise AssertionError(f"{job_id} waits for ever: {self.run('explain', job_id)}")

    def do(self, job_id: str, reason: Any) -> None:
        match reason.gate:
            case "delayed" | "group_paused" | "tokens" | "group_rate_limit" | "global_rate_limit" | "limiter":
                assert reason.until > self.now, f"{reason} is over at {self.now}"
                self.now = reason.until
                self.work(0)
            case "turn" | "position" | "group_concurrency" | "global_concurrency":
                self.finish(reason.jobs)
            case "children":
                self.finish([one.removeprefix(f"{Q}:") for one in reason.jobs])
            case "paused":
                self.run("resume", 0)
            case "no_worker":
                self.work(0)
            case gate:
                raise AssertionError(f"no such gate: {gate}")

    def finish(self, jobs: list[str]) -> None:
        """End the named jobs: those that run by completing them, the others by removing them."""
        assert jobs, "waits for jobs, and names none"
        running = tuple(one for one in jobs if one in self.tokens)
        if running:
            self.work(0, settle=running)
        for one in jobs:
            if one not in running:
                assert self.run("remove", "", one, 0) == "done"


def test_what_is_missing_is_all_that_is_missing() -> None:
    seen: set[str] = set()

    @seed(0)
    @machine(QUEUES)
    @given(st.randoms(use_true_random=False))
    def see_to_all(chance: random.Random) -> None:
        blocked = Blocked(chance)
        waiting = [one for one in blocked.jobs if one not in blocked.tokens]
        for job_id in chance.sample(waiting, min(len(waiting), 3)):
            blocked.see_to(job_id)
        seen.update(blocked.seen)

    see_to_all()
    assert seen == {
        "children", "delayed", "group_concurrency", "turn", "group_paused", "tokens", "group_rate_limit", "paused",
        "global_concurrency", "global_rate_limit", "limiter", "no_worker", "position",
    }  # fmt: skip
    summary.record("blocked queues explained until the job ran", QUEUES)
