"""dramatiq."""

import threading
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.common import Meta, Peer, Probe, main


class Dramatiq(Peer):
    """It blocks, and has no bulk call."""

    bulk_name = "plain loop (no bulk call)"
    probe: Probe

    def meta(self) -> Meta:
        return Meta(
            ("dramatiq", "redis"),
            "RedisBroker, default middleware, no result backend (default), worker_threads = concurrency",
            (("HLEN", "dramatiq:default.msgs", 0),),
        )

    def _broker(self, port: int) -> Any:
        import dramatiq
        from dramatiq.brokers.redis import RedisBroker

        def noop(n: int) -> None:
            self.probe.hit(n)  # returns nothing: without a result backend a value is logged and dropped

        broker = RedisBroker(url=f"redis://127.0.0.1:{port}/0")
        dramatiq.set_broker(broker)
        self.noop = dramatiq.actor(noop, actor_name="noop", broker=broker)
        return broker

    async def open(self, port: int) -> None:
        self.broker = self._broker(port)

    async def close(self) -> None:
        self.broker.close()

    async def add(self, number: int) -> None:
        self.noop.send(n=number)

    async def add_delayed(self, number: int, delay: float) -> None:
        self.noop.send_with_options(kwargs={"n": number}, delay=int(delay * 1000))

    async def add_bulk(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.noop.send(n=number)

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        import dramatiq

        self.probe = probe
        dramatiq.Worker(self._broker(port), worker_threads=concurrency).start()
        threading.Event().wait()


if __name__ == "__main__":
    main(Dramatiq())
