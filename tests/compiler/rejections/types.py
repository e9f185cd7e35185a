"""Values of the wrong type, and values that mean two things in two languages."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .lang import Fields, lookup, number, pad, text
from .store import Store

TOO_LARGE: Final = 2**53
WRONG: Final = 1 // 0  # GMQ220
COMPUTED: Final = pad(1)  # GMQ220
counter: int = 0  # GMQ220
CIRCLE: Final = CIRCLE + 1  # GMQ220
assert TOO_LARGE < 2**53  # GMQ220


class Code(StrEnum):
    GONE = "GONE"
    NUMBER = 1  # GMQ219


class Known(StrEnum):
    GONE = "GONE"


class Plain:  # GMQ219
    pass


@dataclass(frozen=True)
class Unslotted:  # GMQ219
    n: int


@dataclass(frozen=True, slots=True)
class Defaulted:
    n: int = 0  # GMQ219


@dataclass(frozen=True, slots=True)
class Empty:  # GMQ219
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Holder:
    s: Store  # GMQ201


@dataclass(frozen=True, slots=True)
class Row:
    n: int
    t: str


@dataclass(frozen=True, slots=True)
class Flagged:
    flag: bool


def unannotated(n) -> int:  # GMQ201
    return 0


def resultless(n: int):  # GMQ201
    return n


def floats(n: float) -> int:  # GMQ201
    return 0


def dicts(n: int) -> dict[str, str]:  # GMQ201
    return {}


def maybe_bool(flag: bool | None) -> int:  # GMQ209
    return 0


def maybe_items(ids: list[str | None]) -> int:  # GMQ209
    return 0


def gives_store(s: Store) -> Store:  # GMQ225
    return s


def mismatches(n: int, t: str, flag: bool, ids: list[str]) -> int:
    a: str = n  # GMQ202
    n = t  # GMQ202
    n = flag  # GMQ202
    t: int = 1  # GMQ202
    b = pad(t)  # GMQ202
    ids.append(n)  # GMQ202
    c = n if flag else t  # GMQ202
    d = [n, t]  # GMQ202
    e = n[0]  # GMQ202
    f = ids[t]  # GMQ202
    g = len(n)  # GMQ202
    h = Row(t, n)  # GMQ202
    i = -t  # GMQ202
    for j in range(t):  # GMQ202
        n = n + 1
    return t  # GMQ202


def truth(n: int, t: str, ids: list[str], flag: bool, maybe: str | None) -> bool:
    if n:  # GMQ203
        return True
    if ids:  # GMQ203
        return True
    if maybe:  # GMQ203
        return True
    a = 1 if t else 2  # GMQ203
    b = n or 1  # GMQ204
    c = flag and t  # GMQ204
    d = not n  # GMQ204
    return not ids  # GMQ204


def mixed(n: int, t: str, flag: bool) -> int:
    a = t + n  # GMQ205
    b = t * 2  # GMQ205
    c = n + flag  # GMQ205
    d = [n] + [n]  # GMQ205
    return n


def ordered(t: str, flag: bool, ids: list[str]) -> bool:
    a = t < "x"  # GMQ206
    b = flag < True  # GMQ206
    return ids <= ids  # GMQ206


def equal(n: int, t: str, ids: list[str], row: Row, flag: bool) -> bool:
    a = ids == ids  # GMQ207
    b = row != row  # GMQ207
    c = n == t  # GMQ207
    d = flag == 1  # GMQ207
    return t == None  # GMQ207


def divided(n: int, m: int) -> int:
    a = n // m  # GMQ208
    b = n % 0  # GMQ208
    c = n % -3  # GMQ208
    d = 7 // 0  # GMQ208
    return n // max(m, 0)  # GMQ208


def nothing(t: str, maybe: str | None) -> list[str]:
    a = None  # GMQ209
    b = [t, None]  # GMQ209
    return [maybe]  # GMQ209


def unchecked(s: Store, key: str, maybe: int | None, ids: list[str] | None, row: Row | None) -> str:
    a = maybe + 1  # GMQ210
    b = maybe < 1  # GMQ210
    c = len(ids)  # GMQ210
    d = ids[0]  # GMQ210
    e = row.n  # GMQ210
    f = pad(maybe)  # GMQ210
    for one in ids:  # GMQ210
        key = one
    if maybe is None or maybe > 3:
        return s.hget(key, "f")  # GMQ210
    return pad(maybe)


def unknown(n: int) -> int:
    a = LIMIT  # GMQ211
    b = Row  # GMQ211
    c = unknown  # GMQ211
    return Known.MISSING  # GMQ211


def uncallable(s: Store, t: str, ids: list[str], n: int) -> int:
    a = t.upper()  # GMQ212
    b = ids.pop()  # GMQ212
    c = s.flushall()  # GMQ212
    d = str(n)  # GMQ212
    e = isinstance(n, int)  # GMQ212
    n.append(1)  # GMQ212
    Row(1, "t").t.append("x")  # GMQ212
    print(n)  # GMQ212
    return sorted(ids)  # GMQ212


def misfit(s: Store, key: str) -> str:
    a = pad()  # GMQ213
    b = pad(1, 2)  # GMQ213
    c = pad(mark=1)  # GMQ213
    d = Row(1)  # GMQ213
    e = min(1)  # GMQ213
    s.hset(key)  # GMQ213
    s.hset(key, "a", "b")  # GMQ213
    f = s.zcard()  # GMQ213
    return pad(1, sequence=1)  # GMQ213


def lengths(t: str, ids: list[str]) -> int:
    a = len(t)  # GMQ214
    b = ids[-1]  # GMQ215
    c = []  # GMQ217
    d = t.n  # GMQ218
    e = Row(1, t).missing  # GMQ218
    return a


def constants(n: int) -> int:
    a = TOO_LARGE  # GMQ220
    b = 9007199254740992  # GMQ220
    c = "\u0100"  # GMQ220
    d = 2**52 * 2  # GMQ220
    return n


def rows(s: Store, key: str) -> int:
    a = s.read(key, Flagged)  # GMQ221
    b = s.read(key, key)  # GMQ221
    return s.read(key, Row).n


def chained(s: Store, key: str, n: int) -> bool:
    return 0 < n + 1 < 3  # GMQ222


def does(s: Store, key: str) -> None:
    s.delete([key])


def unused(s: Store, n: int, ids: list[str], key: str) -> int:
    n + 1  # GMQ223
    pad(n)  # GMQ223
    a = does(s, key)  # GMQ223
    b = ids.append(key)  # GMQ223
    Row(n, key)  # GMQ223
    return n


def identity(n: int, t: str, maybe: str | None) -> bool:
    a = n is None  # GMQ224
    b = t is "x"  # GMQ224
    return maybe is maybe  # GMQ224


def stores(s: Store, key: str) -> int:
    other = s  # GMQ225
    a = s == s  # GMQ225
    does(key, key)  # GMQ225
    return 0
