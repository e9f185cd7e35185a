"""What a module-level name can stand for."""

import ast
from dataclasses import dataclass, field

from .diagnostics import Location
from .types import Record, Type

Value = int | str | bool | None | tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One module. `compiled`: its functions are part of the library; else it lends types and signatures."""

    module: str
    path: str
    text: str
    compiled: bool = True


@dataclass(frozen=True, slots=True)
class Constant:
    value: Value


@dataclass(frozen=True, slots=True)
class Enum:
    members: dict[str, str]


@dataclass(frozen=True, slots=True)
class Signature:
    """A function as its callers see it. `types.STORE` stands among the parameters where it is declared."""

    name: str
    module: str
    parameters: tuple[tuple[str, Type], ...]
    returns: Type
    operation: bool


@dataclass(frozen=True, slots=True)
class ModuleName:
    module: str


@dataclass(frozen=True, slots=True)
class Special:
    """A name of `typing`, `dataclasses` or `enum`, or a thing of lang.py with a meaning of its own."""

    name: str


Symbol = Constant | Enum | Signature | ModuleName | Special | Record


@dataclass(slots=True)
class Module:
    source: Source
    tree: ast.Module
    nodes: dict[str, ast.stmt] = field(default_factory=dict[str, ast.stmt])
    imports: dict[str, Symbol | tuple[str, str]] = field(default_factory=dict[str, "Symbol | tuple[str, str]"])
    symbols: dict[str, Symbol | None] = field(default_factory=dict[str, "Symbol | None"])


def place(path: str, node: ast.AST) -> Location:
    """Where a node stands; what spans lines is shown up to the end of its first one."""
    line = getattr(node, "lineno", 1)
    column = getattr(node, "col_offset", 0)
    one_line = getattr(node, "end_lineno", line) == line
    return Location(path, line, column, getattr(node, "end_col_offset", column + 1) if one_line else 10**6)
