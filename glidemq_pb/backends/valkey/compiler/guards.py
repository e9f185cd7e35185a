"""`continue`, which Lua 5.1 lacks, put into `if`s: the rest of the loop's body goes where control goes on."""

import dataclasses

from . import tree, types


class Guards:
    """One per function; the flags it makes are numbered."""

    def __init__(self) -> None:
        self.flags = 0

    def block(self, block: tree.Block) -> tree.Block:
        """The block with all loops inside it freed of `continue`."""
        return tuple(self._statement(stmt) for stmt in block)

    def _statement(self, stmt: tree.Stmt) -> tree.Stmt:
        match stmt:
            case tree.If():
                branches = tuple((test, self.block(body)) for test, body in stmt.branches)
                return dataclasses.replace(stmt, branches=branches, orelse=self.block(stmt.orelse))
            case tree.ForEach() | tree.ForRange():
                return dataclasses.replace(stmt, body=self._tail(self.block(stmt.body)))
            case _:
                return stmt

    def _tail(self, block: tree.Block) -> tree.Block:
        """A block whose end is the end of the loop's body."""
        for i, stmt in enumerate(block):
            before, rest = block[:i], block[i + 1 :]
            if isinstance(stmt, tree.Continue):
                return before
            if isinstance(stmt, tree.If) and _continues(stmt):
                bodies = tree.blocks_of(stmt)
                going_on = [tree.leaves(body) for body in bodies].count(False)
                if not rest or going_on == 1:
                    grown = [body if tree.leaves(body) else body + rest for body in bodies]
                    return (*before, _rebuilt(stmt, [self._tail(body) for body in grown]))
                return (*before, *self._flagged(stmt, rest))
        return block

    def _flagged(self, stmt: tree.If, rest: tree.Block) -> tree.Block:
        """Several ways lead on: a flag remembers whether one of them was `continue`."""
        self.flags += 1
        flag = f"__skip{self.flags}"
        start = tree.Assign(stmt.at, False, flag, tree.Const(types.BOOL, stmt.at, False))
        marked = _rebuilt(stmt, [_mark(body, flag) for body in tree.blocks_of(stmt)])
        return (start, marked, _unless(flag, self._tail(rest)))


def _mark(block: tree.Block, flag: str) -> tree.Block:
    """`continue` sets the flag, and what follows an `if` that may set it looks at it."""
    for i, stmt in enumerate(block):
        before, rest = block[:i], block[i + 1 :]
        if isinstance(stmt, tree.Continue):
            return (*before, tree.Assign(stmt.at, False, flag, tree.Const(types.BOOL, stmt.at, True)))
        if isinstance(stmt, tree.If) and _continues(stmt):
            marked = _rebuilt(stmt, [_mark(body, flag) for body in tree.blocks_of(stmt)])
            return (*before, marked, *([_unless(flag, _mark(rest, flag))] if rest else []))
    return block


def _unless(flag: str, block: tree.Block) -> tree.Stmt:
    at = block[0].at
    return tree.If(at, False, ((tree.Not(types.BOOL, at, tree.Local(types.BOOL, at, flag)), block),), ())


def _continues(stmt: tree.Stmt) -> bool:
    """Whether a `continue` of the loop around is inside."""
    if isinstance(stmt, tree.If):
        return any(_continues(inner) for body in tree.blocks_of(stmt) for inner in body)
    return isinstance(stmt, tree.Continue)


def _rebuilt(stmt: tree.If, bodies: list[tree.Block]) -> tree.If:
    """The same tests over new bodies; `if c: continue` turns into `if not c`."""
    *branches, orelse = bodies
    if len(branches) == 1 and not branches[0] and orelse:
        test = stmt.branches[0][0]
        return tree.If(stmt.at, stmt.paragraph, ((tree.Not(types.BOOL, test.at, test), orelse),), ())
    tests = [test for test, _ in stmt.branches]
    return tree.If(stmt.at, stmt.paragraph, tuple(zip(tests, branches, strict=True)), orelse)
