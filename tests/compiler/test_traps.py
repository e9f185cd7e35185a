"""One test per trap between Python and Valkey's Lua (docs/subset.md): refused with its number, or translated."""

import math
import re
from typing import Any

import pytest

from glidemq_pb.backends.valkey.compiler import build
from glidemq_pb.backends.valkey.compiler.diagnostics import CompileError
from glidemq_pb.backends.valkey.compiler.printer import quote
from glidemq_pb.semantics.limits import EVENTS_TOGETHER
from tests.compiler.running import (
    HEADER,
    Call,
    Q,
    Server,
    assert_same,
    compile_program,
    load_python,
    packed,
    run_lua,
    unpacked,
)

INT_MAX = 2**53 - 1


def program(body: str, result: str, parameters: str = "", before: str = "") -> str:
    """An operation `run` around these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    head = f"@operation\ndef run(s: Store, q: str, now: int{parameters}) -> {result}:\n"
    return f"{HEADER}\n{before}\n{head}{lines}"


def same(server: Server, text: str, *arguments: tuple[Any, ...]) -> None:
    assert_same(server, text, [Call("run", 0, one) for one in arguments or ((),)])


def refused(text: str) -> set[str]:
    try:
        compile_program(text)
    except CompileError as error:
        return {one.rule.code for one in error.found}
    return set()


# --- 3.1 numbers -----------------------------------------------------------------------------------------------------


def test_int_arguments_are_checked_to_what_a_double_holds(server: Server) -> None:
    text = program("return n", "int", ", n: int")
    same(server, text, (INT_MAX,), (-INT_MAX,), (0,))
    library = compile_program(text)
    server.load(library)
    for word in (2**53, -(2**53), 2**53 + 2, 2**62, 1.5, -0.25, math.nan, math.inf, -math.inf):
        assert "BAD_INT" in server.call(library, "run", [0, word])
    for other in (b"7", b"", True):
        assert "BAD_INT" in server.call(library, "run", [0, other])
    assert refused(program("return 2**53", "int")) == {"GMQ220"}


@pytest.mark.parametrize("n", [10**14, 10**15 + 1, INT_MAX, -INT_MAX, 1_700_000_000_000_000, 0])
def test_int_to_text_is_exact(server: Server, n: int) -> None:
    same(server, program("return text(n) + pad(n)", "str", ", n: int"), (n,))
    assert refused(program('return "" + n', "str", ", n: int")) == {"GMQ205"}


def test_an_int_as_command_argument_is_exact(server: Server) -> None:
    body = 's.hset(q + ":h", n=n)\ns.zadd(q + ":z", n, "m")\ns.set_count(q + ":c", n)\nreturn s.hget(q + ":h", "n")'
    same(server, program(body, "str | None", ", n: int"), (INT_MAX,), (-INT_MAX,), (10**14,), (0,))


def test_there_is_no_minus_zero(server: Server) -> None:
    body = """
a = n * -1
b = -n
c = n * m
s.hset(q + ":h", a=a, b=b, c=c)
return text(a) + text(b) + text(c) + text(a // 3) + text(a % 3) + pad(c)
"""
    same(server, program(body, "str", ", n: int, m: int"), (0, -5), (3, -5), (-2, 0))


def test_division_floors_and_the_divisor_is_positive(server: Server) -> None:
    body = "return [n // 7, n % 7, -n // 7, -n % 7, n // max(1, m), n % max(1, m)]"
    same(server, program(body, "list[int]", ", n: int, m: int"), (20, 3), (-20, 0), (INT_MAX, 1000), (-7, 7))
    assert refused(program("return n // 0", "int", ", n: int")) == {"GMQ208"}
    assert refused(program("return n // m", "int", ", n: int, m: int")) == {"GMQ208"}


@pytest.mark.parametrize("expression", ["n / 2", "n**n", "n << 1", "n & 1", "n ^ 1", "~n"])
def test_operators_that_differ_are_refused(expression: str) -> None:
    assert refused(program(f"return {expression}", "int", ", n: int")) == {"GMQ109"}


def test_number_takes_decimal_digits_only(server: Server) -> None:
    text = program("return number(t)", "int", ", t: str")
    same(server, text, ("7",), ("-12",), (str(INT_MAX),), ("0",))
    library = compile_program(text)
    server.load(library)
    for word in (
        b"0x1F",
        b"1e3",
        b" 7 ",
        b"nan",
        b"inf",
        b"",
        b"1_000",
        b"+5",
        b"1.0",
        b"--1",
        b"\x00",
        b"9007199254740993",
    ):
        assert "BAD_INT" in server.call(library, "run", [0, word])


def test_text_and_numbers_do_not_mix() -> None:
    assert refused(program('return "1" + 1', "str")) == {"GMQ205"}
    assert refused(program('return "1" - "1"', "int")) == {"GMQ205"}


def test_a_bool_is_no_int(server: Server) -> None:
    assert refused(program("return flag + 1", "int", ", flag: bool")) == {"GMQ205"}
    assert refused(program("return flag == 1", "bool", ", flag: bool")) == {"GMQ207"}
    assert refused(program("s.hset(q, f=flag)\nreturn 1", "int", ", flag: bool")) == {"GMQ202"}
    same(server, program("return flag == (n == 1)", "bool", ", flag: bool, n: int"), (True, 1), (False, 0), (True, 0))


def test_there_are_no_floats_nan_and_infinity() -> None:
    assert refused(program("a = 1.5\nreturn 0", "int")) == {"GMQ108"}
    assert refused(program("return 0", "int", ", n: float")) == {"GMQ201"}
    assert refused(program('return float("nan")', "int")) == {"GMQ212"}


# --- 3.2 truth, absence, equality ------------------------------------------------------------------------------------


def test_conditions_are_bools() -> None:
    for test in ("n", "t", "xs", "not n", "n or n", "t and t"):
        text = program(f"if {test}:\n    return 1\nreturn 0", "int", ", n: int, t: str, xs: list[str]")
        assert refused(text) <= {"GMQ203", "GMQ204"} != set()
        assert refused(text)


def test_a_conditional_is_exact_when_its_value_is_false_or_none(server: Server) -> None:
    body = 'a = x if c else y\nm = None if c else t\nreturn text(1 if a else 0) + ("none" if m is None else m)'
    arguments = [(c, x, y, "t") for c in (True, False) for x in (True, False) for y in (True, False)]
    same(server, program(body, "str", ", c: bool, x: bool, y: bool, t: str"), *arguments)


def test_not_binds_as_in_python(server: Server) -> None:
    body = "return [not a == b, not a != b, not a < b, not (not a == b), not a == b and a == b]"
    same(server, program(body, "list[bool]", ", a: int, b: int"), (1, 1), (1, 2), (2, 1))


def test_chained_comparisons_evaluate_the_middle_once(server: Server) -> None:
    body = "return [0 < n < 3, 0 <= n == m, n < m < 5 <= 7]"
    same(server, program(body, "list[bool]", ", n: int, m: int"), (1, 1), (3, 4), (0, 0))
    assert refused(program("return 0 < s.zcard(q) < 3", "bool")) == {"GMQ222"}


def test_none_has_its_places(server: Server) -> None:
    for expression in ("[t, None]", "[m]"):
        assert refused(program(f"return {expression}", "list[str]", ", t: str, m: str | None")) == {"GMQ209"}
    assert refused(program("return 0", "int", ", m: bool | None")) == {"GMQ209"}
    same(server, program("return m", "str | None", ", m: str | None"), (None,), ("",), ("x",))


def test_none_does_not_cut_a_record(server: Server) -> None:
    record = "@dataclass(frozen=True, slots=True)\nclass Out:\n    a: str | None\n    b: int | None\n    c: str\n\n"
    same(server, program('return Out(None, n, "end")', "Out", ", n: int | None", record), (None,), (0,), (5,))


def test_a_missing_reply_is_none(server: Server) -> None:
    body = """
m = s.hget(q + ":h", "f")
n = s.zscore(q + ":z", "m")
r = s.zrank(q + ":z", "m")
low = s.zlowest(q + ":z")
s.hset(q + ":h", f="")
s.zadd(q + ":z", 0, "m")
return [m is None, n is None, r is None, low is None, s.hget(q + ":h", "f") is not None]
"""
    same(server, program(body, "list[bool]"), (), ())


def test_lists_and_records_are_not_compared() -> None:
    assert refused(program("return xs == xs", "bool", ", xs: list[str]")) == {"GMQ207"}


def test_text_has_no_order_and_no_length() -> None:
    assert refused(program("return t < t", "bool", ", t: str")) == {"GMQ206"}
    assert refused(program("return len(t)", "int", ", t: str")) == {"GMQ214"}


def test_text_is_bytes_with_all_their_values(server: Server) -> None:
    every = "".join(map(chr, range(256)))
    same(server, program("return t + t", "str", ", t: str"), (every,), ("",), ("\x00",), ("\xc3\xa9",))
    same(server, program(f"return {every!r} + t", "str", ", t: str"), ("9",))
    same(server, program("return byte_length(t)", "int", ", t: str"), ("\xc3\xa9",), (every,))


def test_there_are_no_dicts() -> None:
    assert refused(program("a = {1: 2}\nreturn 0", "int")) == {"GMQ108"}
    assert refused(program("return 0", "int", ", d: dict[str, int]")) == {"GMQ201"}


# --- 3.3 structure of programs ---------------------------------------------------------------------------------------


def test_a_name_lives_where_all_its_uses_are(server: Server) -> None:
    body = """
for i in range(3):
    if i == n:
        a = i * 2
        b = text(a)
    else:
        a = i
        b = "no"
    s.rpush(q + ":l", b + text(a))
if n > 1:
    c = "x"
elif n > 0:
    c = "y"
else:
    c = "z"
return c
"""
    same(server, program(body, "str", ", n: int"), (0,), (1,), (2,))
    assert refused(program("if n > 0:\n    a = 1\nreturn a", "int", ", n: int")) == {"GMQ303"}


def test_a_loop_variable_ends_with_its_loop(server: Server) -> None:
    assert refused(program("for i in range(3):\n    n = i\nreturn i", "int", ", n: int")) == {"GMQ304"}
    same(
        server,
        program("for i in xs:\n    n += i\nfor i in xs:\n    n -= 1\nreturn n", "int", ", n: int, xs: list[int]"),
        (1, [2, 3]),
    )


def test_continue_goes_on_with_the_next_round(server: Server) -> None:
    body = """
out: list[int] = []
for i in range(8):
    if i == 1:
        continue
    if i == 2:
        out.append(100)
        continue
    elif i == 3:
        out.append(300)
    elif i == 4:
        if n > 0:
            continue
        out.append(400)
    for j in range(3):
        if j == n:
            continue
        out.append(j)
    if i == 6:
        break
    out.append(i)
return out
"""
    same(server, program(body, "list[int]", ", n: int"), (0,), (1,), (5,))


def test_code_that_is_never_reached_is_refused() -> None:
    assert refused(program("return 1\nreturn 2", "int")) == {"GMQ302"}
    assert refused(program("for i in range(3):\n    break\n    now = i\nreturn 1", "int")) == {"GMQ302"}


def test_loops_have_bounds() -> None:
    assert refused(program("while True:\n    now = 1\nreturn 1", "int")) == {"GMQ301"}


def test_range_excludes_its_end_and_takes_its_bounds_once(server: Server) -> None:
    body = """
out: list[int] = []
for i in range(n):
    out.append(i)
    n = n - 1
for i in range(m, 7):
    out.append(i)
for i in range(0, m, 2):
    out.append(i)
for i in range(m, -2, -2):
    out.append(i)
return out
"""
    same(server, program(body, "list[int]", ", n: int, m: int"), (3, 5), (0, 0), (-1, -3), (4, 8))


def test_indexes_count_from_zero(server: Server) -> None:
    body = (
        "out: list[str] = []\nfor i in range(len(xs)):\n    out.append(xs[i] + xs[len(xs) - 1 - i] + xs[0])\nreturn out"
    )
    same(server, program(body, "list[str]", ", xs: list[str]"), (["a", "b", "c"],), ([],))
    assert refused(program("return xs[-1]", "str", ", xs: list[str]")) == {"GMQ215"}
    assert refused(program("return xs[1:]", "list[str]", ", xs: list[str]")) == {"GMQ107"}


def test_a_list_is_not_changed_while_iterated() -> None:
    body = "for x in xs:\n    xs.append(x)\nreturn 0"
    assert refused(program(body, "int", ", xs: list[str]")) == {"GMQ307"}


def test_exceptions_are_refused() -> None:
    assert refused(program('raise ValueError("x")', "int")) >= {"GMQ102"}
    assert refused(program("try:\n    now = 1\nfinally:\n    now = 2\nreturn now", "int")) == {"GMQ102"}


def test_a_refusal_is_a_reply_and_writes_nothing(server: Server) -> None:
    body = 'if n > 0:\n    refuse(Code.FORMAT)\ns.hset(q + ":h", n=n)\nreturn True'
    same(server, program(body, "bool", ", n: int"), (1,), (0,), (2,))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("a = lambda m: m", "GMQ103"),
        ("a = [m for m in xs]", "GMQ104"),
        ("a = (m for m in xs)", "GMQ104"),
        ("a, b = now, now", "GMQ101"),
        ("a = (now, now)", "GMQ108"),
        ("a = max(*xs)", "GMQ105"),
    ],
)
def test_closures_comprehensions_and_tuples_are_refused(line: str, code: str) -> None:
    assert refused(program(f"{line}\nreturn 0", "int", ", xs: list[int]")) == {code}


def test_recursion_is_refused() -> None:
    before = "def down(n: int) -> int:\n    return 0 if n < 1 else down(n - 1)\n\n"
    assert refused(program("return down(now)", "int", "", before)) == {"GMQ308"}


LUA_NAMES = (
    "end", "then", "local", "nil", "not_", "repeat", "until", "elseif", "function", "goto", "do", "true", "false",
    "type", "next", "table", "string", "redis", "call", "R", "H", "O", "keys", "args", "at", "ipairs", "error",
    "unpack", "math", "tonumber", "end_", "_G",
)  # fmt: skip


@pytest.mark.parametrize("name", LUA_NAMES)
def test_any_name_of_python_works(server: Server, name: str) -> None:
    record = f"@dataclass(frozen=True, slots=True)\nclass Out:\n    {name}: int\n\n"
    helper = f"def {name}_of({name}: int) -> Out:\n    return Out({name} + 1)\n\n"
    body = f"""
{name} = {name}_of(n)
for i in range(2):
    s.rpush(q, text({name}.{name} + i))
s.hset(q + ":h", {name}=1)
return {name}.{name}
"""
    same(server, program(body, "int", ", n: int", record + helper), (1,))


def test_escapes_are_decimal() -> None:
    assert quote("a\x00b\x001\n\xff'\\\"]]") == r"'a\000b\0001\010\255\'\\" + "\"]]'"


def test_split_and_join_take_the_separator_as_it_is(server: Server) -> None:
    body = 'return join(split(t, "."), "%") + text(len(split(t, "."))) + text(len(split(t, "%")))'
    same(server, program(body, "str", ", t: str"), ("a.b",), ("",), (".",), ("..a%.",), ("%d.+",))


def test_no_line_starts_with_a_parenthesis() -> None:
    assert re.search(r"^\s*\(", build.LIBRARY.read_text(), re.MULTILINE) is None


def test_the_order_of_effects_is_fixed(server: Server) -> None:
    before = 'def count(s: Store, key: str) -> int:\n    return s.hincrby(key, "n", 1)\n\n'
    assert refused(program("return count(s, q) - count(s, q)", "int", "", before)) == {"GMQ405"}
    body = "n = count(s, q)\nreturn [n, count(s, q) * 2 - n]"
    same(server, program(body, "list[int]", "", before), (), ())


# --- 3.4 Lua limits --------------------------------------------------------------------------------------------------


def test_many_locals_parts_and_levels_load(server: Server) -> None:
    locals_ = "\n".join(f"n{i} = n + {i}" for i in range(140))
    total = " + ".join(f"n{i}" for i in range(140))
    same(server, program(f"{locals_}\nreturn {total}", "int", ", n: int"), (3,))
    texts = " + ".join(["t"] * 100)
    same(server, program(f"return {texts}", "str", ", t: str"), ("x",))
    chain = 'if n == 0:\n    t = "0"\n' + "".join(f'elif n == {i}:\n    t = "{i}"\n' for i in range(1, 150))
    same(server, program(f't = ""\n{chain}return t', "str", ", n: int"), (149,), (3,))
    deep = "".join("    " * i + f"if n > {i}:\n" for i in range(19)) + "    " * 19 + "return 1\nreturn 0"
    same(server, program(deep, "int", ", n: int"), (50,), (5,))


def test_lists_longer_than_unpack_takes_are_sent_in_parts(server: Server) -> None:
    body = """
members: list[str] = []
scores: list[int] = []
pairs: list[str] = []
for i in range(n):
    members.append(pad(i))
    scores.append(i)
    pairs.append(pad(i))
    pairs.append(text(i))
s.zadd_many(q + ":z", scores, members)
s.hset_fields(q + ":h", pairs)
for member in members:
    s.rpush(q + ":l:" + member, member)
keys: list[str] = []
for member in members:
    keys.append(q + ":l:" + member)
removed = s.delete(keys)
removed = removed + s.zrem_many(q + ":z", members)
s.hdel(q + ":h", members)
return removed
"""
    same(server, program(body, "int", ", n: int"), (0,), (1,), (999,), (1000,), (1001,), (9000,))


def test_a_list_of_a_thousand_arguments_is_read(server: Server) -> None:
    same(server, program("return xs", "list[str]", ", xs: list[str]"), ([str(i) for i in range(9_000)],))


def test_a_negative_constant_starts_no_comment(server: Server) -> None:
    same(server, program("return n - -1 - (-2)", "int", ", n: int"), (1,))


# --- 3.5 replies, 3.6 inside Valkey ----------------------------------------------------------------------------------


def test_replies_of_every_type(server: Server) -> None:
    record = (
        "@dataclass(frozen=True, slots=True)\nclass In:\n    flag: bool\n    names: list[str]\n\n\n"
        "@dataclass(frozen=True, slots=True)\nclass Out:\n    one: In\n    many: list[In]\n    maybe: In | None\n"
        "    lists: list[list[int]]\n    flags: list[bool]\n\n"
    )
    body = "x = In(flag, names)\nreturn Out(x, [x, In(False, [])], None if flag else x, [[1], [], [n]], [flag, True])"
    text = program(body, "Out", ", flag: bool, names: list[str], n: int", record)
    same(server, text, (True, ["a"], 1), (False, [], -5))
    same(server, program("s.delete([q])", "None"), ())
    same(server, program("return xs", "list[list[str]]", ", xs: list[list[str]]"), ([["a"], [], ["", "b"]],))


def test_malformed_arguments_are_errors_before_anything_runs(server: Server) -> None:
    text = program("s.set_count(q, n)\nreturn 1", "int", ", n: int, flag: bool, xs: list[str], m: int | None")
    text += "\n\n@operation\ndef sum_up(s: Store, q: str, now: int, ns: list[int]) -> int:\n    return len(ns)\n"
    library = compile_program(text)
    server.load(library)
    good: list[object] = [0, 1, True, [b"x"], False]
    assert server.call(library, "run", good) == [1]
    server.command("FLUSHALL")
    bad = [good[:-1], [*good, b"x"], [], [0, 1, 2, *good[3:]], [*good[:3], 2, *good[4:]], [*good[:3], b"1", *good[4:]]]
    bad += [[*good[:3], b"x", *good[4:]], [*good[:3], 1, *good[4:]], [*good[:-1], True], [*good[:-1], 0]]
    for words in bad:
        assert str(server.call(library, "run", words)).startswith("error: BAD_")
    for count in (-1, 2, 2**53 - 1, b"1"):
        assert str(server.call(library, "sum_up", [0, count, 1])).startswith("error: BAD_")
    assert server.call(library, "sum_up", [0, 1, 1]) == [1]
    assert server.dump() == {}


def test_redis_call_is_looked_up_inside_functions_only() -> None:
    lines = build.LIBRARY.read_text().split("\n")
    assert [line for line in lines if line.startswith("local") and "redis" in line] == []


def test_the_library_makes_no_globals_and_no_state() -> None:
    assert refused(program("return 0", "int", "", "seen: list[str] = []\n")) == {"GMQ220"}


def test_now_is_the_servers_clock_when_it_is_empty(server: Server) -> None:
    library = compile_program(program("return now", "int"))
    server.load(library)
    seconds, _ = server.command("TIME")
    (now,) = server.call(library, "run", [b""])
    assert abs(now - int(seconds) * 1000) < 10_000
    assert server.call(library, "run", [123]) == [123]


def test_events_are_written_before_anything_looks_at_them(server: Server) -> None:
    body = """
seen = [s.xlast(q)]
for keep in [2, 2, 2, 3, 3, 1]:
    s.xadd(q, keep, now, "e", "j", ["f", "v"])
    if keep == 3:
        seen.append(s.xlast(q))
        seen.append(len(s.xafter(q, 0, 9)))
seen.append(len(s.xafter(q, 0, 9)))
for keep in [5, 5, 1, 1, 3, 3]:
    s.xadd(q, keep, now, "e", "j", [])
    s.xadd(q + ":x", keep, now, "e", "j", [])
    s.xadd(q + ":x", keep, keep, "e", "j", [])
s.xclear(q + ":x")
return seen"""
    same(server, program(body, "list[int]"), (), (), ())


def test_what_is_said_of_an_event_may_change_afterwards(server: Server) -> None:
    body = """
details = ["f", "v"]
s.xadd(q, 5, now, "e", "j", details)
details.append("g")
details.append("w")
s.xadd(q, 5, now, "e", "j", details)
return len(s.xafter(q, 0, 9))"""
    same(server, program(body, "int"), ())


def test_events_of_a_large_operation_are_several_entries(server: Server) -> None:
    """Numbers, retention and what a later writer still finds do not tell how many one entry holds."""
    body = """
seen: list[int] = []
for i in range(size):
    s.xadd(q, keep, now, "e", text(i), ["f", text(i)])
for event in s.xafter(q, after, 150):
    seen.append(event.number)
    seen.append(number(event.job_id))
return seen"""
    calls = [
        (size, keep, after)
        for size in (1, 99, 100, 101, 3, 350, 250)
        for keep in (1, 100, 101, 1_000)
        for after in (0, 99, 250, 750)
    ]
    same(server, program(body, "list[int]", ", size: int, keep: int, after: int"), *calls)
    last = int(server.command("GET", f"{Q}:last"))
    assert last == sum(size for size, _, _ in calls)
    assert int(server.command("XLEN", Q)) <= 1_200
    (*_, entry) = server.command("XRANGE", Q, f"0-{last - EVENTS_TOGETHER}", "+").items()
    assert entry[0] == f"0-{last}".encode()


def test_events_of_an_operation_that_failed_are_not_written_by_the_next(server: Server) -> None:
    library = compile_program(
        program('s.xadd(q, 1, now, "e", "j", [])\ns.xadd(q, 1, now, "e", "j", [])\nreturn number(t)', "int", ", t: str")
        + "\n\n@operation(reads_only=True)\ndef look(s: Store, q: str, now: int) -> int:\n    return s.xlast(q)\n"
    )
    server.load(library)
    assert "BAD_INT" in server.call(library, "run", [0, b"x"])
    assert server.call(library, "look", [0]) == [0]
    assert server.call(library, "run", [0, b"7"]) == [7]
    assert server.call(library, "look", [0]) == [2]


def test_flags_follow_the_decorator(server: Server) -> None:
    text = program("return now", "int").replace("@operation", "@operation(reads_only=True, frees_memory=True)")
    library = compile_program(text)
    server.load(library)
    assert unpacked(server.command("FCALL_RO", library.function_name("run"), "1", Q, packed([5]))) == [5]
    assert "flags = {'no-writes', 'allow-oom'}" in library.text
    assert refused(text.replace("return now", 'return s.hincrby(q, "n", 1)')) == {"GMQ404"}


def test_refusals_come_before_writes_also_through_helpers() -> None:
    before = "def note(s: Store, key: str) -> None:\n    s.hset(key, n=1)\n\n"
    body = 'note(s, q)\nif now > 3:\n    refuse("LATE")\nreturn 1'
    assert refused(program(body, "int", "", before)) == {"GMQ401"}


def test_names_carry_the_hash_of_the_content() -> None:
    one, other = compile_program(program("return 1", "int")), compile_program(program("return 2", "int"))
    assert one.hash != other.hash
    assert one.text.startswith(f"#!lua name=glidemq_pb_{one.hash}\n")
    assert f"function_name = 'glidemq_pb_run_{one.hash}'" in one.text
    assert compile_program(program("return 1", "int")).text == one.text


def test_decoded_arguments_come_back(server: Server) -> None:
    fields = "    n: int\n    names: list[str]\n    t: str\n    maybe: int | None\n\n"
    record = f"@dataclass(frozen=True, slots=True)\nclass In:\n{fields}"
    body = 'return [text(len(xs)), t, xs[1].t, text(xs[1].n), xs[0].names[0], text(z.n), z.t, "no" if m is None else m]'
    text = program(body, "list[str]", ", xs: list[In], t: str, z: In, m: str | None, last: bool", record)
    module = load_python(text)
    make = vars(module)["In"]
    xs = [make(1, ["a", "b"], "t", None), make(-2, [], "u", 7)]
    library = compile_program(text)
    server.load(library)
    found = run_lua(server, library, module, Call("run", 0, (xs, "T", make(3, ["q"], "w", 0), "m", True)))
    assert found == [[b"2", b"T", b"u", b"-2", b"a", b"3", b"w", b"m"]]
