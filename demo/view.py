"""What the demonstration shows: a bar (or a few lines, in a pipe), a table per package, and the totals."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from .work import ATTEMPTS, BROKEN, DELAYED, FLAKY, PRIORITISED, Pace, Tally, in_words, package_of

ROWS = 12
STEPS = 5


class Advance(Protocol):
    def __call__(self) -> None:
        """One more job has ended."""


@contextmanager
def progress(console: Console, total: int) -> Iterator[Advance]:
    """A live bar on a terminal; elsewhere a line each fifth of the way."""
    if not console.is_terminal:
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            if done * STEPS // total > (done - 1) * STEPS // total:
                console.print(f"  {done:>6,} of {total:,} ended")

        yield count
        return
    columns = (SpinnerColumn(), BarColumn(40), MofNCompleteColumn(), TextColumn("jobs"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def packages_table(tally: Tally) -> Table:
    """Files, lines and bytes of the largest packages, and of the rest together."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for path, measure in tally.measures.items():
        row = sums[package_of(path)]
        row[0] += 1
        row[1] += measure["lines"]
        row[2] += measure["bytes"]
        row[3] = max(row[3], measure["longest"])
    ranked = sorted(sums.items(), key=lambda item: (-item[1][1], item[0]))
    table = Table(box=None, pad_edge=False, header_style="bold", footer_style="bold", show_footer=True)
    rest = [row for _, row in ranked[ROWS:]]
    shown = ranked[:ROWS] + ([(f"{len(rest)} more packages", combined(rest))] if rest else [])
    totals = combined([row for _, row in shown])
    headings = ("files", "lines", "bytes", "longest line")
    table.add_column("package", footer="all")
    for heading, total in zip(headings, totals, strict=True):
        table.add_column(heading, justify="right", footer=f"{total:,}", footer_style="bold")
    for name, row in shown:
        table.add_row(name, *(f"{value:,}" for value in row))
    return table


def combined(rows: list[list[int]]) -> list[int]:
    """Sums of files, lines and bytes; the longest of the longest lines."""
    columns = list(zip(*rows, strict=True)) or [(0,)] * 4
    return [*(sum(column) for column in columns[:3]), max(columns[3])]


def totals_table(tally: Tally, paths: list[str], pace: Pace) -> Table:
    """How the jobs ended, with the reason for what is remarkable."""
    delayed = sum(package_of(path) == DELAYED for path in paths)
    prioritised = sum(package_of(path) == PRIORITISED for path in paths)
    reason = tally.failures[-1][1] if tally.failures else "no failure was seen"
    first, second = in_words(pace.backoff), in_words(2 * pace.backoff)
    rows = (
        ("completed", "green", tally.completions, f"{FLAKY} among them, at its attempt {ATTEMPTS}"),
        ("failed", "red", tally.given_up, f"{BROKEN}: {reason}, {ATTEMPTS} times"),
        ("retried", "yellow", len(tally.failures) - tally.given_up, f"after {first}, and again after {second}"),
        ("delayed", "cyan", delayed, f"{DELAYED}, by {in_words(pace.delay)}; none began early"),
        ("prioritised", "magenta", prioritised, f"{PRIORITISED}, begun before all others"),
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, colour, count, remark in rows:
        table.add_row(name, f"[{colour}]{count:,}[/]", remark)
    return table


def fingerprint(tally: Tally) -> str:
    """One hash over all hashes: equal on both backends."""
    lines = (f"{path} {measure['sha256']}\n" for path, measure in sorted(tally.measures.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
