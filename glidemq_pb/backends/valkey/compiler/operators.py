"""Operators: arithmetic, comparisons, `and`, `or`, `not`, and what their outcome says about None."""

import ast
from typing import Literal, cast

from . import expressions, rules, tree, types
from .constants import fold
from .scope import Scope, fit
from .types import Type

_COMPARE: dict[type[ast.cmpop], Literal["==", "!=", "<", "<=", ">", ">="]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: dict[type[ast.operator], Literal["+", "-", "*", "//", "%"]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}


def facts(test: tree.Expr) -> tuple[dict[str, Type], dict[str, Type]]:
    """Which locals are known not to be None when the test holds, and when it does not."""
    match test:
        case tree.IsNone(_, _, tree.Local(_, _, name) as local, negated):
            known: dict[str, Type] = {name: types.strip_none(local.type)}
            return (known, {}) if negated else ({}, known)
        case tree.Not():
            true, false = facts(test.value)
            return false, true
        case tree.Logic(_, _, "and", left, right):
            return {**facts(left)[0], **facts(right)[0]}, {}
        case tree.Logic(_, _, "or", left, right):
            return {}, {**facts(left)[1], **facts(right)[1]}
        case _:
            return {}, {}


def binary(scope: Scope, node: ast.BinOp) -> tree.Expr:
    """Arithmetic, and texts put together."""
    op = _ARITHMETIC.get(type(node.op))
    left, right = expressions.expression(scope, node.left), expressions.expression(scope, node.right)
    both_ints = left.type == types.INT and right.type == types.INT
    if op in ("//", "%") and both_ints and not _is_positive(right):
        message = "the divisor may be zero or negative"
        hint = "divide by a positive constant, or by `max(1, n)`"
        raise scope.refuse(rules.DIVISOR_IS_A_POSITIVE_CONSTANT, node.right, message, hint)
    if isinstance(left, tree.Const) and isinstance(right, tree.Const) and both_ints:
        folded = fold(node.op, left.value, right.value)
        if folded is not None:
            return expressions.constant(scope, node, folded)
    if op is None:
        hint = "there are + - * // and %; `**` only between constants; for bits use a table or doubling in a loop"
        raise scope.refuse(rules.OPERATORS, node, "this operator differs in Lua", hint)
    if op == "+" and left.type == types.STR and right.type == types.STR:
        parts = [*texts(left), *texts(right)]
        return tree.Concat(types.STR, scope.at(node), tuple(parts))
    for side, side_node in ((left, node.left), (right, node.right)):
        if isinstance(side.type, types.Maybe):
            fit(scope, side.type.inner, side.type, side_node, "an operand")
    if not both_ints:
        message = f"`{op}` between `{left.type}` and `{right.type}`"
        hint = "numbers and texts do not mix: write `text(n)` or `number(t)`; a bool is no number"
        raise scope.refuse(rules.OPERANDS, node, message, hint)
    return tree.Binary(types.INT, scope.at(node), op, left, right)


def _is_positive(expr: tree.Expr) -> bool:
    match expr:
        case tree.Const(_, _, int() as found):
            return found > 0
        case tree.Extreme(_, _, "max", values):
            return any(_is_positive(one) for one in values)
        case _:
            return False


def texts(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """The texts that an expression puts together."""
    return expr.parts if isinstance(expr, tree.Concat) else (expr,)


def unary(scope: Scope, node: ast.UnaryOp) -> tree.Expr:
    """`not` and `-`."""
    operand = expressions.expression(scope, node.operand)
    match node.op:
        case ast.Not():
            if operand.type != types.BOOL:
                message = f"`not` needs a bool, got `{operand.type}`"
                hint = 'write a comparison: `== 0`, `== ""`, `is None`, `len(xs) == 0`'
                raise scope.refuse(rules.OR_NEEDS_BOOLS, node, message, hint)
            return tree.Not(types.BOOL, scope.at(node), operand)
        case ast.USub() if isinstance(operand, tree.Const) and operand.type == types.INT:
            return expressions.constant(scope, node, -cast("int", operand.value))
        case ast.USub():
            fit(scope, types.INT, operand.type, node.operand, "an operand")
            return tree.Negate(types.INT, scope.at(node), operand)
        case _:
            raise scope.refuse(rules.OPERATORS, node, "this operator differs in Lua", "there are `not` and `-`")


def comparison(scope: Scope, node: ast.Compare) -> tree.Expr:
    """Comparisons, chained or not."""
    nodes = [node.left, *(expressions.listed(one) for one in node.comparators)]
    sides = [expressions.expression(scope, one) for one in nodes]
    for middle, middle_node in zip(sides[1:-1], nodes[1:-1], strict=True):
        if not isinstance(middle, tree.Local | tree.Const):
            message = "the middle of a chained comparison is evaluated twice in Lua"
            raise scope.refuse(rules.CHAIN_MIDDLE_IS_A_NAME, middle_node, message, "bind it to a local first")
    found: tree.Expr | None = None
    for i, op in enumerate(node.ops):
        one = _compare(scope, node, op, (sides[i], nodes[i]), (sides[i + 1], nodes[i + 1]))
        found = one if found is None else tree.Logic(types.BOOL, scope.at(node), "and", found, one)
    assert found is not None  # noqa: S101 - the grammar has at least one operator
    return found


def _compare(
    scope: Scope, node: ast.Compare, op: ast.cmpop, left: tuple[tree.Expr, ast.expr], right: tuple[tree.Expr, ast.expr]
) -> tree.Expr:
    (a, a_node), (b, b_node) = left, right
    at = scope.at(node)
    if isinstance(op, ast.Is | ast.IsNot):
        declared = scope.declared.get(a.name) if isinstance(a, tree.Local) else a.type  # known better or not
        if b.type != types.NONE or not isinstance(declared, types.Maybe):
            message = f"`is` between `{a.type}` and `{b.type}`"
            hint = "write `x is None` of an `X | None`, else `==`"
            raise scope.refuse(rules.IS_COMPARES_WITH_NONE, node, message, hint)
        return tree.IsNone(types.BOOL, at, a, isinstance(op, ast.IsNot))
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(scope, node, a, b, negated=isinstance(op, ast.NotIn))
    symbol = _COMPARE[type(op)]
    if symbol in ("==", "!="):
        inner = {types.strip_none(a.type), types.strip_none(b.type)}
        if len(inner) != 1 or not inner <= {types.INT, types.STR, types.BOOL}:
            message = f"`{symbol}` between `{a.type}` and `{b.type}`"
            hint = "compare two ints, two texts or two bools: Lua compares lists and records by identity"
            raise scope.refuse(rules.EQUALITY_NEEDS_SCALARS, node, message, hint)
        return tree.Compare(types.BOOL, at, symbol, a, b)
    for side, side_node in ((a, a_node), (b, b_node)):
        if isinstance(side.type, types.Maybe):
            fit(scope, side.type.inner, side.type, side_node, "an operand")
        if side.type != types.INT:
            message = f"`{symbol}` needs two ints, got `{side.type}`"
            hint = "Lua orders text by the server's locale; order text only in sorted sets"
            raise scope.refuse(rules.ORDER_NEEDS_INTS, side_node, message, hint)
    return tree.Compare(types.BOOL, at, symbol, a, b)


def _membership(scope: Scope, node: ast.Compare, a: tree.Expr, b: tree.Expr, *, negated: bool) -> tree.Expr:
    """`x in (A, B)`: only a name or constant among scalars written out, so that nothing is evaluated twice."""
    at = scope.at(node)
    if not isinstance(b, tree.ListLiteral) or not isinstance(a, tree.Local | tree.Const):
        message = "`in` is for a name among values that are written out"
        hint = "write a list literal of constants, or a loop"
        raise scope.refuse(rules.OPERATORS, node, message, hint)
    found: tree.Expr = tree.Const(types.BOOL, at, False)
    for i, item in enumerate(b.items):
        if item.type != a.type or a.type not in (types.INT, types.STR) or not isinstance(item, tree.Local | tree.Const):
            message = f"`{a.type}` among `{item.type}`"
            raise scope.refuse(rules.EQUALITY_NEEDS_SCALARS, node, message, "compare ints with ints, texts with texts")
        one = tree.Compare(types.BOOL, at, "==", a, item)
        found = one if i == 0 else tree.Logic(types.BOOL, at, "or", found, one)
    return tree.Not(types.BOOL, at, found) if negated else found


def logic(scope: Scope, node: ast.BoolOp) -> tree.Expr:
    """`and` and `or`."""
    op: Literal["and", "or"] = "and" if isinstance(node.op, ast.And) else "or"
    before = dict(scope.current)
    found: tree.Expr | None = None
    for operand in node.values:
        one = expressions.expression(scope, operand)
        if one.type != types.BOOL:
            scope.current = before
            message = f"`{op}` needs bools, got `{one.type}`"
            hint = "0 and the empty text are true in Lua; write `b if a == 0 else a`, or a comparison"
            raise scope.refuse(rules.OR_NEEDS_BOOLS, operand, message, hint)
        scope.narrow(facts(one)[0 if op == "and" else 1])
        found = one if found is None else tree.Logic(types.BOOL, scope.at(node), op, found, one)
    scope.current = before
    assert found is not None  # noqa: S101 - the grammar has at least two operands
    return found
