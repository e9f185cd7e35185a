"""Job schedulers with real worker processes, which live, die and come back."""

import asyncio
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator

import pytest

from glidemq_pb import JobTemplate, Schedule
from glidemq_pb.semantics import reads
from glidemq_pb.server import PrivateServer
from tests import summary
from tests.properties.profile import DEEP

from .test_processes import DEADLINE_SECONDS, POLL_SECONDS, Site, WorkerProcess, site_on, until

EVERY_MS = 100
RUNS = 100 if DEEP else 30
KILLED_RUNS = 200 if DEEP else 20
KILLED_EVERY_MS = 150
LATE_MS_MAX = 20


@pytest.fixture
async def site(valkey_server: PrivateServer) -> AsyncIterator[Site]:
    async with site_on(valkey_server) as opened:
        yield opened


async def fired_at(site: Site) -> dict[str, int]:
    """When each run was fired, by its job."""
    found: dict[str, int] = {}
    for event in await site.backend.call(reads.read_events, f"glide:{{{site.name}}}", 0, 10_000):
        if event.name == "added":
            assert event.job_id not in found
            found[event.job_id] = event.at
    return found


async def test_sch_8_four_processes_make_each_run_once_and_in_time(site: Site) -> None:
    workers = [await site.start(f"{number}") for number in range(4)]
    info = await site.queue.upsert_job_scheduler("s", Schedule(every=EVERY_MS, limit=RUNS), JobTemplate(data={"ms": 0}))
    await until(lambda: sum(len(worker.said("run")) for worker in workers) >= RUNS, "all runs")
    await site.until_count("completed", RUNS)
    assert info.next_run is not None
    started = dict(line.split() for worker in workers for line in worker.said("at"))
    fired = await fired_at(site)
    points = {job_id: (at - info.next_run) // EVERY_MS for job_id, at in fired.items()}
    late = sorted(float(started[job_id]) - info.next_run - EVERY_MS * points[job_id] for job_id in fired)
    assert sorted(started) == sorted(fired)  # one start each
    assert len(set(points.values())) == RUNS
    assert min(points.values()) == 0
    assert statistics.median(late) < LATE_MS_MAX
    assert await site.queue.get_repeatable_jobs() == []
    passed_over = max(points.values()) + 1 - RUNS
    summary.record(
        f"schedulers: {RUNS} runs every {EVERY_MS} ms on 4 processes",
        f"{passed_over} passed over; late {statistics.median(late):.1f} ms (median), {late[-1]:.1f} ms (most)",
    )


async def start_again(site: Site, stopping: asyncio.Event, chance: random.Random, said: list[WorkerProcess]) -> int:
    """Kill a worker, start another, again and again: how often."""
    alive = [await site.start(f"first {number}", lock_duration=1_000) for number in range(2)]
    said.extend(alive)
    kills = 0
    while not stopping.is_set():
        victim = alive.pop(chance.randrange(len(alive)))
        victim.signal(signal.SIGKILL)
        await victim.ended()
        kills += 1
        alive.append(await site.start(f"after {kills} kills", lock_duration=1_000))
        said.append(alive[-1])
    return kills


async def test_sch_7_workers_killed_at_random_lose_no_run_and_double_none(site: Site) -> None:
    said: list[WorkerProcess] = []
    stopping = asyncio.Event()
    killing = asyncio.ensure_future(start_again(site, stopping, random.Random(0), said))
    template = JobTemplate(data={"ms": 5}, attempts=5)
    info = await site.queue.upsert_job_scheduler("s", Schedule(every=KILLED_EVERY_MS, limit=KILLED_RUNS), template)
    try:
        while await site.queue.get_repeatable_jobs():
            assert not killing.done()
            await asyncio.wait([killing], timeout=0.05)
    finally:
        stopping.set()
    kills = await killing
    assert kills > 0
    await until_all_ended(site)
    assert info.next_run is not None
    fired = await fired_at(site)
    points = [(at - info.next_run) // KILLED_EVERY_MS for at in sorted(fired.values())]
    assert len(points) == KILLED_RUNS
    assert points == sorted(set(points))  # a point of the grid fires at most once, and only when it has come
    assert points[0] >= 0
    started = {job_id for worker in said for job_id in worker.said("run")}
    assert started == set(fired)
    summary.record("schedulers: runs while their workers were killed", KILLED_RUNS)
    summary.record("schedulers: kills meanwhile", kills)


async def until_all_ended(site: Site) -> None:
    """Wait until no run is left: those of killed workers are run again once their leases have ended."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (counts := await site.queue.get_job_counts()).waiting + counts.active + counts.delayed:
        assert time.monotonic() < deadline, f"not all have ended: {counts}"
        await asyncio.sleep(POLL_SECONDS)
