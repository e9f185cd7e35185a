"""Modules and statements: Python's `ast` to the typed tree. What is unknown is refused."""

import ast
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from . import rules, statements, tree, types
from .diagnostics import Log, RejectedError
from .modules import Program
from .scope import Scope
from .symbols import Module, Signature, Source


@dataclass(frozen=True, slots=True)
class Typed:
    """What the frontend found: the functions without a fault, and the modules for further questions."""

    functions: tuple[tree.Function, ...]
    program: Program


def read(sources: Sequence[Source], log: Log) -> Typed:
    """The typed tree of a program; what is refused goes to the log."""
    program = Program(sources, log)
    program.check_modules()
    functions: list[tree.Function] = []
    for module in program.modules.values():
        if not module.source.compiled:
            continue
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef) and module.nodes.get(node.name) is node:
                found = _function(program, module, node)
                if found is not None:
                    functions.append(found)
    return Typed((*_lent(program, functions), *functions), program)


def _lent(program: Program, functions: Sequence[tree.Function]) -> list[tree.Function]:
    """The functions of lang.py that are called and are themselves of the subset."""
    lang = program.modules["lang"]
    found: dict[str, tree.Function] = {}
    waiting = list(functions)
    while waiting:
        for name in sorted(called(waiting.pop().body)):
            node = lang.nodes.get(name)
            if isinstance(node, ast.FunctionDef) and name not in found:
                function = _function(program, lang, node)
                if function is not None:
                    found[name] = function
                    waiting.append(function)
    return sorted(found.values(), key=lambda function: function.at.line)


def called(block: tree.Block) -> set[str]:
    """The names of the helpers that a block calls."""
    return {e.function for e in tree.expressions_in(block) if isinstance(e, tree.CallHelper)}


def _function(program: Program, module: Module, node: ast.FunctionDef) -> tree.Function | None:
    before = len(program.log.found)
    try:
        signature = program.find(module.source.module, node.name)
    except RejectedError:
        return None
    if not isinstance(signature, Signature):
        return None
    scope = Scope(program, module, signature, frozenset(statements.assigned_names(node.body)))
    for argument, (name, kind) in zip(node.args.args, signature.parameters, strict=True):
        scope.declared[name] = kind
        try:
            statements.check_name(scope, argument, name)
        except RejectedError:
            continue
    flags = None
    with contextlib.suppress(RejectedError):
        flags = _flags(scope, node) if signature.operation else None
    body = statements.block(scope, node.body)
    if len(program.log.found) > before:
        return None
    parameters = tuple((name, kind) for name, kind in signature.parameters if kind != types.STORE)
    at = scope.at(node)
    return tree.Function(node.name, module.source.module, parameters, signature.returns, body, flags, at)


def _flags(scope: Scope, node: ast.FunctionDef) -> tree.Flags:
    wanted = [("s", types.STORE), ("q", types.STR), ("now", types.INT)]
    if list(scope.signature.parameters[:3]) != wanted:
        message = "the parameters of an operation start with `s: Store, q: str, now: int`"
        raise scope.refuse(rules.OPERATION_PARAMETERS, node, message, "add them; the backend fills them in")
    for name, kind in scope.signature.parameters[3:]:
        if kind == types.STORE:
            message = f"`{name}`: an operation has one Store"
            raise scope.refuse(rules.OPERATION_PARAMETERS, node, message, "leave it out")
    given: dict[str, bool] = {}
    decorator = node.decorator_list[0]
    if isinstance(decorator, ast.Call):
        for keyword in decorator.keywords:
            known = keyword.arg in ("reads_only", "may_lag", "frees_memory")
            if not known or not isinstance(keyword.value, ast.Constant) or not isinstance(keyword.value.value, bool):
                hint = "write `reads_only=True`, `may_lag=True` or `frees_memory=True`"
                raise scope.refuse(rules.DECORATORS, decorator, "`@operation` takes three flags", hint)
            given[keyword.arg or ""] = keyword.value.value
    return tree.Flags(given.get("reads_only", False), given.get("frees_memory", False))
