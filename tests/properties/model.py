"""What is promised of a queue, predicted by plain lists and sorting. Written from the rules, not from the semantics.

One method an operation: it changes the model as the rules say and returns the reply that is due. Nothing here is
bounded, indexed or kept in step: who runs next, who has expired, what is kept are looked for from scratch each time.
"""

from dataclasses import dataclass, field
from typing import Any

DAY = 24 * 3_600_000
YEAR = 365 * DAY
HUNDRED_THOUSAND = 100_000
BUSY = ("waiting", "active")
ENDED = ("completed", "failed")


@dataclass
class Job:
    id: str
    name: str
    data: str
    options: dict[str, str]
    state: str = "waiting"
    priority: int = 0
    came: int = 0
    """When it became ready, as a count; a job that is handed back keeps it."""
    since: int = 0
    """When it entered its state, as a count: what orders equal moments."""
    watched: int = 0
    """When its deadline was set, as a count."""
    deadline: int | None = None
    due: int = 0
    lease_until: int = 0
    token: str = ""
    attempts_made: int = 0
    stalls: int = 0
    finished_on: int | None = None
    reason: str | None = None
    value: str | None = None
    progress: str | None = None
    log: list[str] = field(default_factory=list)

    def number(self, name: str, default: int = 0) -> int:
        return int(self.options.get(name, default))

    def turn(self) -> tuple[float, int, int]:
        """Priority first, then LIFO, then FIFO; equals in order of coming, the newest first in LIFO (LIFO-2, PRI-3)."""
        lifo = self.number("lifo") == 1
        return (self.priority or float("inf"), 0 if lifo else 1, -self.came if lifo else self.came)

    def expired(self, now: int) -> bool:
        """The deadline itself is in time (TTL-4)."""
        return self.deadline is not None and now > self.deadline


@dataclass
class Worker:
    """What a queue remembers of a worker."""

    call: int = 0
    statuses: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)


class Model:
    """One queue."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.last_id = 0
        self.count = 0
        self.paused = False
        self.workers: dict[str, Worker] = {}
        self.replies: dict[str, Any] = {}
        self.minutes: dict[tuple[str, int], int] = {}
        self.events: list[tuple[str, str]] = []
        """What the present operation has to announce, in no order."""

    # --- looking --------------------------------------------------------------------------------------------------

    def listed(self, state: str) -> list[Job]:
        """The jobs of a state in the order in which a listing shows them (GET-1)."""
        orders: dict[str, Any] = {
            "waiting": lambda job: job.turn(),
            "delayed": lambda job: (job.due, job.since),
            "active": lambda job: (job.lease_until, job.since),
            "completed": lambda job: (job.finished_on, job.since),
            "failed": lambda job: (job.finished_on, job.since),
        }
        return sorted((job for job in self.jobs.values() if job.state == state), key=orders[state])

    def busy(self) -> bool:
        return any(job.state in BUSY for job in self.jobs.values())

    def due_moments(self) -> list[int]:
        """All moments at which something of a job falls due."""
        moments = [job.due for job in self.listed("delayed")] + [job.lease_until for job in self.listed("active")]
        moments += [job.deadline + 1 for job in self.jobs.values() if self._watched(job) and job.deadline is not None]
        ages = [job for job in self.jobs.values() if job.state in ENDED and self._age(job)]
        return sorted(moments + [(job.finished_on or 0) + self._age(job) for job in ages])

    @staticmethod
    def _watched(job: Job) -> bool:
        return job.deadline is not None and job.state in ("waiting", "delayed")

    @staticmethod
    def _age(job: Job) -> int:
        return job.number(f"keep_{job.state}_ms")

    # --- moves ----------------------------------------------------------------------------------------------------

    def _tick(self) -> int:
        self.count += 1
        return self.count

    def _to_ready(self, job: Job) -> None:
        job.state, job.came = "waiting", self._tick()

    def _to_delayed(self, job: Job, due: int) -> None:
        job.state, job.due, job.since = "delayed", due, self._tick()

    def _to_end(self, job: Job, now: int, state: str, text: str) -> None:
        job.state, job.finished_on, job.since, job.token = state, now, self._tick(), ""
        if state == "completed":
            job.value, job.reason = text, None
        else:
            job.reason = text
        if job.number(f"remove_on_{'complete' if state == 'completed' else 'fail'}"):
            del self.jobs[job.id]
        elif (keep := job.options.get(f"keep_{state}")) is not None:
            ended = self.listed(state)
            for gone in ended[: max(len(ended) - int(keep), 0)]:
                del self.jobs[gone.id]

    def _fail(self, job: Job, now: int, reason: str) -> None:
        self._to_end(job, now, "failed", reason)
        self.events.append(("failed", job.id))

    def _expire(self, job: Job, now: int) -> None:
        self._to_end(job, now, "failed", "expired")
        self.events.append(("expired", job.id))

    # --- operations -----------------------------------------------------------------------------------------------

    def enqueue(self, now: int, call: str, specs: list[tuple[str, str, str, dict[str, str]]]) -> list[str]:
        if call in self.replies:
            return list(self.replies[call])
        ids = []
        for wanted, name, data, options in specs:
            if wanted in self.jobs:
                ids.append(":")
                continue
            if wanted == "":
                self.last_id += 1
            elif wanted.isdigit() and wanted[0] != "0" and len(wanted) <= 12:
                self.last_id = max(self.last_id, int(wanted))
            job = Job(wanted or str(self.last_id), name, data, options, priority=int(options.get("priority", 0)))
            self.jobs[job.id] = job
            ids.append(job.id)
            if "ttl" in options:
                job.deadline, job.watched = now + job.number("ttl"), self._tick()
            if "delay" in options:
                self._to_delayed(job, now + job.number("delay"))
            else:
                self._to_ready(job)
            self.events.append(("added", job.id))
        if call:
            self.replies[call] = ids
        return ids

    def work(
        self, now: int, worker: str, call: int, lease: int, stalled_max: int, metrics: bool,
        settlements: list[tuple[str, str, str, dict[str, Any]]], want: int,
    ) -> tuple[list[str], list[str], list[str], bool] | None:  # fmt: skip
        """(statuses, ids started, ids stalled, drained); None: refused as stale."""
        known = self.workers.setdefault(worker, Worker())
        token = f"{worker}:{call}"
        if call < known.call:
            return None
        if call == known.call:
            held = [one for one in known.started if one in self.jobs and self.jobs[one].token == token]
            return known.statuses, held, [], False
        busy = self.busy()
        before = len(self.events)
        statuses = [self._settle(now, *settlement) for settlement in settlements]
        stalled = self._sweep(now, stalled_max)
        if metrics:
            self._count(now, before)
        started = [] if self.paused else self.listed("waiting")[:want]
        for job in started:
            job.state, job.token, job.since = "active", token, self._tick()
            job.lease_until = now + job.number("lock_duration", lease)
            self.events.append(("active", job.id))
        drained = busy and not self.busy()
        if drained:
            self.events.append(("drained", ""))
        known.call, known.statuses, known.started = call, statuses, [job.id for job in started]
        return statuses, known.started, stalled, drained

    def _count(self, now: int, before: int) -> None:
        for event, _ in self.events[before:]:
            if event in ("completed", "failed", "expired"):
                key = ("completed" if event == "completed" else "failed", now // 60_000)
                self.minutes[key] = self.minutes.get(key, 0) + 1

    def _settle(self, now: int, job_id: str, token: str, outcome: str, what: dict[str, Any]) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state != "active" or job.token != token:
            if job is not None:
                self.events.append(("lease-lost", job_id))
            return "lost"
        if outcome == "completed":
            self.events.append(("completed", job_id))
            self._to_end(job, now, "completed", what["value"])
            return "completed"
        if outcome == "failed":
            job.attempts_made += 1
            job.reason = what["reason"]
            if what["final"] or job.attempts_made >= max(job.number("attempts"), 1):
                self._fail(job, now, what["reason"])
                return "failed"
            what["until"] = now + self.backoff(job, what["after"], what["fraction"])
        if outcome == "delayed" and what["value"]:
            job.data = what["value"]
        if job.expired(now):
            self._expire(job, now)
            return "expired"
        job.token = ""
        if outcome == "returned":
            job.state = "waiting"
            return "returned"
        if what["until"] > now:
            self._to_delayed(job, what["until"])
        else:
            self._to_ready(job)
        if outcome == "delayed":
            return "delayed"
        self.events.append(("retrying", job_id))
        return "retrying"

    @staticmethod
    def backoff(job: Job, after: int, fraction: int) -> int:
        """RET-1, RET-2, RET-8: fixed or doubling, jitter on top, never above the bounds."""
        if after >= 0:
            return min(after, YEAR)
        if "backoff" not in job.options:
            return 0
        longest = min(job.number("backoff_max") or YEAR, YEAR)
        factor = 2 ** (job.attempts_made - 1) if job.options["backoff"] == "exponential" else 1
        delay = min(job.number("backoff_delay") * factor, longest)
        jitter = delay * job.number("backoff_jitter") // HUNDRED_THOUSAND * fraction // HUNDRED_THOUSAND
        return min(delay + jitter, longest)

    def _sweep(self, now: int, stalled_max: int) -> list[str]:
        """Expiries, lost leases, promotions, ages; each in the order of its moments, equals as they came."""
        late = [job for job in self.jobs.values() if self._watched(job) and job.expired(now)]
        for job in sorted(late, key=lambda job: (job.deadline, job.watched)):
            self._expire(job, now)
        lost = [job for job in self.listed("active") if now >= job.lease_until]
        for job in lost:
            job.stalls += 1
            job.token = ""
            self.events.append(("stalled", job.id))
            if job.stalls > stalled_max:
                self._fail(job, now, "stalled")
            elif job.expired(now):
                self._expire(job, now)
            else:
                job.state = "waiting"
        for job in self.listed("delayed"):
            if now >= job.due:
                self._to_ready(job)
        for job in list(self.jobs.values()):
            if job.state in ENDED and self._age(job) and now >= (job.finished_on or 0) + self._age(job):
                del self.jobs[job.id]
        return [job.id for job in lost]

    def tick(self, now: int, stalled_max: int) -> None:
        busy, before = self.busy(), len(self.events)
        self._sweep(now, stalled_max)
        self._count(now, before)
        self._note_drained(busy)

    def _note_drained(self, busy: bool) -> None:
        if busy and not self.busy():
            self.events.append(("drained", ""))

    def extend(self, now: int, job_ids: list[str], tokens: list[str], lease: int) -> list[str]:
        statuses = []
        for job_id, token in zip(job_ids, tokens, strict=True):
            job = self.jobs.get(job_id)
            if job is not None and job.state == "active" and job.token == token:
                job.lease_until = now + lease
                statuses.append("extended")
            else:
                statuses.append("lost")
        return statuses

    def change(self, operation: str, now: int, call: str, job_id: str, to: int) -> str:
        """remove, retry, promote, change_priority, change_delay."""
        if call in self.replies:
            return str(self.replies[call])
        job = self.jobs.get(job_id)
        if job is None:
            return "not_found"
        allowed = {
            "remove": (job.state,),
            "retry": ("failed",),
            "promote": ("delayed",),
            "change_priority": ("waiting", "delayed"),
            "change_delay": ("waiting", "delayed"),
        }
        if job.state not in allowed[operation]:
            return "wrong_state"
        busy = self.busy()
        getattr(self, f"_{operation}")(job, now, to)
        self._note_drained(busy)
        if call and not (operation == "change_priority" and self.events == []):
            self.replies[call] = "done"
        return "done"

    def _remove(self, job: Job, now: int, to: int) -> None:
        del self.jobs[job.id]
        self.events.append(("removed", job.id))

    def _retry(self, job: Job, now: int, to: int) -> None:
        job.attempts_made, job.stalls, job.reason, job.finished_on = 0, 0, None, None
        if "ttl" in job.options:
            job.deadline, job.watched = now + job.number("ttl"), self._tick()
        self._to_ready(job)
        self.events.append(("retried", job.id))

    def _promote(self, job: Job, now: int, to: int) -> None:
        self._to_ready(job)
        self.events.append(("promoted", job.id))

    def _change_priority(self, job: Job, now: int, to: int) -> None:
        if job.priority != to:
            job.priority = to
            self.events.append(("priority-changed", job.id))

    def _change_delay(self, job: Job, now: int, to: int) -> None:
        if to > 0:
            self._to_delayed(job, now + to)
        elif job.state == "delayed":
            self._to_ready(job)
        self.events.append(("delay-changed", job.id))

    def write(self, operation: str, job_id: str, token: str, text: str) -> str:
        """update_data, update_progress, add_log."""
        job = self.jobs.get(job_id)
        if job is None:
            return "not_found"
        if token and (job.state != "active" or job.token != token):
            return "lost"
        if operation == "update_data":
            job.data = text
        elif operation == "add_log":
            job.log.append(text)
        else:
            job.progress = text
            self.events.append(("progress", job_id))
        return "done"

    def set_paused(self, paused: bool) -> bool:
        if paused == self.paused:
            return False
        self.paused = paused
        self.events.append(("paused" if paused else "resumed", ""))
        return True
