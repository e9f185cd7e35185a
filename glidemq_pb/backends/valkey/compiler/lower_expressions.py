"""Typed expressions to Lua AST. Every trap between the two languages is handled here or in the tables it uses."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from . import lua_ast as lua
from . import tree, types, verbs
from .errors import InternalError
from .names import field_name, local_name
from .wire import Codec

_NEGATED = {"==": "~=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
NONE = lua.Flag(False)
"""None is `false`, as in the replies of commands: a `nil` would cut lists and drop fields."""


def plus(expr: lua.Expr, amount: int) -> lua.Expr:
    """`expr + amount`, with constants folded."""
    match expr:
        case lua.Number(value):
            return lua.Number(value + amount)
        case lua.Operation("+", left, lua.Number(value)):
            return plus(left, value + amount)
        case lua.Operation("-", left, lua.Number(value)):
            return plus(left, amount - value)
        case _:
            if amount == 0:
                return expr
            return lua.Operation("+" if amount > 0 else "-", expr, lua.Number(abs(amount)))


class LowerExpressions:
    """The expressions of one function. What must be done beforehand goes to `out`; `called` collects helpers."""

    def __init__(
        self, functions: Mapping[str, tree.Function], codec: Codec, called: set[str], function: tree.Function
    ) -> None:
        self.functions = functions
        self.called = called
        self.codec = codec
        self.function = function
        self.out: list[lua.Stmt] = []
        self.temporaries = 0

    @contextmanager
    def _captured(self) -> Generator[list[lua.Stmt]]:
        """What is emitted inside goes to the list instead."""
        outer, self.out = self.out, []
        try:
            yield self.out
        finally:
            self.out = outer

    def _temporary(self) -> lua.Name:
        self.temporaries += 1
        return lua.Name(f"__{self.temporaries}")

    def condition(self, expr: tree.Expr) -> lua.Expr:
        """An expression of which only the truth matters."""
        match expr:
            case tree.IsNone(_, _, inner, True):
                return self.value(inner)
            case tree.Not(_, _, tree.Compare() as inner):
                return self._compare(_NEGATED[inner.op], inner)
            case tree.Not(_, _, tree.IsNone(_, _, inner, negated)):
                return lua.Prefix("not", self.value(inner)) if negated else self.value(inner)
            case tree.Not():
                return lua.Prefix("not", self.condition(expr.value))
            case tree.Logic():
                with self._captured() as before:
                    right = self.condition(expr.right)
                if not before:
                    return lua.Operation(expr.op, self.condition(expr.left), right)
                return self.value(expr)
            case _:
                return self.value(expr)

    def value(self, expr: tree.Expr) -> lua.Expr:
        match expr:
            case tree.Const():
                return _constant(expr)
            case tree.Local():
                return lua.Name(local_name(expr.name))
            case tree.Binary():
                return self._binary(expr)
            case tree.Negate():
                return lua.Operation("-", lua.Number(0), self.value(expr.value))  # `-` twice would be a comment
            case tree.Concat():
                return concat([self.value(part) for part in expr.parts])
            case tree.Compare():
                return self._compare("~=" if expr.op == "!=" else expr.op, expr)
            case tree.IsNone():
                inner = self.value(expr.value)
                return lua.Operation("~=", inner, NONE) if expr.negated else lua.Prefix("not", inner)
            case tree.Logic():
                return self._logic(expr)
            case tree.Not():
                return self.condition(expr)
            case tree.Conditional():
                return self._conditional(expr)
            case tree.ListLiteral():
                return lua.Table(tuple(self.value(item) for item in expr.items))
            case tree.Index():
                return lua.Item(self.value(expr.value), plus(self.value(expr.index), 1))
            case tree.Length():
                return lua.Prefix("#", self.value(expr.value))
            case tree.Extreme():
                function = lua.Member(lua.Name("math"), expr.which)
                return lua.Call(function, tuple(self.value(one) for one in expr.values))
            case tree.Construct():
                names = [field_name(name) for name, _ in expr.record.fields]
                values = [self.value(one) for one in expr.values]
                return lua.Table(named=tuple(zip(names, values, strict=True)))
            case tree.Retyped():
                return self.value(expr.value)
            case tree.Attribute():
                return self._attribute(expr)
            case tree.CallHelper():
                return self._helper(expr)
            case tree.CallBuiltin():
                return verbs.BUILTINS[expr.function]([self.value(one) for one in expr.arguments])
            case tree.CallVerb():
                return self._verb(expr)
            case _:
                raise InternalError(f"{expr.at}: {type(expr).__name__} reached the lowering")

    def _binary(self, expr: tree.Binary) -> lua.Expr:
        left, right = self.value(expr.left), self.value(expr.right)
        match expr.op:
            case "//":
                return lua.Call(lua.Member(lua.Name("math"), "floor"), (lua.Operation("/", left, right),))
            case "%":
                return lua.Call(verbs.runtime("mod"), (left, right))
            case _:
                return lua.Operation(expr.op, left, right)

    def _compare(self, op: str, expr: tree.Compare) -> lua.Expr:
        return lua.Operation(op, self.value(expr.left), self.value(expr.right))

    def _logic(self, expr: tree.Logic) -> lua.Expr:
        with self._captured() as before:
            right = self.value(expr.right)
        left = self.value(expr.left)
        if not before:
            return lua.Operation(expr.op, left, right)
        target = self._temporary()
        self.out.append(lua.Declare((target.name,), (left,)))
        test: lua.Expr = target if expr.op == "and" else lua.Prefix("not", target)
        self.out.append(lua.If(((test, (*before, lua.Set((target,), (right,)))),)))
        return target

    def _conditional(self, expr: tree.Conditional) -> lua.Expr:
        """`c and a or b` is exact only where `a` is never false."""
        test = self.condition(expr.test)
        with self._captured() as before_yes:
            yes = self.value(expr.yes)
        with self._captured() as before_no:
            no = self.value(expr.no)
        never_false = expr.yes.type not in (types.BOOL, types.NONE) and not isinstance(expr.yes.type, types.Maybe)
        if never_false and not before_yes and not before_no:
            return lua.Operation("or", lua.Operation("and", test, yes), no)
        target = self._temporary()
        self.out.append(lua.Declare((target.name,)))
        set_yes, set_no = lua.Set((target,), (yes,)), lua.Set((target,), (no,))
        self.out.append(lua.If(((test, (*before_yes, set_yes)),), (*before_no, set_no)))
        return target

    def _attribute(self, expr: tree.Attribute) -> lua.Expr:
        if isinstance(expr.value, tree.CallVerb) and expr.value.row is not None:
            found = verbs.command("HGET", self.value(expr.value.arguments[0]), lua.Text(expr.name))
            return self.codec.row_field(found, expr.type)
        return lua.Member(self.value(expr.value), field_name(expr.name))

    def _helper(self, expr: tree.CallHelper) -> lua.Expr:
        arguments = [self.value(one) for one in expr.arguments]
        inlined = self._inlined(expr.function, arguments)
        if inlined is not None:
            return inlined
        self.called.add(expr.function)
        return lua.Call(lua.Member(lua.Name("H"), field_name(expr.function)), tuple(arguments))

    def _inlined(self, name: str, arguments: Sequence[lua.Expr]) -> lua.Expr | None:
        """A key helper, which only puts texts together, in place. Nothing is evaluated twice."""
        helper = self.functions.get(name)
        parts = key_parts(helper) if helper is not None else None
        if helper is None or parts is None:
            return None
        given = {parameter: argument for (parameter, _), argument in zip(helper.parameters, arguments, strict=True)}
        for parameter, argument in given.items():
            uses = sum(isinstance(part, tree.Local) and part.name == parameter for part in parts)
            if uses != 1 and not isinstance(argument, lua.Name | lua.Text):
                return None
        return concat([given[p.name] if isinstance(p, tree.Local) else self.value(p) for p in parts])

    def _verb(self, expr: tree.CallVerb) -> lua.Expr:
        arguments = [self.value(one) for one in expr.arguments]
        if expr.row is not None:
            return lua.Call(verbs.runtime(self.codec.row(expr.row)), tuple(arguments))
        if expr.names:
            named = [
                part for name, one in zip(expr.names, arguments[1:], strict=True) for part in (lua.Text(name), one)
            ]
            arguments = [arguments[0], *named]
        return verbs.VERBS[expr.verb].lower(arguments)


def key_parts(helper: tree.Function) -> tuple[tree.Local | tree.Const, ...] | None:
    """The parts of a helper that is one concatenation of parameters and constants; else None."""
    if len(helper.body) != 1 or helper.operation is not None:
        return None
    only = helper.body[0]
    if not isinstance(only, tree.Return) or not isinstance(only.value, tree.Concat):
        return None
    parts = [part for part in only.value.parts if isinstance(part, tree.Local | tree.Const)]
    return tuple(parts) if len(parts) == len(only.value.parts) else None


def concat(parts: Sequence[lua.Expr]) -> lua.Expr:
    """Texts put together; neighbouring constants are joined here."""
    joined: list[lua.Expr] = []
    for part in parts:
        for one in _operands(part):
            if isinstance(one, lua.Text) and joined and isinstance(joined[-1], lua.Text):
                joined[-1] = lua.Text(joined[-1].value + one.value)
            else:
                joined.append(one)
    found = joined[-1]
    for one in reversed(joined[:-1]):
        found = lua.Operation("..", one, found)
    return found


def _operands(expr: lua.Expr) -> list[lua.Expr]:
    if isinstance(expr, lua.Operation) and expr.op == "..":
        return [*_operands(expr.left), *_operands(expr.right)]
    return [expr]


def _constant(expr: tree.Const) -> lua.Expr:
    match expr.value:
        case bool(value):
            return lua.Flag(value)
        case int(value):
            return lua.Number(value)
        case str(value):
            return lua.Text(value)
        case None:
            return NONE
