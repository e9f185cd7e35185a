"""The equivalence suite can fail: each fault, planted alone into a copy of the compiler, is caught by it."""

import importlib
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glidemq_pb.backends.memory.store import MemoryStore
from glidemq_pb.backends.valkey.compiler import build
from tests import summary
from tests.compiler.programs import Program, write
from tests.compiler.running import Q, Server, compile_program, load_python, run_lua, run_python

PROGRAMS = 250
"""The same programs for every fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """In `file`, `old` becomes `new`."""

    title: str
    file: str
    old: str
    new: str


EXPRESSIONS = "compiler/lower_expressions.py"
FAULTS = (
    Fault("range includes its end", "compiler/lower.py", "-1 if stmt.step > 0 else 1", "0"),
    Fault("range forgets its step", "compiler/printer.py", '"" if stmt.step == 1 else f", {stmt.step}"', '""'),
    Fault("an index is not moved by one", EXPRESSIONS, "plus(self.value(expr.index), 1)", "self.value(expr.index)"),
    Fault(
        "// does not round",
        EXPRESSIONS,
        '"floor"), (lua.Operation("/", left, right),)',
        '"max"), (lua.Operation("/", left, right),)',
    ),
    Fault("// rounds up", EXPRESSIONS, '"floor"', '"ceil"'),
    Fault("text(n) by tostring", "prelude.lua", "string.format('%d', n)", "tostring(n)"),
    Fault(
        "pad(n) of a rounded text",
        "prelude.lua",
        "string.format('%016d', n)",
        "string.format('%016s', n .. '')",
    ),
    Fault("`not` binds loosely", "compiler/printer.py", "_PREFIX = 7", "_PREFIX = 0"),
    Fault(
        "a - (b - c) without parentheses", "compiler/printer.py", "level if right_associative else level + 1", "level"
    ),
    Fault("a conditional by and/or, always", EXPRESSIONS, "if never_false and not before_yes", "if not before_yes"),
    Fault("a negated < becomes >", EXPRESSIONS, '"<": ">="', '"<": ">"'),
    Fault(
        "!= is written ==", EXPRESSIONS, '"~=" if expr.op == "!=" else expr.op', '"==" if expr.op == "!=" else expr.op'
    ),
    Fault(
        "is not None as it is", EXPRESSIONS, 'lua.Operation("~=", inner, NONE) if expr.negated', "inner if expr.negated"
    ),
    Fault("None is nil", EXPRESSIONS, "NONE = lua.Flag(False)", 'NONE = lua.Name("nil")'),
    Fault(
        "texts in the wrong order", EXPRESSIONS, 'lua.Operation("..", one, found)', 'lua.Operation("..", found, one)'
    ),
    Fault("a chain of comparisons by or", "compiler/operators.py", '"and", found, one)', '"or", found, one)'),
    Fault("not in is in", "compiler/operators.py", "if negated else found", "if False else found"),
    Fault("short decimal escapes", "compiler/printer.py", "{ord(char):03d}", "{ord(char)}"),
    Fault("hexadecimal escapes", "compiler/printer.py", "\\\\{ord(char):03d}", "\\\\x{ord(char):02x}"),
    Fault("quotes are not escaped", "compiler/printer.py", 'if char in "\'\\\\":', "if char in '\\\\':"),
    Fault("Lua's keywords as names", "compiler/names.py", "in _KEYWORDS | _TAKEN", "in _TAKEN"),
    Fault("the library's own names as names", "compiler/names.py", "in _KEYWORDS | _TAKEN", "in _KEYWORDS"),
    Fault(
        "a local is declared too far inside",
        "compiler/placing.py",
        "len(touching) == 1 and name not in own[first] and holders == 1",
        "holders == 1",
    ),
    Fault(
        "`continue` only sets its flag",
        "compiler/guards.py",
        "(start, marked, _unless(flag, self._tail(rest)))",
        "(start, marked, *self._tail(rest))",
    ),
    Fault(
        "`continue` is dropped",
        "compiler/guards.py",
        "body if tree.leaves(body) else",
        "body[:-1] + rest if tree.leaves(body) else",
    ),
    Fault("`if` without its else", "compiler/printer.py", "        if stmt.orelse:", "        if not stmt.orelse:"),
    Fault(
        "`append` writes over the last item",
        "compiler/lower.py",
        'lua.Prefix("#", target), lua.Number(1)',
        'lua.Prefix("#", target), lua.Number(0)',
    ),
    Fault("refuse goes on", "compiler/lower.py", "lua.Table((NONE, lua.Text(stmt.code)))", "lua.Table((NONE,))"),
    Fault(
        "a bool is replied as it is",
        "compiler/wire.py",
        'lua.Operation("or", lua.Operation("and", value, lua.Number(1)), lua.Number(0))',
        "value",
    ),
    Fault(
        "a record's fields in the order of the call",
        "compiler/calls.py",
        "argument = given[parameter]",
        "argument = given.pop(next(iter(given)))",
    ),
    Fault(
        "a list argument ends too early",
        "compiler/wire.py",
        'lua.Operation("+", AT, lua.Name("count")), lua.Number(1))',
        'lua.Operation("+", AT, lua.Name("count")), lua.Number(0))',
    ),
    Fault(
        "a bool argument is negated",
        "prelude.lua",
        "R.wrong('BOOL', value) end return value",
        "R.wrong('BOOL', value) end return not value",
    ),
    Fault("an absent argument is present", "compiler/wire.py", 'lua.Prefix("not", present)', "present"),
    Fault(
        "a missing field is not zero",
        "compiler/wire.py",
        'lua.Operation("or", found, lua.Number(0))',
        'lua.Operation("or", found, lua.Number(1))',
    ),
    Fault("drop leaves one byte more", "compiler/verbs.py", "lua.Number(a[1].value + 1)", "lua.Number(a[1].value)"),
    Fault("split takes a pattern", "prelude.lua", "separator, from, true", "separator, from"),
    Fault("split forgets the last part", "prelude.lua", "at and at - 1 or -1", "at and at - 1 or from - 1"),
    Fault("zadd_many swaps scores and members", "prelude.lua", "scores[i], members[i]", "members[i], scores[i]"),
    Fault(
        "a long list loses its last item",
        "prelude.lua",
        "math.min(from + 999, #items)",
        "math.min(from + 999, #items - 1)",
    ),
    Fault(
        "zrem says the opposite",
        "compiler/verbs.py",
        "command(name, *a), lua.Number(1))",
        "command(name, *a), lua.Number(0))",
    ),
    Fault(
        "one event more is retained",
        "prelude.lua",
        "last - newest[2][1])",
        "last - newest[2][1] - 1)",
    ),
    Fault("events are not written", "compiler/wire.py", 'lua.Call(_runtime("write"), (call,))', "call"),
    Fault("events are not numbered from the last", "prelude.lua", "(#events - 1) / 4", "(#events - 1) / 4 - 1"),
    Fault(
        "a hundred events too many are dropped",
        "prelude.lua",
        "math.ceil(keep / TOGETHER)",
        "math.floor(keep / TOGETHER)",
    ),
    Fault(
        "zlowest gives the member",
        "compiler/verbs.py",
        "(lua.Item(reply, lua.Number(2)),)",
        "(lua.Item(reply, lua.Number(1)),)",
    ),
    Fault(
        "% by Lua's own operator",
        EXPRESSIONS,
        'lua.Call(verbs.runtime("mod"), (left, right))',
        'lua.Operation("%", left, right)',
    ),
    Fault("% keeps the sign", "prelude.lua", "rest < 0 and rest + b or rest + 0", "rest + 0"),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A program with what CPython gives."""

    program: Program
    replies: tuple[Any, ...]
    state: dict[str, Any]


@pytest.fixture(scope="module")
def corpus() -> Sequence[Expected]:
    found: list[Expected] = []
    for seed in range(PROGRAMS):
        program = write(random.Random(seed).randrange)
        module = load_python(program.text)
        store = MemoryStore()
        replies = tuple(run_python(module, store, call) for call in program.calls)
        found.append(Expected(program, replies, store.dump(Q)))
    return found


@pytest.fixture
def planted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The `build` module of a copy of the compiler with the test's fault."""
    fault: Fault = request.param
    package = f"planted_{FAULTS.index(fault)}"
    valkey = tmp_path / package / "backends" / "valkey"
    shutil.copytree(Path(build.__file__).parent, valkey / "compiler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(build.PRELUDE, valkey)
    (tmp_path / package / "semantics").symlink_to(build.SEMANTICS)
    file = valkey / fault.file
    text = file.read_text()
    assert text.count(fault.old) == 1, f"{fault.title}: {fault.file} holds it {text.count(fault.old)} times"
    file.write_text(text.replace(fault.old, fault.new))
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(f"{package}.backends.valkey.compiler.build")
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]


@pytest.mark.parametrize("planted", FAULTS, ids=[fault.title for fault in FAULTS], indirect=True)
def test_a_planted_fault_is_caught(
    server: Server, corpus: Sequence[Expected], planted: Any, request: pytest.FixtureRequest
) -> None:
    fault: Fault = request.node.callspec.params["planted"]
    for number, expected in enumerate(corpus, 1):
        how = difference(server, planted, expected)
        if how:
            summary.table("faults planted in the compiler", [(fault.title, f"program {number}", how)])
            return
    pytest.fail(f"{fault.title}: no program of {len(corpus)} shows it")


def difference(server: Server, compiler: Any, expected: Expected) -> str:
    """How a program shows the fault, or the empty text."""
    program = expected.program
    try:
        library = compile_program(program.text, compiler)
    except Exception as error:
        return f"refused by the compiler: {type(error).__name__}"
    try:
        server.load(library)
    except Exception as error:
        return f"refused by the server: {type(error).__name__}"
    module = load_python(program.text)
    for call, reply in zip(program.calls, expected.replies, strict=True):
        found = run_lua(server, library, module, call)
        if isinstance(found, str):
            return "an error in Lua"
        if found != reply:
            return "another reply"
    return "" if server.dump() == expected.state else "another state"


def test_the_compiler_itself_shows_no_difference(server: Server, corpus: Sequence[Expected]) -> None:
    """Otherwise catching would prove nothing."""
    assert [expected for expected in corpus if difference(server, build, expected)] == []
