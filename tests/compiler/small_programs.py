"""A program of one operation, `run`: the same on both sides, or refused."""

from typing import Any

from glidemq_pb.backends.valkey.compiler.diagnostics import CompileError
from tests.compiler.running import HEADER, Call, Server, assert_same, compile_program

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
