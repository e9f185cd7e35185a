"""Structure and size of programs: traps between Python and Lua; each is refused (docs/subset.md) or translated."""

import re

import pytest

from glidemq_pb.backends.valkey.compiler import build
from glidemq_pb.backends.valkey.compiler.printer import quote
from tests.compiler.running import Server
from tests.compiler.small_programs import program, refused, same

# --- structure -------------------------------------------------------------------------------------------------------


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


# --- Lua's limits ----------------------------------------------------------------------------------------------------


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
