"""Loops without bounds, names without values, code without a path."""

from typing import Final

from .lang import refuse
from .store import Store


def whiles(n: int) -> int:
    while True:  # GMQ301
        n = n + 1
    return n


def unreachable(n: int) -> int:
    for i in range(n):
        break
        n = n + i  # GMQ302
    for i in range(n):
        if i > 3:
            continue
        else:
            return i
        n = n + 1  # GMQ302
    if n > 0:
        return 1
    else:
        return 2
    return 3  # GMQ302


def unassigned(n: int, ids: list[str]) -> str:
    if n > 0:
        a = "x"
    elif n < -5:
        return "y"
    for job_id in ids:
        b = job_id
        if n > 3:
            n = 4
            c = n
        d = c + 1  # GMQ303
    return a + b  # GMQ303 GMQ303


def too_early(n: int) -> int:
    e = early + 1  # GMQ303
    early = 1
    return n


def loop_variables(ids: list[str], n: int) -> int:
    for job_id in ids:
        job_id = "x"  # GMQ304
        for job_id in ids:  # GMQ304
            n = n + 1
    for n in range(3):  # GMQ304
        pass
    after = job_id  # GMQ304
    return 0


def iterables(name: str, n: int, ids: list[str]) -> int:
    for letter in name:  # GMQ306
        n = n + 1
    for i in n:  # GMQ306
        n = n + 1
    for pair in enumerate(ids):  # GMQ212
        n = n + 1
    return n


def changed(ids: list[str]) -> int:
    for job_id in ids:
        for i in range(3):
            ids.append(job_id)  # GMQ307
    return len(ids)


def even(n: int) -> bool:  # GMQ308
    return True if n == 0 else odd(n - 1)


def odd(n: int) -> bool:
    return False if n == 0 else even(n - 1)


def falls_off(n: int) -> int:  # GMQ309
    for i in range(n):
        return i


def bare(n: int) -> int:
    if n > 0:
        return  # GMQ309
    return n


def steps(n: int) -> int:
    for i in range(0, n, n):  # GMQ310
        n = n + 1
    for j in range(0, n, 0):  # GMQ310
        n = n + 1
    for k in range(n):
        n = n + 1
    else:
        n = 0  # GMQ311
    return n
