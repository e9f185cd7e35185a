"""The language of the text tables: one operation a row, with the reply and the state it must leave.

    case: a title                                            [RULE-1 RULE-2]
    operation | now | arguments | reply | state

Moments are milliseconds since the case began; `+n` is n after the row before. Parts of a cell are separated by
`;`, words by blanks (quoted where they hold one). `x{1..3}` is x1 x2 x3, `x~3` is x x x,
`<x*3>` is xxx, `\\xNN` is a byte.
`9 add_log` makes the row nine times; its reply and state are those of the last.
A state cell names what it is about; whatever it does not name is checked by the invariants only.
`tests/tables/README.md` lists the operations and the names of the state.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glidemq_pb.semantics.dumps import jobs_of
from glidemq_pb.semantics.flow_records import FlowSpec
from glidemq_pb.semantics.jobs import ids_in, spec_at
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.limits import MINUTE_MS
from glidemq_pb.semantics.records import (
    Caller,
    ClearCursor,
    GroupLimits,
    JobSpec,
    Letter,
    Marks,
    PlannedRun,
    RunDetail,
    SchedulerSpec,
    Settlement,
)
from glidemq_pb.semantics.settling import statuses_in
from tests.properties.agree import START
from tests.properties.sides import Outcome, Q, Refused, Step
from tests.strategies import batch_of, sendable

FLAGS = {
    "lifo", "remove_on_complete", "remove_on_fail", "final", "metrics", "nudge", "bare", "replace", "back",
}  # fmt: skip
# Options of a job by the short names that tables use.
SHORT = {
    "key": ("ordering_key",), "conc": ("group_concurrency",), "rate": ("group_rate_max", "group_rate_ms"),
    "bucket": ("group_capacity", "group_refill"), "dedup": ("dedup_id", "dedup_mode", "dedup_ttl"),
}  # fmt: skip
RUNS = {
    "done": "completed", "fail": "failed", "delay": "delayed", "return": "returned", "wait": "waiting-children",
}  # fmt: skip
PHASES = ("waiting-children", "ready", "groups", "delayed", "active", "completed", "failed")
MINUTE = START // MINUTE_MS
MARK_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Row:
    where: str
    operation: str
    times: int
    now: str
    arguments: str
    reply: str
    state: str


@dataclass(frozen=True, slots=True)
class Case:
    where: str
    title: str
    rules: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path) -> Iterator[Case]:
    """The cases of one file."""
    title, rules, where, rows = "", (), "", list[Row]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        here = f"{path.name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("case:"):
            if title:
                yield Case(where, title, rules, tuple(rows))
            found = re.fullmatch(r"case: (.*?)\s+\[([\w -]+)\]", line.strip())
            if found is None:
                raise ValueError(f"{here}: `case: a title   [RULE-1]`")
            title, rules, where, rows = found[1], tuple(found[2].split()), here, []
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 5:
            raise ValueError(f"{here}: {len(cells)} cells, expected operation | now | arguments | reply | state")
        times, _, operation = cells[0].rpartition(" ")
        rows.append(Row(here, operation, int(times or 1), *cells[1:]))
    if title:
        yield Case(where, title, rules, tuple(rows))


# --- words -----------------------------------------------------------------------------------------------------------


def parts(cell: str) -> list[list[str]]:
    """The parts of a cell, each as its words."""
    lexer = shlex.shlex(cell, posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""
    found: list[list[str]] = [[]]
    for word in lexer:
        if word == ";":
            found.append([])
        else:
            found[-1].extend(expanded(word))
    return [part for part in found if part]


def expanded(word: str) -> list[str]:
    """A word with its shorthands written out."""
    word = re.sub(r"<(.+?)\*(\d+)>", lambda found: found[1] * int(found[2]), word)
    word = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), word)
    if series := re.fullmatch(r"(.*)\{(\d+)\.\.(\d+)\}(.*)", word):
        return [f"{series[1]}{i}{series[4]}" for i in range(int(series[2]), int(series[3]) + 1)]
    if again := re.fullmatch(r"(.+)~(\d+)", word):
        return [again[1]] * int(again[2])
    return [word]


def named(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Bare words, and those of the form name=value; a flag alone is name=1."""
    bare: list[str] = []
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and re.fullmatch(r"\w+", name):
            values[name] = value
        elif word in FLAGS:
            values[word] = "1"
        else:
            bare.append(word)
    return bare, values


# --- rows to steps ---------------------------------------------------------------------------------------------------


class Writer:
    """Turns rows into steps; it remembers the moment, the tokens and the call numbers of one case."""

    def __init__(self) -> None:
        self.now = 0
        self.tokens: dict[str, str] = {}
        self.calls: dict[str, int] = {}
        self.marks = Marks(0, 0, 0)
        self.cursor = ClearCursor(0, 0, 0)

    def step(self, row: Row) -> Step:
        """The step that a row stands for."""
        self.now = self.now + int(row.now) if row.now.startswith("+") else int(row.now)
        make = getattr(self, f"_{row.operation}", None)
        arguments = parts(row.arguments)
        made = make(arguments) if make is not None else self._plain(row.operation, arguments)
        operation = "settle_and_activate" if row.operation == "work" else row.operation
        return Step(operation, START + self.now, made)

    def learn(self, outcome: Outcome) -> None:
        """Remember the tokens that a call handed out."""
        if isinstance(outcome.reply, dict):
            if outcome.reply.keys() == {"ready", "mark", "turn"}:
                self.marks = Marks(**outcome.reply)
            if "cursor" in outcome.reply:
                self.cursor = ClearCursor(**outcome.reply["cursor"])
            for job in outcome.reply.get("started", ()):
                self.tokens[job["job_id"]] = outcome.reply["token"]

    def _enqueue(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        call, keep, specs = "", 100, list[JobSpec]()
        for words in arguments:
            job_ids, options = named(words)
            if not job_ids:
                call, keep = options.pop("call", call), int(options.pop("keep", keep))
                continue
            name, data = options.pop("name", "n"), options.pop("data", "")
            flat = [text for pair in written_out(options).items() for text in pair]
            specs += [JobSpec("" if job_id == "*" else job_id, name, data, Fields(flat)) for job_id in job_ids]
        sent, guarded = sendable(specs)
        if len(sent) < len(specs):
            raise ValueError("the host lets no job pass that costs more than the bucket named with it")
        return call, batch_of(specs), guarded, keep

    def _work(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (worker,), options = named(arguments[0])
        call = int(options.get("call", self.calls.get(worker, 0) + 1))
        self.calls[worker] = max(self.calls.get(worker, 0), call)
        most, length = options.get("limiter", "0/0").split("/")
        caller = Caller(
            worker, call, int(options.get("lease", 30_000)), int(options.get("stalled_max", 1)),
            int(options.get("record", 600_000)), int(options.get("keep", 100)), "metrics" in options,
            int(most), int(length), "nudge" in options, options.get("info", ""),
        )  # fmt: skip
        settlements = [one for words in arguments[1:] for one in self._settlements(words)]
        return caller, settlements, int(options.get("want", 0))

    def _settlements(self, words: list[str]) -> Iterator[Settlement]:
        (outcome, *job_ids), options = named(words)
        outcome = {
            "done": "completed",
            "fail": "failed",
            "delay": "delayed",
            "return": "returned",
            "wait": "waiting-children",
        }[outcome]
        until = int(options["until"]) + START if outcome == "delayed" else int(options.get("after", -1))
        for job_id in job_ids:
            token = options.get("token", self.tokens.get(job_id, ""))
            detail = RunDetail(
                options.get("reason", ""), options.get("trace", ""), until, int(options.get("fraction", 0)),
                "final" in options, int(options.get("group", 0)), "replace" in options, "back" in options,
            )  # fmt: skip
            said = options.keys() - {"value", "token"}
            yield Settlement(job_id, token, outcome, options.get("value", ""), detail if said else None)

    def _extend(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (worker,), options = named(arguments[0])
        tokens = [options.get("token", self.tokens.get(job_id, "")) for job_id in arguments[1]]
        leases = [int(lease) for lease in options.get("lease", "30000").split("/")]
        return worker, arguments[1], tokens, leases * len(tokens) if len(leases) == 1 else leases

    def _set_group_limits(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (key,), options = named(arguments[0])
        most, length = options.get("rate", "-1/-1").split("/")
        capacity, refill = options.get("bucket", "-1/-1").split("/")
        limits = GroupLimits(int(options.get("conc", -1)), int(most), int(length), int(capacity), int(refill))
        return key, limits, int(options.get("keep", 100))

    def _clear_some(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        bare, options = named(arguments[0])
        first, last = (PHASES.index(bare[0]), PHASES.index(bare[1])) if len(bare) > 1 else (1, PHASES.index(bare[0]))
        cursor = self.cursor if options.get("from") == "there" else ClearCursor(first, 0, 0)
        return self.marks, cursor, last, int(options.get("keep", 100))

    def _receive(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (source, ordinal), options = named(arguments[0])
        keep, name, data = int(options.pop("keep", 100)), options.pop("name", "n"), options.pop("data", "")
        flat = [text for pair in dead(written_out(options)).items() for text in pair]
        return source, Letter("1", Q, int(ordinal), name, data, Fields(flat)), keep

    def _flow(self, arguments: list[list[str]]) -> tuple[list[FlowSpec], list[int]]:
        nodes: list[FlowSpec] = []
        for words in arguments:
            (job_id,), options = named(words)
            up, down = ([int(at) for at in options.pop(name, "").split(",") if at] for name in ("up", "down"))
            far_up, far_down = (options.pop(name, "").split(",") for name in ("far_up", "far_down"))
            name, data = options.pop("name", "n"), options.pop("data", "")
            flat = [text for pair in written_out(options).items() for text in pair]
            wanted = "" if job_id == "*" else job_id
            family = up, [one for one in far_up if one], down, [one for one in far_down if one]
            nodes.append(FlowSpec(wanted, name, data, Fields(flat), *family))
        return nodes, [i for i, node in enumerate(nodes) if "ordering_key" in node.options]

    def _add_flow(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (flow, *others), options = named(arguments[0])
        nodes, guarded = self._flow(arguments[1:])
        deadline = START + int(options.get("deadline", 0))
        return options.get("call", ""), flow, deadline, nodes, guarded, others, int(options.get("keep", 100))

    def _reserve(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (flow, root), options = named(arguments[0])
        nodes, guarded = self._flow(arguments[1:])
        return flow, root, START + int(options.get("deadline", 0)), nodes, guarded

    def _add_child(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (parent,), options = named(arguments[0])
        _, batch, guarded, keep = self._enqueue(arguments[1:])
        token = options.get("token", self.tokens.get(parent, ""))
        return options.get("call", ""), parent, token, spec_at(batch, 0), bool(guarded), keep

    def _adopt(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (flow, parent, target, child), options = named(arguments[0])
        token = options.get("token", self.tokens.get(parent, ""))
        return options.get("call", ""), flow, START + int(options.get("deadline", 0)), parent, token, target, child

    def _decide(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (flow,), options = named(arguments[0])
        return flow, START + int(options.get("deadline", 0))

    def _upsert_scheduler(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        (name,), given = named(arguments[0])
        (mode,) = given.keys() & {"cron", "every", "after"}
        start, end = (int(given[field]) + START if field in given else -1 for field in ("start", "end"))
        first = int(given.get("first", 0))
        _, template = named(arguments[1] if len(arguments) > 1 else [])
        job_name, data = template.pop("name", "n"), template.pop("data", "")
        flat = [text for pair in written_out(template).items() for text in pair]
        return given.get("call", ""), name, SchedulerSpec(
            mode, given[mode] if mode == "cron" else "", given.get("tz", "UTC"),
            0 if mode == "cron" else int(given[mode]),
            start, end, int(given.get("limit", 0)), first + START if first else 0,
            int(given["following"]) + START if "following" in given else 0, job_name, data, Fields(flat),
        )  # fmt: skip

    def _plan_runs(self, arguments: list[list[str]]) -> tuple[Any, ...]:
        runs: list[PlannedRun] = []
        for words in arguments:
            (name,), given = named(words)
            after, first, following = (
                int(given[field]) + START if field in given else 0 for field in ("after", "next", "following")
            )
            runs.append(PlannedRun(name, given.get("cron", "p"), given.get("tz", "UTC"), after, first, following))
        return (runs,)

    def _plain(self, operation: str, arguments: list[list[str]]) -> tuple[Any, ...]:
        bare, options = named(arguments[0] if arguments else [])
        call, keep = options.get("call", ""), int(options.get("keep", 100))
        token = options.get("token", "")
        match operation:
            case "wait_for":
                return bare[0], int(bare[1]), bare[2], int(bare[3])
            case "fetch_answers" | "forget_answers":
                return bare[0], [int(ordinal) for ordinal in bare[1:]]
            case "remove_scheduler":
                return call, bare[0]
            case "remove" | "retry" | "promote" | "revoke":
                return call, bare[0], keep
            case "change_priority" | "change_delay":
                return call, bare[0], int(bare[1]), keep
            case "update_data":
                return bare[0], token, bare[1]
            case "update_progress":
                return call, bare[0], token, bare[1], keep
            case "add_log":
                return call, bare[0], token, bare[1]
            case "rate_limit_group":
                return call, bare[0], int(bare[1]), "replace" in options, keep
            case "set_global_concurrency":
                return (int(bare[0]),)
            case "set_global_rate_limit":
                return int(bare[0]), int(bare[1])
            case "clean_some":
                return call, bare[0], int(bare[1]) + START, int(bare[2]), keep
            case "retry_some":
                return call, self.marks, int(options.get("skip", 0)), int(bare[0]), keep
            case "replay":
                return bare[0], bare[1], keep
            case "acknowledge":
                return ([sequence.zfill(MARK_DIGITS) for sequence in bare],)
            case "list_parked":
                return int(bare[0]), int(bare[1]), "bare" in options
            case "list_schedulers" | "take_ids":
                return (int(bare[0]),)
            case "list_children":
                return bare[0], int(bare[1])
            case "set_dead_letters":
                return (bare[0] if bare else "",)
            case "pause" | "resume":
                return (keep,)
            case "tick":
                return int(options.get("stalled_max", 1)), keep
            case "get_job":
                return bare[0], "bare" in options
            case "list_jobs":
                return bare[0], int(bare[1]), int(bare[2]), "bare" in options
            case "get_log":
                return bare[0], int(bare[1]), int(bare[2])
            case "read_events":
                return tuple(map(int, bare))
            case "get_metrics" | "nudge" | "leave" | "pop" | "explain" | "get_scheduler" | "release_flow":
                return (bare[0],)
            case "put":
                ((field, value),) = (word.split("=") for word in arguments[0])
                return field, value
            case (
                "count_jobs"
                | "is_paused"
                | "last_event"
                | "pass_wake"
                | "get_marks"
                | "forget_queue"
                | "list_workers"
                | "get_dead_letters"
                | "list_letters"
                | "list_reservations"
                | "get_global_limits"
                | "get_time"
            ):
                return ()
        raise ValueError(f"no operation `{operation}`")


def written_out(options: dict[str, str]) -> dict[str, str]:
    """Options with the names that are stored: `rate=2/1000` is group_rate_max=2 group_rate_ms=1000."""
    found: dict[str, str] = {}
    for name, value in options.items():
        if name in SHORT:
            found.update(zip(SHORT[name], value.split("/") if "/" in value else [value], strict=False))
        else:
            found[name] = value
    return found


def dead(options: dict[str, str]) -> dict[str, str]:
    """Options of a letter: `kept_x` is the option x that a dead letter keeps for its replay."""
    return {name.replace("kept_", "dead:"): value for name, value in options.items()}


# --- replies ---------------------------------------------------------------------------------------------------------


def shown_reply(step: Step, reply: Any, expected: str) -> str:
    """A reply as a table writes it."""
    if isinstance(reply, Refused):
        return f"refused {reply.code}"
    match step.operation:
        case "settle_and_activate":
            return work_reply(reply, len(step.args[1]), expected)
        case "enqueue":
            return " ".join(ids_in(reply))
        case "extend" | "clean_some":
            return " ".join(reply)
        case "add_flow":
            return f"taken {reply['taken']}" if reply["taken"] else " ".join(reply["ids"])
        case "list_children":
            return " ".join(f"{one['child']}={one['outcome']}" for one in reply)
        case "list_reservations":
            return " ".join(f"{one['flow']}={one['root']}@{one['deadline'] - START}" for one in reply)
        case "upsert_scheduler" | "get_scheduler":
            return " ".join(shown_fields(reply["fields"], expected.split())) if reply["fields"] else "none"
        case "list_schedulers":
            return " ".join(entry["name"] for entry in reply)
        case "list_jobs":
            states = {entry["fields"].get("state", "waiting"): None for entry in reply}
            return " ".join([*(f"{state}:" for state in states), *(entry["job_id"] for entry in reply)])
        case "count_jobs":
            return " ".join(f"{name}={count}" for name, count in reply.items() if count)
        case "get_log":
            return " ".join([*reply["lines"], f"of {reply['count']}"])
        case "get_job":
            return " ".join(f"{name}={value}" for name, value in sorted(reply.items()) if name != "added")
        case "get_metrics":
            return " ".join(f"{int(minute) - MINUTE}={count}" for minute, count in sorted(reply.items()))
        case "get_marks" | "get_global_limits":
            return " ".join(f"{name}={value}" for name, value in reply.items() if value)
        case "rate_limit_group" | "get_time":
            return str(reply - START)
        case "list_parked":
            found = " ".join(entry["job_id"] for entry in reply["entries"])
            return found if reply["last"] else f"{found}; next: {reply['group']} {reply['skip']}".removeprefix("; ")
        case "clear_some":
            at = reply["cursor"]
            there = f"{PHASES[at['phase']]} {at['group']} {at['skip']}" if not reply["done"] else "done"
            return f"{reply['removed']}; {there}"
        case "retry_some":
            return f"{reply['retried']} {reply['skip']}" + ("; last" if reply["last"] else "")
        case "list_workers":
            return " ".join(f"{one['worker']}={one['info']}@{one['seen_at'] - START}" for one in reply)
        case "list_letters":
            return "; ".join(letter_words(letter, expected) for letter in reply)
        case "fetch_answers":
            found = " ".join(f"{ordinal}={answer[:40]}" for ordinal, answer in sorted(reply["fields"].items()))
            return found + ("; more" if reply["more"] else "")
        case "explain":
            return explained(reply)
        case "read_events":
            return " ".join(f"{event['number']}:{event['name']}" for event in reply)
        case "tick":
            due = f"due: {reply['next_due'] - START}" if reply["next_due"] else ""
            unplanned = shown_unplanned(reply["unplanned"]) if "unplanned:" in expected else ""
            return "; ".join(filter(None, ("more" if reply["more"] else "", due, unplanned)))
    if isinstance(reply, bool):
        return "yes" if reply else "no"
    return "" if reply is None else str(reply)


def work_reply(reply: dict[str, Any], settled: int, expected: str) -> str:
    """The parts of a worker's reply; when to look again and the token are shown where the table asks for them."""
    shown = [
        " ".join(statuses_in(reply["statuses"], settled)),
        "started: " + " ".join(job["job_id"] for job in reply["started"]) if reply["started"] else "",
        "stalled: " + " ".join(reply["stalled"]) if reply["stalled"] else "",
        "more" if reply["more"] else "",
        "drained" if reply["drained"] else "",
        "letters" if reply["letters"] else "",
        f"hold: {reply['hold_ms']}" if reply["hold_ms"] else "",
        shown_unplanned(reply["unplanned"]) if "unplanned:" in expected else "",
        f"wait: {reply['wait_ms']}" if "wait:" in expected else "",
        f"token: {reply['token']}" if "token:" in expected else "",
    ]
    return "; ".join(filter(None, shown))


def letter_words(letter: dict[str, Any], expected: str) -> str:
    """A letter: where it goes, its number, and those of its options that the table names."""
    shown = [letter["target"], str(letter["ordinal"]), *filter(None, (letter["name"], letter["data"]))]
    wanted = {word.partition("=")[0] for words in parts(expected) for word in words if "=" in word}
    shown += [f"{name}={value}" for name, value in sorted(letter["options"].items()) if name in wanted]
    return " ".join(shown)


def explained(facts: dict[str, Any]) -> str:
    """The facts of a job: its state, where it is, and its reasons, each with its moment and its jobs."""
    shown = [facts["state"] or "-"]
    if facts["position"] >= 0:
        shown.append(f"at {facts['position']}")
    if facts["until"]:
        shown.append(f"until {facts['until'] - START}")
    if facts["worker"]:
        shown.append(f"by {facts['worker']}")
    for reason in facts["reasons"]:
        until = f" {reason['until'] - START}" if reason["until"] else ""
        shown.append(" ".join([reason["gate"] + until, *reason["jobs"]]))
    return "; ".join(shown)


def shown_unplanned(unplanned: list[dict[str, Any]]) -> str:
    """Those to be planned, with the instant after which: `s@9` its next run, `s!9` when it fired."""
    return "unplanned: " + " ".join(
        f"{one['name']}{'!' if one['fired'] else '@'}{one['after'] - START}" for one in unplanned
    )


# --- states ----------------------------------------------------------------------------------------------------------

SETS = {"waiting": "ready"} | {
    name: name
    for name in (
        "active",
        "completed",
        "failed",
        "expiring",
        "retained",
        "workers",
        "groups",
        "groupq",
        "turns",
        "ratelimited",
        "limiters",
        "deduping",
        "answering",
        "outbox",
    )
}
SETS |= {name: name for name in ("waiting-children", "children", "freed", "reservations")}
SETS |= {"schedulers": "schedulers", "unplanned": "unplanned", "names": "scheduler-names"}
SETS["delayed"] = "scheduled"
MARKED = {"active", "completed", "failed", "expiring", "retained", "delayed", "waiting-children"}


def shown_state(state: dict[str, Any], subject: str, expected: list[str]) -> list[str]:
    """What the state says about the subject of a part of a state cell, in the words of that part."""
    kind, _, which = subject.partition(" ")
    if kind in SETS:
        key = f"{Q}:{SETS[kind]}:{which}" if which else f"{Q}:{SETS[kind]}"
        return shown_set(kind, state.get(key, []), timed=any("@" in word for word in expected))
    match kind:
        case "job":  # with its lease, wherever that stands
            job = jobs_of(state, Q).get(which)
            return ["-"] if job is None else shown_fields(job, expected)
        case "leases":
            return sorted(state.get(f"{Q}:leases", {})) or ["-"]
        case "held" | "reservation" | "worker" | "scheduler" | "group" | "limiter" | "dedup":
            fields = state.get(f"{Q}:{kind}:{which}")
            return ["-"] if fields is None else shown_fields(fields, expected)
        case "meta":
            return shown_fields(state.get(f"{Q}:meta", {}), expected)
        case "sent" | "inbox" | "flows" | "outcomes":
            pairs = state.get(f"{Q}:{kind}:{which}" if which else f"{Q}:{kind}", {})
            return sorted(f"{name}={value}" for name, value in pairs.items()) or ["-"]
        case "answers":
            found = state.get(f"{Q}:answers:{which}", {})
            return sorted(f"{ordinal}={answer[:40]}" for ordinal, answer in found.items()) or ["-"]
        case "wake" | "control" | "logs" | "reply":
            key = f"{Q}:{kind}:{which}" if which else f"{Q}:{kind}"
            return list(state.get(key, [])) or ["-"]
        case "events" | "stream":
            events = state.get(f"{Q}:events", {"events": []})["events"]
            return [f"{name}:{job_id}" for _, _, name, job_id, _ in events] or ["-"]
        case "event":
            _, at, name, job_id, fields = state[f"{Q}:events"]["events"][-1]
            return shown_fields({"event": name, "at": str(at), "job_id": job_id, **fields}, expected)
        case "metrics":
            minutes = state.get(f"{Q}:metrics:{which}", {})
            return [f"{int(minute) - MINUTE}={count}" for minute, count in sorted(minutes.items())] or ["-"]
        case "calls":
            return sorted(
                f"{part}={call}" for part in ("calls", "calls:old") for call in state.get(f"{Q}:{part}", ())
            ) or ["-"]
        case "id":
            return [state.get(f"{Q}:id", "0")]
        case "keys":
            return sorted(key.removeprefix(f"{Q}:") for key in state) or ["-"]
    raise ValueError(f"no subject `{subject}`")


def shown_set(kind: str, entries: list[tuple[str, int]], *, timed: bool) -> list[str]:
    """The members of a sorted set in order, without their marks."""
    shown = []
    for member, score in entries:
        name = member[MARK_DIGITS:] if kind in MARKED else member.lstrip("0") if kind == "outbox" else member
        shown.append(f"{name}@{score - START}" if timed else name)
    return shown or ["-"]


INSTANTS = {"expire_at", "finished_on", "processed_on", "added", "next_due", "calls_until", "metrics_until", "at",
            "timer_due", "seen_at", "paused_until", "window_at", "tokens_at", "looks_at", "global_window_at",
            "accepted_at", "until", "pending_until", "resume_at", "next_run", "last_run", "following", "fired_at",
            "start_date", "end_date"}  # fmt: skip


def shown_fields(fields: dict[str, str], expected: list[str]) -> list[str]:
    """The fields that the table names; a missing one is shown as `name=`."""
    shown = []
    for word in expected:
        name = word.partition("=")[0]
        value = fields.get(name, "")
        moment = name in INSTANTS and value not in {"", "0", "-1"}
        shown.append(f"{name}={int(value) - START if moment else value}")
    return shown
