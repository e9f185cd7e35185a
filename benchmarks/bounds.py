"""What the speed of this library is held to, as ratios within one run. Reported, never asserted."""

import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.environments import BULLMQ, SAQ, TASKIQ, US


class Bound(NamedTuple):
    """One demand, and what was found."""

    what: str
    wanted: str
    found: str
    met: bool


class Figures:
    """The repetitions of a comparison, by row, peer and name."""

    def __init__(self, compare: dict[str, Any]) -> None:
        self.peers: list[str] = list(compare["peers"])
        self._runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for run in compare["runs"]:
            if "error" not in run["result"]:
                self._runs.setdefault((run["title"], run["peer"]), []).append(run["result"])

    def titles(self, workload: str) -> list[str]:
        """The rows of one workload."""
        return [title for title in dict.fromkeys(title for title, _ in self._runs) if title.startswith(workload)]

    def values(self, title: str, peer: str, name: str) -> list[float]:
        """One figure of each repetition."""
        return [run[name] for run in self._runs.get((title, peer), [])]

    def median(self, title: str, peer: str, name: str) -> float | None:
        """The middle repetition, or none."""
        values = self.values(title, peer, name)
        return statistics.median(values) if values else None

    def ratio(self, title: str, peer: str, name: str) -> float | None:
        """Ours to theirs: the median of what each pair of runs, one after the other, shows."""
        pairs = list(zip(self.values(title, US, name), self.values(title, peer, name), strict=False))
        return statistics.median(ours / theirs for ours, theirs in pairs) if pairs else None

    def drain(self, concurrency: int) -> str:
        """The row of the first drain with this concurrency."""
        found = [title for title in self.titles("drain") if f" c={concurrency} " in title]
        return found[0] if found else ""


def at_least(what: str, wanted: float, found: float | None, unit: str = " x") -> Iterator[Bound]:
    """Nothing where nothing was measured."""
    if found is not None:
        yield Bound(what, f"at least {wanted:,g}{unit}", f"{found:,.2f}{unit}", found >= wanted)


def at_most(what: str, wanted: float, found: float | None, unit: str = " x") -> Iterator[Bound]:
    """Nothing where nothing was measured."""
    if found is not None:
        yield Bound(what, f"at most {wanted:,g}{unit}", f"{found:,.2f}{unit}", found <= wanted)


def against_peers(figures: Figures) -> Iterator[Bound]:
    """What the comparison shows."""
    c1, c10, c50 = map(figures.drain, (1, 10, 50))
    long = "drain c=50 n=50000"
    drains = [(c50, BULLMQ, 3.0), (c50, SAQ, 8.0), (c10, BULLMQ, 2.5), (c1, BULLMQ, 1.05), (long, BULLMQ, 2.5)]
    for title, peer, wanted in drains:
        yield from at_least(f"{title}: jobs/s to {peer}", wanted, figures.ratio(title, peer, "jobs_per_s"))
    yield from at_most(f"{c1}: calls a job", 1.01, figures.median(c1, US, "script_calls_per_job"), "")
    yield from at_most(f"{c50}: server CPU a job to {BULLMQ}", 0.4, figures.ratio(c50, BULLMQ, "server_us_per_job"))
    yield from at_most(f"{c50}: worker CPU a job to {BULLMQ}", 0.3, figures.ratio(c50, BULLMQ, "worker_us_per_job"))
    yield from at_least(f"bulk add to {BULLMQ}", 6.0, figures.ratio(long, BULLMQ, "added_per_s"))
    yield from at_most(f"idle pickup p50 to {TASKIQ}", 1.0, figures.ratio("pickup", TASKIQ, "p50_ms"))
    yield from at_most("delayed jobs: late p50", 3.0, figures.median("delayed", US, "p50_ms"), " ms")
    yield from at_most("delayed jobs: late p99", 10.0, figures.median("delayed", US, "p99_ms"), " ms")
    memory = figures.ratio(long, BULLMQ, "bytes_per_waiting_job")
    yield from at_most(f"server bytes a waiting job to {BULLMQ}", 1.15, memory)


def of_the_scale(scale: dict[str, Any]) -> Iterator[Bound]:
    """What the curves show."""
    rates = {row["at"]: row["jobs_per_s"] for row in scale.get("waiting", [])}
    if {10_000, 1_000_000} <= set(rates):
        yield from at_least("drain at 1,000,000 waiting to 10,000", 0.9, rates[1_000_000] / rates[10_000])
    memory = [row["worker_mb"] for row in scale.get("memory", [])]
    if len(memory) > 1:
        yield from at_most(
            f"worker RSS after {scale['memory'][-1]['at']:,} jobs to the start", 1.1, memory[-1] / memory[0]
        )


def of_memory(memory: dict[str, float]) -> Iterator[Bound]:
    """What the memory backend shows."""
    yield from at_least("memory backend, operations alone", 30_000, memory.get("operations_per_s"), " jobs/s")
    yield from at_least("memory backend, TestQueue and TestWorker", 10_000, memory.get("kit_per_s"), " jobs/s")


SOURCES: dict[str, Callable[[Any], Iterator[Bound]]] = {
    "compare": lambda found: against_peers(Figures(found)),
    "scale": of_the_scale,
    "memory": of_memory,
}
"""By the name of the file of results."""


def bounds(results: dict[str, Any]) -> list[Bound]:
    """All that can be told from these results."""
    return [bound for name, source in SOURCES.items() if name in results for bound in source(results[name])]
