"""The shop's tests, as you would write them: no server, no waiting.

    pytest examples                                   in memory, in virtual time
    pytest examples --glidemq-valkey=private          the same tests on a real Valkey, in real time

In real time nobody wants to wait for hours: there, an hour of the shop lasts two seconds.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from glidemq_pb import Schedule
from glidemq_pb.testing import (
    TestQueue,
    TestWorker,
    VirtualClock,
    all_enqueued,
    assert_enqueued,
    perform,
    refute_enqueued,
    run,
)

from .shop import Pace, Shop


class Outbox:
    """A mail server that can be down."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.down = False

    async def send(self, to: str, subject: str) -> None:
        if self.down:
            raise ConnectionError("the mail server is down")
        if "@" not in to:
            raise ValueError(f"{to} is no address")
        self.sent.append((to, subject))


@pytest.fixture
def hour(vclock: VirtualClock) -> timedelta:
    """An hour of the shop: an hour of virtual time, or two seconds of real time."""
    return timedelta(hours=1) if isinstance(vclock, VirtualClock) else timedelta(seconds=2)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def pace(hour: timedelta) -> Pace:
    return Pace(retry=hour / 4, offer=hour, lookup_limit=hour / 2, report=hour * 3, nights=Schedule(every=hour * 2))


@pytest.fixture
def shop(test_queue: Callable[..., TestQueue[Any, Any]], outbox: Outbox, pace: Pace) -> Shop:
    return Shop(test_queue("shop"), outbox, pace)


@pytest.fixture
def queue(shop: Shop) -> TestQueue[Any, Any]:
    assert isinstance(shop.queue, TestQueue)
    return shop.queue


@pytest.fixture
def worker(queue: TestQueue[Any, Any], shop: Shop) -> TestWorker[Any, Any]:
    return TestWorker(queue, shop.processors, concurrency=5)


async def test_a_customer_is_welcomed_once(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any], outbox: Outbox
) -> None:
    await shop.welcome("ann@example.com")
    await shop.welcome("ann@example.com")
    assert len(await all_enqueued(queue, name="email")) == 1

    await queue.run_until_idle()

    assert outbox.sent == [("ann@example.com", "Welcome")]


async def test_a_welcome_survives_a_mail_server_that_is_down(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any], outbox: Outbox, hour: timedelta
) -> None:
    outbox.down = True
    await shop.welcome("ann@example.com")
    await queue.run_until_idle()
    job = await queue.get_job("welcome-ann@example.com")
    assert job is not None
    assert (job.attempts_made, job.failed_reason) == (1, "the mail server is down")
    await assert_enqueued(queue, name="email", data={"to": "ann@example.com"}, within=hour / 4)

    await queue.advance(hour / 2)  # the second attempt fails as well
    outbox.down = False
    await queue.advance(2 * hour)  # a later one does not

    assert outbox.sent == [("ann@example.com", "Welcome")], queue.timeline()


async def test_an_address_that_is_none_is_not_tried_again(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any]
) -> None:
    await shop.welcome("nobody")

    await queue.run_until_idle()

    job = await queue.get_job("welcome-nobody")
    assert job is not None
    assert (await job.get_state(), job.failed_reason) == ("failed", "nobody is no address")


async def test_a_reminder_waits_for_its_time(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any], outbox: Outbox, hour: timedelta
) -> None:
    await shop.remind("ann@example.com", after=hour)
    await queue.advance(hour / 2)
    assert outbox.sent == []

    await queue.advance(hour)

    assert outbox.sent == [("ann@example.com", "Your basket")]


async def test_an_offer_that_comes_too_late_is_not_sent(
    shop: Shop, queue: TestQueue[Any, Any], outbox: Outbox, hour: timedelta
) -> None:
    await shop.offer("ann@example.com")  # nobody works at night
    await queue.advance(hour * 1.1)

    TestWorker(queue, shop.processors)
    await queue.run_until_idle()

    assert outbox.sent == []
    assert [job.failed_reason for job in await queue.get_jobs("failed")] == ["expired"]
    await refute_enqueued(queue)


async def test_a_lookup_that_hangs_times_out_and_is_tried_again(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any], hour: timedelta
) -> None:
    calls: list[str] = []

    async def hang_once(parcel: str) -> str:
        calls.append(parcel)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return "Lisbon"

    shop.lookup = hang_once
    await shop.track("P-1")
    await queue.run_until_idle()
    assert [job.data for job in queue.running()] == ["P-1"]

    await queue.advance(hour)

    done = await queue.get_jobs("completed")
    assert [(job.return_value, job.attempts_made) for job in done] == [("Lisbon", 1)]
    assert calls == ["P-1", "P-1"]


async def test_the_report_takes_three_hours(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any], hour: timedelta
) -> None:
    await shop.report()
    await queue.advance(hour * 1.5)
    assert [job.progress for job in await queue.get_jobs("active")] == [1]

    await queue.advance(hour * 2)

    assert [job.return_value for job in await queue.get_jobs("completed")] == ["3 pages"]


async def test_a_report_begins_each_night(
    shop: Shop, queue: TestQueue[Any, Any], worker: TestWorker[Any, Any], hour: timedelta
) -> None:
    await shop.report_nightly()
    await shop.report_nightly()  # the shop was restarted
    await queue.advance(hour * 5.5)

    assert len(await queue.get_jobs("completed")) == 1
    assert [job.scheduler_name for job in await queue.get_jobs("active")] == ["nightly"]
    nightly = await queue.get_job_scheduler("nightly")
    assert nightly is not None
    assert nightly.iteration_count == 2


async def test_nights_are_those_of_lisbon(queue: TestQueue[Any, Any]) -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    for run_at in await queue.preview_schedule(Pace().nights, 400):
        assert f"{datetime.fromtimestamp(run_at / 1000, lisbon):%H:%M}" == "02:30"


def test_one_job_can_be_run_by_itself(outbox: Outbox) -> None:
    async def main() -> None:
        shop = Shop(TestQueue("shop"), outbox)
        assert await perform(shop.processors, {"pages": 2}, name="report") == "2 pages"

    run(main())
