"""Expressions: Python's `ast` to the typed tree. What is unknown is refused."""

import ast
from typing import Literal, cast

from . import calls, rules, tree, types
from .diagnostics import Rejected
from .errors import InternalError
from .modules import Constant, Enum, ModuleName, Value, fold
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


def expression(scope: Scope, node: ast.expr, expected: Type | None = None) -> tree.Expr:
    """The typed tree of an expression. `expected` gives `[]` its type; it is not enforced here."""
    match node:
        case ast.Constant(value):
            return _literal(scope, node, value)
        case ast.Name():
            return _name(scope, node)
        case ast.BinOp():
            return _binary(scope, node)
        case ast.UnaryOp():
            return _unary(scope, node)
        case ast.Compare():
            return _comparison(scope, node)
        case ast.BoolOp():
            return _logic(scope, node)
        case ast.IfExp():
            return _conditional(scope, node, expected)
        case ast.List():
            return _list(scope, node, expected)
        case ast.Subscript():
            return _index(scope, node)
        case ast.Attribute():
            return _attribute(scope, node)
        case ast.Call():
            return calls.call(scope, node)
        case ast.JoinedStr():
            return _fstring(scope, node)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            hint = "write a loop that appends"
            raise scope.refuse(rules.NO_COMPREHENSION, node, "no comprehension", hint)
        case ast.Lambda():
            hint = "write a helper at module level"
            raise scope.refuse(rules.NO_NESTED_DEFINITION, node, "no lambda", hint)
        case ast.Dict() | ast.Set() | ast.Tuple():
            hint = "write a list, or a record"
            raise scope.refuse(rules.LITERALS, node, "only lists and records hold several values", hint)
        case ast.NamedExpr():
            raise scope.refuse(rules.ONE_PLAIN_TARGET, node, "no `:=`", "assign in a statement of its own")
        case ast.Starred():
            raise scope.refuse(rules.PLAIN_PARAMETERS, node, "no `*`", "name every value")
        case ast.Await() | ast.Yield() | ast.YieldFrom():
            message = "an operation runs to its end without waiting"
            raise scope.refuse(rules.STATEMENTS, node, message, "leave it out, or do it in the host")
        case _:
            raise InternalError(f"{scope.at(node)}: expression {type(node).__name__} is unknown to the compiler")


def value(scope: Scope, node: ast.expr, wanted: Type, what: str) -> tree.Expr:
    """An expression that must have the type `wanted`."""
    found = expression(scope, node, wanted)
    fit(scope, wanted, found.type, node, what)
    return found


def condition(scope: Scope, node: ast.expr) -> tree.Expr:
    """An expression that must be a bool."""
    found = expression(scope, node)
    if found.type != types.BOOL:
        hints: dict[str, str] = {"int": "write `n != 0`", "str": 'write `t != ""`'}
        hint = "write `is not None`" if isinstance(found.type, types.Maybe) else hints.get(str(found.type), "")
        hint = hint or "write a comparison, as `len(xs) > 0`"
        message = f"a condition is a bool, got `{found.type}`"
        raise scope.refuse(rules.CONDITION_NEEDS_BOOL, node, message, f"{hint}: only nil and false are false in Lua")
    return found


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


def constant(scope: Scope, node: ast.expr, found: Value) -> tree.Expr:
    """A compile-time value as an expression, checked against what Lua can hold."""
    at = scope.at(node)
    match found:
        case bool():
            return tree.Const(types.BOOL, at, found)
        case None:
            return tree.Const(types.NONE, at, None)
        case int():
            if abs(found) > types.INT_MAX:
                message = f"{found} is beyond 2**53 - 1"
                hint = "Lua's numbers are doubles; keep every number within 2**53 - 1"
                raise scope.refuse(rules.CONSTANTS, node, message, hint)
            return tree.Const(types.INT, at, found)
        case str():
            if any(ord(char) > 255 for char in found):
                message = "text is wire text: every character is one byte"
                hint = "write ASCII, or the UTF-8 bytes as \\x escapes"
                raise scope.refuse(rules.CONSTANTS, node, message, hint)
            return tree.Const(types.STR, at, found)
        case tuple():
            items = tuple(constant(scope, node, item) for item in found)
            kinds = {item.type for item in items}
            if len(kinds) != 1:
                message = "a constant list holds values of one type, and at least one"
                raise scope.refuse(rules.LITERALS, node, message, "split it")
            return tree.ListLiteral(types.ListOf(kinds.pop()), at, items)


def _literal(scope: Scope, node: ast.Constant, found: object) -> tree.Expr:
    if isinstance(found, bool | int | str) or found is None:
        return constant(scope, node, found)
    hint = "there are ints, texts, bools and None; count in milliseconds, microtokens or thousandths"
    raise scope.refuse(rules.LITERALS, node, f"no literals of type {type(found).__name__}", hint)


def _name(scope: Scope, node: ast.Name) -> tree.Expr:
    name = node.id
    if name in scope.declared:
        found = scope.type_here(name)
        if found is None:
            raise Rejected
        if name == "_":
            raise scope.refuse(rules.NAMES, node, "`_` is never read", "give the variable a name")
        if name in scope.past_loops and name not in scope.loops:
            message = f"the loop variable `{name}` is used after its loop"
            hint = "assign it to another name inside the loop; Lua's loop variables end with the loop"
            raise scope.refuse(rules.LOOP_VARIABLE_STAYS, node, message, hint)
        if found == types.STORE:
            hint = f"call a verb, `{name}.get_count(key)`, or pass it to a helper"
            raise scope.refuse(rules.STORE_IS_NO_VALUE, node, "the Store is no value", hint)
        return tree.Local(found, scope.at(node), name)
    if name in scope.assigned:
        message = f"`{name}` is read before it is assigned"
        raise scope.refuse(rules.ASSIGNED_BEFORE_READ, node, message, "assign it before")
    symbol = scope.program.find(scope.module.source.module, name)
    if isinstance(symbol, Constant):
        return constant(scope, node, symbol.value)
    message = f"`{name}` is not a value" if symbol is not None else f"`{name}` is not defined"
    hint = "use a local, a parameter or a constant; functions and classes can only be called"
    raise scope.refuse(rules.NAME_IS_KNOWN, node, message, hint)


def _binary(scope: Scope, node: ast.BinOp) -> tree.Expr:
    op = _ARITHMETIC.get(type(node.op))
    left, right = expression(scope, node.left), expression(scope, node.right)
    both_ints = left.type == types.INT and right.type == types.INT
    if op in ("//", "%") and both_ints and not _is_positive(right):
        message = "the divisor may be zero or negative"
        hint = "divide by a positive constant, or by `max(1, n)`"
        raise scope.refuse(rules.DIVISOR_IS_A_POSITIVE_CONSTANT, node.right, message, hint)
    if isinstance(left, tree.Const) and isinstance(right, tree.Const) and both_ints:
        folded = fold(node.op, left.value, right.value)
        if folded is not None:
            return constant(scope, node, folded)
    if op is None:
        hint = "there are + - * // and %; `**` only between constants; for bits use a table or doubling in a loop"
        raise scope.refuse(rules.OPERATORS, node, "this operator differs in Lua", hint)
    if op == "+" and left.type == types.STR and right.type == types.STR:
        parts = [*_parts(left), *_parts(right)]
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


def _parts(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    return expr.parts if isinstance(expr, tree.Concat) else (expr,)


def _unary(scope: Scope, node: ast.UnaryOp) -> tree.Expr:
    operand = expression(scope, node.operand)
    match node.op:
        case ast.Not():
            if operand.type != types.BOOL:
                message = f"`not` needs a bool, got `{operand.type}`"
                hint = 'write a comparison: `== 0`, `== ""`, `is None`, `len(xs) == 0`'
                raise scope.refuse(rules.OR_NEEDS_BOOLS, node, message, hint)
            return tree.Not(types.BOOL, scope.at(node), operand)
        case ast.USub() if isinstance(operand, tree.Const) and operand.type == types.INT:
            return constant(scope, node, -cast("int", operand.value))
        case ast.USub():
            fit(scope, types.INT, operand.type, node.operand, "an operand")
            return tree.Negate(types.INT, scope.at(node), operand)
        case _:
            raise scope.refuse(rules.OPERATORS, node, "this operator differs in Lua", "there are `not` and `-`")


def _comparison(scope: Scope, node: ast.Compare) -> tree.Expr:
    nodes = [node.left, *node.comparators]
    sides = [expression(scope, one) for one in nodes]
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
        if b.type != types.NONE or not isinstance(a.type, types.Maybe):
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


def _logic(scope: Scope, node: ast.BoolOp) -> tree.Expr:
    op: Literal["and", "or"] = "and" if isinstance(node.op, ast.And) else "or"
    before = dict(scope.current)
    found: tree.Expr | None = None
    for operand in node.values:
        one = expression(scope, operand)
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


def _conditional(scope: Scope, node: ast.IfExp, expected: Type | None) -> tree.Expr:
    test = condition(scope, node.test)
    true, false = facts(test)
    before = dict(scope.current)
    scope.narrow(true)
    yes = expression(scope, node.body, expected)
    scope.current = dict(before)
    scope.narrow(false)
    no = expression(scope, node.orelse, expected if expected is not None else yes.type)
    scope.current = before
    joined = _join(yes.type, no.type)
    if joined is None:
        message = f"the branches have types `{yes.type}` and `{no.type}`"
        raise scope.refuse(rules.TYPE_MISMATCH, node, message, "give both the same type")
    return tree.Conditional(joined, scope.at(node), test, yes, no)


def _join(a: Type, b: Type) -> Type | None:
    """The one type of two branches."""
    if types.accepts(a, b):
        return a
    if types.accepts(b, a):
        return b
    if types.NONE in (a, b):
        inner = a if b == types.NONE else b
        return None if inner in (types.BOOL, types.NONE) else types.Maybe(inner)
    return None


def _list(scope: Scope, node: ast.List, expected: Type | None) -> tree.Expr:
    wanted = types.strip_none(expected) if expected is not None else None
    item = types.item_type(wanted) if wanted is not None else None
    items = [expression(scope, one, item) for one in node.elts]
    if item is None:
        if not items:
            message = "the type of this empty list is unknown"
            raise scope.refuse(rules.EMPTY_LIST_NEEDS_TYPE, node, message, "write `xs: list[str] = []`")
        item = items[0].type
    for one, one_node in zip(items, node.elts, strict=True):
        if one.type == types.NONE or isinstance(one.type, types.Maybe):
            hint = "leave the missing ones out: a nil ends a Lua list"
            raise scope.refuse(rules.NONE_HAS_ITS_PLACES, one_node, "a list holds no None", hint)
        fit(scope, item, one.type, one_node, "a list item")
    return tree.ListLiteral(types.ListOf(item), scope.at(node), tuple(items))


def _index(scope: Scope, node: ast.Subscript) -> tree.Expr:
    if isinstance(node.slice, ast.Slice):
        raise scope.refuse(rules.NO_SLICE, node, "no slices", "write a loop; `drop(t, n)` for the rest of a text")
    container = expression(scope, node.value)
    if isinstance(container.type, types.Maybe):
        fit(scope, container.type.inner, container.type, node.value, "what is indexed")
    item = types.item_type(container.type)
    if item is None:
        message = f"`{container.type}` has no items"
        raise scope.refuse(rules.TYPE_MISMATCH, node, message, "only lists are indexed")
    index = value(scope, node.slice, types.INT, "an index")
    if isinstance(index, tree.Const) and cast("int", index.value) < 0:
        message = "an index counts from 0 up"
        raise scope.refuse(
            rules.INDEX_FROM_ZERO_UP, node.slice, message, "write `xs[len(xs) - 1]` under a test of `len`"
        )
    return tree.Index(item, scope.at(node), container, index)


def _attribute(scope: Scope, node: ast.Attribute) -> tree.Expr:
    if isinstance(node.value, ast.Name) and node.value.id not in scope.declared:
        symbol = scope.program.find(scope.module.source.module, node.value.id)
        if isinstance(symbol, Enum) and node.attr in symbol.members:
            return constant(scope, node, symbol.members[node.attr])
        if isinstance(symbol, ModuleName):
            found = scope.program.find(symbol.module, node.attr)
            if isinstance(found, Constant):
                return constant(scope, node, found.value)
    owner = expression(scope, node.value)
    if isinstance(owner.type, types.Maybe):
        fit(scope, owner.type.inner, owner.type, node.value, "what is asked for an attribute")
    field = owner.type.field(node.attr) if isinstance(owner.type, types.Record) else None
    if field is None:
        message = f"`{owner.type}` has no field `{node.attr}`"
        raise scope.refuse(rules.FIELD_IS_KNOWN, node, message, "only the fields of records are read")
    return tree.Attribute(field, scope.at(node), owner, node.attr)


def _fstring(scope: Scope, node: ast.JoinedStr) -> tree.Expr:
    parts: list[tree.Expr] = []
    for one in node.values:
        match one:
            case ast.Constant(found):
                parts.append(_literal(scope, one, found))
            case ast.FormattedValue(inner, -1, None):
                part = expression(scope, inner)
                if part.type != types.STR:
                    message = f"an f-string holds texts, got `{part.type}`"
                    hint = "write `text(n)`: numbers do not turn into text by themselves"
                    raise scope.refuse(rules.FSTRING_HOLDS_TEXTS, inner, message, hint)
                parts.extend(_parts(part))
            case _:
                message = "no conversions and formats in f-strings"
                raise scope.refuse(rules.FSTRING_HOLDS_TEXTS, node, message, "write `pad(n)` or `text(n)`")
    if len(parts) == 1:
        return parts[0]
    return tree.Concat(types.STR, scope.at(node), tuple(parts)) if parts else constant(scope, node, "")
