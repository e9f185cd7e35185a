"""Lua AST to text. The only place that knows parentheses, escapes and layout."""

from . import lua_ast as lua
from .diagnostics import Location
from .errors import InternalError

_PRECEDENCE = {
    "or": 1,
    "and": 2,
    "<": 3,
    ">": 3,
    "<=": 3,
    ">=": 3,
    "~=": 3,
    "==": 3,
    "..": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
_PREFIX = 7
_ATOM = 9
_WIDTH = 120


def quote(text: str) -> str:
    """A Lua text literal in ASCII; every byte outside it as a three-digit decimal escape."""
    out: list[str] = []
    for char in text:
        if char in "'\\":
            out.append("\\" + char)
        elif " " <= char <= "~":
            out.append(char)
        elif ord(char) <= 255:
            out.append(f"\\{ord(char):03d}")
        else:
            raise InternalError(f"{char!r} is not wire text")
    return "'" + "".join(out) + "'"


class Printer:
    """Collects lines; `places` maps a line number to the Python it came from."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: dict[int, Location] = {}
        self.depth = 0

    def verbatim(self, text: str) -> None:
        """Hand-written Lua, as it is."""
        self.lines.extend(text.rstrip("\n").split("\n"))

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def block(self, block: lua.Block) -> None:
        for stmt in block:
            self.statement(stmt)

    def statement(self, stmt: lua.Stmt) -> None:
        if stmt.at is not None:
            self.places[len(self.lines) + 1] = stmt.at
        match stmt:
            case lua.Declare(names, ()):
                self._line(f"local {', '.join(names)}")
            case lua.Declare(names, values):
                self._line(f"local {', '.join(names)} = {self._list(values)}")
            case lua.Set(targets, (lua.Closure() as closure,)):
                self._line(f"{self._list(targets)} = function({', '.join(closure.parameters)})")
                self._nested(closure.body)
                self._line("end")
            case lua.Set(targets, values):
                self._line(f"{self._list(targets)} = {self._list(values)}")
            case lua.Do(call):
                self._line(self._call(call))
            case lua.If():
                self._if(stmt)
            case lua.ForNumber():
                step = "" if stmt.step == 1 else f", {stmt.step}"
                self._line(f"for {stmt.name} = {self.expr(stmt.first)}, {self.expr(stmt.last)}{step} do")
                self._nested(stmt.body)
                self._line("end")
            case lua.ForItems():
                self._line(f"for _, {stmt.name} in ipairs({self.expr(stmt.items)}) do")
                self._nested(stmt.body)
                self._line("end")
            case lua.Return(values):
                self._line(f"return {self._list(values)}" if values else "return")
            case lua.Break():
                self._line("break")
            case lua.Comment(text):
                self._line(f"-- {text}")
            case lua.Blank():
                self.lines.append("")

    def expr(self, expr: lua.Expr, within: int = 0) -> str:
        """An expression, in parentheses when it binds less tightly than `within`."""
        match expr:
            case lua.Name(name):
                return name
            case lua.Number(value):
                # `a - -5` would start a comment without its space; parentheses also keep `-5` an atom.
                return str(value) if value >= 0 or within == 0 else f"({value})"
            case lua.Text(value):
                return quote(value)
            case lua.Flag(value):
                return "true" if value else "false"
            case lua.Operation():
                return self._operation(expr, within)
            case lua.Prefix(op, value):
                text = f"{op}{' ' if op == 'not' else ''}{self.expr(value, _PREFIX)}"
                return f"({text})" if within > _PREFIX else text
            case lua.Call():
                return self._call(expr)
            case lua.Item(value, index):
                return f"{self.expr(value, _ATOM)}[{self.expr(index)}]"
            case lua.Member(value, name):
                return f"{self.expr(value, _ATOM)}.{name}"
            case lua.Table():
                return self._table(expr)
            case lua.Closure():
                return self._closure(expr)

    def _operation(self, expr: lua.Operation, within: int) -> str:
        level = _PRECEDENCE[expr.op]
        right_associative = expr.op == ".."
        left = self.expr(expr.left, level + 1 if right_associative else level)
        right = self.expr(expr.right, level if right_associative else level + 1)
        text = f"{left} {expr.op} {right}"
        return f"({text})" if within > level else text

    def _call(self, call: lua.Call) -> str:
        if not isinstance(call.function, lua.Name | lua.Member):
            raise InternalError("only a name can be called: a line may not start with a parenthesis")
        return f"{self.expr(call.function)}({self._list(call.arguments)})"

    def _list(self, exprs: tuple[lua.Expr, ...]) -> str:
        return ", ".join(self.expr(expr) for expr in exprs)

    def _table(self, table: lua.Table) -> str:
        named = [f"{name} = {self.expr(value)}" for name, value in table.named]
        return "{" + ", ".join([*(self.expr(item) for item in table.items), *named]) + "}"

    def _closure(self, closure: lua.Closure) -> str:
        inner = Printer()
        inner.depth = self.depth + 1
        inner.block(closure.body)
        end = "  " * self.depth + "end"
        return "\n".join([f"function({', '.join(closure.parameters)})", *inner.lines, end])

    def _if(self, stmt: lua.If) -> None:
        word = "if"
        for test, body in stmt.branches:
            self._line(f"{word} {self.expr(test)} then")
            self._nested(body)
            word = "elseif"
        if stmt.orelse:
            self._line("else")
            self._nested(stmt.orelse)
        self._line("end")

    def _nested(self, block: lua.Block) -> None:
        self.depth += 1
        self.block(block)
        self.depth -= 1

    def _line(self, text: str) -> None:
        """One line, or more where a list of arguments is too long for one."""
        self.lines.extend(_wrap("  " * self.depth + text))


def _wrap(line: str) -> list[str]:
    """Break a long line after commas that stand outside text literals."""
    if len(line) <= _WIDTH or "\n" in line:
        return line.split("\n")
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    out: list[str] = []
    start, comma, quoted, i = 0, 0, False, 0
    while i < len(line):
        char = line[i]
        if quoted and char == "\\":
            i += 1
        elif char == "'":
            quoted = not quoted
        elif char == "," and not quoted:
            comma = i + 1
        width = i - start + (len(indent) if out else 0)
        if width >= _WIDTH - 1 and comma > start:
            out.append((indent if out else "") + line[start:comma])
            start = comma + (1 if line[comma : comma + 1] == " " else 0)
        i += 1
    out.append((indent if out else "") + line[start:])
    return out
