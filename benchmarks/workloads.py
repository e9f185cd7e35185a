"""One workload of one peer: what it does to the server, to its own process, and to the jobs."""

import array
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT, Runnable
from benchmarks.measuring import ServerView, Usage, cpu_seconds, memory_mb, percentile
from benchmarks.peers.common import delay_for

SPARE_SLOTS = 512
"""Beyond those of the jobs that are measured: for jobs that warm up, and for those that overtake."""
START_SECONDS = 40.0
SETTLE_SECONDS = 0.3
POLL_SECONDS = 0.02
FINE_POLL_SECONDS = 0.001
PICKUP_INTERVAL = 0.02
COMMAND_SECONDS = 600.0


def end_by_signal() -> None:
    """Let SIGTERM end the program as an exception does: worker processes have sessions of their own and would stay."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class FailedRunError(Exception):
    """A peer did not do what was asked; the message says what."""


class Run:
    """One peer on one server, which is emptied first. `jobs`: how many slots there are to fill."""

    def __init__(self, peer: Runnable, port: int, jobs: int, concurrency: int, **environment: str) -> None:
        self.jobs = jobs
        self.concurrency = concurrency
        self.server = ServerView(port)
        self.workers: list[asyncio.subprocess.Process] = []
        self._peer = peer
        self._port = port
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._probe = Path(self._folder.name, "probe")
        self._probe.touch()
        os.truncate(self._probe, (jobs + SPARE_SLOTS) * 8)
        more = {"BENCH_PROBE": str(self._probe), "BENCH_SLOTS": str(jobs + SPARE_SLOTS), **environment}
        self._environment = {**peer.environment, **more}
        self._log = os.open(Path(self._folder.name, "log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self.server.call("FLUSHALL", "SYNC")

    async def __aenter__(self) -> "Run":
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)  # its own session: only what this run started
            await worker.wait()
        self.server.close()
        os.close(self._log)
        self._folder.cleanup()

    async def command(self, name: str, **options: float) -> dict[str, Any]:
        """One command of the peer, in a process of its own."""
        words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
        process = await asyncio.create_subprocess_exec(
            *self._peer.command, name, "--port", str(self._port), *words,
            env=self._environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
        if process.returncode:
            raise FailedRunError(f"`{name}` ended with {process.returncode}: {self.said()}")
        reply: dict[str, Any] = json.loads(output.decode().strip().splitlines()[-1])
        return reply

    def said(self) -> str:
        """The end of what the peer has written."""
        return Path(self._folder.name, "log").read_text(errors="replace")[-300:].strip().replace("\n", " | ")

    async def fill(self, jobs: int, offset: int = 0) -> float:
        """Add jobs in bulk; jobs a second."""
        rate: float = (await self.command("enqueue", n=jobs, offset=offset))["jobs_per_s"]
        return rate

    async def start_worker(self) -> None:
        """One more process that runs jobs."""
        words = ["worker", "--port", str(self._port), "--concurrency", str(self.concurrency)]
        self.workers.append(
            await asyncio.create_subprocess_exec(
                *self._peer.command,
                *words,
                env=self._environment,
                cwd=ROOT,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )
        )

    def starts(self, first: int, jobs: int) -> "array.array[int]":
        """When each of these jobs started; 0: not yet."""
        moments = array.array("q")
        with self._probe.open("rb") as file:
            file.seek(first * 8)
            moments.frombytes(file.read(jobs * 8))
        return moments

    async def until_started(self, first: int, jobs: int, seconds: float, at_least: int = 0) -> "array.array[int]":
        """Wait until these jobs (or so many of them) have started, but not for longer."""
        end = time.monotonic() + seconds
        while True:
            # The last one first: to look at all of them takes a good part of the processor that is measured.
            if at_least or any(self.starts(first + jobs - 1, 1)) or time.monotonic() > end:
                starts = self.starts(first, jobs)
                if jobs - starts.count(0) >= (at_least or jobs) or time.monotonic() > end:
                    return starts
            for worker in self.workers:
                if worker.returncode is not None:
                    raise FailedRunError(f"the worker ended with {worker.returncode}: {self.said()}")
            await asyncio.sleep(POLL_SECONDS)

    async def warm_worker(self) -> None:
        """A worker that has run a job and sleeps again."""
        await self.start_worker()
        warm = self.jobs + SPARE_SLOTS - 1
        await self.fill(1, warm)
        await self.until_started(warm, 1, START_SECONDS, 1)
        await asyncio.sleep(SETTLE_SECONDS)

    def worker_cpu(self) -> float:
        """Seconds, all workers."""
        return sum(cpu_seconds(worker.pid) for worker in self.workers)

    async def until_done(self, conditions: list[list[Any]], end: float) -> bool:
        """Wait until the server shows all jobs finished, but not beyond `end`."""
        while True:
            if self.is_done(conditions) or time.monotonic() > end:
                return self.is_done(conditions)
            await asyncio.sleep(FINE_POLL_SECONDS)

    def is_done(self, conditions: list[list[Any]]) -> bool:
        """Whether the server shows all jobs finished."""
        wanted = [self.jobs if want == "N" else want for *_, want in conditions]
        return [int(self.server.call(*words) or 0) for *words, _ in conditions] == wanted


@contextlib.asynccontextmanager
async def begun(run: Run) -> AsyncIterator[tuple[Usage, float]]:
    """The accounts at the first start of a job."""
    await run.until_started(0, min(run.jobs, 1_000), START_SECONDS, 1)
    yield run.server.usage(), run.worker_cpu()


async def drain(run: Run, limit: float, conditions: list[list[Any]]) -> dict[str, Any]:
    """Time from the first start until all ran and the server shows them finished; after `limit` seconds: so far."""
    empty = run.server.used_memory()
    added = await run.fill(run.jobs)
    await asyncio.sleep(SETTLE_SECONDS)
    waiting_bytes = (run.server.used_memory() - empty) / run.jobs
    await run.start_worker()
    async with begun(run) as (before, worker_before):
        await run.until_started(0, run.jobs, limit)
        finished = await run.until_done(conditions, before.at + limit)
    ended = time.monotonic_ns()
    after, worker_after = run.server.usage(), run.worker_cpu()
    started = [moment for moment in run.starts(0, run.jobs) if moment]
    if not started:
        raise FailedRunError(f"no job started: {run.said()}")
    ran = len(started)
    wall = after.at - before.at
    return {
        "jobs_per_s": ran / ((ended - min(started)) / 1e9),
        "partial": not finished,
        "ran": ran,
        "added_per_s": added,
        "bytes_per_waiting_job": waiting_bytes,
        "server_us_per_job": (after.cpu - before.cpu) / ran * 1e6,
        "worker_us_per_job": (worker_after - worker_before) / ran * 1e6,
        "server_busy": (after.cpu - before.cpu) / wall,
        "worker_busy": (worker_after - worker_before) / wall,
        "script_calls_per_job": (after.script_calls - before.script_calls) / ran,
        "commands_per_job": (after.commands - before.commands) / ran,
        "bytes_in_per_job": (after.bytes_in - before.bytes_in) / ran,
        "bytes_out_per_job": (after.bytes_out - before.bytes_out) / ran,
        "worker_peak_mb": sum(memory_mb(worker.pid, "VmHWM") for worker in run.workers),
    }


async def pickup(run: Run) -> dict[str, Any]:
    """From just before a single add in one process to the start in another that is idle."""
    await run.warm_worker()
    moments = (await run.command("produce", n=run.jobs, interval=PICKUP_INTERVAL))["moments"]
    starts = await run.until_started(0, run.jobs, START_SECONDS)
    late = [(start - moment) / 1e6 for start, moment in zip(starts, moments, strict=True) if start]
    return spread(late, run.jobs)


async def delayed(run: Run) -> dict[str, Any]:
    """How late delayed jobs start, on a server where nothing else happens."""
    await run.warm_worker()
    moments = (await run.command("produce", n=run.jobs))["moments"]
    starts = await run.until_started(0, run.jobs, START_SECONDS)
    late = [
        (start - moment) / 1e6 - delay_for(number, run.jobs) * 1e3
        for number, (start, moment) in enumerate(zip(starts, moments, strict=True))
        if start
    ]
    return {**spread(late, run.jobs), "early": sum(each < 0 for each in late)}


def spread(milliseconds: list[float], jobs: int) -> dict[str, Any]:
    """The percentiles. Raises FailedRunError where a job is missing."""
    if len(milliseconds) < jobs:
        raise FailedRunError(f"{jobs - len(milliseconds)} of {jobs} jobs did not start")
    percents: Mapping[str, float] = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}
    return {name: percentile(milliseconds, percent) for name, percent in percents.items()}
