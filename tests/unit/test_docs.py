"""Every Python block of the guides runs: those of a page are one test module, in the order of the page."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [body for tag, body in BLOCK.findall(text) if tag == language]


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("testing.md", 11),
        ("schedulers.md", 8),
        ("jobs.md", 4),
        ("running.md", 5),
        ("groups.md", 8),
        ("payloads.md", 6),
        ("waiting.md", 3),
        ("flows.md", 4),
        ("events.md", 5),
        ("stopping.md", 1),
        ("embedded.md", 1),
        ("connections.md", 6),
        ("sync.md", 4),
    ],
)
def test_every_block_of_a_guide_runs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, page: str, least: int
) -> None:
    module = "\n\n".join(blocks(page, "python"))
    pytester.makepyfile(test_guide=module)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    result = pytester.runpytest_subprocess(
        "-p", "pytest_glidemq_pb", "-p", "no:anyio", "--asyncio-mode=strict", "-W", "error::UserWarning",
        "-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider", "--timeout=60",
    )  # fmt: skip
    tests = re.findall(r"^(?:async )?def (test_\w+)", module, re.MULTILINE)
    assert len(tests) >= least
    result.assert_outcomes(passed=len(tests))


def test_the_commands_of_the_guide_name_options_that_exist() -> None:
    commands = [line.split("#")[0].split() for body in blocks("testing.md", "sh") for line in body.splitlines()]
    assert commands
    for program, *options in commands:
        assert program == "pytest"
        assert all(option.startswith("--glidemq-valkey=") for option in options)
