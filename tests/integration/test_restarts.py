"""Adding and working across restarts of the server: what was acknowledged runs. A tenth unless GLIDEMQ_DEEP is set."""

import asyncio
import itertools
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from glidemq_pb import Job, Queue, Worker
from glidemq_pb.server import PrivateServer
from tests import summary

DEEP = "GLIDEMQ_DEEP" in os.environ
ADDS = 10_000 if DEEP else 1_000
RESTARTS = 20 if DEEP else 2
ADDERS = 20
DEADLINE_SECONDS = 240.0
POLL_SECONDS = 0.05


@pytest.fixture
async def durable_server() -> AsyncIterator[PrivateServer]:
    """Its file has every answered call: a kill loses nothing, only a power cut would."""
    async with PrivateServer({"appendonly": "yes", "appendfsync": "everysec"}) as server:
        yield server


class Restarts:
    """Restarts a server at random moments of the adding: every other time by a kill."""

    def __init__(self, server: PrivateServer, seed: int) -> None:
        self._server = server
        self._moments = sorted(random.Random(seed).sample(range(ADDS // 20, ADDS), RESTARTS))
        self.done = 0

    async def look(self, added: int) -> None:
        """Restart the server if enough jobs were added for the next time."""
        if self.done < RESTARTS and added >= self._moments[self.done]:
            self.done += 1
            if self.done % 2:
                self._server.kill()
                await asyncio.to_thread(self._server.start)
            else:
                await asyncio.to_thread(self._server.restart)


async def test_every_acknowledged_job_runs_across_restarts(durable_server: PrivateServer) -> None:
    """At least once, and here exactly once: no lease ends in so short an outage, and calls are answered once."""
    runs: Counter[str] = Counter()
    acknowledged: list[str] = []
    errors: list[BaseException] = []
    numbers = itertools.count()
    restarts = Restarts(durable_server, seed=20)

    async def process(job: Job[Any, Any]) -> None:
        runs[job.id] += 1

    async def add(queue: Queue[Any, Any]) -> None:
        while (number := next(numbers)) < ADDS:
            job = await queue.add("a", {"n": number})
            assert job is not None
            acknowledged.append(job.id)

    async def restart() -> None:
        while restarts.done < RESTARTS:
            await restarts.look(len(acknowledged))
            await asyncio.sleep(POLL_SECONDS / 50)

    name, url = f"restarts-{uuid4().hex}", durable_server.url
    async with (
        asyncio.timeout(DEADLINE_SECONDS * (10 if DEEP else 1)),
        Queue[Any, Any](name, connection=url) as queue,
        Worker[Any, Any](name, process, connection=url, concurrency=10) as worker,
    ):
        worker.on("error", errors.append)
        await asyncio.gather(restart(), *(add(queue) for _ in range(ADDERS)))
        while (counts := await queue.get_job_counts()).completed < ADDS:
            assert counts.completed + counts.active + counts.waiting == ADDS
            await asyncio.sleep(POLL_SECONDS)
        assert set(runs) == set(acknowledged)
        assert len(acknowledged) == len(set(acknowledged)) == ADDS
        assert {job.stalled_count for job in await queue.get_jobs("completed")} == {0}
    again = sum(runs.values()) - ADDS
    assert again == 0
    assert 1 <= len(errors) <= RESTARTS  # told once each, or not at all when the next one came before the end
    summary.record("adds across server restarts, all run", ADDS)
    summary.record("of them run twice", again)
    summary.record("server restarts under load", restarts.done)
