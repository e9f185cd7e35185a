"""Our own rules, as tests. A failure names the file, the line, what is banned, and what to write instead.

Each rule is a function from a source to its problems, so each is also shown to fail (at the end of this file).
To make an exception, add it to the rule's table here, with its reason: that is what a review looks at.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# Functions longer than FUNCTION_LINES_MAX, as "path::name", each with the reason.
LONG_FUNCTIONS = {
    "glidemq_pb/semantics/jobs.py::add_various": "one pass with a dozen running values; its parts would share all",
}

# What a module of semantics may import besides semantics: nothing that reads the world.
PURE_MODULES = {"collections", "collections.abc", "dataclasses", "enum", "fractions", "typing"}

# Parts of the package in the order of their layers: (part, the parts it may import besides itself).
FOUNDATION = {"clock", "errors", "outages", "wire"}
LAYERS: dict[str, set[str]] = {
    "semantics": set(),
    "clock": set(),
    "wire": set(),
    "errors": {"semantics"},
    "outages": {"errors"},
    "server": FOUNDATION,
    "embedded": FOUNDATION | {"server"},
    "backends": FOUNDATION | {"semantics", "server", "embedded", "connection"},
}
# Who may name a concrete backend: the one place that opens them, and the kit that hands out the memory one.
NAMES_CONCRETE_BACKENDS = re.compile(r"glidemq_pb/(backends/|testing|sync|simulation|pytest_plugin)")
CLIENT = "glide"
USES_CLIENT = re.compile(r"glidemq_pb/(backends/valkey/|backends/__init__|connection)")


@dataclass(frozen=True)
class Source:
    path: str
    text: str

    def lines(self) -> Iterator[tuple[int, str]]:
        return enumerate(self.text.splitlines(), 1)

    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def problem(source: Source, line: int, banned: str, instead: str) -> str:
    return f"{source.path}:{line}: {banned}; {instead}"


# --- imports ---------------------------------------------------------------------------------------------------------


PACKAGES = {"glidemq_pb", "glidemq_pb.backends", "glidemq_pb.semantics"}  # what is imported from them is a module


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of all that a module imports, with relative imports resolved."""
    package = source.path.split("/")[:-1]
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module in PACKAGES:
                for alias in node.names:
                    yield node.lineno, f"{module}.{alias.name}"
            else:
                yield node.lineno, module


def part_of(module: str) -> str:
    """`semantics` of `glidemq_pb.semantics.jobs`; empty for another package."""
    names = module.split(".")
    return names[1] if names[0] == "glidemq_pb" and len(names) > 1 else ""


def pure_imports(source: Source) -> Iterator[str]:
    if not source.path.startswith("glidemq_pb/semantics/"):
        return
    for line, module in imports(source):
        if part_of(module) != "semantics" and module not in PURE_MODULES:
            instead = "semantics is pure: take it as an argument (time and chance too), or do it in the caller"
            yield problem(source, line, f"import of `{module}`", instead)


def layered_imports(source: Source) -> Iterator[str]:
    if not source.path.startswith("glidemq_pb/"):
        return
    own = part_of(source.path.removesuffix(".py").replace("/", "."))
    allowed = LAYERS.get(own)
    for line, module in imports(source):
        part = part_of(module)
        if allowed is not None and part and part != own and part not in allowed:
            instead = f"dependencies point downwards: `{own}` may use {sorted(allowed) or 'nothing of the rest'}"
            yield problem(source, line, f"import of `{module}`", instead)
        concrete = module.startswith(("glidemq_pb.backends.memory", "glidemq_pb.backends.valkey"))
        if concrete and not NAMES_CONCRETE_BACKENDS.match(source.path):
            yield problem(
                source, line, f"import of `{module}`", "take a `Backend` (backends/backend.py) as an argument"
            )
        if module.split(".")[0] == CLIENT and not USES_CLIENT.match(source.path):
            yield problem(source, line, "import of the Valkey client", "only backends/valkey talks to it")


# --- sizes -----------------------------------------------------------------------------------------------------------


def short_files(source: Source) -> Iterator[str]:
    count = source.text.count("\n")
    if source.path.startswith("glidemq_pb/") and count > FILE_LINES_MAX:
        yield problem(source, count, f"{count} lines", f"at most {FILE_LINES_MAX}: split it by responsibility")


def short_functions(source: Source) -> Iterator[str]:
    if not source.path.startswith("glidemq_pb/"):
        return
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > FUNCTION_LINES_MAX and f"{source.path}::{node.name}" not in LONG_FUNCTIONS:
                instead = f"at most {FUNCTION_LINES_MAX}: name its parts, or list it in LONG_FUNCTIONS with the reason"
                yield problem(source, node.lineno, f"`{node.name}` has {count} lines", instead)


# --- words -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Banned:
    where: str
    """Paths it holds for, as a regular expression."""
    word: str
    """What is banned, as a regular expression."""
    instead: str
    except_in: tuple[str, ...] = ()
    """Paths that may have it all the same; the reason stands beside each."""


EVERYWHERE = r"(glidemq_pb|tests|demo|benchmarks|tools)/"
BANNED = (
    Banned(EVERYWHERE, r"\b(TODO|FIXME|XXX|HACK)\b", "do it now, or open an issue"),
    Banned(EVERYWHERE, r"\bNotImplementedError\b", "leave the method out, or write a Protocol"),
    Banned(EVERYWHERE, r"# type: ignore(?!\[[\w, -]+\])", "`# type: ignore[code]`"),
    Banned(EVERYWHERE, r"# pyright: ignore(?!\[\w+\])", "`# pyright: ignore[rule]`"),
    Banned(EVERYWHERE, r"# noqa(?!: [A-Z]+\d+)", "`# noqa: CODE - the reason`"),
    Banned(EVERYWHERE, r"pragma: no cover", "test it, or delete it"),
    Banned(EVERYWHERE, r"\bpdb\b|\bbreakpoint\(", "take the debugger out"),
    Banned(EVERYWHERE, r"(?<![\w.])/(work|root|home)/\w", "name no path of one machine; use `Path(__file__)`"),
    Banned(r"(tests|demo|benchmarks)/", r"\btime\.sleep\(", "wait for an event, or poll with a deadline"),
    Banned(
        r"tests/",
        r"\basyncio\.sleep\(0?\.\d",
        "wait for an event, use virtual time, or poll with a deadline",
        ("tests/unit/test_testing_loop.py",),  # under the virtual loop, which it tests, sleeping takes no time
    ),
    Banned(r"tests/", r"\bpytest\.(skip|xfail|importorskip|mark\.(skip|skipif|xfail))\b", "make it pass, or delete it"),
    Banned(r"tests/", r"\bdef test_\w*should", "state what is so: `test_a_stale_token_is_refused`"),
    Banned(
        r"tests/",
        r"\b(unittest\.)?mock\.|\bMagicMock\b|\bAsyncMock\b",
        "a fake of ours that is checked against the real",
    ),
    Banned(
        r"glidemq_pb/",
        r"(?<![\w.])print\(",
        "log it, or return it",
        ("glidemq_pb/backends/valkey/compiler/__main__.py",),  # a command: printing is what it does
    ),
)


def banned_words(source: Source) -> Iterator[str]:
    if source.path == "tests/test_tidy.py":  # it has to spell them
        return
    for rule in BANNED:
        if re.match(rule.where, source.path) and source.path not in rule.except_in:
            for line, text in source.lines():
                if found := re.search(rule.word, text):
                    yield problem(source, line, f"`{found.group(0).strip()}`", rule.instead)


def no_escape_from_purity(source: Source) -> Iterator[str]:
    if not source.path.startswith("glidemq_pb/semantics/"):
        return
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.Name) and node.id in {"__import__", "open", "eval", "exec", "input", "globals"}:
            yield problem(source, node.lineno, f"`{node.id}`", "semantics is pure: take it as an argument")
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield problem(source, node.lineno, "async", "operations run to completion; what waits is in the API layer")


# --- the rules on the files of this repository -----------------------------------------------------------------------

RULES: tuple[Callable[[Source], Iterator[str]], ...] = (
    pure_imports,
    layered_imports,
    short_files,
    short_functions,
    banned_words,
    no_escape_from_purity,
)


def sources() -> list[Source]:
    files = [
        path for part in ("glidemq_pb", "tests", "demo", "benchmarks", "tools") for path in (ROOT / part).rglob("*.py")
    ]
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in sorted(files)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_source_keeps(rule: Callable[[Source], Iterator[str]]) -> None:
    problems = [line for source in sources() for line in rule(source)]
    assert not problems, "\n" + "\n".join(problems)


def test_exceptions_are_still_needed() -> None:
    lengths = {
        f"{source.path}::{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for source in sources()
        if source.path.startswith("glidemq_pb/")
        for node in ast.walk(source.tree())
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    stale = [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_LINES_MAX]
    assert not stale, f"tests/test_tidy.py: LONG_FUNCTIONS lists {stale}, which are short now; take them out"


def test_the_changelog_has_the_present_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[?([\w.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version in headings, f"CHANGELOG.md: no heading `## {version}`; write what users get with it"


PATH_IN_TEXT = re.compile(r"`([\w.*/-]+/[\w.*-]*|[\w-]+\.(?:py|md|lua|toml|sh))`|\]\(([\w./-]+)(?:#[\w-]*)?\)")


def missing_paths(document: Source) -> Iterator[str]:
    """Paths named in a document, from the root, from the package or from the document's folder, that do not exist."""
    here = (ROOT / document.path).parent
    for line, text in document.lines():
        for found in PATH_IN_TEXT.finditer(text):
            path = found.group(1) or found.group(2)
            anywhere = path if "/" in path else f"**/{path}"  # a bare name: of any module
            patterns = ((ROOT, path), (ROOT / "glidemq_pb", anywhere), (here, path))
            if not any(any(base.glob(pattern.strip("/"))) for base, pattern in patterns):
                yield problem(document, line, f"`{path}` does not exist", "name what is there")


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "tests/README.md"])
def test_paths_named_in_documents_exist(name: str) -> None:
    problems = list(missing_paths(Source(name, (ROOT / name).read_text(encoding="utf-8"))))
    assert not problems, "\n" + "\n".join(problems)


# --- the rules can fail ----------------------------------------------------------------------------------------------

LONG_BODY = "    pass\n" * FUNCTION_LINES_MAX
VIOLATIONS = [
    (pure_imports, "glidemq_pb/semantics/jobs.py", "import time\n", "`time`"),
    (pure_imports, "glidemq_pb/semantics/jobs.py", "from random import random\n", "`random`"),
    (pure_imports, "glidemq_pb/semantics/jobs.py", "from ..clock import Clock\n", "glidemq_pb.clock"),
    (pure_imports, "glidemq_pb/semantics/jobs.py", "from .. import clock\n", "glidemq_pb.clock"),
    (layered_imports, "glidemq_pb/backends/backend.py", "from ..queue import Queue\n", "glidemq_pb.queue"),
    (layered_imports, "glidemq_pb/queue.py", "from .backends.memory.store import MemoryStore\n", "Backend"),
    (layered_imports, "glidemq_pb/queue.py", "from .backends import valkey\n", "Backend"),
    (layered_imports, "glidemq_pb/worker.py", "from glide import GlideClient\n", "client"),
    (short_files, "glidemq_pb/queue.py", "x = 1\n" * (FILE_LINES_MAX + 1), "401 lines"),
    (short_functions, "glidemq_pb/queue.py", f"def add():\n{LONG_BODY}", "`add` has 61 lines"),
    (banned_words, "glidemq_pb/queue.py", "# TODO later\n", "TODO"),
    (banned_words, "glidemq_pb/queue.py", "print('x')\n", "print"),
    (banned_words, "glidemq_pb/queue.py", "x = y  # type: ignore\n", "type: ignore"),
    (banned_words, "tests/unit/test_x.py", "time.sleep(1)\n", "deadline"),
    (banned_words, "tests/unit/test_x.py", "await asyncio.sleep(0.1)\n", "deadline"),
    (banned_words, "tests/unit/test_x.py", "@pytest.mark.skipif(True)\n", "make it pass"),
    (no_escape_from_purity, "glidemq_pb/semantics/jobs.py", "open('x')\n", "`open`"),
    (no_escape_from_purity, "glidemq_pb/semantics/jobs.py", "async def add(): ...\n", "async"),
]


@pytest.mark.parametrize(("rule", "path", "text", "told"), VIOLATIONS)
def test_a_violation_is_found(rule: Callable[[Source], Iterator[str]], path: str, text: str, told: str) -> None:
    problems = list(rule(Source(path, text)))
    assert len(problems) == 1
    assert problems[0].startswith(f"{path}:")
    assert told in problems[0]


def test_a_path_that_is_gone_is_found() -> None:
    document = Source("README.md", "see `glidemq_pb/clock.py`, `clock.py`, `semantics/` and [this](docs/nothing.md)\n")
    assert list(missing_paths(document)) == ["README.md:1: `docs/nothing.md` does not exist; name what is there"]
