"""The views' tests, as you would write them: plain functions, and a worker for what happens behind them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from glidemq_pb import Job, Worker
from glidemq_pb.sync import Queue

from . import views


@dataclass
class Posted:
    POST: dict[str, str]


@pytest.fixture(autouse=True)
def own_queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue[views.Email, str]]:
    """An empty queue in memory for each test."""
    with Queue[views.Email, str]("mail", connection="memory://views") as queue:
        queue.obliterate(force=True)
        monkeypatch.setattr(views, "queue", queue)
        yield queue


def work_until_drained() -> None:
    """What the worker's process does meanwhile."""

    async def send(job: Job[views.Email, str]) -> str:
        return f"sent to {job.data['to']}"

    async def main() -> None:
        drained = asyncio.Event()
        worker: Worker[views.Email, str] = Worker("mail", send, connection="memory://views")
        worker.on("drained", drained.set)
        async with worker:
            await asyncio.wait_for(drained.wait(), 10)

    asyncio.run(main())


def test_an_address_is_welcomed_once() -> None:
    answers: list[Any] = [views.sign_up(Posted({"email": "ann@example.com"})) for _ in range(2)]
    assert [answer["new"] for answer in answers] == [True, False]
    assert views.progress(answers[0]["job"])["state"] == "waiting"
    work_until_drained()
    assert views.progress(answers[0]["job"]) == {
        "state": "completed",
        "result": "sent to ann@example.com",
        "error": None,
    }


def test_an_unknown_job_is_no_error() -> None:
    assert views.progress("nobody") == {"state": "unknown"}


def test_a_newsletter_comes_after_what_users_wait_for(own_queue: Queue[views.Email, str]) -> None:
    assert views.newsletter([f"{n}@example.com" for n in range(3)]) == 3
    assert own_queue.count() == 3
    assert {job.priority for job in own_queue.get_jobs("waiting")} == {100}
