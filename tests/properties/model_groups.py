"""What is promised of groups and gates, followed by plain lists. Written from the rules, not from the semantics.

The model is told what each operation did and says which job may start next; it keeps every slot, window and bucket by
itself. Nothing is indexed: who waits, who is first and what is open are looked for from scratch each time.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

NO_PRIORITY = 10_000
Place = tuple[int, int]


class BrokenGateError(AssertionError):
    """A promise that was not kept."""


@dataclass
class Window:
    """GRL-2: opens at the first start after the previous one ended."""

    most: int
    length: int
    opened: int | None = None
    used: int = 0

    def is_open(self, now: int) -> bool:
        return self.opened is not None and now < self.opened + self.length

    def lets(self, now: int) -> bool:
        return not self.is_open(now) or self.used < self.most

    def change(self, now: int, most: int, length: int) -> None:
        if not self.is_open(now):
            self.opened = None
        self.most, self.length = most, length

    def count(self, now: int) -> None:
        if not self.is_open(now):
            self.opened, self.used = now, 0
        self.used += 1


@dataclass
class Bucket:
    """TB-1..8, in millitokens, exact."""

    capacity: int
    refill: int
    level: Fraction
    at: int

    def holds(self, now: int) -> Fraction:
        return min(self.level + Fraction(max(now - self.at, 0) * self.refill, 1_000), Fraction(self.capacity))

    def take(self, now: int, cost: int) -> None:
        self.level, self.at = self.holds(now) - cost, now

    def change(self, now: int, capacity: int, refill: int) -> None:
        level = self.holds(now)
        full = level == self.capacity
        self.capacity, self.refill, self.at = capacity, refill, now
        self.level = Fraction(capacity) if full else min(level, Fraction(capacity))


@dataclass
class Group:
    concurrency: int = 1
    window: Window | None = None
    bucket: Bucket | None = None
    paused_until: int = 0
    keeps: bool = False
    head: str = ""


@dataclass
class Member:
    """A job, of a group or of none."""

    id: str
    key: str
    priority: int
    lifo: bool
    cost: int
    attempts: int
    gone_when: tuple[str, ...]
    state: str = "waiting"
    turn: int = 0
    place: Place = (0, 0)
    since: int = 0
    """The operation in which it became ready."""
    token: str = ""
    lease_until: int = 0
    started: int = 0
    """The so-many-th start of the queue."""
    due: int = 0
    deadline: int | None = None
    made: int = 0
    stalls: int = 0
    revoked: bool = False
    ttl: int = 0

    @property
    def rank(self) -> int:
        return self.priority or NO_PRIORITY


@dataclass
class Gates:
    """One queue."""

    jobs: dict[str, Member] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    limiters: dict[tuple[int, int], Window] = field(default_factory=dict)
    paused: bool = False
    concurrency: int = 0
    rate: Window | None = None
    turns: int = 0
    operation: int = 0
    starts: int = 0

    # --- looking --------------------------------------------------------------------------------------------------

    def of(self, key: str, *states: str) -> list[Member]:
        return [job for job in self.jobs.values() if job.key == key and job.state in states]

    def in_state(self, state: str) -> list[Member]:
        return [job for job in self.jobs.values() if job.state == state]

    def front(self, key: str) -> Member | None:
        """The member whose turn it is, if it waits and a slot is free."""
        group = self.groups[key]
        if len(self.of(key, "active")) >= group.concurrency:
            return None
        if group.concurrency > 1:  # ORD-11
            return min(self.of(key, "waiting"), key=lambda job: (job.place, job.id), default=None)
        first = min(self.of(key, "waiting", "delayed"), key=lambda job: (job.turn, job.id), default=None)
        return first if first is not None and first.state == "waiting" else None

    def lets(self, key: str, job: Member, now: int) -> bool:
        """Pause, bucket and window of a group (TB-3)."""
        group = self.groups[key]
        payable = group.bucket is None or group.bucket.holds(now) >= job.cost
        return now >= group.paused_until and payable and (group.window is None or group.window.lets(now))

    def queue_lets(self, now: int, limiter: tuple[int, int]) -> bool:
        if self.paused or (self.rate is not None and not self.rate.lets(now)):
            return False
        if self.concurrency and len(self.in_state("active")) >= self.concurrency:
            return False
        return limiter == (0, 0) or self.limiters.setdefault(limiter, Window(*limiter)).lets(now)

    def ready(self) -> list[Member]:
        heads = {group.head for group in self.groups.values() if group.head}
        return [job for job in self.jobs.values() if job.state == "waiting" and (job.key == "" or job.id in heads)]

    def moments(self, now: int) -> list[int]:
        """When something becomes possible by itself."""
        found = [job.due for job in self.in_state("delayed")] + [job.lease_until for job in self.in_state("active")]
        for group in self.groups.values():
            found.append(group.paused_until)
            if group.window is not None and group.window.opened is not None:
                found.append(group.window.opened + group.window.length)
            if group.bucket is not None:
                missing = Fraction(group.bucket.capacity) - group.bucket.level
                found.append(group.bucket.at + -int(-missing * 1_000 // group.bucket.refill))
                found += [
                    group.bucket.at - int(-(job.cost - group.bucket.level) * 1_000 // group.bucket.refill)
                    for job in self.in_state("waiting")
                    if job.cost > group.bucket.level
                ]
        windows = [*self.limiters.values(), *([self.rate] if self.rate is not None else [])]
        found += [window.opened + window.length for window in windows if window.opened is not None]
        return sorted(moment for moment in found if moment > now)

    # --- moves ----------------------------------------------------------------------------------------------------

    def refresh(self, now: int, key: str) -> None:
        """Who is the group's head now; what fails because it can never be paid; whether the group says something."""
        if key == "" or key not in self.groups:
            return
        group = self.groups[key]
        while (first := self.front(key)) is not None:
            if group.bucket is None or first.cost <= group.bucket.capacity:
                break
            self.end(first, "failed")  # TB-6
        head = first.id if first is not None and self.lets(key, first, now) else ""
        if head and head != group.head:
            self.jobs[head].since = self.operation
        group.head = head
        if not self.of(key, "waiting", "delayed", "active"):
            full = group.bucket is None or group.bucket.holds(now) == group.bucket.capacity
            passed = group.window is None or not group.window.is_open(now)
            if full and passed and now >= group.paused_until:
                if group.keeps:
                    group.paused_until = 0
                    if group.window is not None:
                        group.window.opened = None
                else:
                    del self.groups[key]

    def refresh_all(self, now: int) -> None:
        for key in list(self.groups):
            self.refresh(now, key)

    def next_turn(self) -> int:
        self.turns += 1
        return self.turns

    def wait(self, job: Member) -> None:
        """At its turn in its group; ungrouped at the end of its lane."""
        job.state, job.place = "waiting", (job.rank, job.turn)
        if job.key == "":
            job.since = self.operation

    def to_place(self, job: Member) -> None:
        """Where it stood; in a group, at its turn (STL-3)."""
        job.state, job.place = "waiting", (job.rank, job.turn)

    def to_front(self, job: Member) -> None:
        """Before all that its group has now (RRL-7)."""
        others = self.of(job.key, "waiting", "delayed")
        if others:
            job.turn = min(job.turn, min(other.turn for other in others) - 1)
        job.place = (job.rank, job.turn)
        waiting = [other.place for other in others if other.state == "waiting"]
        if waiting:
            rank, turn = min(waiting)
            job.place = min(job.place, (rank, turn - 1))
        job.state = "waiting"

    def to_back(self, job: Member) -> None:
        job.turn = self.next_turn()
        self.wait(job)

    def end(self, job: Member, state: str) -> None:
        job.state = "gone" if state in job.gone_when else state
        job.token = ""

    def start(self, job: Member, now: int, token: str, lease: int, limiter: tuple[int, int]) -> None:
        """Take the slot, the tokens and the places in all windows; then the next member may be head."""
        self.starts += 1
        job.state, job.token, job.lease_until, job.started = "active", token, now + lease, self.starts
        if job.key:
            group = self.groups[job.key]
            if group.bucket is not None:
                group.bucket.take(now, job.cost)
            if group.window is not None:
                group.window.count(now)
        if self.rate is not None:
            self.rate.count(now)
        if limiter != (0, 0):
            self.limiters[limiter].count(now)
        self.refresh(now, job.key)

    def judge_start(self, now: int, job_id: str, limiter: tuple[int, int]) -> Member:
        """The job that started, which was the one that had to."""
        if not self.queue_lets(now, limiter):
            raise BrokenGateError(f"{job_id} started, the queue lets nothing start")
        ready = self.ready()
        job = self.jobs.get(job_id)
        if job is None or job not in ready:
            raise BrokenGateError(f"{job_id} started, only {[one.id for one in ready]} may")
        for other in ready:
            if self.must_precede(other, job):
                raise BrokenGateError(f"{job_id} started before {other.id}")
        return job

    @staticmethod
    def must_precede(one: Member, other: Member) -> bool:
        """PRI-2, LIFO-2, ORD-5: priority, then LIFO, then who has been ready for longer."""
        if one.rank != other.rank:
            return one.rank < other.rank
        if one.lifo != other.lifo:
            return one.lifo
        return one.since > other.since if one.lifo else one.since < other.since

    def judge_rest(self, now: int, limiter: tuple[int, int]) -> None:
        """There was room for more, and nothing more may start."""
        if self.queue_lets(now, limiter) and (left := self.ready()):
            raise BrokenGateError(f"{[job.id for job in left]} may start and did not")

    # --- operations -----------------------------------------------------------------------------------------------

    def add(self, now: int, job: Member, options: dict[str, int], delay: int) -> None:
        self.jobs[job.id] = job
        job.deadline = now + job.ttl if job.ttl else None
        if job.key:
            group = self.groups.setdefault(job.key, Group())
            self.limit(now, group, options)
            job.turn = self.next_turn()
        if delay:
            job.state, job.due = "delayed", now + delay
        else:
            self.wait(job)
        self.refresh(now, job.key)

    def limit(self, now: int, group: Group, options: dict[str, int]) -> None:
        """What is named changes, the rest stays (ORD-12); 0 removes."""
        if "concurrency" in options:
            group.concurrency = max(options["concurrency"], 1)
        if options.get("rate_max") == 0:
            group.window = None
        elif "rate_max" in options and group.window is None:
            group.window = Window(options["rate_max"], options["rate_ms"])
        elif "rate_max" in options and group.window is not None:
            group.window.change(now, options["rate_max"], options["rate_ms"])
        if options.get("capacity") == 0:
            group.bucket = None
        elif "capacity" in options and group.bucket is None:
            group.bucket = Bucket(options["capacity"], options["refill"], Fraction(options["capacity"]), now)
        elif "capacity" in options and group.bucket is not None:
            group.bucket.change(now, options["capacity"], options["refill"])

    def pause_group(self, now: int, key: str, duration: int, *, replace: bool) -> int:
        group = self.groups.setdefault(key, Group())
        group.paused_until = now + duration if replace else max(group.paused_until, now + duration)
        return group.paused_until

    def settle(self, now: int, job_id: str, token: str, outcome: str, what: dict[str, Any]) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state != "active" or job.token != token:
            return "lost"
        job.token, job.state = "", "between"
        if job.key and what.get("group_ms", 0):
            self.pause_group(now, job.key, what["group_ms"], replace=what["replace"])
        status = self._leave(now, job, outcome, what)
        self.refresh(now, job.key)
        return status

    def _leave(self, now: int, job: Member, outcome: str, what: dict[str, Any]) -> str:
        if job.revoked:
            self.end(job, "failed")
            return "revoked"
        if outcome == "completed":
            self.end(job, "completed")
            return "completed"
        if outcome == "failed":
            job.made += 1
            if job.made >= max(job.attempts, 1):
                self.end(job, "failed")
                return "failed"
        if self.expired(job, now):
            self.end(job, "failed")
            return "expired"
        if outcome == "returned":
            if what["back"] and job.key:
                self.to_back(job)
            elif what["group_ms"] and job.key:
                self.to_front(job)
            else:
                self.to_place(job)
            return "returned"
        if what["after"] > 0:
            job.state, job.due = "delayed", now + what["after"]
        else:
            self.wait(job)
        return "retrying" if outcome == "failed" else "delayed"

    @staticmethod
    def expired(job: Member, now: int) -> bool:
        return job.deadline is not None and now > job.deadline

    def sweep(self, now: int, stalled_max: int) -> list[str]:
        for job in [*self.in_state("waiting"), *self.in_state("delayed")]:
            if self.expired(job, now):
                self.end(job, "failed")
                self.refresh(now, job.key)
        lost = [job for job in self.in_state("active") if now >= job.lease_until]
        for job in sorted(lost, key=lambda job: (job.lease_until, job.started)):
            job.stalls += 1
            job.token, job.state = "", "between"
            if job.revoked or job.stalls > stalled_max or self.expired(job, now):
                self.end(job, "failed")
            else:
                self.to_place(job)
            self.refresh(now, job.key)
        for job in sorted(self.in_state("delayed"), key=lambda job: job.due):
            if now >= job.due:
                self.wait(job)
                self.refresh(now, job.key)
        self.refresh_all(now)
        return [job.id for job in lost]

    def change(self, now: int, operation: str, job_id: str, to: int) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state == "gone":
            return "not_found"
        waits = job.state in ("waiting", "delayed")
        if operation == "revoke":
            return self._revoke(now, job)
        allowed = {"remove": True, "retry": job.state == "failed", "promote": job.state == "delayed"}
        if not allowed.get(operation, waits):
            return "wrong_state"
        if operation == "remove":
            job.state = "gone"
        elif operation == "retry":
            job.made, job.stalls, job.revoked = 0, 0, False
            job.deadline = now + job.ttl if job.ttl else None
            if job.key:
                self.groups.setdefault(job.key, Group())
            self.to_back(job)
        elif operation == "promote" or (operation == "change_delay" and to == 0 and job.state == "delayed"):
            self.wait(job)
        elif operation == "change_delay" and to > 0:
            job.state, job.due = "delayed", now + to
        elif operation == "change_priority":
            if to == job.priority:
                return "done"
            job.priority = to
            job.place = (job.rank, job.turn)
            if job.state == "delayed":
                return "done"
        self.refresh(now, job.key)
        return "done"

    def _revoke(self, now: int, job: Member) -> str:
        """REV-1, REV-2, REV-6."""
        if job.state in ("completed", "failed"):
            return "revoked" if job.revoked else "finished"
        job.revoked = True
        if job.state == "active":
            return "flagged"
        self.end(job, "failed")
        self.refresh(now, job.key)
        return "revoked"
