"""How late does the next job of a limited group start, on an idle worker with a real Valkey?

    python -m benchmarks.limited [--jobs 200]

The group's window, bucket or pause allows one start every 50 ms. Lateness is the start of the processor minus
the moment that the gate allows, both by this machine's clock; no interval of any poll is involved.
"""

import argparse
import asyncio
import time
from itertools import pairwise

from benchmarks.measuring import percentile
from glidemq_pb import Job, NewJob, Ordering, Queue, RateLimit, TokenBucket, Worker
from glidemq_pb.server import PrivateServer

STEP_MS = 50


async def measure(url: str, label: str, ordering: Ordering, jobs: int) -> None:
    """Add all jobs of the group at once, and see when each starts."""
    starts: list[tuple[float, int]] = []
    done = asyncio.Event()

    async def process(job: Job[None, None]) -> None:
        starts.append((time.time() * 1000, job.processed_on or 0))
        if label == "pause":
            await job.rate_limit_group(STEP_MS)

    async def noted(job: Job[None, None]) -> None:
        try:
            await process(job)
        finally:
            if len(starts) >= jobs:
                done.set()

    async with Queue[None, None](f"limited-{label}", connection=url) as queue:
        await queue.add_bulk([NewJob("a", ordering=ordering) for _ in range(jobs)])
        async with Worker[None, None](queue.name, noted, connection=url, block_timeout=60_000):
            await done.wait()
            await queue.drain(delayed=True)
    late = [at - (before + STEP_MS) for (_, before), (at, _) in pairwise(starts)]
    print(
        f"{label}: {len(late)} starts, late p50 {percentile(late, 50):.1f} ms, p99 {percentile(late, 99):.1f} ms, "
        f"max {max(late):.1f} ms, earliest {min(late):.1f} ms"
    )


async def main(arguments: argparse.Namespace) -> None:
    """Each gate that opens by itself."""
    with PrivateServer() as server:
        await measure(server.url, "window", Ordering("g", 1, RateLimit(1, STEP_MS)), arguments.jobs)
        bucket = TokenBucket(1, 1_000 / STEP_MS)
        await measure(server.url, "bucket", Ordering("g", 1, token_bucket=bucket), arguments.jobs)
        await measure(server.url, "pause", Ordering("g"), arguments.jobs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    asyncio.run(main(parser.parse_args()))
