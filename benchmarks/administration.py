"""How long does one call of drain, clean, retry_jobs and obliterate hold the server, with a million jobs?

    python -m benchmarks.administration [--jobs 1000000] [--only clean]

Measured twice: by the server's own slow log, which counts the time of execution and whatever else the machine did
meanwhile, and as the processor time of the server's main thread from one report of progress to the next (Linux).
A fifth of the jobs is in each of: FIFO, LIFO, priorities, 200 groups, and one large group.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import glide

from benchmarks.measuring import percentile
from glidemq_pb import Queue
from glidemq_pb.component import root_key
from glidemq_pb.semantics import jobs as jobs_module
from glidemq_pb.semantics import work
from glidemq_pb.semantics.lang import Fields
from glidemq_pb.semantics.records import COMPLETED_RUN, FAILED_RUN, Caller, JobBatch, RunDetail, Settlement
from glidemq_pb.server import PrivateServer

CHUNK = 1_000


def options_of(number: int, more: dict[str, str]) -> Fields:
    """The options of the `number`-th job of a call, in its lane."""
    lanes: list[dict[str, str]] = [
        {}, {"lifo": "1"}, {"priority": str(number % 2_048 + 1)},
        {"ordering_key": f"g{number}", "group_concurrency": "50"}, {"ordering_key": "large", "group_concurrency": "50"},
    ]  # fmt: skip
    options = lanes[number % 5] | more
    return Fields([text for pair in options.items() for text in pair])


async def fill(queue: Queue[Any, Any], jobs: int, **more: str) -> None:
    """Add jobs in every lane, as a host sends them."""
    root = root_key("glide", queue.name)
    for first in range(0, jobs, CHUNK):
        count = min(CHUNK, jobs - first)
        batch = JobBatch(["a"] * count, ['{"n":1}'] * count, [], [options_of(number, more) for number in range(count)])
        await queue.backend.call(jobs_module.enqueue, root, "", batch, [], 0)


async def end_all(queue: Queue[Any, Any], outcome: str, jobs: int) -> None:
    """Run all waiting jobs, as a worker would."""
    root = root_key("glide", queue.name)
    settlements: list[Settlement] = []
    worker = str(time.perf_counter_ns())
    call = ended = 0
    while ended < jobs:
        call += 1
        caller = Caller(worker, call, 600_000, 1, 600_000, 0, False, 0, 0, False, "")
        reply = await queue.backend.call(work.settle_and_activate, root, caller, settlements, 500)
        ended += len(settlements)
        settlements = [
            Settlement(job.job_id, reply.token, outcome, "", RunDetail("boom", "", -1, 0, True, 0, False, False))
            for job in reply.started
        ]


class SlowLog:
    """The longest calls that the server remembers."""

    def __init__(self, client: glide.GlideClient) -> None:
        self._client = client

    async def begin(self) -> None:
        """Forget what was before."""
        await self._client.custom_command(["CONFIG", "SET", "slowlog-log-slower-than", "1000"])
        await self._client.custom_command(["CONFIG", "SET", "slowlog-max-len", "100000"])
        await self._client.custom_command(["SLOWLOG", "RESET"])

    async def longest_ms(self) -> float:
        """The longest call since, 1.0 for none above that."""
        reply: Any = await self._client.custom_command(["SLOWLOG", "GET", "-1"])
        return max([1_000, *(int(entry[2]) for entry in reply)]) / 1_000


class Meter:
    """Processor time of the server's main thread for each call, from one report of progress to the next."""

    def __init__(self, pid: int) -> None:
        self._schedule = Path(f"/proc/{pid}/task/{pid}/schedstat")
        self._last = self._spent()
        self.jobs = 0
        self.calls: list[float] = []

    def _spent(self) -> float:
        return int(self._schedule.read_text().split()[0]) / 1e6

    def __call__(self, jobs: int) -> None:
        self.jobs = jobs
        now = self._spent()
        self.calls.append(now - self._last)
        self._last = now


Action = Callable[[Meter], Awaitable[object]]


async def timed(label: str, log: SlowLog, pid: int, action: Action) -> None:
    """Run one of them and say what it did to the server."""
    await log.begin()
    meter = Meter(pid)
    began = time.perf_counter()
    await action(meter)
    seconds = time.perf_counter() - began
    print(
        f"{label}: {meter.jobs:,} jobs in {seconds:.1f} s and {len(meter.calls):,} calls; longest single call: "
        f"{max(meter.calls):.1f} ms of processor (median {percentile(meter.calls, 50):.2f}), "
        f"{await log.longest_ms():.1f} ms in the slow log",
        flush=True,
    )


async def drain(queue: Queue[Any, Any], jobs: int) -> Action:
    """Jobs that wait."""
    await fill(queue, jobs)
    return lambda meter: queue.drain(on_progress=meter)


async def retry(queue: Queue[Any, Any], jobs: int) -> Action:
    """Jobs that failed."""
    await fill(queue, jobs)
    await end_all(queue, FAILED_RUN, jobs)
    return lambda meter: queue.retry_jobs(on_progress=meter)


async def clean(queue: Queue[Any, Any], jobs: int) -> Action:
    """Jobs that are completed."""
    await fill(queue, jobs - (await queue.get_job_counts()).waiting)
    await end_all(queue, COMPLETED_RUN, jobs)
    return lambda meter: queue.clean(0, jobs, "completed", on_progress=meter)


async def obliterate(queue: Queue[Any, Any], jobs: int) -> Action:
    """Half of the jobs failed, a quarter delayed, a quarter waiting."""
    await fill(queue, jobs // 2)
    await fill(queue, jobs // 4, delay="100000000", ttl="100000000")
    await end_all(queue, FAILED_RUN, jobs // 2)
    await fill(queue, jobs // 4)
    return lambda meter: queue.obliterate(on_progress=meter)


async def main(arguments: argparse.Namespace) -> None:
    """All of them, one after the other."""
    jobs = arguments.jobs
    with PrivateServer() as server:
        client = await glide.GlideClient.create(
            glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", server.port)], request_timeout=60_000)
        )
        log = SlowLog(client)
        async with Queue[Any, Any]("many", connection=server.url) as queue:
            for name, act in (("drain", drain), ("retry_jobs", retry), ("clean", clean), ("obliterate", obliterate)):
                if arguments.only in (None, name):
                    await timed(name, log, server.pid, await act(queue, jobs))
        await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["drain", "retry_jobs", "clean", "obliterate"])
    asyncio.run(main(parser.parse_args()))
