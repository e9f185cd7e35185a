"""`python -m demo [--backend valkey|memory]`: the standard library, measured by a job queue.

Exits with 0 only when every job ended as planned.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable

from rich.console import Console

from glidemq_pb import Job, JobCounts, Queue, Worker
from glidemq_pb.server import PrivateServer, ServerUnavailableError
from glidemq_pb.testing import TestQueue, TestWorker, run

from .view import Advance, fingerprint, packages_table, progress, totals_table
from .work import (
    ATTEMPTS,
    File,
    Measure,
    Measurer,
    Pace,
    Tally,
    in_words,
    jobs_for,
    python_version,
    source_files,
    surprises,
)

CONCURRENCY = 16
REAL = Pace(delay=500, backoff=100)
VIRTUAL = Pace(delay=3_600_000, backoff=60_000)
PATIENCE = 120  # seconds; a demonstration that hangs says so


def follow(worker: Worker[File, Measure], tally: Tally, advance: Advance, total: int) -> asyncio.Event:
    """Note what the worker reports. The event is set once all jobs have ended."""
    ended = asyncio.Event()

    def end() -> None:
        advance()
        if tally.completions + tally.given_up == total:
            ended.set()

    @worker.on("completed")
    def completed(job: Job[File, Measure], result: Measure) -> None:
        tally.completions += 1
        tally.measures[job.data["path"]] = result
        end()

    @worker.on("failed")
    def failed(job: Job[File, Measure], error: BaseException) -> None:
        tally.failures.append((job.data["path"], str(error)))
        if job.attempts_made == ATTEMPTS:
            tally.given_up += 1
            end()

    return ended


async def on_valkey(url: str, paths: list[str], tally: Tally, advance: Advance) -> JobCounts:
    """Run all jobs with a worker on a real server, in real time."""
    async with Queue[File, Measure]("demo", connection=url) as queue:
        await queue.add_bulk(jobs_for(paths, REAL))
        worker = Worker("demo", Measurer(tally), connection=url, concurrency=CONCURRENCY)
        ended = follow(worker, tally, advance, len(paths))
        async with worker, asyncio.timeout(PATIENCE):
            await ended.wait()
        return await queue.get_job_counts()


async def in_memory(paths: list[str], tally: Tally, advance: Advance) -> JobCounts:
    """Run all jobs in this process, in virtual time: the hour's delay takes no time at all."""
    queue = TestQueue[File, Measure]("demo")
    worker = TestWorker(queue, Measurer(tally), concurrency=CONCURRENCY)
    follow(worker, tally, advance, len(paths))
    began = queue.clock.now()
    await queue.add_bulk(jobs_for(paths, VIRTUAL))
    await queue.run_to_completion()
    tally.virtual = queue.clock.now() - began
    return await queue.get_job_counts()


def demonstrate(console: Console, backend: str) -> int:
    """Run and show it: the exit code."""
    if backend == "memory":
        console.print("[dim]in this process, in virtual time[/]")
        return show(console, VIRTUAL, lambda *seen: run(in_memory(*seen)))
    try:
        import glide  # noqa: F401 - a platform may have no build of the client

        with PrivateServer() as server:
            console.print(f"[dim]a private Valkey at {server.url}[/]")
            return show(console, REAL, lambda *seen: asyncio.run(on_valkey(server.url, *seen)))
    except (ServerUnavailableError, ImportError) as error:
        console.print(f"[yellow]No Valkey on this machine, so the same in memory.[/] {error}")
        return demonstrate(console, "memory")


def show(console: Console, pace: Pace, play: Callable[[list[str], Tally, Advance], JobCounts]) -> int:
    """Run all jobs with `play`, then print what became of them: the exit code."""
    paths, tally = source_files(), Tally()
    console.print(f"one job for each of the [bold]{len(paths):,}[/] source files of Python {python_version()}\n")
    started = time.perf_counter()
    with progress(console, len(paths)) as advance:
        counts = play(paths, tally, advance)
    seconds = time.perf_counter() - started
    console.print(packages_table(tally), "")
    console.print(totals_table(tally, paths, pace))
    console.print(f"\n[bold]{len(paths):,} jobs in {seconds:.1f} s, {len(paths) / seconds:,.0f} jobs/s[/]")
    if tally.virtual:
        console.print(f"the virtual clock moved by {in_words(tally.virtual)}")
    console.print(f"sha256 of all hashes: {fingerprint(tally)}")
    wrong = surprises(paths, tally)
    if (counts.completed, counts.failed) != (len(paths) - 1, 1):
        wrong.append(f"the queue counts {counts}")
    for sentence in wrong:
        console.print(f"[red]not as planned:[/] {sentence}")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--backend", choices=("valkey", "memory"), default="valkey")
    return demonstrate(Console(highlight=False), parser.parse_args().backend)


if __name__ == "__main__":
    sys.exit(main())
