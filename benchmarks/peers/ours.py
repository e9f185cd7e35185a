"""glidemq_pb itself. Its environment may vary the jobs, for the scale curves:

BENCH_GROUPS (spread over as many groups), BENCH_PAYLOAD (bytes more in each), BENCH_LIFO (single adds overtake),
BENCH_REMOVE (completed jobs are not kept).
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.common import CHUNK, QUEUE, Meta, Peer, Probe, main, run_loop
from glidemq_pb import Job, NewJob, Ordering, Queue, Worker
from glidemq_pb.component import root_key

GROUPS = int(os.environ.get("BENCH_GROUPS", "0"))
PAYLOAD = int(os.environ.get("BENCH_PAYLOAD", "0"))
LIFO = "BENCH_LIFO" in os.environ
REMOVE = "BENCH_REMOVE" in os.environ
PADDING = {"padding": "x" * PAYLOAD} if PAYLOAD else {}

Data = dict[str, Any]


def new_job(number: int) -> NewJob:
    """One of a bulk."""
    options: dict[str, Any] = {"ordering": Ordering(f"g{number % GROUPS}")} if GROUPS else {}
    if REMOVE:
        options["remove_on_complete"] = True
    return NewJob("noop", {"n": number, **PADDING}, **options)


class Ours(Peer):
    """Everything at its default."""

    bulk_name = f"add_bulk, chunks of {CHUNK}"

    def meta(self) -> Meta:
        return Meta(
            ("glidemq_pb", "valkey-glide", "uvloop", "msgspec"),
            "Queue and Worker defaults (events and metrics on, completed jobs kept)",
            (("ZCARD", f"{root_key('glide', QUEUE)}:completed", "N"),),
        )

    async def open(self, port: int) -> None:
        self.queue = Queue[Data, int](QUEUE, connection=f"valkey://127.0.0.1:{port}")
        await self.queue.get_job_counts()  # connects, as the others' `open` does

    async def close(self) -> None:
        await self.queue.close()

    async def add(self, number: int) -> None:
        await self.queue.add("noop", {"n": number, **PADDING}, lifo=LIFO)

    async def add_delayed(self, number: int, delay: float) -> None:
        await self.queue.add("noop", {"n": number}, delay=int(delay * 1000))

    async def add_bulk(self, numbers: Sequence[int]) -> None:
        await self.queue.add_bulk([new_job(number) for number in numbers])

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        async def noop(job: Job[Data, int]) -> int:
            number: int = job.data["n"]
            probe.hit(number)
            return number

        async def go() -> None:
            url = f"valkey://127.0.0.1:{port}"
            async with Worker[Data, int](QUEUE, noop, connection=url, concurrency=concurrency):
                await asyncio.Event().wait()

        run_loop(go())


if __name__ == "__main__":
    main(Ours())
