"""A coroutine that begins at once."""

import asyncio
import contextlib
import contextvars
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from glidemq_pb.backends.valkey.at_once import AtOnce, UnderWay

FOREVER = 1_000.0


class Steps:
    """A coroutine that waits for two futures, and what it has done."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.waits = [loop.create_future(), loop.create_future()]
        self.seen: list[object] = []

    async def run(self) -> str:
        for wait in self.waits:
            self.seen.append("waits")
            try:
                self.seen.append(await wait)
            except TimeoutError:
                self.seen.append("timeout")
        return "end"


def begin(coroutine: Coroutine[Any, None, Any], timeout: float = FOREVER) -> AtOnce[Any]:
    return AtOnce(coroutine, UnderWay(timeout))


async def timers(delay: float) -> None:
    """Until the loop's timers of this delay, set before, have had their turn."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(delay, over.set)
    await over.wait()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_begins_before_anyone_waits_and_gives_its_result() -> None:
    steps = Steps()
    made = begin(steps.run())
    assert steps.seen == ["waits"]
    steps.waits[0].set_result(1)
    steps.waits[1].set_result(2)
    assert await made == "end"
    assert steps.seen == ["waits", 1, "waits", 2]
    assert made.over


async def test_one_that_never_waits_is_over_at_once() -> None:
    async def seven() -> int:
        return 7

    made = begin(seven())
    assert made.over
    assert made.result() == 7
    assert await made == 7


async def test_its_exception_is_raised_where_it_is_awaited() -> None:
    steps = Steps()
    made = begin(steps.run())
    steps.waits[0].set_exception(ValueError("bad"))
    with pytest.raises(ValueError, match="bad"):
        await made
    assert made.over


async def test_who_waits_goes_on_in_the_same_turn_and_in_its_own_context() -> None:
    steps = Steps()
    made = begin(steps.run())
    steps.waits[0].set_result(1)
    mine = contextvars.ContextVar("mine", default="nobody's")

    async def wait() -> tuple[object, str]:
        mine.set("the task's")
        await made
        steps.seen.append("woken")
        return asyncio.current_task(), mine.get()

    waiting = asyncio.create_task(wait())
    await turns()
    steps.waits[1].set_result(2)
    asyncio.get_running_loop().call_soon(steps.seen.append, "the next turn")
    await asyncio.sleep(0)
    assert steps.seen == ["waits", 1, "waits", 2, "woken", "the next turn"]
    assert await waiting == (waiting, "the task's")
    assert mine.get() == "nobody's"


async def test_it_goes_on_when_who_waits_is_cancelled() -> None:
    steps = Steps()
    under_way = UnderWay(FOREVER)
    made = AtOnce(steps.run(), under_way)

    async def wait() -> None:
        await made

    waiting = asyncio.create_task(wait())
    await turns()
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert len(under_way) == 1
    steps.waits[0].set_result(1)
    steps.waits[1].set_result(2)
    await turns()
    assert made.over
    assert steps.seen == ["waits", 1, "waits", 2]
    assert len(under_way) == 0


async def test_who_is_cancelled_while_the_end_comes_hears_of_the_cancellation() -> None:
    steps = Steps()
    made = begin(steps.run())
    steps.waits[0].set_result(1)

    async def wait() -> None:
        await made

    waiting = asyncio.create_task(wait())
    await turns()
    steps.waits[1].set_result(2)
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert made.over


@pytest.mark.parametrize("way", ["result", "exception"])
async def test_nobody_need_wait(way: str) -> None:
    steps = Steps()
    made = begin(steps.run())
    steps.waits[0].set_result(1)
    if way == "result":
        steps.waits[1].set_result(2)
    else:
        steps.waits[1].set_exception(ValueError("nobody sees it"))
    await turns()
    assert made.over


async def test_a_future_that_is_cancelled_under_it_cancels_it() -> None:
    steps = Steps()
    made = begin(steps.run())
    steps.waits[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await made


async def test_the_first_wait_ends_in_time_and_only_the_first() -> None:
    steps = Steps()
    made = begin(steps.run(), 0.0)
    await timers(0.0)
    assert steps.seen == ["waits", "timeout", "waits"]
    steps.waits[0].set_result("too late")
    await turns()
    steps.waits[1].set_result(2)
    assert await made == "end"
    assert steps.seen == ["waits", "timeout", "waits", 2]


async def test_what_it_waits_for_later_may_take_long() -> None:
    steps = Steps()
    made = begin(steps.run(), 0.01)
    steps.waits[0].set_result(1)
    await turns()
    await timers(0.01)
    steps.waits[1].set_result(2)
    assert await made == "end"
    assert "timeout" not in steps.seen


async def test_each_of_many_has_its_own_time() -> None:
    under_way = UnderWay(0.03)
    early, late, heard = Steps(), Steps(), Steps()
    AtOnce(early.run(), under_way)
    AtOnce(heard.run(), under_way)
    heard.waits[0].set_result(1)
    await timers(0.02)
    AtOnce(late.run(), under_way)
    await timers(0.015)
    assert "timeout" in early.seen
    assert "timeout" not in late.seen
    await timers(0.03)
    assert "timeout" in late.seen
    assert "timeout" not in heard.seen


async def test_the_end_of_all_is_awaited_for_a_time() -> None:
    under_way = UnderWay(FOREVER)
    await under_way.emptied(FOREVER)  # nothing to wait for
    steps = Steps()
    AtOnce(steps.run(), under_way)
    task = asyncio.create_task(turns())
    under_way.follow(task)
    await under_way.emptied(0.01)
    assert len(under_way) == 1
    assert task.done()
    asyncio.get_running_loop().call_later(0.01, steps.waits[0].set_result, 1)
    steps.waits[1].set_result(2)
    await under_way.emptied(FOREVER)
    assert len(under_way) == 0


@pytest.mark.parametrize("end", ["result", "error"])
async def test_who_waits_goes_on_outside_of_its_exception(end: str) -> None:
    gate = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await gate
        if end == "error":
            raise OSError("its own")

    async def wait() -> BaseException | None:
        with contextlib.suppress(OSError):
            await made
        return sys.exc_info()[1]

    made = begin(work())
    waiting = asyncio.get_running_loop().create_task(wait())
    await turns()
    gate.set_result(None)
    assert await waiting is None
