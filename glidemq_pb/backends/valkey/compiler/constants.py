"""Arithmetic of constants, done when compiling: it must give what Python gives."""

import ast

from .symbols import Value


def fold(op: ast.operator, left: Value, right: Value) -> Value:
    """Two constants put together as Python does; None for what the subset does not compute."""
    if isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add):
        return left + right
    if not isinstance(left, int) or not isinstance(right, int) or isinstance(left, bool) or isinstance(right, bool):
        return None
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.FloorDiv() if right > 0:
            return left // right
        case ast.Mod() if right > 0:
            return left % right
        case ast.Pow() if 0 <= right < 64:
            return int(left**right)
        case _:
            return None


def compare(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Two constant ints compared; None for what the subset does not compute."""
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    match op:
        case ast.Lt():
            return left < right
        case ast.LtE():
            return left <= right
        case ast.Gt():
            return left > right
        case ast.GtE():
            return left >= right
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case _:
            return None
