"""What does an activation cost beside work that is blocked? 100,000 jobs parked in 10,000 paused groups, and none.

    python -m benchmarks.blocked [--jobs 100000] [--groups 10000] [--rounds 30]

A call settles what the call before it started and starts 20 more; the jobs are ready and of no group. On Valkey
the time is the server's own account, in memory that of this process. Rounds with and without alternate.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable

import glide

from benchmarks.measuring import calls_and_microseconds
from glidemq_pb import NewJob, Ordering, Queue
from glidemq_pb.component import root_key
from glidemq_pb.semantics import work
from glidemq_pb.semantics.records import COMPLETED_RUN, Caller, Settlement
from glidemq_pb.server import PrivateServer

WANT = 20
CALLS = 25
PAUSE_MS = 10 * 3_600_000

Spent = Callable[[], Awaitable[float]]
"""Microseconds that operations have taken so far."""


class Calls:
    """A worker that only makes calls."""

    def __init__(self, queue: Queue[None, None], name: str) -> None:
        self.queue = queue
        self._root = root_key("glide", name)
        self._call = 0
        self._token = ""
        self._ids: list[str] = []

    async def add(self) -> None:
        """Make ready what one round starts."""
        await self.queue.add_bulk([NewJob("a", remove_on_complete=True) for _ in range(WANT * CALLS)])

    async def round(self) -> None:
        """Start it all and settle it."""
        for _ in range(CALLS + 1):
            settlements = [Settlement(job_id, self._token, COMPLETED_RUN, "", None) for job_id in self._ids]
            self._call += 1
            caller = Caller("bench", self._call, 600_000, 1, 600_000, 0, False, 0, 0, False, "")
            reply = await self.queue.backend.call(work.settle_and_activate, self._root, caller, settlements, WANT)
            self._token = reply.token
            self._ids = [job.job_id for job in reply.started]
        assert not self._ids


async def park(queue: Queue[None, None], jobs: int, groups: int) -> None:
    """Fill groups that start nothing for hours."""
    for number in range(groups):
        await queue.rate_limit_group(f"g{number}", PAUSE_MS)
    for first in range(0, jobs, 1_000):
        await queue.add_bulk([NewJob("b", ordering=Ordering(f"g{n % groups}")) for n in range(first, first + 1_000)])


async def measure(label: str, connection: str, spent: Spent, arguments: argparse.Namespace) -> None:
    """Alternate rounds on a queue beside blocked work and on one without."""
    async with (
        Queue[None, None]("free", connection=connection, events=False) as free,
        Queue[None, None]("blocked", connection=connection, events=False) as blocked,
    ):
        await park(blocked, arguments.jobs, arguments.groups)
        sides = [Calls(free, "free"), Calls(blocked, "blocked")]
        costs: list[list[float]] = [[], []]
        gc.collect()
        for _ in range(arguments.rounds):
            for side, cost in zip(sides, costs, strict=True):
                await side.add()
                before = await spent()
                await side.round()
                cost.append((await spent() - before) / (WANT * CALLS))
        waiting = await blocked.count()
    without, beside = map(statistics.median, costs)
    print(
        f"{label}: {without:.2f} us a job without, {beside:.2f} us beside {waiting:,} jobs in {arguments.groups:,} "
        f"blocked groups: {beside / without:.2f} times"
    )


async def in_memory() -> float:
    """This thread's time."""
    return time.thread_time() * 1e6


async def main(arguments: argparse.Namespace) -> None:
    """Both backends."""
    await measure("memory", "memory://blocked", in_memory, arguments)
    with PrivateServer() as server:
        client = await glide.GlideClient.create(
            glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", server.port)])
        )

        async def on_server() -> float:
            reply = await client.custom_command(["INFO", "commandstats"])
            assert isinstance(reply, bytes)
            return float(calls_and_microseconds(reply.decode(), "fcall")[1])

        await measure("valkey", server.url, on_server, arguments)
        await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    asyncio.run(main(parser.parse_args()))
