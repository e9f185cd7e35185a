"""The text tables, on memory and on a real Valkey at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glidemq_pb.server import PrivateServer
from tests import summary
from tests.properties.sides import MemorySide, Side, operations
from tests.properties.valkey_side import ValkeySide

from .language import Case, read_table
from .play import play_case

CASES = [case for path in sorted(Path(__file__).parent.glob("*.txt")) for case in read_table(path)]


@pytest.fixture(scope="module")
def sides(valkey_server: PrivateServer) -> Iterator[list[Side]]:
    valkey = ValkeySide(valkey_server.port)
    yield [MemorySide(), valkey]
    valkey.close()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.where} {case.title}" for case in CASES])
def test_row_by_row(case: Case, sides: list[Side]) -> None:
    play_case(case, sides)
    summary.record("table rows on both backends", sum(row.times for row in case.rows))


def test_every_operation_has_a_row() -> None:
    drawn = {"settle_and_activate" if row.operation == "work" else row.operation for case in CASES for row in case.rows}
    assert operations().keys() - drawn == set()
