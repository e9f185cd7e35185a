"""The committed library: current, small enough to load, readable, and described by its map."""

import json
import re
import time
from pathlib import Path

import pytest

from glidemq_pb.backends.valkey.compiler import __main__ as command
from glidemq_pb.backends.valkey.compiler import build, explain
from tests.compiler.running import Server


@pytest.fixture(scope="module")
def library() -> build.Library:
    return build.compile_semantics()


def test_the_committed_files_are_what_the_sources_give(library: build.Library) -> None:
    assert build.stale(library) == [], "run `make generate` and commit the result"
    assert explain.stale() == []


def test_compiling_twice_gives_the_same_text(library: build.Library) -> None:
    assert build.compile_semantics().text == library.text


def test_the_library_loads_well_below_the_servers_limit(server: Server, library: build.Library) -> None:
    server.command("FUNCTION", "FLUSH")
    start = time.monotonic()
    assert server.command("FUNCTION", "LOAD", library.text) == library.name.encode()
    assert time.monotonic() - start < 0.25  # the server allows 0.5 s


def test_two_releases_live_side_by_side(server: Server, library: build.Library) -> None:
    server.command("FUNCTION", "FLUSH")
    server.command("FUNCTION", "LOAD", library.text)
    server.command("FUNCTION", "LOAD", library.text.replace(library.hash, "0123456789ab"))


def test_the_prelude_is_short_and_the_library_is_ascii(library: build.Library) -> None:
    assert build.PRELUDE.read_text().count("\n") <= 135
    assert library.text.isascii()


def test_the_map_leads_back_to_the_python(library: build.Library) -> None:
    content = json.loads(build.map_text(library))
    lines = library.text.split("\n")
    (number,) = [n for n, line in enumerate(lines, 1) if line.startswith("O.enqueue = ")]
    file, _, line = content["lines"][str(number)].partition(":")
    assert "def enqueue(" in (build.SEMANTICS / file).read_text().split("\n")[int(line) - 1]
    assert content["library"] == library.name
    assert content["functions"]["enqueue"] == library.function_name("enqueue")
    assert {"TIME", "HMGET", "ZADD"} <= set(content["commands"])


def test_the_commands_of_the_map_are_all_that_the_library_sends(library: build.Library) -> None:
    sent = set(re.findall(r"\bcall\('([A-Z]+)'", library.text)) | set(re.findall(r"spread\('([A-Z]+)'", library.text))
    unused = {"EXISTS", "XINFO", "XRANGE", "ZADD"}  # sent by the prelude, for verbs that may not be used
    assert set(library.commands) <= sent <= set(library.commands) | unused


def test_build_writes_what_verify_wants(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "library.lua")
    monkeypatch.setattr(build, "MAP", tmp_path / "library.map.json")
    monkeypatch.setattr(explain, "SUBSET", tmp_path / "docs" / "subset.md")
    assert command.main(["verify"]) == 1
    assert command.main(["build"]) == 0
    assert command.main(["subset"]) == 0
    assert command.main(["verify"]) == 0
    (tmp_path / "library.lua").write_text("-- edited by hand\n")
    assert command.main(["verify"]) == 1


def test_show_puts_the_python_beside_its_lua(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["show", "lanes.class_of"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"def class_of\(.* \| H\.class_of = function\(priority\)", shown)
    assert command.main(["show", "lanes.no_such"]) == 1
    assert command.main(["show", "keys.meta_key"]) == 0
    assert "is put in place where it is called" in capsys.readouterr().out


def test_explain_prints_the_rule_with_both_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["explain", "gmq204"]) == 0
    shown = capsys.readouterr().out
    assert "OR_NEEDS_BOOLS" in shown
    assert "return count or 100" in shown
    assert shown in explain.SUBSET.read_text() + "\n"
    assert command.main(["explain", "GMQ999"]) == 1


def test_a_wrong_program_makes_build_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in build.SEMANTICS.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "wrong.py").write_text("def limit(n: int) -> int:\n    return n or 1\n")
    monkeypatch.setattr(build, "SEMANTICS", tmp_path)
    assert command.main(["build"]) == 1
    assert "GMQ204" in capsys.readouterr().err
