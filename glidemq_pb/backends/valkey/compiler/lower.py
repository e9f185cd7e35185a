"""Typed tree to Lua AST: functions and statements."""

from collections.abc import Sequence
from typing import cast

from . import lua_ast as lua
from . import placing, tree, types
from .diagnostics import Location
from .errors import InternalError
from .guards import Guards
from .lower_expressions import NONE, LowerExpressions, plus
from .names import local_name


class Lower(LowerExpressions):
    """One function."""

    def closure(self) -> lua.Closure:
        """The whole function."""
        body = Guards().block(self.function.body)
        parameters = {name for name, _ in self.function.parameters}
        loops = placing.loop_variables(body)
        names = placing.assigned(body) - parameters - loops
        found = list(self._block(body, names, paragraphs=True))
        falls_off = not found or not isinstance(found[-1], lua.Return)
        if self.function.operation is not None and self.function.returns == types.NONE and falls_off:
            found.append(lua.Return((lua.Table((NONE,)),)))
        if any(_mentions(stmt, "call") for stmt in found):
            found.insert(0, lua.Declare(("call",), (lua.Member(lua.Name("redis"), "call"),)))
        return lua.Closure(tuple(local_name(name) for name, _ in self.function.parameters), tuple(found))

    # --- statements ---------------------------------------------------------------------------------------------------

    def _block(self, block: tree.Block, names: set[str], *, paragraphs: bool = False) -> lua.Block:
        """A block in which `names`, or some block inside it, must be declared."""
        outer, self.out = self.out, []
        here, below = placing.placed(block, names)
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
        at: Location,
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
            self.out.append(lua.Return(() if stmt.value is None else (self.value(stmt.value),), stmt.at))
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


def _mentions(node: object, name: str) -> bool:
    """Whether a name is used anywhere inside a piece of Lua."""
    if isinstance(node, lua.Name):
        return node.name == name
    if isinstance(node, tuple):
        return any(_mentions(one, name) for one in cast("tuple[object, ...]", node))
    fields = getattr(node, "__dataclass_fields__", None)
    return fields is not None and any(_mentions(getattr(node, field), name) for field in fields)
