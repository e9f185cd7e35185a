"""Numbers: traps between Python and Lua; each is refused (docs/subset.md) or translated."""

import math

import pytest

from tests.compiler.running import Server, compile_program
from tests.compiler.small_programs import INT_MAX, program, refused, same


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


def test_digits_are_exact_however_many_numbers_were_written_before(server: Server) -> None:
    body = """
padded: list[str] = []
for i in range(n):
    padded.append(pad(i * 1000 + i))
    padded.append(pad(i))
    padded.append(text(i * 1000 + i))
    padded.append(text(i))
return padded
"""
    same(server, program(body, "list[str]", ", n: int"), (250,), (101,))


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
