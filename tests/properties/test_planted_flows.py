"""The checks of flows can fail: each planted fault is caught by a table, and many by random graphs alone."""

import asyncio
import importlib
import types
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import pytest

from glidemq_pb.backends.backend import Backend
from glidemq_pb.backends.memory import MemoryBackend, VirtualClock
from glidemq_pb.semantics.lang import Refusal
from glidemq_pb.semantics.store import Store
from tests import summary
from tests.rules import world
from tests.rules.flow_histories import FlowHistory

from . import sides
from .faults_flows import FLOWS, SEEN_BY_HISTORIES
from .profile import DEEP
from .test_planted_faults import CHEAP_FIRST, machine_objects, planted, tables_object

__all__ = ["planted"]

P = ParamSpec("P")
R = TypeVar("R")

FLOWS_FIRST = sorted(CHEAP_FIRST, key=lambda case: not case.where.startswith(("flows", "calls", "buckets")))
SEEDS, GRAPHS = 8, 3


class PlantedBackend(MemoryBackend):
    """Runs the operations of another copy of the semantics."""

    def __init__(self, clock: VirtualClock, package: types.ModuleType) -> None:
        super().__init__(clock, "planted")
        self._operations = sides.operations(package)
        self._refusal: type[Exception] = importlib.import_module(f"{package.__name__}.lang").Refusal

    async def call(
        self, operation: Callable[Concatenate[Store, str, int, P], R], queue: str, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        other: Callable[Concatenate[Store, str, int, P], R] = self._operations[operation.__name__]
        try:
            return await super().call(other, queue, *args, **kwargs)
        except self._refusal as refusal:
            raise Refusal(vars(refusal)["code"]) from refusal


class PlantedSide(world.MemorySide):
    """A memory side with a fault in it."""

    def __init__(self, package: types.ModuleType) -> None:
        self._package = package

    def backend(self, clock: VirtualClock) -> Backend:
        return PlantedBackend(clock, self._package)


def histories_object(package: types.ModuleType) -> str | None:
    """The first random history that breaks a promise of flows."""
    for seed in range(SEEDS):
        try:
            asyncio.run(live(seed, package))
        except Exception as error:  # a fault may show as any error
            return f"history {seed}: {type(error).__name__}"
    return None


async def live(seed: int, package: types.ModuleType) -> None:
    """One history, and the invariants of what it left."""
    place = world.World(PlantedSide(package))
    history = FlowHistory(place, seed)
    try:
        async with asyncio.timeout(20):
            await history.live(GRAPHS)
    finally:
        await place.close()


@pytest.mark.parametrize(
    "planted", [pytest.param(one, id=one.name) for one in FLOWS[:: 1 if DEEP else 2]], indirect=True
)
def test_a_fault_of_flows_is_caught(planted: types.ModuleType, request: pytest.FixtureRequest) -> None:
    by_table = tables_object([sides.MemorySide(planted)], FLOWS_FIRST)
    by_machine = None if by_table else machine_objects([sides.MemorySide(planted)])
    assert by_table or by_machine
    summary.table("planted faults", [(request.node.callspec.id, by_table or "-", by_machine or "-")])


@pytest.mark.parametrize(
    "planted", [pytest.param(one, id=one.name) for one in FLOWS if one.name in SEEN_BY_HISTORIES], indirect=True
)
def test_random_graphs_catch_a_fault_by_themselves(planted: types.ModuleType) -> None:
    assert histories_object(planted)


def test_random_graphs_catch_nothing_where_nothing_is_planted() -> None:
    asyncio.run(live(0, importlib.import_module("glidemq_pb.semantics")))


def test_the_faults_that_graphs_must_see_are_faults() -> None:
    assert set(SEEN_BY_HISTORIES) <= {fault.name for fault in FLOWS}
