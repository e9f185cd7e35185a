"""`python -m glidemq_pb.backends.valkey.compiler build | verify | show NAME | explain GMQ204 | subset`."""

import argparse
import sys
from collections.abc import Callable

from . import build, explain
from .diagnostics import CompileError
from .errors import InternalError


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 1: the program or the files are at fault; 2: the compiler is."""
    parser = argparse.ArgumentParser(prog="python -m glidemq_pb.backends.valkey.compiler", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="write library.lua and library.map.json")
    commands.add_parser("verify", help="fail when they are not what the sources give")
    show = commands.add_parser("show", aliases=["lua"], help="one function, Python and Lua side by side")
    show.add_argument("name", help="as `jobs.enqueue`")
    rule = commands.add_parser("explain", help="one rule, with a rejected and an accepted program")
    rule.add_argument("rule", help="as `GMQ204`")
    commands.add_parser("subset", help="write docs/subset.md")
    options = parser.parse_args(arguments)
    run: dict[str, Callable[[], int]] = {
        "build": _build,
        "verify": _verify,
        "show": lambda: _show(options.name),
        "lua": lambda: _show(options.name),
        "explain": lambda: _explain(options.rule),
        "subset": _subset,
    }
    try:
        return run[options.command]()
    except CompileError as error:
        print(error, file=sys.stderr)
        print(f"{len(error.found)} violations of the subset", file=sys.stderr)
        return 1
    except InternalError as error:
        print(f"a fault of the compiler, please report it: {error}", file=sys.stderr)
        return 2


def _build() -> int:
    library = build.compile_semantics()
    build.write(library)
    print(f"{library.name}: {library.text.count(chr(10))} lines")
    return 0


def _verify() -> int:
    old = [path.name for path in build.stale(build.compile_semantics())]
    old += [path.name for path in explain.stale()]
    for name in old:
        print(f"{name} is stale: run `make generate` and commit it", file=sys.stderr)
    return 1 if old else 0


def _show(name: str) -> int:
    text = explain.side_by_side(build.compile_semantics(), name)
    if text is None:
        print(f"no function {name}; write module.function, as `jobs.enqueue`", file=sys.stderr)
        return 1
    print(text)
    return 0


def _explain(number: str) -> int:
    text = explain.rule(number)
    if text is None:
        print(f"no rule {number}; see docs/subset.md", file=sys.stderr)
        return 1
    print(text)
    return 0


def _subset() -> int:
    explain.SUBSET.parent.mkdir(exist_ok=True)
    explain.SUBSET.write_text(explain.subset())
    return 0


if __name__ == "__main__":
    sys.exit(main())
