"""Random lives in virtual time: each wait for a job gets that job's end, and gets it in time, or its own time is over.

What is checked against is what the processors and the test did; the store is only asked at the end, for garbage.
"""

import asyncio
import random
from typing import Any

import pytest

from glidemq_pb import (
    Job,
    JobFailedError,
    JobNotFoundError,
    JobWaitTimeoutError,
    Ordering,
    Queue,
    UnrecoverableError,
)
from glidemq_pb.semantics.invariants import violations
from glidemq_pb.semantics.limits import ANSWER_KEPT_MS
from glidemq_pb.testing import TestQueue, TestWorker, VirtualClock, run
from tests import summary

from .profile import DEEP

LIVES = 40 if DEEP else 4
JOBS = 60


class Life:
    """One queue, its workers and those who wait."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = VirtualClock(seed=seed)
        self.queue: TestQueue[Any, Any] = TestQueue("q", clock=self.clock)
        self.others = [Queue[Any, Any]("q", backend=self.queue.backend) for _ in range(2)]
        self.ends: dict[str, tuple[int, str, Any]] = {}
        """When a job ended, how, and with what."""
        self.answered = self.late = 0
        for _ in range(2):
            TestWorker(self.queue, self.process, concurrency=self.chance.randint(1, 5))

    async def process(self, job: Job[Any, Any]) -> Any:
        await self.clock.sleep(self.chance.choice((0, 1, 50, 3_000)))
        how = self.chance.random()
        if how < 0.2 and job.attempts_made + 1 < job.attempts:
            raise ValueError("another attempt")
        if how < 0.4:
            self.end(job.id, "failed", "no more")
            raise UnrecoverableError("no more")
        result = self.chance.choice((None, job.id, "x" * 10_000))
        self.end(job.id, "completed", result)
        return result

    def end(self, job_id: str, how: str, what: Any) -> None:
        self.ends.setdefault(job_id, (self.clock.now(), how, what))

    async def live(self) -> None:
        tasks: list[asyncio.Task[None]] = []
        for number in range(JOBS):
            job_id = f"j{number}"
            options: Any = {
                "remove_on_complete": self.chance.choice((True, False, 3)),
                "remove_on_fail": self.chance.choice((True, False)),
                "delay": self.chance.choice((0, 0, 1_000)),
                "attempts": self.chance.choice((1, 3)),
                "priority": self.chance.choice((0, 0, 1)),
            }
            if self.chance.random() < 0.3:
                options["ordering"] = Ordering("g")
            tasks.append(asyncio.create_task(self.rpc(job_id, self.chance.choice((10, 2_000, 600_000)), options)))
            await self.queue.advance(self.chance.choice((0, 0, 1, 40, 500)))
            asked = [f"j{self.chance.randint(0, number)}" for _ in range(self.chance.choice((0, 0, 1, 2)))]
            tasks += [asyncio.create_task(self.ask(job_id)) for job_id in asked]
            await self.meddle(f"j{self.chance.randint(0, number)}")
        await self.queue.run_to_completion()
        await asyncio.gather(*tasks)

    async def rpc(self, job_id: str, timeout: int, options: Any) -> None:
        waiting = self.chance.choice((self.queue, *self.others))
        await self.outcome(job_id, timeout, waiting.add_and_wait("a", job_id=job_id, wait_timeout=timeout, **options))

    async def ask(self, job_id: str) -> None:
        job = await self.chance.choice(self.others).get_job(job_id)
        timeout = self.chance.choice((0, 700, 600_000))
        if job is not None and self.chance.random() < 0.9:
            await self.outcome(job_id, timeout, job.wait_until_finished(timeout))
        elif job is not None:
            asyncio.create_task(job.wait_until_finished(timeout)).cancel()

    async def outcome(self, job_id: str, timeout: int, waiting: Any) -> None:
        """Wait, and compare what comes of it."""
        began = self.clock.now()
        try:
            found = job_id, "completed", await waiting
        except JobFailedError as error:
            found = error.job_id, "failed", error.failed_reason
        except JobWaitTimeoutError as error:
            found = error.job_id, "late", error.timeout
        except JobNotFoundError as error:
            found = error.job_id, "gone", None
        at, how, what = self.ends.get(job_id, (self.clock.now(), "", None))
        if found[1] == "late":
            assert (found, self.clock.now()) == ((job_id, "late", timeout), began + timeout)
            assert at >= began + timeout
            self.late += 1
        elif found[1] == "gone":
            assert (found[0], job_id in self.ends) == (job_id, True)
        else:
            assert found == (job_id, how, what)
            assert self.clock.now() == max(at, began), "it comes at the moment of the end"
            self.answered += 1

    async def meddle(self, job_id: str) -> None:
        """Remove or revoke a job now and then, where that ends it at once."""
        job = await self.queue.get_job(job_id)
        if job is None or job_id in self.ends or await job.is_active():
            return
        if (what := self.chance.random()) < 0.1:
            self.end(job_id, "failed", "removed")
            await job.remove()
        elif what < 0.2:
            self.end(job_id, "failed", "revoked")
            await self.queue.revoke(job_id)


@pytest.mark.parametrize("seed", range(LIVES))
def test_each_wait_gets_the_end_of_its_job_or_its_own(seed: int) -> None:
    async def main() -> None:
        life = Life(seed)
        await life.live()
        assert life.answered > JOBS / 2
        assert life.late > 0
        assert violations(life.queue.snapshot(), "glide:{q}") == []
        await life.queue.advance(600_000 + 2 * ANSWER_KEPT_MS)
        left = life.queue.snapshot()
        assert [key for key in left if ":answer" in key or ":reply" in key] == []
        assert not any("waits" in value for key, value in left.items() if ":job:" in key)
        summary.record("waits answered", life.answered)
        for queue in (life.queue, *life.others):
            await queue.close()

    run(main())
