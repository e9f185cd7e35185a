"""What the tests of the test kit share: its types, and a test that is played on both loops."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from glidemq_pb import Job
from glidemq_pb.testing import TestQueue, run

AnyJob = Job[Any, Any]
AnyQueue = TestQueue[Any, Any]
HOUR = 3_600_000

RUNNERS: list[Any] = [asyncio.run, run]
both = pytest.mark.parametrize("runner", RUNNERS, ids=["any loop", "virtual loop"])
"""Runs the test on asyncio's loop and on the virtual one."""


def play(runner: Any, test: Coroutine[Any, Any, None]) -> None:
    runner(test)


async def succeed(job: AnyJob) -> Any:
    return job.data
