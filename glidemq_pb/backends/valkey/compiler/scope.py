"""What is known inside one function: its names, their declared types, and their types at this point."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import rules, types
from .diagnostics import Location, RejectedError, Rule
from .modules import Program
from .symbols import Module, Signature, place
from .types import Type


@dataclass(slots=True)
class Scope:
    """`declared` maps a name to its one type (None: its definition was refused); `current` to a narrower one."""

    program: Program
    module: Module
    signature: Signature
    assigned: frozenset[str]
    declared: dict[str, Type | None] = field(default_factory=dict[str, "Type | None"])
    current: dict[str, Type] = field(default_factory=dict[str, Type])
    loops: list[str] = field(default_factory=list[str])
    """The variables of the loops around this point, outermost first."""
    past_loops: set[str] = field(default_factory=set[str])

    def at(self, node: ast.AST) -> Location:
        return place(self.module.source.path, node)

    def refuse(self, rule: Rule, node: ast.AST, message: str, hint: str) -> RejectedError:
        """Report; the caller raises what this returns."""
        return self.program.refuse(rule, self.module.source.path, node, message, hint)

    def type_here(self, name: str) -> Type | None:
        return self.current.get(name, self.declared.get(name))

    def narrow(self, facts: dict[str, Type]) -> None:
        self.current.update(facts)

    def forget(self, names: Iterable[str]) -> None:
        """What was known beyond the declared type no longer holds for these names."""
        for name in names:
            self.current.pop(name, None)

    def merge(self, ends: list[dict[str, Type]]) -> None:
        """Go on after branches that ended with these narrowings: keep what all agree on."""
        if not ends:
            return
        first, *rest = ends
        self.current = {name: known for name, known in first.items() if all(e.get(name) == known for e in rest)}


def fit(scope: Scope, wanted: Type, given: Type, node: ast.AST, what: str) -> None:
    """Refuse a value of type `given` where `wanted` is declared."""
    if types.accepts(wanted, given):
        return
    if isinstance(given, types.Maybe) and types.accepts(wanted, given.inner):
        message = f"{what} may be None here"
        hint = "bind it to a local and test it with `is None` first"
        raise scope.refuse(rules.NONE_IS_CHECKED_FIRST, node, message, hint)
    hint = f"give it a value of type {wanted}"
    if wanted == types.STR and given == types.INT:
        hint = "write `text(n)`: numbers do not turn into text by themselves"
    if wanted == types.INT and given == types.BOOL:
        hint = "write `1 if condition else 0`: a bool is no int in Lua"
    raise scope.refuse(rules.TYPE_MISMATCH, node, f"{what} needs `{wanted}`, got `{given}`", hint)
