"""Truth, absence, equality and text: traps between Python and Lua; each is refused (docs/subset.md) or translated."""

from tests.compiler.running import Server
from tests.compiler.small_programs import program, refused, same


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
