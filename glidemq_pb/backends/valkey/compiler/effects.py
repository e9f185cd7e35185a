"""What functions do to the store and to lists, and the rules about it: refusals first, one effect at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import rules, tree, types
from .diagnostics import Log
from .verbs import VERBS


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call may do. `grows`: it may append to a list that its caller sees."""

    reads: bool = False
    writes: bool = False
    grows: bool = False

    def __or__(self, other: "Effect") -> "Effect":
        return Effect(self.reads or other.reads, self.writes or other.writes, self.grows or other.grows)

    @property
    def acts(self) -> bool:
        return self.writes or self.grows


def find_effects(functions: Sequence[tree.Function], log: Log) -> dict[str, Effect]:
    """The effect of every function, through all that it calls. Reports recursion."""
    by_name = {function.name: function for function in functions}
    found: dict[str, Effect] = {}
    open_calls: list[str] = []

    def of(name: str) -> Effect:
        if name in found or name not in by_name:
            return found.get(name, Effect())
        function = by_name[name]
        if name in open_calls:
            circle = " -> ".join([*open_calls[open_calls.index(name) :], name])
            message = f"`{name}` calls itself: {circle}"
            log.report(rules.NO_RECURSION, function.at, message, "write a bounded loop")
            found[name] = Effect()
            return found[name]
        open_calls.append(name)
        effect = Effect(grows=_grows(function))
        for expr in tree.expressions_in(function.body):
            if isinstance(expr, tree.CallVerb):
                effect |= _verb_effect(expr.verb)
            elif isinstance(expr, tree.CallHelper):
                effect |= of(expr.function)
        open_calls.pop()
        found.setdefault(name, effect)
        return effect

    for function in functions:
        of(function.name)
    return found


def _verb_effect(verb: str) -> Effect:
    return Effect(reads=True, writes=VERBS[verb].writes)


def _grows(function: tree.Function) -> bool:
    """Whether it appends to a list that it did not make itself."""
    made: dict[str, bool] = {}
    appended: set[str] = set()
    for stmt in tree.statements_in(function.body):
        if isinstance(stmt, tree.Assign):
            value = stmt.value.value if isinstance(stmt.value, tree.Retyped) else stmt.value
            fresh = isinstance(value, tree.ListLiteral | tree.CallBuiltin | tree.CallVerb)
            made[stmt.name] = made.get(stmt.name, True) and fresh
        elif isinstance(stmt, tree.Append) and isinstance(stmt.target, tree.Local):
            appended.add(stmt.target.name)
    parameters = {name for name, _ in function.parameters}
    return any(name in parameters or not made.get(name, False) for name in appended)


@dataclass(frozen=True, slots=True)
class EffectRules:
    """The rules of one function, given the effects of all."""

    effects: Mapping[str, Effect]
    log: Log

    def check(self, function: tree.Function) -> None:
        for stmt in tree.statements_in(function.body):
            self._nesting_of(stmt)
        if function.operation is None:
            return
        self._refusals(function.body, written=False)
        if function.operation.reads_only:
            for expr in tree.expressions_in(function.body):
                if self._own(expr).writes:
                    message = f"`{function.name}` is `reads_only`, but this writes"
                    hint = "leave the flag out, or the write"
                    self.log.report(rules.READS_ONLY_NEVER_WRITES, expr.at, message, hint)

    def _own(self, expr: tree.Expr) -> Effect:
        """The effect of the call itself, without that of its arguments."""
        match expr:
            case tree.CallVerb():
                return _verb_effect(expr.verb)
            case tree.CallHelper():
                return self.effects.get(expr.function, Effect())
            case _:
                return Effect()

    def _all(self, expr: tree.Expr) -> Effect:
        effect = self._own(expr)
        for part in tree.parts_of(expr):
            effect |= self._all(part)
        return effect

    # --- one effect at a time -----------------------------------------------------------------------------------------

    def _nesting_of(self, stmt: tree.Stmt) -> None:
        expressions = tree.expressions_of(stmt)
        if not isinstance(stmt, tree.If):  # whose tests are evaluated one after the other
            self._siblings(expressions)
        for expr in expressions:
            self._nesting(expr)

    def _nesting(self, expr: tree.Expr) -> None:
        parts = tree.parts_of(expr)
        if not isinstance(expr, tree.Logic | tree.Conditional):  # whose order both languages fix
            self._siblings(parts)
        for part in parts:
            self._nesting(part)

    def _siblings(self, parts: Sequence[tree.Expr]) -> None:
        """Parts whose order of evaluation Lua leaves open: one may act if the others do not look."""
        acting = [part for part in parts if self._all(part).acts]
        if not acting:
            return
        effect = self._all(acting[0])
        others = [part for part in parts if part is not acting[0]]
        if not all(self._is_still(part, lists=effect.grows) for part in others):
            message = "this changes something that is evaluated together with other calls"
            hint = "bind its result to a local in a statement before: Lua leaves the order of evaluation open"
            self.log.report(rules.ONE_EFFECT_AT_A_TIME, acting[0].at, message, hint)

    def _is_still(self, expr: tree.Expr, *, lists: bool) -> bool:
        """Whether the value cannot depend on an effect that happens before or after."""
        own = self._own(expr)
        if own.reads or own.acts:
            return False
        if lists and isinstance(expr, tree.Local) and not isinstance(expr.type, types.Scalar):
            return False
        return all(self._is_still(part, lists=lists) for part in tree.parts_of(expr))

    # --- refusals before writes ---------------------------------------------------------------------------------------

    def _writes(self, exprs: Sequence[tree.Expr]) -> bool:
        return any(self._all(expr).writes for expr in exprs)

    def _block_writes(self, block: tree.Block) -> bool:
        return any(self._own(expr).writes for expr in tree.expressions_in(block))

    def _refusals(self, block: tree.Block, *, written: bool) -> bool:
        """Whether a write may have happened when control reaches the block's end."""
        for stmt in block:
            match stmt:
                case tree.Refuse():
                    if written:
                        message = "this refusal may come after a write, which would stay"
                        hint = "move all tests that refuse in front of the first write"
                        self.log.report(rules.REFUSE_BEFORE_WRITE, stmt.at, message, hint)
                    return False
                case tree.If():
                    written = self._if(stmt, written=written)
                case tree.ForEach() | tree.ForRange():
                    written = written or self._writes(tree.expressions_of(stmt)) or self._block_writes(stmt.body)
                    self._refusals(stmt.body, written=written)
                case tree.Return() | tree.Break() | tree.Continue():
                    return False
                case _:
                    written = written or self._writes(tree.expressions_of(stmt))
        return written

    def _if(self, stmt: tree.If, *, written: bool) -> bool:
        after = False
        for test, body in stmt.branches:
            written = written or self._writes([test])
            after = self._refusals(body, written=written) or after
        return self._refusals(stmt.orelse, written=written) or after


def commands_of(functions: Sequence[tree.Function]) -> Iterator[str]:
    """Every Valkey command that the functions may send; `TIME` is the entry point's."""
    yield "TIME"
    for function in functions:
        for expr in tree.expressions_in(function.body):
            if isinstance(expr, tree.CallVerb):
                yield from VERBS[expr.verb].commands
