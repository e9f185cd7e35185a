"""Where each local is declared: Python's locals live in the function, Lua's in a block."""

from . import tree


def loop_variables(block: tree.Block) -> set[str]:
    """The variables of all loops: Lua declares them itself."""
    found: set[str] = set()
    for stmt in block:
        if isinstance(stmt, tree.ForEach | tree.ForRange):
            found.add(stmt.name)
        for inner in tree.blocks_of(stmt):
            found |= loop_variables(inner)
    return found


def assigned(block: tree.Block) -> set[str]:
    """The names that a block assigns."""
    found: set[str] = set()
    for stmt in block:
        if isinstance(stmt, tree.Assign):
            found.add(stmt.name)
        for inner in tree.blocks_of(stmt):
            found |= assigned(inner)
    return found


def _names_in(expr: tree.Expr) -> set[str]:
    found = {expr.name} if isinstance(expr, tree.Local) else set[str]()
    for part in tree.parts_of(expr):
        found |= _names_in(part)
    return found


def _own_names(stmt: tree.Stmt) -> set[str]:
    """The names that a statement touches outside the blocks inside it."""
    found = {stmt.name} if isinstance(stmt, tree.Assign) else set[str]()
    for expr in tree.expressions_of(stmt):
        found |= _names_in(expr)
    return found


def _all_names(block: tree.Block) -> set[str]:
    found: set[str] = set()
    for stmt in block:
        found |= _own_names(stmt)
        for inner in tree.blocks_of(stmt):
            found |= _all_names(inner)
    return found


def placed(block: tree.Block, names: set[str]) -> tuple[dict[int, list[str]], set[str]]:
    """Where to declare each name: before which statement of this block, or further inside.

    A name lives in the innermost block that holds all of its uses.
    """
    here: dict[int, list[str]] = {}
    below: set[str] = set()
    own = [_own_names(stmt) for stmt in block]
    inner = [[_all_names(body) for body in tree.blocks_of(stmt)] for stmt in block]
    for name in sorted(names):
        touching = [i for i in range(len(block)) if name in own[i] or any(name in body for body in inner[i])]
        if not touching:
            continue
        first = touching[0]
        holders = sum(name in body for body in inner[first])
        if len(touching) == 1 and name not in own[first] and holders == 1:
            below.add(name)
        else:
            here.setdefault(first, []).append(name)
    return here, below
