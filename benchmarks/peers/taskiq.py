"""taskiq on a list: no results, no acknowledgement, so a job that a dead worker held is lost."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.peers.common import Meta, Peer, Probe, main, run_loop


class Taskiq(Peer):
    """Delayed jobs need a scheduler, which runs in the worker's process."""

    probe: Probe

    def meta(self) -> Meta:
        return Meta(
            ("taskiq", "taskiq-redis", "redis", "hiredis", "uvloop"),
            "ListQueueBroker, no result backend (default), no acknowledgement; run_receiver_task, max_async_tasks = "
            "concurrency; delayed jobs: ListRedisScheduleSource, update interval 1 s (its default is 60 s)",
            (("LLEN", "taskiq", 0),),
        )

    def _broker(self, port: int) -> Any:
        from taskiq_redis import ListQueueBroker, ListRedisScheduleSource

        async def noop(n: int) -> int:
            self.probe.hit(n)
            return n

        url = f"redis://127.0.0.1:{port}"
        broker = ListQueueBroker(url)
        self.noop = broker.task(task_name="noop")(noop)
        self.source = ListRedisScheduleSource(url)
        return broker

    async def open(self, port: int) -> None:
        self.broker = self._broker(port)
        await self.broker.startup()
        if os.environ.get("BENCH_WORKLOAD") == "delayed":
            await self.source.startup()

    async def close(self) -> None:
        await self.broker.shutdown()

    async def add(self, number: int) -> None:
        await self.noop.kiq(n=number)

    async def add_delayed(self, number: int, delay: float) -> None:
        await self.noop.schedule_by_time(self.source, datetime.now(UTC) + timedelta(seconds=delay), n=number)

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        from taskiq import TaskiqScheduler
        from taskiq.api import run_receiver_task, run_scheduler_task

        self.probe = probe

        async def go() -> None:
            broker = self._broker(port)
            broker.is_worker_process = True
            await broker.startup()
            parts = [run_receiver_task(broker, max_async_tasks=concurrency)]
            if os.environ.get("BENCH_WORKLOAD") == "delayed":
                scheduler = TaskiqScheduler(broker, [self.source])
                parts.append(run_scheduler_task(scheduler, interval=timedelta(seconds=1)))
            await asyncio.gather(*parts)

        run_loop(go())


if __name__ == "__main__":
    main(Taskiq())
