"""How long does a call by add_and_wait take, and how many are answered a second, on a real Valkey?

    python -m benchmarks.waiting [--calls 2000]

One process has the Queue and a Worker of concurrency 100 whose processor does nothing; so a call is an enqueue, a
start, a settlement and an answer. `add` alone, which waits for no worker, is there for scale.
"""

import argparse
import asyncio
import time

from benchmarks.measuring import percentile
from glidemq_pb import Job, Queue, Worker
from glidemq_pb.server import PrivateServer


async def echo(job: Job[int, int]) -> int:
    """The processor."""
    return job.data


async def measure(queue: Queue[int, int], calls: int, concurrency: int) -> None:
    """Make so many calls, so many at once."""
    took: list[float] = []

    async def caller(count: int) -> None:
        for number in range(count):
            began = time.perf_counter()
            assert await queue.add_and_wait("echo", number, remove_on_complete=True) == number
            took.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*[caller(calls // concurrency) for _ in range(concurrency)])
    seconds = time.perf_counter() - began
    print(
        f"{concurrency:>4} at once: {len(took) / seconds:>6,.0f} calls/s, "
        f"p50 {percentile(took, 50):.2f} ms, p99 {percentile(took, 99):.2f} ms"
    )


async def main(calls: int) -> None:
    """One line a concurrency."""
    with PrivateServer() as server:
        async with (
            Queue[int, int]("rpc", connection=server.url) as queue,
            Worker[int, int]("rpc", echo, connection=server.url, concurrency=100),
        ):
            await queue.add_and_wait("warm up", 1)
            for concurrency in (1, 10, 100):
                await measure(queue, calls, concurrency)
        async with Queue[int, int]("add", connection=server.url) as queue:
            took: list[float] = []
            for number in range(calls):
                began = time.perf_counter()
                await queue.add("a", number)
                took.append((time.perf_counter() - began) * 1000)
            print(f"   add alone: p50 {percentile(took, 50):.2f} ms, p99 {percentile(took, 99):.2f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000)
    asyncio.run(main(parser.parse_args().calls))
