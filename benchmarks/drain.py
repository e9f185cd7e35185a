"""How fast does one worker drain a queue of no-op jobs, and what does a job cost on each side?

    python -m benchmarks.drain [--jobs 10000] [--concurrency 1 10 50] [--loop asyncio|uvloop] [--memory]

The worker runs in this process, the server is a private one; events and metrics are on, as by default.
"""

import argparse
import asyncio
import os
import time
from dataclasses import dataclass

from benchmarks.measuring import cpu_seconds
from glidemq_pb import Job, NewJob, Queue, Worker
from glidemq_pb.server import PrivateServer


@dataclass(frozen=True, slots=True)
class Drained:
    """One run."""

    concurrency: int
    jobs_per_second: float
    server_us: float
    worker_us: float
    added_per_second: float


async def drain(url: str, server_pid: int | None, jobs: int, concurrency: int) -> Drained:
    """Add `jobs` no-op jobs, then time a worker from its start to the last settlement."""
    name = f"drain-{concurrency}"
    done = asyncio.Event()
    left = jobs

    async def process(job: Job[dict[str, int], int]) -> int:
        return job.data["n"]

    async with Queue[dict[str, int], int](name, connection=url) as queue:
        began = time.perf_counter()
        await queue.add_bulk([NewJob("bench", {"n": n}) for n in range(jobs)])
        added = jobs / (time.perf_counter() - began)
        worker: Worker[dict[str, int], int] = Worker(name, process, connection=url, concurrency=concurrency)

        @worker.on("completed")
        def count(job: Job[dict[str, int], int], result: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done.set()

        server = cpu_seconds(server_pid) if server_pid else 0.0
        mine = time.process_time()
        began = time.perf_counter()
        async with worker:
            await done.wait()
            seconds = time.perf_counter() - began
            mine = time.process_time() - mine
            server = (cpu_seconds(server_pid) if server_pid else 0.0) - server
        counts = await queue.get_job_counts()
        assert counts.completed == jobs, counts
    return Drained(concurrency, jobs / seconds, server / jobs * 1e6, mine / jobs * 1e6, added)


def show(run: Drained) -> None:
    """One line."""
    print(
        f"c={run.concurrency:<4} {run.jobs_per_second:>8,.0f} jobs/s   server {run.server_us:5.1f} us/job   "
        f"worker {run.worker_us:5.1f} us/job   bulk add {run.added_per_second:>8,.0f}/s"
    )


async def main(arguments: argparse.Namespace) -> None:
    """All runs asked for."""
    if arguments.memory:
        for concurrency in arguments.concurrency:
            show(await drain(f"memory://{concurrency}", None, arguments.jobs, concurrency))
        return
    with PrivateServer() as server:
        for concurrency in arguments.concurrency:
            show(await drain(server.url, server.pid, arguments.jobs, concurrency))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--memory", action="store_true", help="the memory backend instead of a server")
    given = parser.parse_args()
    print(f"{given.jobs:,} jobs, {given.loop}, {os.cpu_count()} processors")
    if given.loop == "uvloop":
        import uvloop

        uvloop.run(main(given))
    else:
        asyncio.run(main(given))
