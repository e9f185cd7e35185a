"""How late does a delayed job start on an idle worker, and how many calls does a due job cause?

    python -m benchmarks.delayed [--jobs 100] [--workers 1 20]

Every job is added after the workers went to sleep. Lateness is the start of the processor minus the job's
due moment, both by this machine's clock. The workers' calls for one job are: one to set the timer anew when it
is added, one or two when it is due, and one that settles it.
"""

import argparse
import asyncio
import time

import glide

from benchmarks.measuring import calls_and_microseconds, percentile
from glidemq_pb import Job, Queue, Worker
from glidemq_pb.server import PrivateServer

DELAY_MS = 50


async def calls(client: glide.GlideClient) -> int:
    """FCALLs that the server has run."""
    reply = await client.custom_command(["INFO", "commandstats"])
    assert isinstance(reply, bytes)
    return calls_and_microseconds(reply.decode(), "fcall")[0]


async def measure(url: str, port: int, jobs: int, workers: int) -> None:
    """Add jobs one by one, each once everybody sleeps again."""
    started: asyncio.Queue[float] = asyncio.Queue()

    async def process(job: Job[None, None]) -> None:
        started.put_nowait(time.time() * 1000)

    client = await glide.GlideClient.create(glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", port)]))
    late: list[float] = []
    caused: list[int] = []
    async with Queue[None, None](f"delayed-{workers}", connection=url) as queue:
        crowd = [Worker[None, None](queue.name, process, connection=url, block_timeout=60_000) for _ in range(workers)]
        for worker in crowd:
            await worker.start()
        for _ in range(jobs):
            before = await calls(client)
            job = await queue.add("tick", delay=DELAY_MS)
            assert job is not None
            began = await started.get()
            stored = await queue.get_job(job.id)
            assert stored is not None
            late.append(began - stored.timestamp - DELAY_MS)
            mine = 2  # the add and the read above
            while (await queue.get_job_counts()).completed < len(late):
                mine += 1
                await asyncio.sleep(0.005)
            mine += 1
            await asyncio.sleep(0.15)  # let the backup timer have its say
            caused.append(await calls(client) - before - mine)
        for worker in crowd:
            await worker.close()
    await client.close()
    print(
        f"{workers:>2} idle workers, {jobs} jobs: late p50 {percentile(late, 50):.1f} ms, "
        f"p99 {percentile(late, 99):.1f} ms, max {max(late):.1f} ms; workers' calls a job, from its adding "
        f"to its settlement: median {percentile(caused, 50)}, max {max(caused)}"
    )


async def main(arguments: argparse.Namespace) -> None:
    """All runs asked for."""
    with PrivateServer() as server:
        for workers in arguments.workers:
            await measure(server.url, server.port, arguments.jobs, workers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 20])
    asyncio.run(main(parser.parse_args()))
