"""Operations that would leave half a change behind, or that no backend could call."""

from .lang import operation, pad, refuse
from .store import Store

CODE = "X"  # GMQ220


def note(s: Store, key: str) -> int:
    return s.hincrby(key, "n", 1)


def note_twice(s: Store, key: str) -> None:
    note(s, key)
    note(s, key)


def grow(ids: list[str], one: str) -> int:
    ids.append(one)
    return len(ids)


@operation
def refuses_after_a_helper_wrote(s: Store, q: str, now: int, n: int) -> int:
    if n > 0:
        note_twice(s, q)
    if n > 1:
        refuse("LATE")  # GMQ401
    return n


@operation
def refuses_in_the_loop_that_writes(s: Store, q: str, now: int, ids: list[str]) -> int:
    for job_id in ids:
        if job_id == "":
            refuse("EMPTY")  # GMQ401
        s.rpush(q, job_id)
    return 0


@operation
def refuses_after_a_condition_wrote(s: Store, q: str, now: int, ids: list[str]) -> int:
    if s.zrem(q, "x"):
        return 1
    elif len(ids) > 3:
        refuse("MANY")  # GMQ401
    return 0


@operation
def refuses_on_the_other_branch_only(s: Store, q: str, now: int, n: int) -> int:
    if n > 0:
        note_twice(s, q)
        return 1
    if n < 0:
        refuse("NEGATIVE")
    return 0


def helper_refuses(s: Store, q: str) -> None:
    refuse("NO")  # GMQ402


@operation
def refuses_oddly(s: Store, q: str, now: int, code: str) -> int:
    a = refuse("X")  # GMQ402
    if now > 3:
        refuse(code)  # GMQ402
    refuse()  # GMQ402
    return 0


@operation
def no_clock(s: Store, q: str) -> int:  # GMQ403
    return 0


@operation
def other_order(q: str, s: Store, now: int) -> int:  # GMQ403
    return 0


@operation
def two_stores(s: Store, q: str, now: int, other: Store) -> int:  # GMQ403
    return 0


@operation(reads_only=True)
def writes_all_the_same(s: Store, q: str, now: int) -> int:
    note_twice(s, q)  # GMQ404
    return s.zcard(q)


def several_effects(s: Store, key: str, ids: list[str], other: list[str]) -> int:
    a = note(s, key) + note(s, key)  # GMQ405
    b = [note(s, key), s.get_count(key)]  # GMQ405
    s.hset(key, a=s.hincrby(key, "b", 1), b=s.zcard(key))  # GMQ405
    c = grow(ids, "x") + len(ids)  # GMQ405
    d = grow(ids, "x") + 1
    e = note(s, key) * 2 + len(ids)
    s.zadd(key, s.hincrby(key, "n", 1), pad(e))
    return a + c


def calls_an_operation(s: Store, q: str) -> int:
    return no_harm(s, q, 0)  # GMQ406


@operation
def no_harm(s: Store, q: str, now: int) -> int:
    return now


def no_harm(n: int) -> int:  # GMQ407
    return n
