"""What is promised of deduplication, revocation and dead letters, followed by plain lists.

Written from the rules (DED-1..8, CID-3..6, REV-1..9, DLQ-1..6, TTL-7), not from the semantics. Which ready job starts
next is not its business (`model` and `model_groups` judge that); what becomes of each arrival and of each run is.
"""

from dataclasses import dataclass, field
from typing import Any

SKIPPED = ":"
ENDED = ("completed", "failed")


class BrokenControlError(AssertionError):
    """A promise that was not kept."""


@dataclass
class Run:
    """A job, and what was asked for it."""

    id: str
    data: str
    attempts: int = 1
    ttl: int = 0
    gone_when: tuple[str, ...] = ()
    mode: str = ""
    dedup_id: str = ""
    state: str = "waiting"
    due: int = 0
    deadline: int | None = None
    token: str = ""
    lease_until: int = 0
    started: int = 0
    """The so-many-th start of the queue: what orders equal moments."""
    made: int = 0
    stalls: int = 0
    revoked: bool = False
    reason: str | None = None
    window_until: int = 0
    """Debounced: the end of its window."""
    held_back: bool = False
    """Debounced: it has been delayed by its window ever since it came."""

    def late(self, now: int) -> bool:
        return self.deadline is not None and now > self.deadline


@dataclass
class Dead:
    """A letter: what must be told of one failure."""

    job: Run
    data: str
    reason: str
    made: int


@dataclass
class Accepted:
    """The last acceptance under a deduplication id."""

    at: int
    until: int


@dataclass
class Control:
    """One queue with a dead letter queue."""

    jobs: dict[str, Run] = field(default_factory=dict)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    dead: list[Dead] = field(default_factory=list)
    """Every terminal failure that is to be buried, in order."""
    told: dict[str, list[str]] = field(default_factory=dict)
    """What each worker is told over its control list."""
    last_id: int = 0
    starts: int = 0

    def in_state(self, *states: str) -> list[Run]:
        return [job for job in self.jobs.values() if job.state in states]

    def moments(self, now: int) -> list[int]:
        """When something happens by itself, or a window ends."""
        found = [job.due for job in self.in_state("delayed")] + [job.lease_until for job in self.in_state("active")]
        found += [job.deadline for job in self.in_state("waiting", "delayed") if job.deadline is not None]
        found += [one.until for one in self.accepted.values()]
        return sorted(moment for moment in found if moment > now)

    # --- arrivals -------------------------------------------------------------------------------------------------

    def arrive(self, now: int, wanted: str, job: Run, window: int, delay: int) -> str:
        """One arrival: its id, or SKIPPED; a rejected one leaves no trace (R3, CID-6)."""
        if self.is_duplicate(now, job, window):
            return SKIPPED
        pending = self.pending(now, job)
        if wanted and wanted in self.jobs and (pending is None or pending.id != wanted):
            return SKIPPED
        if pending is not None:
            del self.jobs[pending.id]
        if not wanted:
            self.last_id += 1
        elif wanted.isdecimal() and str(int(wanted)) == wanted:
            self.last_id = max(self.last_id, int(wanted))  # CID-5
        job.id = wanted or str(self.last_id)
        held = max(window, delay) if job.mode == "debounce" else delay  # DED-4
        job.state, job.due = ("delayed", now + held) if held else ("waiting", 0)
        job.deadline = now + job.ttl if job.ttl else None
        self.jobs[job.id] = job
        if job.mode == "debounce":
            job.held_back, job.window_until = True, now + held
        if job.dedup_id:
            until = now + (held if job.mode == "debounce" else window)
            self.accepted[job.dedup_id] = Accepted(now, until)
        return job.id

    def is_duplicate(self, now: int, job: Run, window: int) -> bool:
        last = self.accepted.get(job.dedup_id)
        if last is None or job.mode == "debounce":  # DED-5: the newest is never lost
            return False
        if job.mode == "throttle":  # DED-2
            return now < last.at + window
        exists = any(one.dedup_id == job.dedup_id for one in self.jobs.values())  # DED-1
        return exists and (window == 0 or now < last.at + window)

    def pending(self, now: int, job: Run) -> Run | None:
        """The job that is superseded: its window holds it back still (DED-4, DED-5)."""
        if job.mode != "debounce":
            return None
        held = [
            one
            for one in self.in_state("delayed")
            if one.dedup_id == job.dedup_id and one.held_back and now < one.window_until
        ]
        if len(held) > 1:
            raise BrokenControlError(f"two jobs wait for the window of {job.dedup_id}")
        return held[0] if held else None

    # --- ends -----------------------------------------------------------------------------------------------------

    def end(self, job: Run, state: str, reason: str | None = None) -> None:
        if reason is not None and reason not in ("expired", "revoked"):  # DLQ-1, DLQ-4, TTL-7, REV-5
            self.dead.append(Dead(job, job.data, reason, job.made))
        job.state, job.reason, job.token, job.held_back = state, reason, "", False
        if reason == "revoked":
            job.revoked = True
        if state in job.gone_when:
            del self.jobs[job.id]

    def wait(self, job: Run) -> None:
        job.state, job.token, job.held_back = "waiting", "", False

    def settle(self, now: int, job_id: str, token: str, outcome: str, *, final: bool, after: int) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state != "active" or job.token != token:
            return "lost"
        if job.revoked:  # REV-4, REV-5
            self.end(job, "failed", "revoked")
            return "revoked"
        if outcome == "completed":
            self.end(job, "completed")
            return "completed"
        if outcome == "failed":
            job.made += 1
            job.reason = "boom"
            if final or job.made >= max(job.attempts, 1):
                self.end(job, "failed", "boom")
                return "failed"
        if job.late(now):
            self.end(job, "failed", "expired")
            return "expired"
        self.wait(job)
        if outcome != "returned" and after > 0:
            job.state, job.due = "delayed", now + after
        return {"failed": "retrying"}.get(outcome, outcome)

    def sweep(self, now: int, stalled_max: int) -> list[str]:
        """Everything that has fallen due; the ids of stalled jobs."""
        for job in self.in_state("waiting", "delayed"):
            if job.late(now):
                self.end(job, "failed", "expired")
        lost = [job for job in self.in_state("active") if now >= job.lease_until]
        lost.sort(key=lambda job: (job.lease_until, job.started))
        for job in lost:
            job.stalls += 1
            if job.revoked:
                self.end(job, "failed", "revoked")
            elif job.stalls > stalled_max:
                self.end(job, "failed", "stalled")
            elif job.late(now):
                self.end(job, "failed", "expired")
            else:
                self.wait(job)
        for job in self.in_state("delayed"):
            if now >= job.due:
                self.wait(job)
        for dedup_id, last in list(self.accepted.items()):  # DED-6
            if now >= last.until and not any(one.dedup_id == dedup_id for one in self.jobs.values()):
                del self.accepted[dedup_id]
        return [job.id for job in lost]

    def start(self, now: int, job_id: str, token: str, lease: int) -> None:
        job = self.jobs.get(job_id)
        if job is None or job.state != "waiting":
            raise BrokenControlError(f"{job_id} started, and is {job.state if job else 'not there'}")
        if job.revoked or job.late(now):
            raise BrokenControlError(f"{job_id} started, and is revoked or late")
        self.starts += 1
        job.state, job.token, job.lease_until, job.started = "active", token, now + lease, self.starts

    def extend(self, now: int, job_id: str, token: str, lease: int) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state != "active" or job.token != token:
            return "lost"
        job.lease_until = now + lease
        return "revoked" if job.revoked else "extended"

    # --- changes --------------------------------------------------------------------------------------------------

    def change(self, now: int, operation: str, job_id: str) -> str:
        job = self.jobs.get(job_id)
        if job is None:
            return "not_found"
        return str(getattr(self, f"_{operation}")(now, job))

    def _tell(self, what: str, job: Run) -> None:
        self.told.setdefault(job.token.partition(":")[0], []).append(f"{what}:{job.id}")

    def _revoke(self, now: int, job: Run) -> str:
        """REV-1, REV-2, REV-3, REV-6."""
        if job.state in ENDED:
            return "revoked" if job.revoked else "finished"
        if job.state == "active":
            job.revoked = True
            self._tell("revoked", job)
            return "flagged"
        self.end(job, "failed", "revoked")
        return "revoked"

    def _remove(self, now: int, job: Run) -> str:
        if job.state == "active":
            self._tell("lost", job)
        del self.jobs[job.id]
        return "done"

    def _retry(self, now: int, job: Run) -> str:
        """JOB-10: as if it were new; the revocation is forgotten."""
        if job.state != "failed":
            return "wrong_state"
        job.made, job.stalls, job.revoked, job.reason = 0, 0, False, None
        job.deadline = now + job.ttl if job.ttl else None
        self.wait(job)
        return "done"

    def _promote(self, now: int, job: Run) -> str:
        if job.state != "delayed":
            return "wrong_state"
        self.wait(job)
        return "done"

    def drop_waiting(self) -> int:
        """`drain`: what waits is erased, what is delayed stays."""
        waiting = self.in_state("waiting")
        for job in waiting:
            del self.jobs[job.id]
        return len(waiting)


def stored_as(fields: dict[str, str]) -> tuple[Any, ...]:
    """What a stored job says of itself: as `promised_of` has it."""
    state = fields.get("state", "waiting")
    return state, fields.get("failed_reason"), int(fields.get("attempts_made", 0)), fields.get("revoked") == "1"


def promised_of(job: Run) -> tuple[Any, ...]:
    """The same of a job of the model."""
    return job.state, None if job.state == "completed" else job.reason, job.made, job.revoked
