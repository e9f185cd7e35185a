"""Every Python block of docs/testing.md runs: all of it is one test module, in the order of the page."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "testing.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for tag, body in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if tag == language]


def test_every_block_of_the_guide_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "\n\n".join(blocks("python"))
    pytester.makepyfile(test_guide=module)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    result = pytester.runpytest_subprocess(
        "-p", "pytest_glidemq_pb", "-p", "no:anyio", "--asyncio-mode=strict", "-W", "error::UserWarning",
        "-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider", "--timeout=60",
    )  # fmt: skip
    tests = re.findall(r"^(?:async )?def (test_\w+)", module, re.MULTILINE)
    assert len(tests) > 10
    result.assert_outcomes(passed=len(tests))


def test_the_commands_of_the_guide_name_options_that_exist() -> None:
    commands = [line.split("#")[0].split() for body in blocks("sh") for line in body.splitlines()]
    assert commands
    for program, *options in commands:
        assert program == "pytest"
        assert all(option.startswith("--glidemq-valkey=") for option in options)
