"""What a run proved, printed at its end: a pytest plugin and the two functions that fill it.

A test module that counts something says so with `record`; one that has rows says so with `table`.
The run's last lines then show them, before pytest's own summary line.

Under `coverage run -m pytest` (`make test`) it also holds the promise that the two-backend machine
and the text tables reach every branch of `glidemq_pb/semantics` by themselves: measuring is paused
in all other tests, and a branch that is missed makes the run fail. A run of selected files measures
but does not judge.
"""

import io
from collections.abc import Iterator, Sequence

import coverage
import coverage.exceptions
import pytest

COVERING = ("tests/properties/test_agree.py", "tests/tables/")

_records: dict[str, str] = {}
_tables: dict[str, list[tuple[str, ...]]] = {}


def record(name: str, value: int | str) -> None:
    """Show `name` with `value` at the end of the run. Counts given under one name add up."""
    if isinstance(value, str):
        _records[name] = value
        return
    before = int(_records.get(name, "0").replace(",", ""))
    _records[name] = f"{before + value:,}"


def table(name: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Count `rows` under `name` at the end of the run, and list them with -v. Rows of one name follow each other."""
    _tables.setdefault(name, []).extend(rows)


class CoverageOfSemantics:
    """Measures only while a covering test runs (and while modules are imported)."""

    def __init__(self, measuring: coverage.Coverage, *, judge: bool) -> None:
        self._measuring = measuring
        self._judge = judge
        self._missed = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if item.nodeid.startswith(COVERING):
            return (yield)
        self._measuring.stop()
        try:
            return (yield)
        finally:
            self._measuring.start()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._judge or session.testscollected == 0:
            return
        self._measuring.stop()
        report = io.StringIO()
        try:
            percent = self._measuring.report(file=report)
        except coverage.exceptions.NoDataError:
            percent = 0.0
        record("coverage of semantics/ (branches too)", f"{percent:.2f} %")
        if percent < 100:
            self._missed = report.getvalue()
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        self._measuring.start()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._missed:
            terminalreporter.section("semantics not reached by the machine and the tables", red=True)
            terminalreporter.write_line(self._missed)


def pytest_configure(config: pytest.Config) -> None:
    measuring = coverage.Coverage.current()
    if measuring is not None:
        everything = config.args == config.getini("testpaths") and not config.option.keyword
        config.pluginmanager.register(CoverageOfSemantics(measuring, judge=everything))


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _records and not _tables:
        return
    terminalreporter.section("what this run proved")
    listed = terminalreporter.config.option.verbose > 0
    for name, rows in _tables.items() if listed else ():
        terminalreporter.write_line(f"{name}:")
        for line in _aligned(rows):
            terminalreporter.write_line(line)
    counts = [(name, f"{len(rows):,}{'' if listed else ' (-v lists them)'}") for name, rows in _tables.items()]
    for line in _aligned([*_records.items(), *counts]):
        terminalreporter.write_line(line)
