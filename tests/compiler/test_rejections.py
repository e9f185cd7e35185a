"""What the compiler refuses: exactly the numbers that the comments of a program announce, on their lines."""

import re
from pathlib import Path

import pytest

from glidemq_pb.backends.valkey.compiler import build, examples, explain
from glidemq_pb.backends.valkey.compiler.diagnostics import CompileError, Rule
from glidemq_pb.backends.valkey.compiler.rules import ALL
from glidemq_pb.backends.valkey.compiler.symbols import Source

FOLDER = Path(__file__).parent / "rejections"
FILES = sorted(FOLDER.glob("*.py"))
IDS = [rule.code for rule in ALL]


def announced(text: str) -> list[tuple[int, str]]:
    """(line, number) of every `# GMQ204` comment; several numbers may share a line."""
    lines = enumerate(text.splitlines(), 1)
    return sorted((number, code) for number, line in lines for code in re.findall(r"GMQ\d{3}", line.partition("#")[2]))


def reported(text: str) -> list[tuple[int, str]]:
    """(line, number) of every diagnostic."""
    try:
        build.compile_sources([*build.lending_sources(), Source("program", "program.py", text)])
    except CompileError as error:
        return sorted((one.at.line, one.rule.code) for one in error.found)
    return []


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_program_is_refused_where_it_says(path: Path) -> None:
    text = path.read_text()
    assert reported(text) == announced(text)
    assert announced(text)


@pytest.mark.parametrize("rule", ALL, ids=IDS)
def test_the_rejected_example_of_a_rule_breaks_it(rule: Rule) -> None:
    text = examples.HEADER + examples.programs(rule)[0]
    assert rule.code in dict.fromkeys(code for _, code in announced(text))
    assert reported(text) == announced(text)


@pytest.mark.parametrize("rule", ALL, ids=IDS)
def test_the_accepted_example_of_a_rule_compiles(rule: Rule) -> None:
    assert reported(examples.HEADER + examples.programs(rule)[1]) == []


def test_every_rule_has_a_rejected_program_among_the_files_and_a_section_in_the_docs() -> None:
    covered = {code for path in FILES for _, code in announced(path.read_text())}
    assert sorted(set(IDS) - covered) == []
    docs = explain.SUBSET.read_text()
    assert [code for code in IDS if f"### {code} " not in docs] == []


def test_a_diagnostic_shows_the_place_the_source_and_what_to_write_instead() -> None:
    text = "def limit_of(count: int) -> int:\n    return count or 100\n"
    with pytest.raises(CompileError) as caught:
        build.compile_sources([*build.lending_sources(), Source("program", "program.py", text)])
    assert str(caught.value) == (
        "program.py:2:12: GMQ204 `or` needs bools, got `int`\n"
        "     2 |     return count or 100\n"
        "       |            ^^^^^\n"
        "hint: 0 and the empty text are true in Lua; write `b if a == 0 else a`, or a comparison"
    )
