"""The table of README.md names every rule that has a test here, and every rule it names has one."""

import re
from pathlib import Path

HERE = Path(__file__).parent
NAME = re.compile(r"^ *(?:async )?def test_([A-Z]+)_(\d+)_\w+\(", re.MULTILINE)


def rules_in_table() -> set[tuple[str, str]]:
    """(rule, file) of each row."""
    found: set[tuple[str, str]] = set()
    for line in (HERE / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and (file := re.fullmatch(r"`(test_\w+\.py)`", cells[2])):
            found |= {(rule, file.group(1)) for rule in cells[1].split()}
    return found


def test_every_rule_of_the_table_has_a_test_in_its_file_and_the_other_way_round() -> None:
    tested = {
        (f"{kind}-{number}", path.name)
        for path in HERE.glob("test_*.py")
        for kind, number in NAME.findall(path.read_text())
    }
    assert tested == rules_in_table()
