"""The typed tree: what the frontend makes of a module, and what checks and lower read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .diagnostics import Location
from .types import Record, Type


@dataclass(frozen=True, slots=True)
class Expr:
    """The base of expressions: a type, and where it stands."""

    type: Type
    at: Location


@dataclass(frozen=True, slots=True)
class Const(Expr):
    value: int | str | bool | None


@dataclass(frozen=True, slots=True)
class Local(Expr):
    name: str


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """Arithmetic on two ints."""

    op: Literal["+", "-", "*", "//", "%"]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negate(Expr):
    value: Expr


@dataclass(frozen=True, slots=True)
class Concat(Expr):
    """Texts put together, flattened."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class IsNone(Expr):
    value: Expr
    negated: bool


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """`and` / `or` of bools, evaluated left to right and no further than needed."""

    op: Literal["and", "or"]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Not(Expr):
    value: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Expr):
    test: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True, slots=True)
class ListLiteral(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Index(Expr):
    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Length(Expr):
    value: Expr


@dataclass(frozen=True, slots=True)
class Extreme(Expr):
    """`min` or `max` of two or more ints."""

    which: Literal["min", "max"]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Construct(Expr):
    """A new record; the values are in field order."""

    record: Record
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Retyped(Expr):
    """The same value under another type: a `list[str]` as `Fields`."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Attribute(Expr):
    value: Expr
    name: str


@dataclass(frozen=True, slots=True)
class CallHelper(Expr):
    """A call of a helper; the Store is not among the arguments, for Lua has only one."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class CallBuiltin(Expr):
    """A call of a function of `lang.py`."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class CallVerb(Expr):
    """A call of a Store verb. `names` are the fields of `hset`, `row` the class of `read`."""

    verb: str
    arguments: tuple[Expr, ...]
    names: tuple[str, ...] = ()
    row: Record | None = None


@dataclass(frozen=True, slots=True)
class Stmt:
    """The base of statements. `paragraph`: a blank line precedes it in the source."""

    at: Location
    paragraph: bool


Block = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Assign(Stmt):
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class If(Stmt):
    branches: tuple[tuple[Expr, Block], ...]
    orelse: Block


@dataclass(frozen=True, slots=True)
class ForEach(Stmt):
    name: str
    items: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class ForRange(Stmt):
    name: str
    start: Expr
    stop: Expr
    step: int
    body: Block


@dataclass(frozen=True, slots=True)
class Return(Stmt):
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Break(Stmt):
    pass


@dataclass(frozen=True, slots=True)
class Continue(Stmt):
    pass


@dataclass(frozen=True, slots=True)
class Evaluate(Stmt):
    value: Expr


@dataclass(frozen=True, slots=True)
class Append(Stmt):
    target: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Refuse(Stmt):
    code: str


@dataclass(frozen=True, slots=True)
class Flags:
    """What `@operation(...)` declared."""

    reads_only: bool
    frees_memory: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A helper (`operation` is None) or an operation. `parameters` leave out the Store."""

    name: str
    module: str
    parameters: tuple[tuple[str, Type], ...]
    returns: Type
    body: Block
    operation: Flags | None
    at: Location


def parts_of(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression, left to right."""
    match expr:
        case Binary() | Compare() | Logic():
            return (expr.left, expr.right)
        case Negate() | IsNone() | Not() | Length() | Attribute() | Retyped():
            return (expr.value,)
        case Concat():
            return expr.parts
        case Conditional():
            return (expr.test, expr.yes, expr.no)
        case ListLiteral():
            return expr.items
        case Index():
            return (expr.value, expr.index)
        case Extreme() | Construct():
            return expr.values
        case CallHelper() | CallBuiltin() | CallVerb():
            return expr.arguments
        case _:
            return ()


def expressions_of(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions of the statement itself, not of the blocks inside it."""
    match stmt:
        case Assign() | Evaluate():
            return (stmt.value,)
        case If():
            return tuple(test for test, _ in stmt.branches)
        case ForEach():
            return (stmt.items,)
        case ForRange():
            return (stmt.start, stmt.stop)
        case Return():
            return () if stmt.value is None else (stmt.value,)
        case Append():
            return (stmt.target, stmt.value)
        case _:
            return ()


def blocks_of(stmt: Stmt) -> tuple[Block, ...]:
    """The blocks inside a statement."""
    match stmt:
        case If():
            return (*(body for _, body in stmt.branches), stmt.orelse)
        case ForEach() | ForRange():
            return (stmt.body,)
        case _:
            return ()


def statements_in(block: Block) -> Iterator[Stmt]:
    """Every statement of a block, also those of the blocks inside."""
    for stmt in block:
        yield stmt
        for inner in blocks_of(stmt):
            yield from statements_in(inner)


def expressions_in(block: Block) -> Iterator[Expr]:
    """Every expression of a block, with all its parts."""
    for stmt in statements_in(block):
        for expr in expressions_of(stmt):
            yield from all_parts(expr)


def all_parts(expr: Expr) -> Iterator[Expr]:
    """An expression and everything inside it."""
    yield expr
    for part in parts_of(expr):
        yield from all_parts(part)


def leaves(block: Block) -> bool:
    """Whether control never reaches the end of a block."""
    match block[-1] if block else None:
        case Return() | Refuse() | Break() | Continue():
            return True
        case If() as last:
            return all(leaves(inner) for inner in blocks_of(last))
        case _:
            return False
