"""The whole way from the semantics package to library.lua and library.map.json."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import checks, frontend, tree
from . import lua_ast as lua
from .diagnostics import CompileError, Location, Log
from .effects import commands_of
from .errors import InternalError
from .lower import Lower
from .lower_expressions import key_parts
from .names import field_name
from .printer import Printer, quote
from .symbols import Source
from .wire import Codec

PACKAGE = Path(__file__).parents[3]
SEMANTICS = PACKAGE / "semantics"
PRELUDE = Path(__file__).parents[1] / "prelude.lua"
LIBRARY = Path(__file__).parents[1] / "library.lua"
MAP = Path(__file__).parents[1] / "library.map.json"

_LENDING = ("lang", "store")
_LEFT_OUT = (
    "__init__", "dumps", "invariants", "invariants_answers", "invariants_control", "invariants_flows",
    "invariants_groups", "invariants_schedulers",
)  # fmt: skip
_HASH = "@hash@"
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Library:
    """A compiled library. `places` maps a line of `text` to the Python it came from."""

    text: str
    hash: str
    functions: tuple[tree.Function, ...]
    places: dict[int, Location]
    commands: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"glidemq_pb_{self.hash}"

    def function_name(self, operation: str) -> str:
        """The name under which FCALL finds an operation."""
        return f"glidemq_pb_{operation}_{self.hash}"


def semantics_sources() -> list[Source]:
    """The modules of the semantics package; those that lend types come first."""
    paths = sorted(SEMANTICS.glob("*.py"), key=lambda path: (path.stem not in _LENDING, path.stem))
    return [_source(path) for path in paths if path.stem not in _LEFT_OUT]


def lending_sources() -> list[Source]:
    """`lang.py` and `store.py` alone, for programs that are not part of the semantics package."""
    return [_source(SEMANTICS / f"{name}.py") for name in _LENDING]


def _source(path: Path) -> Source:
    return Source(path.stem, f"glidemq_pb/semantics/{path.name}", path.read_text(), path.stem not in _LENDING)


def compile_sources(sources: Sequence[Source]) -> Library:
    """Compile a program. Raises CompileError with every violation found."""
    log = Log()
    typed = frontend.read(sources, log)
    checks.check(typed.functions, log)
    if log.found:
        raise CompileError(log.sorted(), {source.path: source.text for source in sources})
    return assemble(typed.functions)


def assemble(functions: Sequence[tree.Function]) -> Library:
    """Lower and print functions that passed all checks."""
    codec = Codec()
    by_name = {function.name: function for function in functions}
    called: set[str] = set()
    closures = [(function, Lower(by_name, codec, called, function).closure()) for function in functions]
    bodies = [(one, closure) for one, closure in closures if key_parts(one) is None or one.name in called]
    operations = [function for function in functions if function.operation is not None]
    entries = [(function, codec.entry(function)) for function in operations]

    printer = Printer()
    printer.verbatim(f"#!lua name=glidemq_pb_{_HASH}")
    printer.verbatim("-- Generated from glidemq_pb/semantics by `make generate`.  Do not edit.")
    printer.verbatim(PRELUDE.read_text())
    for name, closure in codec.functions():
        _define(printer, "R", name, closure)
    for function, closure in bodies:
        printer.verbatim(f"\n-- {function.at.short} {function.name}")
        printer.places[len(printer.lines) + 1] = function.at
        owner = "H" if function.operation is None else "O"
        printer.statement(lua.Set((lua.Member(lua.Name(owner), field_name(function.name)),), (closure,)))
    for function, closure in entries:
        _register(printer, function, closure)

    text = printer.text()
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]
    commands = tuple(sorted(set(commands_of(functions))))
    return Library(text.replace(_HASH, digest), digest, tuple(functions), printer.places, commands)


def _define(printer: Printer, owner: str, name: str, closure: lua.Closure) -> None:
    printer.verbatim("")
    printer.statement(lua.Set((lua.Member(lua.Name(owner), name),), (closure,)))


def _register(printer: Printer, function: tree.Function, closure: lua.Closure) -> None:
    if function.operation is None:
        raise InternalError(f"{function.name} is no operation")
    flags = [quote("no-writes")] if function.operation.reads_only else []
    flags += [quote("allow-oom")] if function.operation.frees_memory else []
    printer.verbatim("")
    printer.verbatim("redis.register_function{")
    printer.verbatim(f"  function_name = {quote(f'glidemq_pb_{function.name}_{_HASH}')},")
    printer.verbatim(f"  flags = {{{', '.join(flags)}}},")
    printer.verbatim("  callback = function(keys, args)")
    printer.depth = 2
    printer.block(closure.body)
    printer.depth = 0
    printer.verbatim("  end,")
    printer.verbatim("}")


def map_text(library: Library) -> str:
    """library.map.json: which Python a line of the Lua came from, and what the library is and needs."""
    operations = [function for function in library.functions if function.operation is not None]
    content = {
        "library": library.name,
        "functions": {function.name: library.function_name(function.name) for function in operations},
        "commands": library.commands,
        "lines": {str(line): at.short for line, at in sorted(library.places.items())},
    }
    return json.dumps(content, indent=1) + "\n"


def compile_semantics() -> Library:
    """The library of this package."""
    return compile_sources(semantics_sources())


def stale(library: Library) -> list[Path]:
    """Which of the committed files differ from what the sources give."""
    wanted = {LIBRARY: library.text, MAP: map_text(library)}
    return [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]


def write(library: Library) -> None:
    LIBRARY.write_text(library.text)
    MAP.write_text(map_text(library))
