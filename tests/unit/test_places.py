"""The places of the calls that may be under way on one client."""

import asyncio

import pytest

from glidemq_pb.backends.valkey.client import Places


async def turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_who_waits_has_the_turn_of_his_arrival_and_nobody_passes_him() -> None:
    places = Places(2)
    assert places.take()
    await places.wait()
    assert not places.take()
    came: list[int] = []

    async def come(number: int) -> None:
        await places.wait()
        came.append(number)

    waiting = [asyncio.create_task(come(number)) for number in range(3)]
    await turns()
    assert came == []
    places.give()
    assert not places.take()
    await turns()
    assert came == [0]
    places.give()
    places.give()
    await asyncio.gather(*waiting)
    assert came == [0, 1, 2]
    assert not places.take()


@pytest.mark.parametrize("given", ["before", "after"])
async def test_a_place_is_not_lost_to_who_gives_up(given: str) -> None:
    places = Places(1)
    assert places.take()
    gone = asyncio.create_task(places.wait())
    await turns()
    if given == "before":  # in the same turn: it has a place and is cancelled
        places.give()
        gone.cancel()
    else:
        gone.cancel()
        places.give()
    await turns()
    assert gone.cancelled()
    assert places.take()
    assert not places.take()


async def test_one_who_gave_up_is_passed_over() -> None:
    places = Places(1)
    assert places.take()
    gone = asyncio.create_task(places.wait())
    stays = asyncio.create_task(places.wait())
    await turns()
    gone.cancel()
    await turns()
    places.give()
    await stays
    assert not places.take()
