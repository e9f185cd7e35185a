"""Us beside the peers, in one run: paired in turn, since machines drift, and repeated.

    python -m benchmarks.compare [--short] [--fresh] [--reps 3] [--peers A B] [--only drain pickup delayed]

Peers that are missing are installed under .bench/; those that cannot be are left out, and it is said why. A run that
was interrupted goes on where it stopped (--fresh: from the start). Ends with `python -m benchmarks.report`.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import workloads
from benchmarks.environments import BULLMQ, FOLDER, PEERS, ROOT, SAQ, TASKIQ, US, Runnable, prepare
from benchmarks.machine import describe
from benchmarks.report import save
from glidemq_pb.server import PrivateServer

FULL_LIMIT = 15.0
SHORT_LIMIT = 4.0
PYTHON_JOBS_SHORT = 3_000


class Step(NamedTuple):
    """One measurement."""

    workload: str
    jobs: int
    concurrency: int
    peer: str
    rep: int

    @property
    def title(self) -> str:
        """Which row of the results it belongs to."""
        return f"{self.workload} c={self.concurrency} n={self.jobs}" if self.workload == "drain" else self.workload


def steps(short: bool, peers: list[str], reps: int, only: list[str]) -> Iterator[Step]:
    """All that is to be measured, in order: within a repetition, one peer after the other."""
    fast = [peer for peer in peers if peer in {US, BULLMQ}]
    many = fast if short else peers
    drains = [(3_000 if short else 10_000, 1, many), (10_000, 10, many), (10_000, 50, peers), (50_000, 50, fast)]
    for jobs, concurrency, who in drains if "drain" in only else []:
        for rep in range(reps):
            yield from (Step("drain", jobs, concurrency, peer, rep) for peer in who)
    for workload, jobs in (("pickup", 100 if short else 300), ("delayed", 100 if short else 200)):
        for rep in range(1 if short else reps) if workload in only else []:
            yield from (Step(workload, jobs, 10, peer, rep) for peer in peers)
    for rep in range(reps) if "drain" in only and not short else []:  # the server's memory needs many jobs to show
        yield from (Step("drain", 50_000, 50, peer, rep) for peer in peers if peer not in fast and rep == 0)


async def measure(step: Step, peer: Runnable, port: int, limit: float, done: list[list[Any]]) -> dict[str, Any]:
    """Do one step."""
    jobs = step.jobs
    if limit == SHORT_LIMIT and step.workload == "drain" and step.peer not in {US, BULLMQ}:
        jobs = min(jobs, PYTHON_JOBS_SHORT)
    environment = {"BENCH_WORKLOAD": step.workload}
    async with workloads.Run(peer, port, jobs, step.concurrency, **environment) as run:
        if step.workload == "drain":
            return await workloads.drain(run, limit, done)
        return await (workloads.pickup if step.workload == "pickup" else workloads.delayed)(run)


async def warm(peer: Runnable, port: int) -> dict[str, Any]:
    """Have the server load the peer's scripts once, so that they count for no workload; what it says of itself."""
    async with workloads.Run(peer, port, 10, 1) as run:
        await run.fill(10)
        await run.warm_worker()
        return await run.command("meta")


def available(names: list[str]) -> tuple[dict[str, Runnable], dict[str, str]]:
    """Those that can run, and why the others cannot."""
    ready: dict[str, Runnable] = {}
    left_out: dict[str, str] = {}
    for name in names:
        found = prepare(name)
        if isinstance(found, Runnable):
            ready[name] = found
        else:
            left_out[name] = found
            print(f"left out: {name}: {found}", flush=True)
    return ready, left_out


def read_done(journal: Path, fresh: bool) -> dict[str, dict[str, Any]]:
    """What an interrupted run has measured."""
    if fresh or not journal.exists():
        return {}
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return {json.dumps(line["step"]): line for line in lines if "error" not in line["result"]}


def show(step: Step, result: dict[str, Any]) -> None:
    """One line."""
    keys = (
        "error",
        "jobs_per_s",
        "added_per_s",
        "server_us_per_job",
        "worker_us_per_job",
        "script_calls_per_job",
        "bytes_per_waiting_job",
        "p50_ms",
        "p99_ms",
    )
    shown = [
        f"{key} {value:,.2f}" if isinstance(value := result[key], float) else f"{key}: {value}"
        for key in keys
        if key in result
    ]
    print(f"{time.strftime('%H:%M:%S')} {step.title:<22} {step.peer:<28} {'  '.join(shown)}", flush=True)


async def main(given: argparse.Namespace) -> None:
    """Everything that is not done yet."""
    FOLDER.mkdir(exist_ok=True)
    journal = FOLDER / ("short.jsonl" if given.short else "full.jsonl")
    ready, left_out = available(given.peers)
    done = read_done(journal, given.fresh)
    plan = list(steps(given.short, list(ready), given.reps, given.only))
    if all(json.dumps(step) in done for step in plan):
        done = {}  # nothing was interrupted: measure anew
    limit = SHORT_LIMIT if given.short else FULL_LIMIT
    journal.write_text("".join(json.dumps(line) + "\n" for line in done.values()))
    with PrivateServer() as server:
        metas = {name: await warm(peer, server.port) for name, peer in ready.items()}
        about = describe(server.port)
        for step in plan:
            if json.dumps(step) in done:
                continue
            try:
                result = await measure(step, ready[step.peer], server.port, limit, metas[step.peer]["done"])
            except (workloads.FailedRunError, TimeoutError) as error:
                result = {"error": str(error)}
            show(step, result)
            done[json.dumps(step)] = {"step": step, "title": step.title, "peer": step.peer, "result": result}
            with journal.open("a") as file:
                file.write(json.dumps(done[json.dumps(step)]) + "\n")
    runs = [done[json.dumps(step)] for step in plan]
    everything = {"machine": about, "peers": metas, "left_out": left_out, "short": given.short, "runs": runs}
    save("compare", everything, given.short)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer peers and jobs: under five minutes")
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run has measured")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS))
    parser.add_argument(
        "--only", nargs="+", choices=["drain", "pickup", "delayed"], default=["drain", "pickup", "delayed"]
    )
    arguments = parser.parse_args()
    arguments.peers = arguments.peers or ([US, BULLMQ, SAQ, TASKIQ] if arguments.short else list(PEERS))
    workloads.end_by_signal()
    asyncio.run(main(arguments))
    report = [sys.executable, "-m", "benchmarks.report", *(["--short"] if arguments.short else [])]
    subprocess.run(report, check=True, cwd=ROOT)
