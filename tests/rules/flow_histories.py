"""Random histories of flows: graphs over five queues, with failures, retries, removals, dying workers and producers.

The checker knows the graphs as they were drawn and what the processors saw, nothing else: when a job starts, what it
depends on must be done, and what it is told of its children must be what they returned.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from glidemq_pb import Backoff, DagNode, Job, JobState, Keep, Ordering, Worker

from .world import World, line_of

QUEUES = 5
NODES_MAX = 50
LEASE_MS = 2_000
LONG_MS = 130_000
"""Longer than any reservation stays in doubt, or a dead worker's lease lasts."""
ROUNDS_MAX = 60


@dataclass
class Plan:
    """One job as it was drawn."""

    key: str
    queue: str
    deps: list[str]
    policy: str
    failures: int
    """Attempts that fail before one succeeds."""
    attempts: int
    removed: bool = False
    failed: bool = False
    """It failed for good once, or more often."""
    value: Any = None
    done: int = 0
    """Times its processor returned."""
    starts: int = 0
    told: set[str] = field(default_factory=set[str])
    """Of which dependencies it was given values when it last ran."""


class BrokenFlowError(AssertionError):
    """A promise of flows that was not kept."""


class FlowHistory:
    """One history, drawn from its seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.names = [world.other(f"q{number}") for number in range(QUEUES)]
        self.queues = {name: world.queue(name) for name in self.names}
        self.plans: dict[str, Plan] = {}
        self.graphs: list[list[str]] = []
        self.jobs: dict[str, str] = {}
        """Key by `<queue>:<id>`."""
        self.workers: dict[str, Worker[Any, Any]] = {}
        self.dying: list[asyncio.Task[Any]] = []
        self.kills = Counter[str]()

    async def live(self, graphs: int) -> None:
        """Add graphs, let things go wrong, then let everything be done."""
        try:
            for name in self.names:
                await self.hire(name)
            for number in range(graphs):
                await self.add(number)
                for _ in range(self.random.randint(0, 3)):
                    await self.disturb()
                    await self.world.advance(self.random.choice((0, 1, 10, 300)))
            for _ in range(self.random.randint(0, 10)):
                await self.disturb()
                await self.world.advance(self.random.choice((1, 10, 300, LEASE_MS)))
            await self.finish()
        finally:
            for task in self.dying:
                task.cancel()
            await asyncio.gather(*self.dying, return_exceptions=True)

    # --- what happens -------------------------------------------------------------------------------------------------

    async def hire(self, name: str) -> None:
        self.workers[name] = await self.world.worker(
            self.process, name, concurrency=self.random.randint(1, 4), lock_duration=LEASE_MS, max_stalled_count=99
        )

    def draw(self, number: int) -> list[Plan]:
        pick = self.random.choice
        plans: list[Plan] = []
        for place in range(self.random.choice((2, 5, 12, NODES_MAX))):
            near = plans[-6:] if self.random.random() < 0.7 else plans
            deps = self.random.sample(near, min(len(near), pick((0, 1, 1, 2, 3))))
            policy = pick(("wait", "wait", "wait", "fail", "ignore"))
            plans.append(
                Plan(
                    f"{number}/{place}", pick(self.names), [dep.key for dep in deps], policy,
                    pick((0, 0, 0, 0, 1, 2)), pick((1, 1, 2)),
                )
            )  # fmt: skip
        return plans

    def node(self, plan: Plan) -> DagNode:
        pick = self.random.choice
        return DagNode(
            "job", plan.key, queue_name=plan.queue, key=plan.key, deps=plan.deps, attempts=plan.attempts,
            on_child_failure=plan.policy,  # type: ignore[arg-type]
            backoff=pick((None, Backoff("fixed", 20))), priority=pick((0, 0, 3)), delay=pick((0, 0, 0, 50)),
            ordering=pick((None, None, Ordering("g1"), Ordering("g2", concurrency=2))),
            remove_on_complete=pick((False, False, True, Keep(count=2))),
        )  # fmt: skip

    async def add(self, number: int) -> None:
        plans = self.draw(number)
        self.plans.update((plan.key, plan) for plan in plans)
        self.graphs.append([plan.key for plan in plans])
        producer = self.world.flow_producer()
        nodes = [self.node(plan) for plan in self.random.sample(plans, len(plans))]
        if self.random.random() < 0.3:
            line = line_of(producer)

            async def die() -> None:
                self.kills["producers"] += 1
                line.cut()

            line.after_calls(self.random.randint(1, 14), die)
        adding = asyncio.ensure_future(producer.add_dag(nodes))
        await self.world.settle()
        if not adding.done():
            self.dying.append(adding)
            return
        for key, job in (await adding).items():
            self.jobs[f"{job.queue_name}:{job.id}"] = key

    async def disturb(self) -> None:
        what = self.random.choice(("kill", "retry", "retry", "remove", "nothing", "cut"))
        if what == "kill":
            name = self.random.choice(self.names)
            self.kills["workers"] += 1
            await self.workers[name].close(force=True)
            await self.hire(name)
        elif what == "retry":
            for queue in self.queues.values():
                await queue.retry_jobs(self.random.choice((1, 5)))
        elif what == "cut":
            line = line_of(self.random.choice(list(self.workers.values())))
            line.cut()
            await self.world.advance(self.random.choice((5, 500)))
            line.mend()
        elif what == "remove":
            queue = self.queues[self.random.choice(self.names)]
            state: JobState = self.random.choice(("waiting", "delayed", "failed", "waiting-children"))
            for job in (await queue.get_jobs(state, 0, 0))[:1]:
                self.plans[job.data].removed = True
                await job.remove()

    async def finish(self) -> None:
        """Retry what failed until nothing does, then look at what is left."""
        await self.world.advance(LONG_MS)
        for _ in range(ROUNDS_MAX):
            if not sum([await queue.retry_jobs() for queue in self.queues.values()]):
                break
            await self.world.advance(LEASE_MS)
        else:
            raise BrokenFlowError("jobs fail for ever")
        await self.world.advance(LONG_MS)
        self.check_end([await self.left(name) for name in self.names])

    # --- the processor, and what it must see --------------------------------------------------------------------------

    async def process(self, job: Job[Any, Any]) -> Any:
        plan = self.plans[job.data]
        self.jobs[f"{job.queue_name}:{job.id}"] = plan.key
        plan.starts += 1
        values = await job.get_children_values()
        self.check_start(plan, {self.jobs[name]: value for name, value in values.items()})
        await self.world.sleep(self.random.choice((0, 1, 15, 200)))
        if plan.failures:
            plan.failures -= 1
            plan.failed = True
            raise ValueError(f"{plan.key} fails")
        plan.done += 1
        plan.value = f"{plan.key} run {plan.done}"
        return plan.value

    def check_start(self, plan: Plan, values: dict[str, Any]) -> None:
        for key in plan.deps:
            dep = self.plans[key]
            if dep.done:
                if key in values and not str(values[key]).startswith(f"{key} run "):
                    raise BrokenFlowError(f"{plan.key} was told {values[key]!r} of {key}")
                if key not in values and not dep.removed and not (dep.failed and plan.policy == "ignore"):
                    raise BrokenFlowError(f"{plan.key} was not told of {key}")
            elif not dep.removed and not (dep.failed and plan.policy == "ignore"):
                raise BrokenFlowError(f"{plan.key} started before {key} was done")
        if not set(values) <= set(plan.deps):
            raise BrokenFlowError(f"{plan.key} was told of {set(values) - set(plan.deps)}")

    async def left(self, name: str) -> dict[str, int]:
        """What of a queue has not ended."""
        counts = await self.queues[name].get_job_counts()
        words = ("held", "reservation", "outbox", "letter", "flows", "freed")
        under_way = sum(key.startswith(words) for key in self.world.dump(name))
        return {
            "waiting": counts.waiting, "active": counts.active, "delayed": counts.delayed, "failed": counts.failed,
            "waiting children": counts.waiting_children, "between queues": under_way,
        }  # fmt: skip

    def check_end(self, left: list[dict[str, int]]) -> None:
        if any(any(counts.values()) for counts in left):
            raise BrokenFlowError(f"not all is done: {left}")
        for graph in self.graphs:
            plans = [self.plans[key] for key in graph]
            ran = [plan for plan in plans if plan.done]
            missing = [plan.key for plan in plans if not plan.done and not plan.removed]
            if ran and missing:
                raise BrokenFlowError(f"of {graph} some jobs never completed: {missing}")

    def numbers(self) -> dict[str, int]:
        """What this history came to."""
        done = [plan for plan in self.plans.values() if plan.done]
        return {
            "graphs": len(self.graphs),
            "jobs completed": len(done),
            "dependencies": sum(len(plan.deps) for plan in done),
            "dying workers": self.kills["workers"],
            "dying producers": self.kills["producers"],
        }
