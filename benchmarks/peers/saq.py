"""SAQ."""

import time
from typing import Any

from benchmarks.peers.common import QUEUE, Meta, Peer, Probe, main, run_loop


class Saq(Peer):
    """It has no bulk call."""

    def meta(self) -> Meta:
        return Meta(
            ("saq", "redis", "hiredis", "uvloop"),
            "Worker defaults; job ttl 600 s (result stored); add is one script",
            (("ZCARD", f"saq:{QUEUE}:incomplete", 0), ("LLEN", f"saq:{QUEUE}:active", 0)),
        )

    def _queue(self, port: int) -> Any:
        from saq import Queue

        return Queue.from_url(f"redis://127.0.0.1:{port}", name=QUEUE)

    async def open(self, port: int) -> None:
        self.queue = self._queue(port)
        await self.queue.connect()

    async def close(self) -> None:
        await self.queue.disconnect()

    async def add(self, number: int) -> None:
        await self.queue.enqueue("noop", n=number)

    async def add_delayed(self, number: int, delay: float) -> None:
        await self.queue.enqueue("noop", n=number, scheduled=time.time() + delay)

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        from saq import Worker

        async def noop(context: Any, *, n: int) -> int:
            probe.hit(n)
            return n

        async def go() -> None:
            queue = self._queue(port)
            await queue.connect()
            await Worker(queue, functions=[("noop", noop)], concurrency=concurrency).start()

        run_loop(go())


if __name__ == "__main__":
    main(Saq())
