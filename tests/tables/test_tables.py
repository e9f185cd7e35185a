"""The text tables, on memory and on a real Valkey at once."""

from pathlib import Path

import pytest

from tests.properties.sides import MemorySide

from .language import Case, read_table
from .play import play_case

CASES = [case for path in sorted(Path(__file__).parent.glob("*.txt")) for case in read_table(path)]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.where} {case.title}" for case in CASES])
def test_row_by_row(case: Case) -> None:
    play_case(case, [MemorySide()])
