"""Rules about whole functions: what is assigned, reached and returned; how large they are; their effects."""

import functools
from collections.abc import Sequence

from . import rules, tree, types
from .diagnostics import Log
from .effects import EffectRules, find_effects

LOCALS_MAX = 150
"""Lua allows 200; the compiler adds temporaries of its own."""
PARTS_MAX = 100
"""Lua's 250 registers hold the arguments of one call."""
NESTING_MAX = 20
"""Lua allows 200 levels of syntax; one of Python's takes several of Lua's."""


def check(functions: Sequence[tree.Function], log: Log) -> None:
    """Report every violation of a whole-function rule."""
    effect_rules = EffectRules(find_effects(functions, log), log)
    for function in functions:
        _Flow(function, log).check()
        _sizes(function, log)
        effect_rules.check(function)


class _Flow:
    """Definite assignment, unreachable code, missing returns, lists changed while iterated."""

    def __init__(self, function: tree.Function, log: Log) -> None:
        self.function = function
        self.log = log

    def check(self) -> None:
        end = self._block(self.function.body, frozenset(name for name, _ in self.function.parameters), ())
        if end is not None and self.function.returns != types.NONE:
            message = f"`{self.function.name}` may end without a result"
            self.log.report(rules.EVERY_PATH_RETURNS, self.function.at, message, "return a value on every path")

    def _block(self, block: tree.Block, assigned: frozenset[str], iterated: tuple[str, ...]) -> frozenset[str] | None:
        """The names assigned at the end of a block; None when its end is never reached."""
        now: frozenset[str] | None = assigned
        for stmt in block:
            if now is None:
                message = "this is never reached"
                self.log.report(
                    rules.NO_UNREACHABLE_CODE, stmt.at, message, "leave it out: Lua calls it a syntax error"
                )
                return None
            now = self._statement(stmt, now, iterated)
        return now

    def _statement(self, stmt: tree.Stmt, assigned: frozenset[str], iterated: tuple[str, ...]) -> frozenset[str] | None:
        for expr in tree.expressions_of(stmt):
            self._reads(expr, assigned)
        match stmt:
            case tree.Assign():
                return assigned | {stmt.name}
            case tree.If():
                ends = [self._block(body, assigned, iterated) for body in tree.blocks_of(stmt)]
                reached = [end for end in ends if end is not None]
                return functools.reduce(frozenset[str].__and__, reached) if reached else None
            case tree.ForRange():
                self._block(stmt.body, assigned | {stmt.name}, iterated)
                return assigned
            case tree.ForEach():
                inside = (*iterated, stmt.items.name) if isinstance(stmt.items, tree.Local) else iterated
                self._block(stmt.body, assigned | {stmt.name}, inside)
                return assigned
            case tree.Append(target=tree.Local(name=name)) if name in iterated:
                message = f"`{name}` is appended to while a loop runs over it"
                hint = "append to another list"
                self.log.report(rules.NO_CHANGE_WHILE_ITERATING, stmt.at, message, hint)
                return assigned
            case tree.Return() | tree.Refuse() | tree.Break() | tree.Continue():
                return None
            case _:
                return assigned

    def _reads(self, expr: tree.Expr, assigned: frozenset[str]) -> None:
        if isinstance(expr, tree.Local) and expr.name not in assigned:
            message = f"`{expr.name}` may be unassigned here"
            hint = "assign it before the branch or loop, or on every path"
            self.log.report(rules.ASSIGNED_BEFORE_READ, expr.at, message, hint)
        for part in tree.parts_of(expr):
            self._reads(part, assigned)


def _sizes(function: tree.Function, log: Log) -> None:
    names = {name for name, _ in function.parameters}
    for stmt in tree.statements_in(function.body):
        if isinstance(stmt, tree.Assign | tree.ForEach | tree.ForRange):
            names.add(stmt.name)
    if len(names) > LOCALS_MAX:
        message = f"`{function.name}` has {len(names)} locals, at most {LOCALS_MAX}"
        log.report(rules.FEW_LOCALS, function.at, message, "split it")
    for expr in tree.expressions_in(function.body):
        if len(tree.parts_of(expr)) > PARTS_MAX:
            message = f"{len(tree.parts_of(expr))} parts in one expression, at most {PARTS_MAX}"
            log.report(rules.FEW_PARTS, expr.at, message, "build a list in steps")
    _block_depth(function.body, 1, log)
    for stmt in tree.statements_in(function.body):
        for expr in tree.expressions_of(stmt):
            if _depth(expr) > NESTING_MAX:
                message = f"an expression nested {_depth(expr)} deep, at most {NESTING_MAX}"
                log.report(rules.SHALLOW_NESTING, expr.at, message, "bind parts of it to locals")


def _block_depth(block: tree.Block, depth: int, log: Log) -> None:
    if block and depth > NESTING_MAX:
        log.report(rules.SHALLOW_NESTING, block[0].at, f"blocks nested more than {NESTING_MAX} deep", "write a helper")
        return
    for stmt in block:
        for inner in tree.blocks_of(stmt):
            _block_depth(inner, depth + 1, log)


def _depth(expr: tree.Expr) -> int:
    """Levels of syntax: a chain of one operator is read in a loop, so its left side adds none."""
    depths = [_depth(part) for part in tree.parts_of(expr)]
    if isinstance(expr, tree.Binary | tree.Logic):
        return max(depths[0], depths[1] + 1)
    return 1 + max(depths, default=0)
