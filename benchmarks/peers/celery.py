"""Celery with a pool of threads."""

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.common import Meta, Peer, Probe, main


class CeleryThreads(Peer):
    """It blocks, and has no bulk call."""

    bulk_name = "plain loop (no bulk call)"
    probe: Probe

    def meta(self) -> Meta:
        return Meta(
            ("celery", "kombu", "redis"),
            "redis transport, no result backend (default), pool threads, -c = concurrency, prefetch multiplier 4"
            " (default)",
            (("LLEN", "celery", 0), ("HLEN", "unacked", 0)),
        )

    def _app(self, port: int) -> Any:
        from celery import Celery

        def noop(n: int) -> int:
            self.probe.hit(n)
            return n

        app = Celery("bench", broker=f"redis://127.0.0.1:{port}/0")
        app.conf.broker_connection_retry_on_startup = True
        self.noop = app.task(name="noop")(noop)
        return app

    async def open(self, port: int) -> None:
        self.app = self._app(port)

    async def close(self) -> None:
        self.app.close()

    async def add(self, number: int) -> None:
        self.noop.apply_async(kwargs={"n": number})

    async def add_delayed(self, number: int, delay: float) -> None:
        self.noop.apply_async(kwargs={"n": number}, countdown=delay)

    async def add_bulk(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.noop.apply_async(kwargs={"n": number})

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        self.probe = probe
        self._app(port).worker_main(["worker", "-P", "threads", "-c", str(concurrency), "--loglevel=WARNING"])


if __name__ == "__main__":
    main(CeleryThreads())
