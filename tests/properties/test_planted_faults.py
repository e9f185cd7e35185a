"""The checks can fail: every planted fault is caught by the tables, the model, the invariants or the comparison."""

import importlib
import re
import shutil
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, seed

from glidemq_pb import semantics
from glidemq_pb.server import PrivateServer
from tests import summary
from tests.strategies import Move, histories
from tests.tables.language import Case
from tests.tables.play import play_case
from tests.tables.test_tables import CASES

from .agree import play
from .faults import LIBRARY, SEMANTICS, Fault, plant
from .faults_control import CONTROL
from .faults_flows import FLOWS
from .profile import DEEP, machine
from .scheduling import Schedules
from .sides import MemorySide, Side
from .valkey_side import LIBRARY as LIBRARY_PATH
from .valkey_side import ValkeySide
from .workload import Life
from .workload_control import ControlLife

SOURCES = Path(semantics.__path__[0])
CHEAP_FIRST = sorted(CASES, key=lambda case: case.where.startswith("bounds"))
CONTROL_FEATURES = (
    "groups", "buckets", "rate_limits", "group_pauses", "global_limits", "limiter", "dedup", "revocation",
    "dead_letters", "administration", "explain",
)  # fmt: skip
CONTROL_FIRST = sorted(CHEAP_FIRST, key=lambda case: not case.where.startswith(CONTROL_FEATURES))
JUDGED = (
    "a throttle window is a millisecond long", "an erased job is still a duplicate", "a debounce loses the newest",
    "a revoked job is retried", "a revoked job that stalled runs again", "an expired job is buried",
    "a letter is taken twice", "a gap of letters is accepted", "the numbers of letters have gaps",
)  # fmt: skip
LIVES, STEPS, HISTORIES = 8, 400, 70
LIVES_OF_THE_CAUGHT = 3 if DEEP else 0
"""Lives of the model that a fault has to live through although a table has caught it: which of them it catches too."""


@pytest.fixture
def planted(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[types.ModuleType]:
    """A copy of the semantics with one fault, under another name."""
    fault: Fault = request.param
    name = "planted_semantics"
    shutil.copytree(SOURCES, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / name / f"{fault.module}.py"
    module.write_text(plant(module.read_text(), fault))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield importlib.import_module(name)
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
        del sys.modules[loaded]


def tables_object(sides: list[Side], cases: Sequence[Case] = CHEAP_FIRST) -> str | None:
    """The first case that fails."""
    for case in cases:
        if _fails(lambda case=case: play_case(case, sides)):  # type: ignore[misc]  # bound at once
            return f"table {case.where}"
    return None


def model_objects(package: types.ModuleType, lives: int = LIVES) -> str | None:
    """The first life that breaks a promise."""
    for number in range(lives):
        life = Life(number, package)
        if _fails(lambda life=life: life.live(STEPS)):  # type: ignore[misc]  # bound at once
            return f"model, life {number}, step {life.steps}"
        schedules = Schedules(number, package)
        if _fails(lambda life=schedules: life.live(STEPS)):  # type: ignore[misc]  # bound at once
            return f"model of schedulers, life {number}"
    return None


def machine_objects(sides: list[Side]) -> str | None:
    """The first history after which the sides differ, or the state is unsound."""
    played = 0

    @seed(0)
    @machine(HISTORIES, shrink=False)
    @given(histories(50))
    def try_all(moves: list[Move]) -> None:
        nonlocal played
        played += 1
        play(moves, sides)

    return f"machine, history {played}" if _fails(try_all) else None


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception:  # a fault may show as any error
        return True
    return False


@pytest.mark.parametrize("planted", [pytest.param(one, id=one.name) for one in SEMANTICS], indirect=True)
def test_a_fault_of_the_semantics_is_caught(planted: types.ModuleType, request: pytest.FixtureRequest) -> None:
    by_table = tables_object([MemorySide(planted)])
    by_model = model_objects(planted, LIVES if by_table is None else LIVES_OF_THE_CAUGHT)
    by_machine = None if by_table or by_model else machine_objects([MemorySide(planted)])
    assert by_table or by_model or by_machine
    summary.table("planted faults", [(request.node.callspec.id, by_table or "-", by_model or by_machine or "-")])


@pytest.mark.parametrize("planted", [pytest.param(one, id=one.name) for one in CONTROL], indirect=True)
def test_a_fault_of_the_control_is_caught(planted: types.ModuleType, request: pytest.FixtureRequest) -> None:
    by_table = tables_object([MemorySide(planted)], CONTROL_FIRST)
    by_machine = None if by_table else machine_objects([MemorySide(planted)])
    assert by_table or by_machine
    summary.table("planted faults", [(request.node.callspec.id, by_table or "-", by_machine or "-")])


@pytest.mark.parametrize(
    "planted", [pytest.param(one, id=one.name) for one in CONTROL if one.name in JUDGED], indirect=True
)
def test_the_model_of_control_catches_by_itself(planted: types.ModuleType) -> None:
    assert any(_fails(lambda number=number: live_control(number, planted)) for number in range(LIVES))  # type: ignore[misc]  # bound at once


def live_control(number: int, package: types.ModuleType) -> None:
    """One life of a queue with arrivals, revocations and letters."""
    life = ControlLife(number, package)
    life.live(STEPS)
    life.end()


@pytest.mark.parametrize("fault", [pytest.param(one, id=one.name) for one in LIBRARY])
def test_a_fault_of_the_library_is_caught(fault: Fault, valkey_server: PrivateServer) -> None:
    text = LIBRARY_PATH.read_text()
    found = re.match(r"#!lua name=glidemq_pb_(\w+)", text)
    assert found is not None
    faulty = plant(text, fault).replace(found[1], "planted")
    valkey = ValkeySide(valkey_server.port, faulty)
    try:
        by_table = tables_object([MemorySide(), valkey])
        by_machine = None if by_table and not DEEP else machine_objects([MemorySide(), valkey])
    finally:
        valkey.close()
    assert by_table or by_machine
    summary.table("planted faults", [(f"library: {fault.name}", by_table or "-", by_machine or "-")])


def test_every_fault_fits_the_source() -> None:
    for fault in [*SEMANTICS, *CONTROL, *FLOWS]:
        plant((SOURCES / f"{fault.module}.py").read_text(), fault)
    for fault in LIBRARY:
        plant(LIBRARY_PATH.read_text(), fault)


def test_nothing_is_caught_where_nothing_is_planted() -> None:
    assert tables_object([MemorySide()]) is None
    assert model_objects(semantics) is None
    assert machine_objects([MemorySide()]) is None


def test_a_fault_that_fits_nowhere_is_told() -> None:
    with pytest.raises(ValueError, match="0 times"):
        plant("text", Fault("gone", "lanes", "old", "new"))
