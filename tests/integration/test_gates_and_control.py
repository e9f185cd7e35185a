"""Limits, revocation and dead letters over several real worker processes, which are killed."""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb import Job, NewJob, Ordering, Queue, Worker
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.connection import Connection
from glidemq_pb.server import PrivateServer

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.005
KILLS = 200 if "GLIDEMQ_DEEP" in os.environ else 20
LEASE_MS = 1_000


class Process:
    """A worker process and what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[list[str]] = []
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().split())

    def said(self, what: str) -> list[list[str]]:
        return [line for line in self.lines if line[0] == what]

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), DEADLINE_SECONDS)
        await self._reading
        return code


class Site:
    """One queue on a real server, and the processes that work for it."""

    def __init__(self, server: PrivateServer, stack: AsyncExitStack) -> None:
        self.name = f"gates-{uuid4().hex}"
        self.port = server.port
        self.backend = ValkeyBackend(Connection([("127.0.0.1", server.port)]))
        self.queue: Queue[Any, Any] = Queue(self.name, backend=self.backend)
        self._stack = stack

    async def start(self, **options: Any) -> Process:
        """Start a worker process."""
        described = json.dumps({"port": self.port, "queue": self.name, **options})
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.gate_process", described, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        process = Process(started)
        self._stack.push_async_callback(self._end, process)
        return process

    @staticmethod
    async def _end(process: Process) -> None:
        if process.process.returncode is None:
            process.process.kill()
        await process.ended()


@pytest.fixture
async def site(valkey_server: PrivateServer) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        site = Site(valkey_server, stack)
        stack.push_async_callback(site.backend.close)
        yield site


async def until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s: {what}"
        await asyncio.sleep(POLL_SECONDS)


async def until_count(queue: Queue[Any, Any], state: str, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (now := getattr(await queue.get_job_counts(), state)) != count:
        assert time.monotonic() < deadline, f"{now} jobs are {state}, not {count}"
        await asyncio.sleep(POLL_SECONDS)


async def test_gc_2_three_processes_never_run_more_than_the_global_concurrency(site: Site) -> None:
    """The jobs count themselves on the server."""
    await site.queue.set_global_concurrency(2)
    processes = [await site.start(worker={"concurrency": 5}) for _ in range(3)]
    for process in processes:
        await until(lambda process=process: process.said("ready") != [], "it is ready")  # type: ignore[misc]  # a default
    lanes: list[dict[str, Any]] = [{}, {"priority": 3}, {"lifo": True}, {"ordering": Ordering("g", 4)}]
    await site.queue.add_bulk([NewJob("count", {"ms": 4}, **lanes[number % 4]) for number in range(200)])
    await until_count(site.queue, "completed", 200)
    at_once = {job.return_value for job in await site.queue.get_jobs("completed")}
    assert at_once == {1, 2}
    workers = {job.processed_on for job in await site.queue.get_jobs("completed")}
    assert len(workers) > 1


async def test_rev_3_a_job_in_another_process_is_signalled_within_a_second_and_ends_revoked(site: Site) -> None:
    process = await site.start()  # default settings
    job = await site.queue.add("wait", {}, attempts=5)
    assert job is not None
    await until(lambda: process.said("run") != [], "it runs")
    revoked_at = time.time()
    assert await site.queue.revoke(job.id) == "flagged"
    await until(lambda: process.said("signal") != [], "the signal fires")
    _, job_id, at, reason = process.said("signal")[0]
    assert (job_id, reason) == (job.id, "revoked")
    # Promised is a second, and here it is a millisecond; on a busy machine it is seen that no lease had to end.
    assert float(at) - revoked_at < 10.0
    await until_count(site.queue, "failed", 1)
    stored = await site.queue.get_job(job.id)
    assert stored is not None
    assert (stored.failed_reason, await job.is_revoked()) == ("revoked", True)
    counts = await site.queue.get_job_counts()
    assert (counts.waiting, counts.delayed, counts.active) == (0, 0, 0)
    assert len(process.said("run")) == 1


async def test_dlq_5_workers_killed_between_the_failure_and_the_delivery_leave_one_letter_each(site: Site) -> None:
    dead: Queue[Any, Any] = Queue(f"{site.name}-dead", backend=site.backend)
    options: dict[str, Any] = {"dead_letter_queue": dead.name, "lock_duration": LEASE_MS, "max_stalled_count": 1_000}
    codes: list[int] = []
    for _ in range(KILLS // 2):  # two at a time, so that they also deliver each other's
        two = [await site.start(die_at=random.randrange(4), worker=options) for _ in range(2)]
        while any(process.process.returncode is None for process in two):
            counts = await site.queue.get_job_counts()
            if counts.waiting + counts.active == 0:  # what the one left over, the other one takes
                await site.queue.add_bulk([NewJob("fail", number) for number in range(3)])
            await asyncio.sleep(POLL_SECONDS)
        codes += [await process.ended() for process in two]
    assert codes == [-9] * len(codes)
    assert len(codes) == KILLS
    last: Worker[Any, Any] = Worker(site.name, never, backend=site.backend, **options)
    counts = await site.queue.get_job_counts()
    total = counts.waiting + counts.active + counts.delayed + counts.failed
    async with last:
        await until_count(site.queue, "failed", total)
    ids = sorted(job.id for job in await site.queue.get_jobs("failed"))
    letters = await site.queue.get_dead_letter_jobs()
    assert sorted(letter.data["original_job_id"] for letter in letters) == ids
    assert await dead.count() == len(ids)


async def never(job: Job[Any, Any]) -> None:
    """Fails whatever the killed ones left."""
    job.discard()
    raise ValueError("for good")
