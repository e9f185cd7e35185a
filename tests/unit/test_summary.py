"""The report at the end of a run, and its judgement of the coverage of semantics, on a project of three files."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent

SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "-p no:cacheprovider -p no:asyncio -p no:hypothesispytest -p no:timeout"
[tool.coverage.run]
branch = true
include = ["rules.py"]
"""

RULES = """
def sign(number):
    if number < 0:
        return -1
    return 1
"""

UNIT_TEST = """
from rules import sign
def test_negative(): assert sign(-1) == -1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tests" / "tables").mkdir(parents=True)
    (tmp_path / "tests" / "unit").mkdir()
    (tmp_path / "tests" / "summary.py").write_text((HERE / "summary.py").read_text())
    (tmp_path / "tests" / "conftest.py").write_text('pytest_plugins = ["tests.summary"]\n')
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "rules.py").write_text(RULES)
    (tmp_path / "tests" / "unit" / "test_unit.py").write_text(UNIT_TEST)
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)


def write_table_test(project: Path, *numbers: int) -> None:
    lines = "".join(f"    assert sign({number}) == {1 if number >= 0 else -1}\n" for number in numbers)
    text = f"from rules import sign\nfrom tests import summary\ndef test_table():\n{lines}"
    text += "    summary.record('rows', 1000)\n    summary.record('rows', 234)\n"
    text += "    summary.table('faults', [('wrong end', 'caught'), ('off by one', 'caught')])\n"
    (project / "tests" / "tables" / "test_table.py").write_text(text)


def test_all_branches_reached_by_the_tables_pass(project: Path) -> None:
    write_table_test(project, -1, 0)
    done = run(project)
    assert done.returncode == 0, done.stdout
    assert "coverage of semantics/ (branches too)  100.00 %" in done.stdout


def test_a_branch_that_only_a_unit_test_reaches_fails_the_run(project: Path) -> None:
    write_table_test(project, 0)
    done = run(project)
    assert done.returncode == 1
    assert "rules.py" in done.stdout
    assert "semantics not reached" in done.stdout


def test_a_run_of_selected_tests_is_not_judged(project: Path) -> None:
    write_table_test(project, 0)
    assert run(project, "tests/unit").returncode == 0
    assert run(project, "-k", "negative").returncode == 0


def test_records_add_up_and_rows_are_counted_or_listed(project: Path) -> None:
    write_table_test(project, -1, 0)
    lines = run(project).stdout.splitlines()
    assert "  rows                                   1,234" in lines
    assert "  faults                                 2 (-v lists them)" in lines
    lines = run(project, "-v").stdout.splitlines()
    start = lines.index("faults:")
    assert lines[start + 1 : start + 3] == ["  wrong end   caught", "  off by one  caught"]
