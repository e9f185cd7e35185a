"""BullMQ's Python port."""

import asyncio
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.common import CHUNK, QUEUE, Meta, Peer, Probe, main, run_loop


class BullmqPy(Peer):
    """Its own bulk call."""

    bulk_name = f"addBulk, chunks of {CHUNK}"

    def meta(self) -> Meta:
        return Meta(
            ("bullmq", "redis", "hiredis", "uvloop"),
            "Queue and Worker defaults (events on, completed jobs kept)",
            (("ZCARD", f"bull:{QUEUE}:completed", "N"),),
        )

    async def open(self, port: int) -> None:
        from bullmq import Queue

        self.queue = Queue(QUEUE, {"connection": {"host": "127.0.0.1", "port": port}})

    async def close(self) -> None:
        await self.queue.close()

    async def add(self, number: int) -> None:
        await self.queue.add("noop", {"n": number}, {})

    async def add_delayed(self, number: int, delay: float) -> None:
        await self.queue.add("noop", {"n": number}, {"delay": int(delay * 1000)})

    async def add_bulk(self, numbers: Sequence[int]) -> None:
        await self.queue.addBulk([{"name": "noop", "data": {"n": number}} for number in numbers])

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        from bullmq import Worker

        async def noop(job: Any, token: str) -> int:
            number: int = job.data["n"]
            probe.hit(number)
            return number

        async def go() -> None:
            options = {"connection": {"host": "127.0.0.1", "port": port}, "concurrency": concurrency}
            worker = Worker(QUEUE, noop, options)
            await asyncio.Event().wait()
            await worker.close()

        run_loop(go())


if __name__ == "__main__":
    main(BullmqPy())
