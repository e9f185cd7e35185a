"""Calls: of helpers, builtins of lang.py, Store verbs, records, `len`, `min`, `max`."""

import ast
from typing import Literal

from . import expressions, rules, tree, types, verbs
from .scope import Scope, fit
from .symbols import ModuleName, Signature, Special, Symbol
from .types import Record, Type


def call(scope: Scope, node: ast.Call) -> tree.Expr:
    """A call as an expression. `refuse` and `append` are statements and are refused here."""
    if any(isinstance(one, ast.Starred) for one in node.args) or any(k.arg is None for k in node.keywords):
        raise scope.refuse(rules.PLAIN_PARAMETERS, node, "no `*` and `**` in calls", "name every argument")
    match node.func:
        case ast.Name(name) if name not in scope.declared:
            symbol = scope.program.find(scope.module.source.module, name)
            if symbol is None and name in ("len", "min", "max"):
                return _builtin(scope, node, name)
            return _symbol(scope, node, name, symbol)
        case ast.Attribute(ast.Name(owner), verb):
            if owner in scope.declared:
                if scope.declared[owner] == types.STORE:
                    return _verb(scope, node, verb)
            else:
                symbol = scope.program.find(scope.module.source.module, owner)
                if isinstance(symbol, ModuleName):
                    return _symbol(scope, node, verb, scope.program.find(symbol.module, verb))
        case _:
            pass
    if isinstance(node.func, ast.Attribute) and node.func.attr == "append":
        message = "`append` is a statement of its own"
        raise scope.refuse(rules.RESULT_IS_USED, node, message, "write `xs.append(value)` on a line of its own")
    message = f"`{ast.unparse(node.func)}` is not callable here"
    hint = "call helpers, builtins of lang.py, verbs of the Store, records; no methods of texts and lists"
    raise scope.refuse(rules.CALL_IS_KNOWN, node.func, message, hint)


def _symbol(scope: Scope, node: ast.Call, name: str, symbol: Symbol | None) -> tree.Expr:
    match symbol:
        case Signature():
            return _function(scope, node, symbol)
        case Record():
            named = [(field, kind) for field, kind in symbol.fields]
            arguments = bind(scope, node, symbol.name, named)
            return tree.Construct(symbol, scope.at(node), symbol, tuple(one for one in arguments if one is not None))
        case Special("Fields"):
            (only,) = bind(scope, node, "Fields", [("list", types.ListOf(types.STR))])
            if not isinstance(only, tree.Expr):
                raise scope.refuse(rules.ARGUMENTS_FIT, node, "`Fields` takes a list", "write `Fields([])`")
            return _retyped(only, types.FIELDS)
        case Special("refuse"):
            message = "`refuse` is a statement of its own"
            raise scope.refuse(rules.REFUSE_IN_OPERATIONS, node, message, "write `refuse(Code.X)` under an `if`")
        case _:
            message = f"`{name}` is not callable here" if symbol else f"`{name}` is not defined"
            hint = "call helpers, builtins of lang.py, verbs of the Store, records, len, min, max"
            raise scope.refuse(rules.CALL_IS_KNOWN, node.func, message, hint)


def _retyped(expr: tree.Expr, wanted: Type) -> tree.Expr:
    """The same list under its other name."""
    return tree.Retyped(wanted, expr.at, expr)


def _function(scope: Scope, node: ast.Call, signature: Signature) -> tree.Expr:
    if signature.operation:
        message = f"`{signature.name}` is an operation: only a backend calls it"
        raise scope.refuse(rules.OPERATIONS_ARE_NOT_CALLED, node, message, "move what is shared into a helper")
    arguments = tuple(a for a in bind(scope, node, signature.name, list(signature.parameters)) if a is not None)
    at = scope.at(node)
    if signature.module == "lang" and signature.name in verbs.BUILTINS:
        return tree.CallBuiltin(signature.returns, at, signature.name, arguments)
    return tree.CallHelper(signature.returns, at, signature.name, arguments)


def _verb(scope: Scope, node: ast.Call, verb: str) -> tree.Expr:
    at = scope.at(node)
    if verb == "read":
        return _read(scope, node)
    if verb == "hset":
        return _hset(scope, node)
    signature = scope.program.verb(verb)
    if signature is None or verb not in verbs.VERBS:
        message = f"the Store has no verb `{verb}`"
        raise scope.refuse(rules.CALL_IS_KNOWN, node.func, message, "see store.py for the closed list")
    arguments = tuple(a for a in bind(scope, node, verb, list(signature.parameters)) if a is not None)
    return tree.CallVerb(signature.returns, at, verb, arguments)


def _read(scope: Scope, node: ast.Call) -> tree.Expr:
    row: Symbol | None = None
    if len(node.args) == 2 and not node.keywords and isinstance(node.args[1], ast.Name):
        row = scope.program.find(scope.module.source.module, node.args[1].id)
    if not isinstance(row, Record) or any(kind not in (types.INT, types.STR) for _, kind in row.fields):
        message = "`read` takes a key and a record of ints and texts"
        hint = "write `s.read(key, Row)` with a record class whose fields are int or str"
        raise scope.refuse(rules.ROWS_HOLD_INTS_AND_TEXTS, node, message, hint)
    key = expressions.value(scope, node.args[0], types.STR, "`key`")
    return tree.CallVerb(row, scope.at(node), "read", (key,), row=row)


def _hset(scope: Scope, node: ast.Call) -> tree.Expr:
    if len(node.args) != 1 or not node.keywords:
        message = "`hset` takes a key and named fields"
        hint = "write `s.hset(key, field=value)`; `hset_value` or `hset_fields` for computed names"
        raise scope.refuse(rules.ARGUMENTS_FIT, node, message, hint)
    arguments = [expressions.value(scope, node.args[0], types.STR, "`key`")]
    for keyword in node.keywords:
        found = expressions.expression(scope, keyword.value)
        if found.type not in (types.INT, types.STR):
            fit(scope, types.INT if found.type == types.BOOL else types.STR, found.type, keyword.value, "a field")
        arguments.append(found)
    names = tuple(keyword.arg or "" for keyword in node.keywords)
    return tree.CallVerb(types.NONE, scope.at(node), "hset", tuple(arguments), names)


def bind(scope: Scope, node: ast.Call, name: str, parameters: list[tuple[str, Type]]) -> list[tree.Expr | None]:
    """The arguments in the order of the parameters; None where the Store is passed on."""
    given: dict[str, ast.expr] = {}
    for (parameter, _), argument in zip(parameters, node.args, strict=False):
        given[parameter] = argument
    known = {parameter for parameter, _ in parameters}
    wrong = len(node.args) > len(parameters)
    for keyword in node.keywords:
        wrong = wrong or keyword.arg is None or keyword.arg not in known or keyword.arg in given
        given[keyword.arg or ""] = keyword.value
    if wrong or len(given) != len(parameters):
        shown = ", ".join(f"{parameter}: {kind}" for parameter, kind in parameters)
        message = f"these arguments do not fit `{name}({shown})`"
        raise scope.refuse(rules.ARGUMENTS_FIT, node, message, "give every parameter once; there are no defaults")
    out: list[tree.Expr | None] = []
    for parameter, kind in parameters:
        argument = given[parameter]
        if kind == types.STORE:
            if not (isinstance(argument, ast.Name) and scope.declared.get(argument.id) == types.STORE):
                message = f"`{parameter}` of `{name}` is the Store"
                raise scope.refuse(rules.STORE_IS_NO_VALUE, argument, message, "pass the Store on, as `s`")
            out.append(None)
        else:
            out.append(expressions.value(scope, argument, kind, f"`{parameter}` of `{name}`"))
    return out


def _builtin(scope: Scope, node: ast.Call, name: str) -> tree.Expr:
    at = scope.at(node)
    if node.keywords:
        raise scope.refuse(rules.ARGUMENTS_FIT, node, f"`{name}` takes no keywords", "give plain arguments")
    if name == "len":
        if len(node.args) != 1:
            raise scope.refuse(rules.ARGUMENTS_FIT, node, "`len` takes one list", "write `len(xs)`")
        found = expressions.expression(scope, node.args[0])
        if found.type == types.STR:
            message = "the length of a text is in characters in Python, in bytes in Lua"
            raise scope.refuse(rules.NO_LENGTH_OF_TEXT, node, message, 'write `byte_length(t)`, or compare with ""')
        if isinstance(found.type, types.Maybe):
            fit(scope, found.type.inner, found.type, node.args[0], "the argument of `len`")
        if types.item_type(found.type) is None:
            message = f"`{found.type}` has no length"
            raise scope.refuse(rules.TYPE_MISMATCH, node.args[0], message, "`len` is of a list")
        return tree.Length(types.INT, at, found)
    if len(node.args) < 2:
        message = f"`{name}` takes two or more ints"
        raise scope.refuse(rules.ARGUMENTS_FIT, node, message, "for a list, write a loop")
    values = tuple(expressions.value(scope, one, types.INT, f"`{name}`") for one in node.args)
    which: Literal["min", "max"] = "min" if name == "min" else "max"
    return tree.Extreme(types.INT, at, which, values)
