"""How do drain rate and latency change as the queue, its groups, its workers and its payloads grow?

    python -m benchmarks.scale [--curves waiting groups processes payload memory] [--most 1000000]

Each curve is written to benchmarks/results/scale.json when it is done; a curve that is there is measured anew only
when named. Latency is that of jobs that overtake (LIFO), added one by one while the worker drains.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.environments import US, Runnable, prepare
from benchmarks.machine import describe
from benchmarks.measuring import memory_mb, percentile
from benchmarks.report import results_folder, write
from benchmarks.workloads import Run, end_by_signal
from glidemq_pb.server import PrivateServer

MEASURED = 10_000
CONCURRENCY = 50
OVERTAKING = 100
LIMIT_SECONDS = 120.0
PER_BLOCK = 100_000

Row = dict[str, Any]


async def drained(run: Run, measured: int, workers: int = 1, overtaking: int = 0) -> Row:
    """Fill, then time the first `measured` starts; jobs that overtake are added meanwhile."""
    empty = run.server.used_memory()
    await run.fill(run.jobs)
    waiting_bytes = (run.server.used_memory() - empty) / run.jobs
    for _ in range(workers):
        await run.start_worker()
    await run.until_started(0, measured, LIMIT_SECONDS, 1)
    before, worker_before = run.server.usage(), run.worker_cpu()
    overtakers = run.command("produce", n=overtaking, interval=0.005, offset=run.jobs) if overtaking else None
    producer = asyncio.ensure_future(overtakers) if overtakers else None
    starts = await run.until_started(0, measured, LIMIT_SECONDS)
    after, worker_after = run.server.usage(), run.worker_cpu()
    started = sorted(start for start in starts if start)
    row: Row = {
        "jobs_per_s": (len(started) - 1) / ((started[-1] - started[0]) / 1e9),
        "server_us_per_job": (after.cpu - before.cpu) / len(started) * 1e6,
        "worker_us_per_job": (worker_after - worker_before) / len(started) * 1e6,
        "bytes_per_waiting_job": waiting_bytes,
    }
    if producer is not None:
        moments = (await producer)["moments"]
        lifo = await run.until_started(run.jobs, overtaking, LIMIT_SECONDS)
        late = [(start - moment) / 1e6 for start, moment in zip(lifo, moments, strict=True) if start]
        row |= {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99)}
    return row


async def waiting(peer: Runnable, port: int, most: int) -> list[Row]:
    """By the number of jobs that wait: 10 thousand to a million. Latency needs a queue that outlasts the adds."""
    rows: list[Row] = []
    for jobs in (10_000, 100_000, 1_000_000):
        if jobs <= most:
            async with Run(peer, port, jobs, CONCURRENCY) as run:
                row = await drained(run, MEASURED)
            if jobs > MEASURED:
                async with Run(peer, port, jobs, CONCURRENCY, BENCH_LIFO="1") as run:
                    beside = await drained(run, MEASURED * 3, overtaking=OVERTAKING)
                row |= {name: beside[name] for name in ("p50_ms", "p99_ms")}
            rows.append({"at": jobs, **row})
    return rows


async def groups(peer: Runnable, port: int, most: int) -> list[Row]:
    """By the number of groups of concurrency 1 over which the jobs are spread."""
    rows: list[Row] = []
    for count in (100, 1_000, 10_000, 100_000):
        if count <= most:
            async with Run(peer, port, max(2 * MEASURED, count), CONCURRENCY, BENCH_GROUPS=str(count)) as run:
                rows.append({"at": count, **await drained(run, MEASURED)})
    return rows


async def processes(peer: Runnable, port: int, most: int) -> list[Row]:
    """By the number of worker processes."""
    rows: list[Row] = []
    for count in (1, 2, 3, 4):
        jobs = min(5 * MEASURED, most)
        async with Run(peer, port, jobs, CONCURRENCY) as run:
            rows.append({"at": count, **await drained(run, jobs, workers=count)})
    return rows


async def payload(peer: Runnable, port: int, most: int) -> list[Row]:
    """By the bytes of a job's data."""
    rows: list[Row] = []
    for size in (10, 100, 1_000, 10_000, 100_000):
        jobs = min(MEASURED if size < 10_000 else MEASURED // 5, most)
        async with Run(peer, port, jobs, CONCURRENCY, BENCH_PAYLOAD=str(size)) as run:
            rows.append({"at": size, **await drained(run, jobs)})
    return rows


async def memory(peer: Runnable, port: int, most: int) -> list[Row]:
    """What one worker process takes over a million jobs that are not kept, the file of start times aside."""
    block = min(PER_BLOCK, most // 10)
    rows: list[Row] = []
    async with Run(peer, port, most, CONCURRENCY, BENCH_REMOVE="1") as run:
        await run.start_worker()
        for first in range(0, most, block):
            await run.fill(block, first)
            await run.until_started(first, block, LIMIT_SECONDS)
            rows.append({"at": first + block, "worker_mb": memory_mb(run.workers[0].pid, "RssAnon")})
    return rows


CURVES: dict[str, Callable[[Runnable, int, int], Awaitable[list[Row]]]] = {
    curve.__name__: curve for curve in (waiting, groups, processes, payload, memory)
}


async def main(given: argparse.Namespace) -> None:
    """Every curve asked for, else every one that is missing."""
    folder = results_folder(False)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scale.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    peer = prepare(US)
    assert isinstance(peer, Runnable), peer
    names = given.curves or [name for name in CURVES if name not in found] or list(CURVES)
    for name in names:
        with PrivateServer() as server:
            found["machine"] = describe(server.port)
            async with Run(peer, server.port, 10, 1) as run:
                await run.fill(10)  # so that loading the library counts for nothing
            found[name] = await CURVES[name](peer, server.port, given.most)
        for row in found[name]:
            print(name, {key: round(value, 2) for key, value in row.items()}, flush=True)
        file.write_text(json.dumps(found, indent=1) + "\n")
    write(short=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", nargs="+", choices=list(CURVES))
    parser.add_argument("--most", type=int, default=1_000_000, help="jobs or groups at most, for a quick look")
    end_by_signal()
    asyncio.run(main(parser.parse_args()))
