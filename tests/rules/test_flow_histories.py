"""FLW on random histories: order respects dependencies, every child counts once, no parent is stuck."""

import pytest

from tests import summary
from tests.properties.profile import DEEP

from .flow_histories import FlowHistory
from .world import World

IN_MEMORY = 300 if DEEP else 4
ON_VALKEY = 30 if DEEP else 2
GRAPHS = 4


async def live(world: World, seed: int, where: str) -> None:
    """One history, and its numbers in the summary."""
    history = FlowHistory(world, seed)
    await history.live(GRAPHS)
    for what, count in history.numbers().items():
        summary.record(f"random flows {where}: {what}", count)


@pytest.mark.parametrize("side", ["memory"], indirect=True)
@pytest.mark.parametrize("seed", range(IN_MEMORY))
async def test_FLW_1_random_graphs_over_five_queues_with_failures_and_kills(world: World, seed: int) -> None:
    await live(world, seed, "in memory")


@pytest.mark.parametrize("side", ["valkey"], indirect=True)
@pytest.mark.parametrize("seed", range(1000, 1000 + ON_VALKEY))
async def test_FLW_1_the_same_on_valkey(world: World, seed: int) -> None:
    await live(world, seed, "on Valkey")
