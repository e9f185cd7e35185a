"""Expressions: Python's `ast` to the typed tree. What is unknown is refused."""

import ast
from typing import cast

from . import calls, operators, rules, tree, types
from .diagnostics import RejectedError
from .errors import InternalError
from .scope import Scope, fit
from .symbols import Constant, Enum, ModuleName, Value
from .types import Type


def expression(scope: Scope, node: ast.expr, expected: Type | None = None) -> tree.Expr:
    """The typed tree of an expression. `expected` gives `[]` its type; it is not enforced here."""
    match node:
        case ast.Constant(value):
            return _literal(scope, node, value)
        case ast.Name():
            return _name(scope, node)
        case ast.BinOp():
            return operators.binary(scope, node)
        case ast.UnaryOp():
            return operators.unary(scope, node)
        case ast.Compare():
            return operators.comparison(scope, node)
        case ast.BoolOp():
            return operators.logic(scope, node)
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


def listed(node: ast.expr) -> ast.expr:
    """A tuple as a list: where only its items matter, after `in`, they are the same."""
    return ast.copy_location(ast.List(node.elts, ast.Load()), node) if isinstance(node, ast.Tuple) else node


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
            raise RejectedError
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


def _conditional(scope: Scope, node: ast.IfExp, expected: Type | None) -> tree.Expr:
    test = condition(scope, node.test)
    true, false = operators.facts(test)
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
                parts.extend(operators.texts(part))
            case _:
                message = "no conversions and formats in f-strings"
                raise scope.refuse(rules.FSTRING_HOLDS_TEXTS, node, message, "write `pad(n)` or `text(n)`")
    if len(parts) == 1:
        return parts[0]
    return tree.Concat(types.STR, scope.at(node), tuple(parts)) if parts else constant(scope, node, "")
