"""A coroutine that begins at once."""

import asyncio

import pytest

from glidemq_pb.backends.valkey.at_once import AtOnce

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
    made = AtOnce(steps.run(), FOREVER)
    assert steps.seen == ["waits"]
    steps.waits[0].set_result(1)
    steps.waits[1].set_result(2)
    assert await made.outcome == "end"
    assert steps.seen == ["waits", 1, "waits", 2]
    assert made.rest() is None


async def test_one_that_never_waits_is_over_at_once() -> None:
    async def seven() -> int:
        return 7

    assert AtOnce(seven(), FOREVER).outcome.result() == 7


async def test_its_exception_is_raised_where_it_is_awaited() -> None:
    steps = Steps()
    made = AtOnce(steps.run(), FOREVER)
    steps.waits[0].set_exception(ValueError("bad"))
    with pytest.raises(ValueError, match="bad"):
        await made.outcome
    assert made.rest() is None


async def test_it_goes_on_when_who_waits_is_cancelled() -> None:
    steps = Steps()
    made = AtOnce(steps.run(), FOREVER)

    async def wait() -> None:
        await made.outcome

    waiting = asyncio.create_task(wait())
    await turns()
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    rest = made.rest()
    assert rest is not None
    steps.waits[0].set_result(1)
    steps.waits[1].set_result(2)
    assert await rest == "end"


@pytest.mark.parametrize("way", ["result", "exception"])
async def test_nobody_need_wait_any_more(way: str) -> None:
    steps = Steps()
    made = AtOnce(steps.run(), FOREVER)
    made.outcome.cancel()
    steps.waits[0].set_result(1)
    if way == "result":
        steps.waits[1].set_result(2)
    else:
        steps.waits[1].set_exception(ValueError("nobody sees it"))
    await turns()
    assert made.rest() is None


async def test_a_future_that_is_cancelled_under_it_cancels_it() -> None:
    steps = Steps()
    made = AtOnce(steps.run(), FOREVER)
    steps.waits[0].cancel()
    await turns()
    assert made.outcome.cancelled()


async def test_the_first_wait_ends_in_time_and_only_the_first() -> None:
    steps = Steps()
    made = AtOnce(steps.run(), 0.0)
    await timers(0.0)
    assert steps.seen == ["waits", "timeout", "waits"]
    steps.waits[0].set_result("too late")
    await turns()
    steps.waits[1].set_result(2)
    assert await made.outcome == "end"
    assert steps.seen == ["waits", "timeout", "waits", 2]


async def test_what_it_waits_for_later_may_take_long() -> None:
    steps = Steps()
    made = AtOnce(steps.run(), 0.01)
    steps.waits[0].set_result(1)
    await turns()
    await timers(0.01)
    steps.waits[1].set_result(2)
    assert await made.outcome == "end"
    assert "timeout" not in steps.seen
