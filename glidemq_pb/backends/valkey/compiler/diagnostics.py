"""What is wrong with a program: a rule, a place, a message, and what to write instead."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Location:
    """A stretch of source text on one line; `column` counts from 0, `end` is exclusive."""

    path: str
    line: int
    column: int
    end: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column + 1}"

    @property
    def short(self) -> str:
        """`jobs.py:60`."""
        return f"{self.path.rsplit('/', 1)[-1]}:{self.line}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One numbered rule of the subset."""

    number: int
    name: str
    text: str

    @property
    def code(self) -> str:
        return f"GMQ{self.number}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One violation of a rule."""

    rule: Rule
    at: Location
    message: str
    hint: str

    def render(self, lines: Sequence[str]) -> str:
        """The message with an excerpt of the source, a caret, and the hint."""
        out = [f"{self.at}: {self.rule.code} {self.message}"]
        if 1 <= self.at.line <= len(lines):
            source = lines[self.at.line - 1]
            end = max(min(self.at.end, len(source)), self.at.column + 1)
            out.append(f"{self.at.line:>6} | {source}")
            out.append(f"       | {' ' * self.at.column}{'^' * (end - self.at.column)}")
        out.append(f"hint: {self.hint}")
        return "\n".join(out)


@dataclass(slots=True)
class Log:
    """Collects the diagnostics of a run, so that one run reports many."""

    found: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def report(self, rule: Rule, at: Location, message: str, hint: str) -> None:
        self.found.append(Diagnostic(rule, at, message, hint))

    def sorted(self) -> list[Diagnostic]:
        return sorted(self.found, key=lambda one: (one.at.path, one.at.line, one.at.column, one.rule.number))


class RejectedError(Exception):
    """Raised once a construct was reported, to leave it; caught at the statement or declaration around it."""


class CompileError(Exception):
    """The program breaks rules of the subset; the text shows every violation."""

    def __init__(self, found: Sequence[Diagnostic], sources: dict[str, str]) -> None:
        self.found = tuple(found)
        super().__init__("\n\n".join(one.render(sources.get(one.at.path, "").split("\n")) for one in found))
