"""The machine that plays a history on one side or two: equal replies, equal states, sound states, after each step."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from glidemq_pb.semantics.invariants import violations
from glidemq_pb.semantics.jobs import ids_in
from glidemq_pb.semantics.limits import FORMAT
from glidemq_pb.semantics.records import Caller, ClearCursor, Marks, PlannedRun, RunDetail, SchedulerSpec, Settlement
from tests.strategies import (
    NOTHING,
    CallNumber,
    Earlier,
    FromNow,
    Held,
    KnownId,
    Move,
    Planned,
    Scheduled,
    Settled,
)

from .sides import Outcome, Q, Side, Step

START = 28_333_333 * 60_000
"""A full minute in November 2023."""
DUE_SETS = (
    "scheduled",
    "active",
    "expiring",
    "retained",
    "workers",
    "ratelimited",
    "limiters",
    "deduping",
    "schedulers",
    "freed",
    "reservations",
    "answering",
)


class DisagreementError(AssertionError):
    """Says what differs and prints the history as a script."""

    def __init__(self, problem: str, steps: Sequence[Step]) -> None:
        super().__init__(f"{problem}\n\n{script(steps)}")
        self.problem = problem


class World:
    """What the machine knows: enough to give the indexes of a move a meaning."""

    def __init__(self) -> None:
        self.now = START
        self.ids: list[str] = []
        self.activations: list[tuple[str, str]] = []
        self.calls: dict[str, int] = {}
        self.unplanned: list[dict[str, Any]] = []
        self.earlier: dict[str, list[Any]] = {"marks": [Marks(99, 99, 99)], "cursor": [ClearCursor(0, 0, 0)]}
        self.state: dict[str, Any] = {}

    def step(self, move: Move) -> Step:
        """The move as a step."""
        self.now = max(self._moment(move), 1)
        return Step(move.operation, self.now, tuple(self._resolved(argument) for argument in move.args))

    def learn(self, step: Step, outcome: Outcome) -> None:
        """Remember what came of a step."""
        self.state = outcome.state
        if isinstance(outcome.reply, dict) and "started" in outcome.reply:
            token = outcome.reply["token"]
            self.activations.extend((job["job_id"], token) for job in outcome.reply["started"])
            worker = step.args[0].worker
            self.calls[worker] = max(self.calls.get(worker, 0), step.args[0].call)
            self.unplanned.extend(one for one in outcome.reply["unplanned"] if one not in self.unplanned[-3:])
        elif isinstance(outcome.reply, dict) and "next_due" in outcome.reply:
            self.unplanned.extend(one for one in outcome.reply["unplanned"] if one not in self.unplanned[-3:])
        elif step.operation == "get_marks" and isinstance(outcome.reply, dict):
            self.earlier["marks"].append(Marks(**outcome.reply))
        elif step.operation == "clear_some" and isinstance(outcome.reply, dict):
            self.earlier["cursor"].append(ClearCursor(**outcome.reply["cursor"]))
        elif step.operation == "enqueue" and isinstance(outcome.reply, str):
            self.ids.extend(job_id for job_id in ids_in(outcome.reply) if job_id != ":")
        fired = {key.removeprefix(f"{Q}:job:") for key in outcome.state if key.startswith(f"{Q}:job:")}
        self.ids.extend(sorted(fired.difference(self.ids)))

    def due_moments(self) -> list[int]:
        """The moments at which something falls due, soonest first."""
        moments = {score for name in DUE_SETS for _, score in self.state.get(f"{Q}:{name}", ())}
        meta = self.state.get(f"{Q}:meta", {})
        if "global_window_at" in meta:
            moments.add(int(meta["global_window_at"]) + int(meta["global_rate_ms"]))
        return sorted(moments | {int(meta[field]) for field in ("calls_until", "metrics_until") if field in meta})

    def _moment(self, move: Move) -> int:
        if move.when.base == "due":
            moments = self.due_moments()
            if moments:
                return moments[min(move.when.index, len(moments) - 1)] + move.when.offset
        return self.now + move.when.offset

    def _activation(self, held: Held) -> tuple[str, str]:
        if not self.activations:
            return "none", "w1:1"
        return self.activations[-1 - held.index % len(self.activations)]

    def _resolved(self, argument: Any) -> Any:
        match argument:
            case KnownId(index):
                return self.ids[-1 - index % len(self.ids)] if self.ids else "1"
            case ("id", Held() as held):
                return self._activation(held)[0]
            case ("token", Held() as held):
                return self._activation(held)[1]
            case CallNumber(caller, step):
                return self._caller(caller, step)
            case Earlier(what, index):
                return self.earlier[what][-1 - index % len(self.earlier[what])]
            case FromNow(offset):
                return self.now + offset
            case Settled():
                return self._settlement(argument)
            case Scheduled():
                return self._spec(argument)
            case Planned():
                return self._run(argument)
            case list():
                return [self._resolved(one) for one in argument]
        return argument

    def _caller(self, caller: Caller, step: int) -> Caller:
        call = max(self.calls.get(caller.worker, 0) + step, 1)
        return dataclasses.replace(caller, call=call)

    def _spec(self, schedule: Scheduled) -> SchedulerSpec:
        mode, pattern, tz, every = schedule.mode
        start, end = (-1 if offset == -1 else self.now + offset for offset in (schedule.start, schedule.end))
        first, gap = schedule.runs if mode == "cron" else (-self.now, 0)
        template = schedule.template
        return SchedulerSpec(
            mode, pattern, tz, every, start, end, schedule.limit, self.now + first,
            self.now + first + gap if gap else 0, template.name, template.data, template.options,
        )  # fmt: skip

    def _run(self, planned: Planned) -> PlannedRun:
        if not self.unplanned:
            return PlannedRun("s", "* * * * *", "UTC", 1, 1, 2)
        told = self.unplanned[-1 - planned.index % len(self.unplanned)]
        first, gap = planned.steps
        next_run = told["after"] if not told["fired"] else told["after"] + first if first else 0
        following = next_run + gap if next_run and gap else 0
        return PlannedRun(told["name"], told["pattern"], told["tz"], told["after"], next_run, following)

    def _settlement(self, settled: Settled) -> Settlement:
        job_id, token = self._activation(settled.held)
        until = self.now + settled.until if settled.outcome == "delayed" else settled.until
        detail = RunDetail(
            settled.reason, settled.trace, until, settled.fraction, settled.final, settled.group_ms,
            settled.group_replace, settled.back,
        )  # fmt: skip
        return Settlement(job_id, token, settled.outcome, settled.value, detail)


def play(moves: Iterable[Move], sides: Sequence[Side]) -> list[Step]:
    """Make the moves on all sides; the steps they came to. Raises `DisagreementError` at the first difference."""
    world = World()
    steps: list[Step] = []
    for side in sides:
        side.reset()
    for move in moves:
        if move.operation == NOTHING:
            continue
        steps.append(world.step(move))
        world.learn(steps[-1], compare(steps, sides))
    return steps


def replay(steps: Sequence[Step], sides: Sequence[Side]) -> None:
    """Play the steps of a printed script."""
    for side in sides:
        side.reset()
    for made in range(1, len(steps) + 1):
        compare(steps[:made], sides)


def compare(steps: Sequence[Step], sides: Sequence[Side]) -> Outcome:
    """Play the last of the steps on all sides: what they agree on."""
    step = steps[-1]
    outcomes = [side.play(step) for side in sides]
    first = outcomes[0]
    for side, outcome in zip(sides[1:], outcomes[1:], strict=True):
        if outcome.reply != first.reply:
            problem = f"{step.operation}: {sides[0].name} replies {first.reply!r},\n{side.name} {outcome.reply!r}"
            raise DisagreementError(problem, steps)
        if outcome.state != first.state:
            problem = f"{step.operation}: states differ ({sides[0].name}, {side.name})\n"
            raise DisagreementError(problem + "\n".join(differences(first.state, outcome.state)), steps)
    foreign = first.state.get(f"{Q}:meta", {}).get("format", str(FORMAT)) != str(FORMAT)
    if not foreign and (problems := violations(first.state, Q, max(one.now for one in steps))):
        raise DisagreementError(f"{step.operation} breaks\n" + "\n".join(problems), steps)
    return first


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The keys that differ, with both values."""
    return [
        f"{key}:\n  {one.get(key)!r}\n  {other.get(key)!r}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]


def script(steps: Sequence[Step]) -> str:
    """The history as a program that plays it again on both sides; run it from the root of the repository."""
    lines = "\n".join(f"    {step!r}," for step in steps)
    return (
        "from glidemq_pb.semantics.flow_records import FlowSpec\n"
        "from glidemq_pb.semantics.records import (\n"
        "    Caller, ClearCursor, GroupLimits, JobBatch, JobSpec, Letter, Marks,\n"
        "    PlannedRun, SchedulerSpec, Settlement,\n)\n"
        "from tests.properties.replay import run\n"
        "from tests.properties.sides import Step\n\n"
        f"run([\n{lines}\n])\n"
    )
