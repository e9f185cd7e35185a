"""For every rule a program that breaks it and one that does not: `examples/GMQ204.txt`, divided by a line `---`.

In the rejected program the comment `# GMQ204` stands on the line that is refused.
"""

from pathlib import Path

from .diagnostics import Rule

FOLDER = Path(__file__).parent / "examples"
HEADER = """\
from dataclasses import dataclass
from typing import Final

from .lang import (
    Fields, byte_length, drop, is_canonical_id, join, lookup, lookup_int, number, operation, pad, refuse, split, text
)
from .store import Store


"""
"""Stands before each program; it is not shown."""


def programs(rule: Rule) -> tuple[str, str]:
    """The rejected and the accepted program of a rule, without the header."""
    rejected, _, accepted = (FOLDER / f"{rule.code}.txt").read_text().partition("\n---\n")
    return rejected.strip("\n"), accepted.strip("\n")
