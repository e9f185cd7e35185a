"""The demonstration in memory, and that it would notice if something went wrong."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from demo.__main__ import demonstrate
from demo.work import ATTEMPTS, BROKEN, DELAYED, FLAKY, PRIORITISED, Measure, Tally, package_of, source_files, surprises

PATHS = ["asyncio/events.py", "json/decoder.py", FLAKY, BROKEN]


def as_planned() -> Tally:
    measure = Measure(sha256="", lines=1, longest=1, bytes=1)
    done = [path for path in PATHS if path != BROKEN]
    failures = [(BROKEN, "x")] * ATTEMPTS + [(FLAKY, "x")] * (ATTEMPTS - 1)
    return Tally(
        started=[*PATHS, FLAKY, FLAKY, BROKEN, BROKEN],
        measures=dict.fromkeys(done, measure),
        completions=len(done),
        given_up=1,
        failures=failures,
    )


def test_the_memory_demonstration_goes_as_planned_and_reads_well_in_a_pipe() -> None:
    written = io.StringIO()
    assert demonstrate(Console(file=written, width=100, highlight=False), "memory") == 0
    text = written.getvalue()
    assert "\x1b" not in text
    assert re.search(r"completed +[\d,]+ +this\.py among them, at its attempt 3", text)
    assert re.search(r"failed +1 +antigravity\.py: the disk says no, 3 times", text)
    assert re.search(r"retried +4 ", text)
    assert "delayed" in text
    assert "by 1 h; none began early" in text
    assert re.search(r"[\d,]+ jobs in [\d.]+ s", text)
    assert max(map(len, text.splitlines())) <= 100


def test_the_planned_packages_are_in_this_standard_library() -> None:
    packages = {package_of(path) for path in source_files()}
    assert {PRIORITISED, DELAYED} <= packages
    assert {FLAKY, BROKEN} <= set(source_files())


def test_no_surprise_when_all_went_as_planned() -> None:
    assert surprises(PATHS, as_planned()) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"measures": {}, "completions": 0}, "3 files were never measured"),
        ({"completions": 4}, "1 files were measured twice"),
        ({"failures": []}, "attempts failed that should not, or did not that should"),
        ({"started": PATHS[::-1]}, "before the last of asyncio"),
        ({"early": ["json/decoder.py"]}, "1 delayed files began before their moment"),
    ],
)
def test_each_surprise_is_told(changed: dict[str, object], told: str) -> None:
    found = surprises(PATHS, replace(as_planned(), **changed))  # type: ignore[arg-type]  # one field each
    assert len(found) == 1
    assert told in found[0]
