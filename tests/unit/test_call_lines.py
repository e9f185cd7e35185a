"""Two lines of calls: jobs start in the order in which they were leased, whichever answer comes first."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from glidemq_pb import Job, NewJob, Queue, Worker
from glidemq_pb.backends.memory.backend import MemoryBackend
from glidemq_pb.call_lines import SHARED_FROM
from glidemq_pb.semantics.records import Caller

SLOTS = 2 * SHARED_FROM
JOBS = 2 * SLOTS


class LateBackend(MemoryBackend):
    """Lets two calls be under way at once; the answer to one of a worker's first line waits for `gate`."""

    def __init__(self) -> None:
        super().__init__()
        self.late_call = 1
        self.gate = asyncio.Event()
        self.holds = False
        self.overtaken = asyncio.Event()

    @property
    def calls_at_once(self) -> int:
        return 2

    async def call(self, operation: Callable[..., Any], queue: str, *args: Any, **kwargs: Any) -> Any:
        reply = await super().call(operation, queue, *args, **kwargs)
        caller = args[0] if args else None
        if isinstance(caller, Caller) and "." in caller.worker:
            if self.holds:
                self.overtaken.set()
        elif isinstance(caller, Caller) and caller.call == self.late_call:
            self.holds = True
            await self.gate.wait()
        return reply


class Site:
    """A queue with jobs, and a worker whose first answer is late."""

    def __init__(self) -> None:
        self.backend = LateBackend()
        self.queue = Queue[int, None]("lines", backend=self.backend)
        self.started: list[int] = []
        self.all_ran = asyncio.Event()
        self.worker = Worker[int, None]("lines", self.work, backend=self.backend, concurrency=SLOTS)

    async def work(self, job: Job[int, None]) -> None:
        self.started.append(job.data)
        if len(self.started) == JOBS:
            self.all_ran.set()


@pytest.fixture
async def site() -> Site:
    site = Site()
    await site.queue.add_bulk([NewJob("n", n) for n in range(JOBS)])
    return site


async def test_an_answer_waits_for_that_to_an_earlier_call(site: Site) -> None:
    starting = asyncio.get_running_loop().create_task(site.worker.start())
    await site.backend.overtaken.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert site.started == []
    site.backend.gate.set()
    await starting
    await asyncio.wait_for(site.all_ran.wait(), 10)
    assert site.started == list(range(JOBS))
    await site.worker.close()


async def test_but_not_for_long(site: Site) -> None:
    await site.worker.start()  # by the answer to the other line's call
    assert not site.backend.gate.is_set()
    site.backend.gate.set()
    await asyncio.wait_for(site.all_ran.wait(), 10)
    assert site.started[0] == SLOTS // 2
    assert sorted(site.started) == list(range(JOBS))
    await site.worker.close()


async def test_nor_any_longer_when_others_come_meanwhile(site: Site) -> None:
    site.backend.late_call = 2
    loop = asyncio.get_running_loop()
    await site.worker.start()
    await site.backend.overtaken.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    before = len(site.started)
    deadline = loop.time() + 2
    while len(site.started) == before and loop.time() < deadline:
        await site.worker.resume()  # it looks, so its other line calls again
        await asyncio.wait([loop.create_future()], timeout=0.001)
    assert len(site.started) > before
    site.backend.gate.set()
    await asyncio.wait_for(site.all_ran.wait(), 10)
    await site.worker.close()


async def test_a_worker_closes_with_an_answer_that_waits(site: Site) -> None:
    starting = asyncio.get_running_loop().create_task(site.worker.start())
    await site.backend.overtaken.wait()
    closing = asyncio.get_running_loop().create_task(site.worker.close())
    site.backend.gate.set()
    await asyncio.wait_for(asyncio.gather(starting, closing, return_exceptions=True), 10)
    counts = await site.queue.get_job_counts()
    assert counts.active == 0
    assert counts.completed == len(site.started)
