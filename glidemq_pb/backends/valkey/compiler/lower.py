"""Typed tree to Lua AST. Every trap between the two languages is handled here or in the tables it uses."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from collections.abc import Iterator

from . import lua_ast as lua
from . import tree, types, verbs
from .errors import InternalError
from .guards import Guards
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


class Lower:
    """One function. Statements that an expression needs beforehand go to `out`; `called` collects who is called."""

    def __init__(
        self, functions: Mapping[str, tree.Function], codec: Codec, called: set[str], function: tree.Function
    ) -> None:
        self.functions = functions
        self.called = called
        self.codec = codec
        self.function = function
        self.out: list[lua.Stmt] = []
        self.temporaries = 0

    def closure(self) -> lua.Closure:
        """The whole function."""
        body = Guards().block(self.function.body)
        parameters = {name for name, _ in self.function.parameters}
        loops = _loop_variables(body)
        names = _assigned(body) - parameters - loops
        found = list(self._block(body, names, paragraphs=True))
        if self.function.operation is not None and self.function.returns == types.NONE:
            if not found or not isinstance(found[-1], lua.Return):
                found.append(lua.Return((lua.Table((NONE,)),)))
        if any(_mentions(stmt, "call") for stmt in found):
            found.insert(0, lua.Declare(("call",), (lua.Member(lua.Name("redis"), "call"),)))
        return lua.Closure(tuple(local_name(name) for name, _ in self.function.parameters), tuple(found))

    # --- statements ---------------------------------------------------------------------------------------------------

    def _block(self, block: tree.Block, names: set[str], *, paragraphs: bool = False) -> lua.Block:
        """A block in which `names`, or some block inside it, must be declared."""
        outer, self.out = self.out, []
        here, below = _placed(block, names)
        for i, stmt in enumerate(block):
            if paragraphs and stmt.paragraph:
                self.out.append(lua.Comment(stmt.at.short))
            declared = here.get(i, [])
            if isinstance(stmt, tree.Assign) and stmt.name in declared:
                self._declare([name for name in declared if name != stmt.name])
                value = self.value(stmt.value)
                self.out.append(lua.Declare((local_name(stmt.name),), (value,), stmt.at))
            else:
                self._declare(declared)
                self._statement(stmt, below)
        found, self.out = tuple(self.out), outer
        return found

    def _declare(self, names: Sequence[str]) -> None:
        if names:
            self.out.append(lua.Declare(tuple(local_name(name) for name in names)))

    def _statement(self, stmt: tree.Stmt, names: set[str]) -> None:
        match stmt:
            case tree.Assign():
                value = self.value(stmt.value)
                self.out.append(lua.Set((lua.Name(local_name(stmt.name)),), (value,), stmt.at))
            case tree.If():
                self._if(stmt.branches, stmt.orelse, stmt.at, names)
            case tree.ForEach():
                items = self.value(stmt.items)
                body = self._block(stmt.body, names)
                self.out.append(lua.ForItems(local_name(stmt.name), items, body, stmt.at))
            case tree.ForRange():
                first = self.value(stmt.start)
                last = plus(self.value(stmt.stop), -1 if stmt.step > 0 else 1)
                body = self._block(stmt.body, names)
                self.out.append(lua.ForNumber(local_name(stmt.name), first, last, stmt.step, body, stmt.at))
            case tree.Return():
                self._return(stmt)
            case tree.Break():
                self.out.append(lua.Break(stmt.at))
            case tree.Evaluate():
                self._evaluate(stmt)
            case tree.Append():
                value = self.value(stmt.value)
                target = self.value(stmt.target)
                end = lua.Operation("+", lua.Prefix("#", target), lua.Number(1))
                self.out.append(lua.Set((lua.Item(target, end),), (value,), stmt.at))
            case tree.Refuse():
                self.out.append(lua.Return((lua.Table((NONE, lua.Text(stmt.code))),), stmt.at))
            case _:
                raise InternalError(f"{stmt.at}: {type(stmt).__name__} reached the lowering")

    def _if(
        self,
        branches: Sequence[tuple[tree.Expr, tree.Block]],
        orelse: tree.Block,
        at: tree.Location,
        names: set[str],
    ) -> None:
        """Branches whose test needs statements beforehand open an `if` of their own inside the `else`."""
        done: list[tuple[lua.Expr, lua.Block]] = []
        for i, (test, body) in enumerate(branches):
            with self._captured() as before:
                lowered = self.condition(test)
            if before and i > 0:
                outer, self.out = self.out, []
                self._if(branches[i:], orelse, at, names)
                inner, self.out = tuple(self.out), outer
                self.out.append(lua.If(tuple(done), inner, at))
                return
            self.out.extend(before)
            done.append((lowered, self._block(body, names)))
        self.out.append(lua.If(tuple(done), self._block(orelse, names), at))

    def _return(self, stmt: tree.Return) -> None:
        if self.function.operation is None:
            values = () if stmt.value is None else (self.value(stmt.value),)
            self.out.append(lua.Return(values, stmt.at))
        elif stmt.value is None:
            self.out.append(lua.Return((lua.Table((NONE,)),), stmt.at))
        elif isinstance(stmt.value, tree.Construct):
            values = tuple(self.value(one) for one in stmt.value.values)
            reply = self.codec.reply_fields(stmt.value.record, values)
            self.out.append(lua.Return((lua.Table((reply,)),), stmt.at))
        else:
            reply = self.codec.reply(self.function.returns, self.value(stmt.value))
            self.out.append(lua.Return((lua.Table((reply,)),), stmt.at))

    def _evaluate(self, stmt: tree.Evaluate) -> None:
        """A call for its effect: a comparison around it is left out."""
        found = self.value(stmt.value)
        if isinstance(found, lua.Operation):
            found = found.left
        if isinstance(found, lua.Call):
            self.out.append(lua.Do(found, stmt.at))

    # --- expressions --------------------------------------------------------------------------------------------------

    @contextmanager
    def _captured(self) -> Iterator[list[lua.Stmt]]:
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
                return lua.Operation("-", lua.Number(0), self.value(expr.value))  # `-x` of 0 would be minus zero
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
            case "*":
                product = lua.Operation("*", left, right)
                positive = any(isinstance(side, lua.Number) and side.value > 0 for side in (left, right))
                return product if positive else lua.Operation("+", product, lua.Number(0))  # 0 * -1 is minus zero
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


def _loop_variables(block: tree.Block) -> set[str]:
    found: set[str] = set()
    for stmt in block:
        if isinstance(stmt, tree.ForEach | tree.ForRange):
            found.add(stmt.name)
        for inner in tree.blocks_of(stmt):
            found |= _loop_variables(inner)
    return found


def _assigned(block: tree.Block) -> set[str]:
    found: set[str] = set()
    for stmt in block:
        if isinstance(stmt, tree.Assign):
            found.add(stmt.name)
        for inner in tree.blocks_of(stmt):
            found |= _assigned(inner)
    return found


def _names_in(expr: tree.Expr) -> set[str]:
    found = {expr.name} if isinstance(expr, tree.Local) else set[str]()
    for part in tree.parts_of(expr):
        found |= _names_in(part)
    return found


def _own_names(stmt: tree.Stmt) -> set[str]:
    """The names that a statement touches outside the blocks inside it."""
    found = {stmt.name} if isinstance(stmt, tree.Assign) else set[str]()
    for expr in tree.expressions_of(stmt):
        found |= _names_in(expr)
    return found


def _all_names(block: tree.Block) -> set[str]:
    found: set[str] = set()
    for stmt in block:
        found |= _own_names(stmt)
        for inner in tree.blocks_of(stmt):
            found |= _all_names(inner)
    return found


def _placed(block: tree.Block, names: set[str]) -> tuple[dict[int, list[str]], set[str]]:
    """Where to declare each name: before which statement of this block, or further inside.

    A name lives in the innermost block that holds all of its uses.
    """
    here: dict[int, list[str]] = {}
    below: set[str] = set()
    own = [_own_names(stmt) for stmt in block]
    inner = [[_all_names(body) for body in tree.blocks_of(stmt)] for stmt in block]
    for name in sorted(names):
        touching = [i for i in range(len(block)) if name in own[i] or any(name in body for body in inner[i])]
        if not touching:
            continue
        first = touching[0]
        holders = sum(name in body for body in inner[first])
        if len(touching) == 1 and name not in own[first] and holders == 1:
            below.add(name)
        else:
            here.setdefault(first, []).append(name)
    return here, below


def _mentions(node: object, name: str) -> bool:
    """Whether a name is used anywhere inside a piece of Lua."""
    if isinstance(node, lua.Name):
        return node.name == name
    if isinstance(node, tuple):
        return any(_mentions(one, name) for one in node)
    fields = getattr(node, "__dataclass_fields__", None)
    return fields is not None and any(_mentions(getattr(node, field), name) for field in fields)
