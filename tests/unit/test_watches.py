"""When a wait that breaks is part of an outage that is over already."""

import asyncio

import pytest

from glidemq_pb.backends.valkey import watches
from glidemq_pb.backends.valkey.watches import Watches
from glidemq_pb.errors import QueueConnectionError
from glidemq_pb.outages import Outages

QUEUE = b"glide:{q}"
KEY = QUEUE + b":wake"
ERROR = QueueConnectionError("there", "it broke")


def watched() -> tuple[Watches, list[str]]:
    told: list[str] = []
    one = Watches("there")
    one.add(QUEUE, Outages(lambda error, what: told.append("begins"), "", lambda: told.append("is over")))
    return one, told


async def test_a_wait_that_was_begun_before_the_end_of_an_outage_and_breaks_just_after_it_is_part_of_it() -> None:
    one, told = watched()
    since = asyncio.get_running_loop().time() - 0.01
    one.failed(QUEUE, since, ERROR)
    one.answered(QUEUE)
    one.listener_failed(one, KEY, since, ERROR)
    assert told == ["begins", "is over"]


async def test_a_wait_that_was_begun_after_the_end_tells_of_another_outage() -> None:
    one, told = watched()
    loop = asyncio.get_running_loop()
    one.failed(QUEUE, loop.time(), ERROR)
    one.answered(QUEUE)
    one.listener_failed(one, KEY, loop.time(), ERROR)
    assert told == ["begins", "is over", "begins"]


async def test_so_does_one_that_breaks_long_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "LATE_SECONDS", 0.0)
    one, told = watched()
    since = asyncio.get_running_loop().time() - 0.01
    one.failed(QUEUE, since, ERROR)
    one.answered(QUEUE)
    one.listener_failed(one, KEY, since, ERROR)
    assert told == ["begins", "is over", "begins"]
