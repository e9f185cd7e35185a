"""What the demonstration does: one job per source file of the standard library, and what should become of each."""

import hashlib
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from glidemq_pb import Backoff, Job, NewJob

LIBRARY = Path(sysconfig.get_path("stdlib"))
ATTEMPTS = 3
PRIORITISED = "asyncio"  # the package whose files go first
DELAYED = "json"  # the package whose files wait
FLAKY = "this.py"  # fails twice, then succeeds
BROKEN = "antigravity.py"  # never succeeds


class File(TypedDict):
    """A job's data."""

    path: str


class Measure(TypedDict):
    """A job's result."""

    sha256: str
    lines: int
    longest: int
    bytes: int


class ReadError(Exception):
    """The planted failure."""


@dataclass(frozen=True)
class Pace:
    """How long the demonstration waits on purpose, in milliseconds: moments in real time, hours in virtual time."""

    delay: int
    backoff: int


@dataclass
class Tally:
    """What the worker saw."""

    started: list[str] = field(default_factory=list)
    """Paths, in the order in which their processors began; a retry is there again."""
    measures: dict[str, Measure] = field(default_factory=dict)
    completions: int = 0
    """Completions, which is more than `measures` if a file was ever done twice."""
    given_up: int = 0
    """Jobs whose attempts are exhausted."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason) of every failed attempt."""
    early: list[str] = field(default_factory=list)
    """Delayed files that began before their moment."""
    virtual: int = 0
    """Milliseconds of virtual time that passed; 0 in real time."""


def source_files() -> list[str]:
    """Paths of the standard library's sources, relative to it; installed packages are not part of it."""
    found = (path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] not in {"site-packages", "dist-packages"})


def package_of(path: str) -> str:
    """`json` of `json/decoder.py`; the files at the top are single modules."""
    return path.split("/", maxsplit=1)[0] if "/" in path else "(modules)"


def jobs_for(paths: list[str], pace: Pace) -> list[NewJob]:
    """One job per file, with the options that the demonstration shows."""
    retry = Backoff("exponential", delay=pace.backoff)
    jobs = []
    for path in paths:
        delay = pace.delay if package_of(path) == DELAYED else 0
        priority = 1 if package_of(path) == PRIORITISED else 0
        attempts = ATTEMPTS if path in {FLAKY, BROKEN} else 1
        jobs.append(
            NewJob("measure", File(path=path), delay=delay, priority=priority, attempts=attempts, backoff=retry)
        )
    return jobs


class Measurer:
    """The worker's function, and the note of what began when."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    async def __call__(self, job: Job[File, Measure]) -> Measure:
        path = job.data["path"]
        self._tally.started.append(path)
        if package_of(path) == DELAYED and (job.processed_on or 0) < job.timestamp + job.delay:
            self._tally.early.append(path)
        if path == BROKEN or (path == FLAKY and job.attempts_made < ATTEMPTS - 1):
            raise ReadError("the disk says no")
        content = (LIBRARY / path).read_bytes()
        lines = content.splitlines()
        return Measure(
            sha256=hashlib.sha256(content).hexdigest(),
            lines=len(lines),
            longest=max(map(len, lines), default=0),
            bytes=len(content),
        )


def surprises(paths: list[str], tally: Tally) -> list[str]:
    """What is not as it should be, one sentence each. Empty when all is well."""
    found = []
    if set(tally.measures) != set(paths) - {BROKEN}:
        found.append(f"{len(set(paths) - {BROKEN} - set(tally.measures))} files were never measured")
    if tally.completions != len(tally.measures):
        found.append(f"{tally.completions - len(tally.measures)} files were measured twice")
    failed = sorted(path for path, _ in tally.failures)
    if failed != sorted([BROKEN] * ATTEMPTS + [FLAKY] * (ATTEMPTS - 1)):
        found.append(f"attempts failed that should not, or did not that should: {failed}")
    prioritised = sum(package_of(path) == PRIORITISED for path in paths)
    if any(package_of(path) != PRIORITISED for path in tally.started[:prioritised]):
        found.append(f"a file of another package began before the last of {PRIORITISED}")
    if tally.early:
        found.append(f"{len(tally.early)} delayed files began before their moment")
    return found


def python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def in_words(milliseconds: int) -> str:
    """`1 h 3 min`, `500 ms`: the two largest units."""
    words = []
    for name, size in (("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            words.append(f"{count} {name}")
    return " ".join(words[:2]) or "0 ms"
