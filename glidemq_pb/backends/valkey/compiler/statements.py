"""Statements: Python's `ast` to the typed tree. What is unknown is refused."""

import ast
from collections.abc import Sequence
from typing import cast

from . import expressions, operators, rules, tree, types
from .diagnostics import Location, RejectedError
from .errors import InternalError
from .scope import Scope, fit
from .symbols import Special
from .types import Type


def assigned_names(body: Sequence[ast.stmt]) -> set[str]:
    """Every name that a function assigns."""
    return {n.id for stmt in body for n in ast.walk(stmt) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def check_name(scope: Scope, node: ast.AST, name: str) -> None:
    """Refuse names that Lua could not hold, or that the compiler keeps for itself."""
    if not name.isascii() or name.startswith("__"):
        message = f"`{name}` is not a name that Lua can have"
        raise scope.refuse(rules.NAMES, node, message, "use ASCII letters, and not two underscores in front")


def block(scope: Scope, body: Sequence[ast.stmt]) -> tree.Block:
    """The statements of a block; one that is refused is left out."""
    out: list[tree.Stmt] = []
    end = body[0].lineno - 1 if body else 0
    for stmt in body:
        paragraph = stmt.lineno > end + 1
        end = stmt.end_lineno or stmt.lineno
        try:
            found = _statement(scope, stmt, paragraph)
        except RejectedError:
            _declare_broken(scope, stmt)
            if isinstance(stmt, ast.Return):  # it leaves all the same: what was tested before still holds after
                out.append(tree.Return(scope.at(stmt), paragraph, None))
            continue
        if found is not None:
            out.append(found)
    return tuple(out)


def _declare_broken(scope: Scope, stmt: ast.stmt) -> None:
    """Names of a refused assignment stay known, so that it is reported once."""
    if isinstance(stmt, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for name in assigned_names([stmt]):
            scope.declared.setdefault(name, None)


def _statement(scope: Scope, node: ast.stmt, paragraph: bool) -> tree.Stmt | None:
    at = scope.at(node)
    match node:
        case ast.Expr(ast.Constant(str())):
            return None
        case ast.Expr(ast.Call() as inner):
            return _call(scope, inner, at, paragraph)
        case ast.Expr():
            hint = "assign it, or leave it out"
            raise scope.refuse(rules.RESULT_IS_USED, node, "this value is not used", hint)
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return _assign(scope, node, paragraph)
        case ast.If():
            return _if(scope, node, paragraph)
        case ast.For():
            return _for(scope, node, paragraph)
        case ast.Return():
            return _return(scope, node, paragraph)
        case ast.Break():
            return tree.Break(at, paragraph)
        case ast.Continue():
            return tree.Continue(at, paragraph)
        case ast.Pass():
            return None
        case ast.While():
            hint = "write `for _ in range(LIMIT):` with a `break`"
            raise scope.refuse(rules.NO_WHILE, node, "a loop without a bound blocks the server", hint)
        case ast.Try() | ast.TryStar() | ast.Raise() | ast.Assert():
            message = "no exceptions: writes made before one would stay"
            hint = "test before, and `refuse(Code.X)` in the operation's own body"
            raise scope.refuse(rules.NO_EXCEPTIONS, node, message, hint)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            message = "no definitions inside a function"
            raise scope.refuse(rules.NO_NESTED_DEFINITION, node, message, "move it to module level")
        case ast.Import() | ast.ImportFrom():
            raise scope.refuse(rules.IMPORTS, node, "no imports inside a function", "import at the top of the module")
        case ast.With() | ast.AsyncWith() | ast.AsyncFor() | ast.Delete() | ast.Global() | ast.Nonlocal() | ast.Match():
            message = f"`{type(node).__name__.lower()}` is not in the subset"
            hint = "use assignments, if, for, return, break, continue and calls"
            raise scope.refuse(rules.STATEMENTS, node, message, hint)
        case _:
            raise InternalError(f"{at}: statement {type(node).__name__} is unknown to the compiler")


def _call(scope: Scope, node: ast.Call, at: Location, paragraph: bool) -> tree.Stmt:
    match node.func:
        case ast.Name(name) if name not in scope.declared:
            if scope.program.find(scope.module.source.module, name) == Special("refuse"):
                return _refuse(scope, node, paragraph)
        case ast.Attribute(owner, "append"):
            return _append(scope, node, owner, paragraph)
        case _:
            pass
    found = expressions.expression(scope, node)
    if not isinstance(found, tree.CallHelper | tree.CallVerb):
        raise scope.refuse(rules.RESULT_IS_USED, node, "this value is not used", "assign it, or leave it out")
    return tree.Evaluate(at, paragraph, found)


def _refuse(scope: Scope, node: ast.Call, paragraph: bool) -> tree.Stmt:
    code = expressions.expression(scope, node.args[0]) if len(node.args) == 1 and not node.keywords else None
    if not isinstance(code, tree.Const) or not isinstance(code.value, str):
        message = "`refuse` takes one code, a constant text"
        raise scope.refuse(rules.REFUSE_IN_OPERATIONS, node, message, "write `refuse(Code.X)`")
    if not scope.signature.operation:
        message = "only an operation's own body refuses"
        hint = "return what is wrong to the operation, and refuse there"
        raise scope.refuse(rules.REFUSE_IN_OPERATIONS, node, message, hint)
    return tree.Refuse(scope.at(node), paragraph, code.value)


def _append(scope: Scope, node: ast.Call, owner: ast.expr, paragraph: bool) -> tree.Stmt:
    target = expressions.expression(scope, owner)
    item = types.item_type(target.type)
    if item is None:
        message = f"`{target.type}` has no `append`"
        raise scope.refuse(rules.CALL_IS_KNOWN, node.func, message, "only lists grow")
    if not isinstance(target, tree.Local):
        message = "`append` is of a local list"
        raise scope.refuse(rules.CALL_IS_KNOWN, node.func, message, "bind the list to a local first")
    if len(node.args) != 1 or node.keywords:
        raise scope.refuse(rules.ARGUMENTS_FIT, node, "`append` takes one value", "append one by one")
    found = expressions.value(scope, node.args[0], item, "the appended value")
    return tree.Append(scope.at(node), paragraph, target, found)


def _assign(scope: Scope, node: ast.Assign | ast.AnnAssign | ast.AugAssign, paragraph: bool) -> tree.Stmt:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not isinstance(target, ast.Name) or (isinstance(node, ast.Assign) and len(node.targets) > 1):
        hint = "write one assignment per name; records and lists are built, not changed"
        raise scope.refuse(rules.ONE_PLAIN_TARGET, node, "an assignment gives one value to one plain name", hint)
    name = target.id
    check_name(scope, target, name)
    if name in scope.loops or name in scope.past_loops:
        message = f"`{name}` is a loop variable"
        raise scope.refuse(rules.LOOP_VARIABLE_STAYS, target, message, "use another name")
    declared = scope.declared.get(name)
    if isinstance(node, ast.AnnAssign):
        annotated = scope.program.annotation(scope.module, node.annotation)
        if annotated == types.STORE:
            raise scope.refuse(rules.STORE_IS_NO_VALUE, node, "the Store is no value", "pass it on as `s`")
        if name in scope.declared and declared is not None and declared != annotated:
            message = f"`{name}` is `{declared}` already"
            raise scope.refuse(rules.TYPE_MISMATCH, node, message, "a name has one type; use another name")
        declared = annotated
    if node.value is None:
        raise scope.refuse(rules.ONE_PLAIN_TARGET, node, "a declaration without a value", "assign a value here")
    source = node.value
    if isinstance(node, ast.AugAssign):
        left = ast.copy_location(ast.Name(name, ast.Load()), target)
        source = ast.copy_location(ast.BinOp(left, node.op, node.value), node)
    found = expressions.expression(scope, source, declared)
    if declared is None:
        declared = _inferred(scope, source, found.type)
    fit(scope, declared, found.type, source, f"`{name}`")
    if declared == types.STORE:
        raise scope.refuse(rules.STORE_IS_NO_VALUE, node, "the Store is no value", "use another name")
    scope.declared[name] = declared
    scope.forget([name])
    if isinstance(declared, types.Maybe) and found.type != types.NONE:
        scope.narrow({name: found.type})
    return tree.Assign(scope.at(node), paragraph, name, found)


def _inferred(scope: Scope, node: ast.expr, found: Type) -> Type:
    if found == types.NONE:
        if isinstance(node, ast.Constant):
            hint = "write `x: str | None = None`"
            raise scope.refuse(rules.NONE_HAS_ITS_PLACES, node, "the type of this None is unknown", hint)
        raise scope.refuse(rules.RESULT_IS_USED, node, "this call has no result", "call it in a statement of its own")
    return found


def _if(scope: Scope, node: ast.If, paragraph: bool) -> tree.Stmt:
    at = scope.at(node)
    branches: list[tuple[tree.Expr, tree.Block]] = []
    ends: list[dict[str, Type]] = []
    current: ast.If | None = node
    orelse: tree.Block = ()
    while current is not None:
        try:
            test = expressions.condition(scope, current.test)
        except RejectedError:
            test = tree.Const(types.BOOL, at, True)
        true, false = operators.facts(test)
        before = dict(scope.current)
        scope.narrow(true)
        body = block(scope, current.body)
        branches.append((test, body))
        if not tree.leaves(body):
            ends.append(dict(scope.current))
        scope.current = before
        scope.narrow(false)
        rest = current.orelse
        match rest:
            case [ast.If() as following] if following.col_offset == current.col_offset:
                current = following
            case _:
                current = None
                orelse = block(scope, rest)
                if not tree.leaves(orelse):
                    ends.append(dict(scope.current))
    scope.merge(ends)
    return tree.If(at, paragraph, tuple(branches), orelse)


def _for(scope: Scope, node: ast.For, paragraph: bool) -> tree.Stmt:
    if node.orelse:
        raise scope.refuse(rules.NO_LOOP_ELSE, node.orelse[0], "no `else` on a loop", "use a bool")
    if not isinstance(node.target, ast.Name):
        raise scope.refuse(rules.ONE_PLAIN_TARGET, node.target, "a loop has one plain variable", "bind parts inside")
    name = node.target.id
    check_name(scope, node.target, name)
    taken = name in scope.loops or (name in scope.declared and name not in scope.past_loops)
    if taken and name != "_":
        message = f"the loop variable `{name}` is another variable as well"
        raise scope.refuse(rules.LOOP_VARIABLE_STAYS, node.target, message, "use another name")
    head = _head(scope, node, name, paragraph)
    scope.forget(assigned_names(node.body))
    before = dict(scope.current)
    scope.loops.append(name)
    body = block(scope, node.body)
    scope.loops.pop()
    scope.past_loops.add(name)
    scope.current = before
    at = scope.at(node)
    if isinstance(head, tree.ForRange):
        return tree.ForRange(at, paragraph, name, head.start, head.stop, head.step, body)
    return tree.ForEach(at, paragraph, name, head.items, body)


def _head(scope: Scope, node: ast.For, name: str, paragraph: bool) -> tree.ForRange | tree.ForEach:
    """The loop without its body; declares the variable."""
    at = scope.at(node)
    scope.declared[name] = None
    try:
        if isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name) and node.iter.func.id == "range":
            start, stop, step = _range(scope, node.iter)
            scope.declared[name] = types.INT
            return tree.ForRange(at, paragraph, name, start, stop, step, ())
        items = _items(scope, node.iter)
        scope.declared[name] = types.item_type(items.type)
        return tree.ForEach(at, paragraph, name, items, ())
    except RejectedError:
        return tree.ForEach(at, paragraph, name, tree.Const(types.NONE, at, None), ())


def _items(scope: Scope, node: ast.expr) -> tree.Expr:
    items = expressions.expression(scope, expressions.listed(node))
    if isinstance(items.type, types.Maybe):
        fit(scope, items.type.inner, items.type, node, "what a loop runs over")
    if types.item_type(items.type) is None:
        message = f"a loop runs over a list or a range, not over `{items.type}`"
        raise scope.refuse(rules.LOOPS_RUN_OVER_LISTS, node, message, "hold a list")
    return items


def _range(scope: Scope, node: ast.Call) -> tuple[tree.Expr, tree.Expr, int]:
    if node.keywords or not 1 <= len(node.args) <= 3:
        message = "`range` takes one to three ints"
        raise scope.refuse(rules.ARGUMENTS_FIT, node, message, "write `range(stop)` or `range(start, stop)`")
    values = [expressions.value(scope, one, types.INT, "a bound of `range`") for one in node.args]
    zero: tree.Expr = tree.Const(types.INT, scope.at(node), 0)
    if len(values) == 1:
        return zero, values[0], 1
    if len(values) == 2:
        return values[0], values[1], 1
    step = values[2]
    if not isinstance(step, tree.Const) or step.value == 0:
        message = "the step of a range is a constant other than 0"
        raise scope.refuse(rules.STEP_IS_A_CONSTANT, node.args[2], message, "write a literal or a constant")
    return values[0], values[1], cast("int", step.value)


def _return(scope: Scope, node: ast.Return, paragraph: bool) -> tree.Stmt:
    wanted = scope.signature.returns
    if node.value is None:
        if wanted != types.NONE:
            message = f"`{scope.signature.name}` returns `{wanted}`"
            raise scope.refuse(rules.EVERY_PATH_RETURNS, node, message, "return a value")
        return tree.Return(scope.at(node), paragraph, None)
    found = expressions.value(scope, node.value, wanted, f"the result of `{scope.signature.name}`")
    if wanted == types.NONE:
        if not isinstance(found, tree.Const):
            raise scope.refuse(rules.RESULT_IS_USED, node, "this call has no result", "call it, then `return`")
        return tree.Return(scope.at(node), paragraph, None)
    return tree.Return(scope.at(node), paragraph, found)
