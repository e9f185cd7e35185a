"""`python -m demo [--backend valkey|memory]`: the standard library, measured by a job queue.

Exits with 0 only when every job ended as planned.
"""

import argparse
import asyncio
import sys
import time
from datetime import timedelta

from rich.console import Console

from glidemq_pb import Job, JobCounts, Queue, QueueConnectionError, Worker
from glidemq_pb.testing import TestQueue, TestWorker, run

from .view import Advance, fingerprint, packages_table, progress, totals_table
from .work import (
    ATTEMPTS,
    File,
    Measure,
    Measurer,
    Pace,
    Tally,
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


async def on_valkey(paths: list[str], tally: Tally, advance: Advance) -> JobCounts:
    """Run all jobs with a worker on a private server, in real time."""
    async with Queue[File, Measure]("demo", connection="embedded://") as queue:
        await queue.add_bulk(jobs_for(paths, REAL))
        worker = Worker("demo", Measurer(tally), connection="embedded://", concurrency=CONCURRENCY)
        ended = follow(worker, tally, advance, len(paths))
        async with worker, asyncio.timeout(PATIENCE):
            await ended.wait()
        return await queue.get_job_counts()


async def in_memory(paths: list[str], tally: Tally, advance: Advance) -> JobCounts:
    """Run all jobs in this process, in virtual time: the hour's delay takes no time at all."""
    queue = TestQueue[File, Measure]("demo")
    worker = TestWorker(queue, Measurer(tally), concurrency=CONCURRENCY)
    follow(worker, tally, advance, len(paths))
    await queue.add_bulk(jobs_for(paths, VIRTUAL))
    await queue.run_to_completion()
    return await queue.get_job_counts()


def demonstrate(console: Console, backend: str) -> int:
    paths = source_files()
    tally = Tally()
    console.print(f"[bold]{len(paths):,}[/] source files of Python {python_version()}'s standard library: hash each")
    started = time.perf_counter()
    try:
        with progress(console, len(paths)) as advance:
            if backend == "valkey":
                console.print("[dim]a private Valkey, one worker[/]")
                counts = asyncio.run(on_valkey(paths, tally, advance))
            else:
                console.print("[dim]in memory, in virtual time[/]")
                counts = run(in_memory(paths, tally, advance))
    except QueueConnectionError as error:
        console.print(f"[yellow]no Valkey here[/] ({error}): the same in memory")
        return demonstrate(console, "memory")
    seconds = time.perf_counter() - started
    pace = REAL if backend == "valkey" else VIRTUAL
    console.print(packages_table(tally))
    console.print(totals_table(tally, paths, f"{timedelta(milliseconds=pace.delay)} after they were added"))
    console.print(
        f"{len(paths):,} jobs in {seconds:.1f} s, {len(paths) / seconds:,.0f} jobs/s; "
        f"fingerprint of all hashes {fingerprint(tally)}"
    )
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
