"""Constructs that Lua does not have, or has otherwise."""

import random  # GMQ115
from dataclasses import dataclass, field  # GMQ115
from typing import Final

from ..clock import SystemClock  # GMQ115
from .lang import Store as Nothing  # GMQ115
from .lang import operation, pad, text
from .store import Store

for letter in "abc":  # GMQ112
    pass


def targets(n: int, ids: list[str]) -> int:
    a = b = n  # GMQ101
    a, b = n, n  # GMQ101
    ids[0] = "x"  # GMQ101
    c = (d := n)  # GMQ101
    declared: int  # GMQ101
    for i, job_id in ids:  # GMQ101
        n = n + 1
    return n


def exceptions(n: int) -> int:
    assert n > 0  # GMQ102
    if n > 1:
        raise ValueError("n")  # GMQ102
    try:  # GMQ102
        n = n + 1
    finally:
        n = n - 1
    return n


def definitions(n: int) -> int:
    class Inner:  # GMQ103
        pass

    twice = lambda m: m * 2  # GMQ103
    return n


def comprehensions(ids: list[str]) -> int:
    a = [one for one in ids]  # GMQ104
    b = {one for one in ids}  # GMQ104
    c = {one: 1 for one in ids}  # GMQ104
    return len(list(one for one in ids))  # GMQ212


def star(*ids: str) -> int:  # GMQ105
    return 0


def keywords(**ids: str) -> int:  # GMQ105
    return 0


def only(*, n: int) -> int:  # GMQ105
    return n


def starred(ids: list[str]) -> str:
    return pad(*ids)  # GMQ105


def slices(ids: list[str], name: str) -> str:
    a = ids[0:1]  # GMQ107
    return name[:1]  # GMQ107


def literals(n: int) -> int:
    a = 1.5  # GMQ108
    b = {}  # GMQ108
    c = {n}  # GMQ108
    d = (n, n)  # GMQ108
    e = b"x"  # GMQ108
    f = ...  # GMQ108
    g = 2j  # GMQ108
    return n


def operators(n: int, m: int) -> int:
    a = n / 2  # GMQ109
    b = n**m  # GMQ109
    c = n & 1  # GMQ109
    d = n >> 1  # GMQ109
    e = ~n  # GMQ109
    f = +n  # GMQ109
    g = n in [n, m + 1]  # GMQ207
    h = n + 1 in [n, m]  # GMQ109
    return n


def fstrings(n: int, name: str) -> str:
    a = f"{n}"  # GMQ110
    b = f"{name!r}"  # GMQ110
    c = f"{name:>10}"  # GMQ110
    return f"{name}:{text(n)}"


def names(n: int) -> int:
    __n = n  # GMQ111
    größe = n  # GMQ111
    for _ in range(3):
        n = n + _  # GMQ111
    return n


def first(function: int) -> int:
    return function


@first  # GMQ113
def decorated(n: int) -> int:
    return n


@operation(cached=True)  # GMQ113
def flagged(s: Store, q: str, now: int) -> int:
    return now


def statements(n: int) -> int:
    global LIMIT  # GMQ114
    with n:  # GMQ114
        n = 1
    del n  # GMQ114
    import time  # GMQ115
    return (yield n)  # GMQ114


async def waits(n: int) -> int:  # GMQ112
    return n
