"""A worker of many slots calls on two lines: it is one worker all the same."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb import Job, NewJob, Queue, Worker
from glidemq_pb.call_lines import SHARED_FROM
from glidemq_pb.server import PrivateServer

from . import tiny

SLOTS = 2 * SHARED_FROM
JOBS = 40 * SLOTS


def calls(server: PrivateServer) -> int:
    """How many calls the server has run."""
    found = re.search(r"cmdstat_fcall:calls=(\d+)", tiny.ask(server.port, "INFO", "commandstats"))
    return int(found[1]) if found else 0


async def test_every_job_runs_once_and_never_more_than_there_are_slots(own_server: PrivateServer) -> None:
    running: set[str] = set()
    ran: list[str] = []
    most = 0

    async def work(job: Job[int, int]) -> int:
        nonlocal most
        running.add(job.id)
        most = max(most, len(running))
        for _ in range(job.data % 7):
            await asyncio.sleep(0)
        running.discard(job.id)
        ran.append(job.id)
        return job.data

    async with Queue[int, int](uuid4().hex, connection=own_server.url) as queue:
        jobs = await queue.add_bulk([NewJob("n", n) for n in range(JOBS)])
        before = calls(own_server)
        async with Worker[int, int](queue.name, work, connection=own_server.url, concurrency=SLOTS):
            await asyncio.to_thread(tiny.until, lambda: len(ran) == JOBS)
            assert tiny.ask(own_server.port, "KEYS", "*:worker:*").count(":worker:") == 2
            assert len(await queue.get_workers()) == 1
        assert sorted(ran) == sorted(job.id for job in jobs)
        assert most <= SLOTS
        assert (await queue.get_job_counts()).completed == JOBS
        assert await queue.get_workers() == []
        assert calls(own_server) - before < JOBS / 2  # many jobs a call on each line


async def test_jobs_start_in_order_whichever_line_brings_them(own_server: PrivateServer) -> None:
    ran: list[str] = []

    async def work(job: Job[int, None]) -> None:
        ran.append(job.id)
        for _ in range(job.data % 5):
            await asyncio.sleep(0)

    async with Queue[int, None](uuid4().hex, connection=own_server.url) as queue:
        urgent = [NewJob("n", n, priority=1) for n in range(JOBS)]
        added = await queue.add_bulk([*(NewJob("n", n) for n in range(JOBS)), *urgent])
        async with Worker[int, None](queue.name, work, connection=own_server.url, concurrency=SLOTS):
            await asyncio.to_thread(tiny.until, lambda: len(ran) == 2 * JOBS)
    assert ran == [job.id for job in added[JOBS:] + added[:JOBS]]


async def test_what_is_said_of_a_job_reaches_it_on_either_line(own_server: PrivateServer) -> None:
    began: list[str] = []
    ended: list[str] = []

    async def work(job: Job[bool, Any]) -> None:
        if job.data:
            began.append(job.id)
            ended.append(f"{job.id}: {await job.abort_signal.wait()}")

    async with Queue[bool, Any](uuid4().hex, connection=own_server.url) as queue:
        async with Worker[bool, Any](queue.name, work, connection=own_server.url, concurrency=SLOTS):
            jobs = await queue.add_bulk([NewJob("n", n >= JOBS) for n in range(JOBS + SLOTS)])
            await asyncio.to_thread(tiny.until, lambda: len(began) == SLOTS)
            for job in jobs[JOBS:]:
                await queue.revoke(job.id)
            await asyncio.to_thread(tiny.until, lambda: len(ended) == SLOTS)
        assert sorted(ended) == sorted(f"{job.id}: revoked" for job in jobs[JOBS:])
        assert (await queue.get_job_counts()).failed == SLOTS


@pytest.mark.parametrize("slots", [1, SLOTS])
async def test_leases_are_a_table_from_the_first_one_on(slots: int, own_server: PrivateServer) -> None:
    began: list[str] = []
    go_on = asyncio.Event()

    async def work(job: Job[Any, Any]) -> None:
        began.append(job.id)
        await go_on.wait()

    async with Queue[Any, Any](uuid4().hex, connection=own_server.url) as queue:
        await queue.add_bulk([NewJob("n", None) for _ in range(slots)])
        async with Worker[Any, Any](queue.name, work, connection=own_server.url, concurrency=slots):
            await asyncio.to_thread(tiny.until, lambda: len(began) == slots)
            key = f"glide:{{{queue.name}}}:leases"
            assert tiny.ask(own_server.port, "HLEN", key).strip() == f":{slots}"
            assert "hashtable" in tiny.ask(own_server.port, "OBJECT", "ENCODING", key)
            go_on.set()
        assert (await queue.get_job_counts()).completed == slots
        assert tiny.ask(own_server.port, "EXISTS", key).strip() == ":0"


async def test_a_worker_of_few_slots_has_one_line(own_server: PrivateServer) -> None:
    async def work(job: Job[Any, Any]) -> None:
        """Nothing."""

    async with (
        Queue[Any, Any](uuid4().hex, connection=own_server.url) as queue,
        Worker[Any, Any](queue.name, work, connection=own_server.url, concurrency=SHARED_FROM - 1),
    ):
        await queue.add_and_wait("n", None)
        assert tiny.ask(own_server.port, "KEYS", "*:worker:*").count(":worker:") == 1
