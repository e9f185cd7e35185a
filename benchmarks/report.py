"""Write what was measured as a table and as charts.

    python -m benchmarks.report [--short]

Reads the JSON files of `benchmarks.compare`, `.floor`, `.scale` and `.memory` in benchmarks/results/ (--short:
results/short/), writes RESULTS.md beside them and has `benchmarks.charts` draw, in an environment of its own.
"""

import argparse
import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bounds import Figures, bounds
from benchmarks.environments import ROOT, plotting_python

Column = tuple[str, str, str]
"""A figure's name, its heading, and its format."""

DRAIN: Sequence[Column] = (
    ("jobs_per_s", "jobs/s", ",.0f"),
    ("server_us_per_job", "server µs/job", ".0f"),
    ("worker_us_per_job", "worker µs/job", ".0f"),
    ("server_busy", "server busy", ".2f"),
    ("worker_busy", "worker busy", ".2f"),
    ("script_calls_per_job", "script calls/job", ".2f"),
    ("commands_per_job", "commands/job", ".1f"),
    ("bytes_in_per_job", "bytes in/job", ",.0f"),
    ("bytes_out_per_job", "bytes out/job", ",.0f"),
    ("added_per_s", "bulk add /s", ",.0f"),
    ("bytes_per_waiting_job", "bytes/waiting job", ",.0f"),
    ("worker_peak_mb", "worker peak MB", ",.0f"),
)
LATENCY: Sequence[Column] = (
    ("p50_ms", "p50", ".2f"),
    ("p95_ms", "p95", ".2f"),
    ("p99_ms", "p99", ".2f"),
    ("max_ms", "max", ".2f"),
)
SCALE: Sequence[Column] = (
    ("jobs_per_s", "jobs/s", ",.0f"),
    ("p50_ms", "overtaking job: p50 ms", ".2f"),
    ("p99_ms", "p99 ms", ".2f"),
    ("server_us_per_job", "server µs/job", ".0f"),
    ("worker_us_per_job", "worker µs/job", ".0f"),
    ("bytes_per_waiting_job", "bytes/waiting job", ",.0f"),
    ("worker_mb", "worker MB", ",.1f"),
)
SCALES = {
    "waiting": "jobs waiting",
    "groups": "groups with waiting jobs",
    "processes": "worker processes",
    "payload": "bytes of payload",
    "memory": "jobs run by one worker",
}
TITLES = {
    "pickup": "Idle pickup: from the add in one process to the start in another, ms",
    "delayed": "Delayed jobs: how late they start, on an otherwise idle server, ms",
}


def results_folder(short: bool) -> Path:
    """Where results go."""
    return ROOT / "benchmarks" / "results" / ("short" if short else "")


def save(name: str, found: object, short: bool) -> None:
    """Keep what was found where `write` finds it."""
    folder = results_folder(short)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Markdown, figures to the right."""
    rule = "|".join(["---", *["---:"] * (len(heads) - 1)])
    return [f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def shown(value: float | None, form: str) -> str:
    """A figure, or none."""
    return "-" if value is None else format(value, form)


def compare_sections(compare: dict[str, Any]) -> list[str]:
    """The tables of the comparison."""
    figures = Figures(compare)
    lines: list[str] = []
    for title in [*figures.titles("drain"), "pickup", "delayed"]:
        columns = DRAIN if title.startswith("drain") else LATENCY
        rows: list[list[str]] = []
        for peer in figures.peers:
            if not figures.values(title, peer, columns[0][0]):
                continue
            partial = any(figures.values(title, peer, "partial")) if columns is DRAIN else False
            medians = (shown(figures.median(title, peer, name), form) for name, _, form in columns)
            rows.append([peer + ("\\*" if partial else ""), *medians])
        if rows:
            lines += [f"## {TITLES.get(title, title)}", "", *table(["", *(head for _, head, _ in columns)], rows)]
    lines += [
        "Medians of the repetitions; \\*: not finished within the limit, the rate so far. *script calls*: scripts,"
        " functions and blocking pops; *commands*: all, those that scripts issue too. *busy*: of one core; the"
        " server's is its main thread.",
        "",
    ]
    lines += ["Spread of the drains, jobs/s of each repetition:", ""]
    for title in figures.titles("drain"):
        each = (
            f"{peer} {' / '.join(f'{rate:,.0f}' for rate in rates)}"
            for peer in figures.peers
            if (rates := figures.values(title, peer, "jobs_per_s"))
        )
        lines += [f"- {title}: {'; '.join(each)}"]
    failed = [run for run in compare["runs"] if "error" in run["result"]]
    lines += [f"- failed: {run['title']}, {run['peer']}: {run['result']['error']}" for run in failed]
    lines += ["", "## Versions and settings", ""]
    for peer, meta in compare["peers"].items():
        versions = ", ".join(f"{name} {version}" for name, version in meta["versions"].items())
        lines += [f"- {peer} ({versions}): {meta['settings']}; bulk: {meta['bulk']}"]
    lines += [f"- left out: {peer}: {reason}" for peer, reason in compare["left_out"].items()]
    return [*lines, ""]


def scale_sections(scale: dict[str, Any]) -> list[str]:
    """The tables of the curves."""
    lines: list[str] = []
    for name, head in SCALES.items():
        rows = scale.get(name, [])
        columns = [column for column in SCALE if any(column[0] in row for row in rows)]
        if rows:
            lines += [f"## Scale: {head}", ""]
            lines += table(
                [head, *(title for _, title, _ in columns)],
                ([f"{row['at']:,}", *(shown(row.get(key), form) for key, _, form in columns)] for row in rows),
            )
    return lines


def memory_section(memory: dict[str, float]) -> list[str]:
    """The lines of the memory backend."""
    return [
        "## The memory backend",
        "",
        f"Operations alone, batches of 50 (add, start, settle): {memory['operations_per_s']:,.0f} jobs/s;"
        f" starting and settling alone: {memory['work_per_s']:,.0f} jobs/s."
        f" `TestQueue` and `TestWorker`: {memory['kit_per_s']:,.0f} jobs/s.",
        "",
    ]


def floor_section(floor: dict[str, float]) -> list[str]:
    """What the client library alone takes."""
    return [
        "## The client library alone",
        "",
        f"A call of a function that does nothing, one after the other: {floor['call_us']:,.0f} µs, with"
        f" {floor['client_us']:,.0f} µs of processor time in the client's process and {floor['server_us']:,.0f} in the"
        " server's. That much of each job at concurrency 1 is not ours: it is one call.",
        "",
    ]


SECTIONS: dict[str, Callable[[Any], list[str]]] = {
    "compare": compare_sections,
    "floor": floor_section,
    "scale": scale_sections,
    "memory": memory_section,
}
"""By the name of the file of results."""


def write(short: bool) -> Path:
    """RESULTS.md of all results there are."""
    folder = results_folder(short)
    results = {name: json.loads(file.read_text()) for name in SECTIONS if (file := folder / f"{name}.json").exists()}
    machine: dict[str, str] = next((found["machine"] for found in results.values() if "machine" in found), {})
    lines = [f"# Results{' of the short version' if short else ''}", ""]
    lines += [
        "No-op jobs, library defaults, our events and metrics on; server, workers and producers on one machine.",
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in machine.items()]
    lines += ["", "## What it is held to", "", "Ratios are medians over pairs of runs, made one after the other.", ""]
    lines += table(
        ["", "wanted", "found", ""],
        ([bound.what, bound.wanted, bound.found, "met" if bound.met else "**not met**"] for bound in bounds(results)),
    )
    lines += ["![Charts](charts.png)", ""]
    for name, section in SECTIONS.items():
        if name in results:
            lines += section(results[name])
    file = folder / "RESULTS.md"
    file.write_text("\n".join(lines).rstrip() + "\n")
    return file


def draw(folder: Path) -> None:
    """The charts, or why there are none."""
    if not (folder / "compare.json").exists():
        print("left out: the charts, until `python -m benchmarks.compare` has run")
        return
    try:
        subprocess.run([str(plotting_python()), "-m", "benchmarks.charts", str(folder)], check=True, cwd=ROOT)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"left out: the charts: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    written = write(parser.parse_args().short)
    draw(written.parent)
    print(written.read_text().partition("![Charts]")[0])
    print(f"written: {written.relative_to(ROOT)}, and charts.png beside it")
