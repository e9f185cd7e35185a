"""What the benchmarks share: the processor time of a process, percentiles, and the server's own account."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, all its threads (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def calls_and_microseconds(commandstats: str, command: str) -> tuple[int, int]:
    """How often the server ran a command, and for how long in all (from INFO commandstats)."""
    found = re.search(rf"cmdstat_{command}:calls=(\d+),usec=(\d+)", commandstats)
    return (int(found[1]), int(found[2])) if found else (0, 0)
