"""The syntax of the Lua that is written: only what `lower` needs."""

from dataclasses import dataclass, field

from .diagnostics import Location


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Number:
    value: int


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`; None is `false` as well, as in Valkey's replies."""

    value: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A binary operator; `..` and the arithmetic ones are kept as written, the printer adds parentheses."""

    op: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Prefix:
    """`not x` or `#x`."""

    op: str
    value: "Expr"


@dataclass(frozen=True, slots=True)
class Call:
    function: "Expr"
    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Item:
    """`value[index]`, counted from 1."""

    value: "Expr"
    index: "Expr"


@dataclass(frozen=True, slots=True)
class Member:
    """`value.name`."""

    value: "Expr"
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """`{a, b}` or `{x = a, y = b}`."""

    items: tuple["Expr", ...] = ()
    named: tuple[tuple[str, "Expr"], ...] = ()


@dataclass(frozen=True, slots=True)
class Closure:
    """`function(parameters) body end`."""

    parameters: tuple[str, ...]
    body: "Block"


Expr = Name | Number | Text | Flag | Operation | Prefix | Call | Item | Member | Table | Closure


@dataclass(frozen=True, slots=True)
class Declare:
    """`local a, b = x, y`; without values `local a, b`."""

    names: tuple[str, ...]
    values: tuple[Expr, ...] = ()
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """`a, b = x, y`."""

    targets: tuple[Expr, ...]
    values: tuple[Expr, ...]
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Do:
    """A call as a statement."""

    call: Call
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Expr, "Block"], ...]
    orelse: "Block" = ()
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class ForNumber:
    name: str
    first: Expr
    last: Expr
    step: int
    body: "Block"
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class ForItems:
    """`for _, name in ipairs(items) do body end`."""

    name: str
    items: Expr
    body: "Block"
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Return:
    values: tuple[Expr, ...]
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Break:
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    text: str
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Blank:
    at: Location | None = field(default=None)


Stmt = Declare | Set | Do | If | ForNumber | ForItems | Return | Break | Comment | Blank
Block = tuple[Stmt, ...]
