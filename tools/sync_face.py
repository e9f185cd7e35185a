"""Writes the synchronous face, `glidemq_pb/sync`, from the asynchronous classes: one method for each of theirs.

`python -m tools.sync_face build` writes it, `verify` fails where it is not what would be written.
"""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from glidemq_pb.job import Job
from glidemq_pb.producer import Producer
from glidemq_pb.queue import Queue

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "glidemq_pb" / "sync"
PACKAGE = "glidemq_pb"
DOCSTRING_WIDTH = 106

CONVERSIONS = {
    "Job[D, R] | None": "job_or_none({})",
    "list[Job[D, R]]": "all_jobs({})",
    "list[Job[Any, Any]]": "all_jobs({})",
}
"""How a result becomes one of the synchronous face, by its annotation; others stay as they are."""
LOCAL = {"D", "R", "Job"}
"""Names in annotations that mean something of the written module."""


@dataclass(frozen=True)
class Face:
    """One class to write."""

    file: str
    original: type[Any]
    header: str
    left_out: frozenset[str]
    """Methods that `header` has, that make no sense where nothing is awaited, or that are not for users."""
    has_plain: bool = False
    """Whether properties, and methods that are not coroutines, are written too."""
    has_constructor: bool = True
    call: str = "self._run(lambda component: component.{name}({arguments}))"
    call_alone: str = "self._run(lambda component: component.{name}())"
    """A call without arguments."""


JOB_HEADER = '''
class Job(Generic[D, R]):
    """A job, as `glidemq_pb.Job`: a snapshot of the moment it was read; its own methods update it.

    The methods of `glidemq_pb.sync.Queue` return it. A processor that is a plain function makes one of the job that
    it is given. Usable in the process that it was read in.

    Example:
        def process(job):  # in one of the worker's threads
            job = Job(job)
            job.update_progress(50)
    """

    __slots__ = ("_job",)

    def __init__(self, job: AsyncJob[D, R]) -> None:
        self._job = job

    def __repr__(self) -> str:
        return repr(self._job)

    def _wait(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Make a call where the job lives: in the worker's event loop, for one that runs, or else in ours."""
        run = self._job._run
        return PORTAL.run(call, None if run is None else run.loop)

    def _end_run(self, call: Callable[[], Coroutine[Any, Any, NoReturn]]) -> NoReturn:
        """Make a call that ends the run of its processor by what it raises."""
        self._wait(call)
        raise InvalidStateError("the processor goes on: the end of its run was swallowed")

    @property
    def id(self) -> str:
        """Its id, unique in its queue."""
        return self._job.id
'''
JOB_FOOTER = '''

def job_or_none(job: AsyncJob[D, R] | None) -> Job[D, R] | None:
    """The synchronous face of a job that may not be there."""
    return None if job is None else Job(job)


def all_jobs(jobs: list[AsyncJob[D, R]]) -> list[Job[D, R]]:
    """The synchronous faces of jobs."""
    return [Job(job) for job in jobs]
'''
QUEUE_HEADER = '''
class Queue(Component[AsyncQueue[D, R]], Generic[D, R]):
    """A queue for code that is not async: every method of `glidemq_pb.Queue`, without `await`.

    Takes the arguments of that class, and is safe to use from any thread. See `glidemq_pb.Queue` for details.

    Example:
        queue = Queue[dict[str, str], None]("mail", connection="valkey://localhost:6379")

        def sign_up(request):
            queue.add("welcome", {"to": request.POST["email"]})
    """
'''

PRODUCER_HEADER = '''
class Producer(Component[AsyncProducer[D]], Generic[D]):
    """Adds jobs and gives back their ids, for code that is not async: `glidemq_pb.Producer`, without `await`.

    Takes the arguments of that class, and is safe to use from any thread. See `glidemq_pb.Producer` for details.

    Example:
        producer = Producer[dict[str, str]]("mail", connection="valkey://localhost:6379")
        job_id = producer.add("welcome", {"to": "a@example.com"})
    """
'''

COMMON = frozenset({"connect", "close", "closed", "name", "backend"})
NO_ARGUMENTS = frozenset({"client"})
"""Arguments that are left out: a client lives in an event loop of its maker, who has none here."""

FACES = (
    Face(
        "job.py",
        Job,
        JOB_HEADER,
        frozenset(
            {
                "backoff_delay",
                "backoff_type",
                "has_jitter",
                "is_dead_letter_of",
                "note_added",
                "note_completion",
                "note_failure",
                "note_id",
                "note_options",
                "run_token",
                "note_start",
            }
        ),
        has_plain=True,
        has_constructor=False,
        call="self._wait(lambda: self._job.{name}({arguments}))",
        call_alone="self._wait(self._job.{name})",
    ),
    Face("queue.py", Queue, QUEUE_HEADER, COMMON),
    Face("producer.py", Producer, PRODUCER_HEADER, COMMON),
)


class Method:
    """One function of an asynchronous class, taken apart."""

    def __init__(self, function: FunctionType) -> None:
        source = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        if not isinstance(source, ast.FunctionDef | ast.AsyncFunctionDef):
            raise TypeError(f"{function} is no function")
        self.node = source
        self.module = function.__module__
        self.name = function.__name__
        self.is_async = isinstance(source, ast.AsyncFunctionDef)
        arguments = source.args
        kept = [
            (one, default)
            for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if one.arg not in NO_ARGUMENTS
        ]
        arguments.kwonlyargs = [one for one, _ in kept]
        arguments.kw_defaults = [default for _, default in kept]

    @property
    def returns(self) -> str:
        if self.node.returns is None:
            raise TypeError(f"{self.name} has no annotation")
        return ast.unparse(self.node.returns)

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring."""
        text = (ast.get_docstring(self.node) or "").split("\n\n")[0]
        if not text:
            raise TypeError(f"{self.name} has no docstring")
        return text if max(map(len, text.splitlines())) <= DOCSTRING_WIDTH else textwrap.fill(text, DOCSTRING_WIDTH)

    @property
    def passed_on(self) -> str:
        """The arguments of a call with the same arguments."""
        arguments = self.node.args
        parts = [one.arg for one in arguments.args[1:]]
        parts += [f"{one.arg}={one.arg}" for one in arguments.kwonlyargs]
        if arguments.kwarg is not None:
            parts.append(f"**{arguments.kwarg.arg}")
        return ", ".join(parts)

    def names(self) -> Iterator[str]:
        """The names that its signature uses."""
        for part in (self.node.args, self.node.returns):
            for node in ast.walk(part) if part is not None else ():
                if isinstance(node, ast.Name):
                    yield node.id


def functions_of(original: type[Any]) -> Iterator[tuple[FunctionType, bool]]:
    """The public functions of a class and its bases, in the order of their writing; whether each is a property."""
    seen: set[str] = set()
    found: list[list[tuple[FunctionType, bool]]] = []
    for kind in original.__mro__:
        if not kind.__module__.startswith(PACKAGE):
            continue
        own: list[tuple[FunctionType, bool]] = []
        for name, value in vars(kind).items():
            function = value.fget if isinstance(value, property) else value
            if isinstance(function, FunctionType) and not name.startswith("_") and name not in seen:
                seen.add(name)
                own.append((function, isinstance(value, property)))
        found.append(own)
    for own in found:
        yield from own


def body_of(face: Face, method: Method, *, is_property: bool) -> str:
    """The text of one method."""
    document = textwrap.indent(f'"""{method.summary}"""', " " * 8)
    head = f"    def {method.name}({ast.unparse(method.node.args)}) -> {method.returns}:\n{document}\n"
    if is_property:
        return f"    @property\n{head}        return self._job.{method.name}\n"
    template = face.call if method.passed_on else face.call_alone
    if not method.is_async:
        template = "self._job.{name}({arguments})"
    if method.returns == "NoReturn":
        template = template.replace("_wait", "_end_run")
    call = template.format(name=method.name, arguments=method.passed_on)
    result = CONVERSIONS.get(method.returns, "{}").format(call)
    return f"{head}        {'' if method.returns in ('None', 'NoReturn') else 'return '}{result}\n"


def constructor_of(face: Face) -> tuple[Method, str]:
    method = Method(face.original.__init__)
    made = f"Async{face.original.__name__}({method.passed_on})"
    arguments = ast.unparse(method.node.args)
    return method, f"    def __init__({arguments}) -> None:\n        super().__init__(lambda: {made})\n"


def imports_of(methods: list[Method]) -> set[str]:
    """Import statements for all that the signatures name."""
    needed: set[str] = set()
    for method in methods:
        tree = tree_of(method.module)
        for name in set(method.names()) - LOCAL:
            if statement := import_of(name, method.module, tree):
                needed.add(statement)
    return needed


@cache
def tree_of(module: str) -> ast.Module:
    """The source of a module."""
    return ast.parse(Path(inspect.getfile(sys.modules[module])).read_text(encoding="utf-8"))


def import_of(name: str, module: str, tree: ast.Module) -> str | None:
    """How the written module gets a name that `module` knows; None for a builtin."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and any(name == (alias.asname or alias.name) for alias in node.names):
            return f"from {'.' * (node.level + 1 if node.level else 0)}{node.module} import {name}"
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        defined = [target.id for target in targets if isinstance(target, ast.Name)]
        if (isinstance(node, ast.ClassDef) and node.name == name) or name in defined:
            return f"from ..{module.removeprefix(PACKAGE + '.')} import {name}"
    return None


def text_of(face: Face) -> str:
    """One written module."""
    kind = face.original.__name__
    methods: list[Method] = []
    parts = [face.header]
    if face.has_constructor:
        method, text = constructor_of(face)
        methods.append(method)
        parts.append(text)
    for function, is_property in functions_of(face.original):
        method = Method(function)
        if function.__name__ not in face.left_out and (method.is_async or face.has_plain):
            methods.append(method)
            parts.append(body_of(face, method, is_property=is_property))
    imports = imports_of(methods) | {
        "from typing import Any, Generic, TypeVar",
        f"from ..{face.file.removesuffix('.py')} import {kind} as Async{kind}",
        "from .portal import PORTAL" if face.file == "job.py" else "from .component import Component",
    }
    if face.file != "job.py":
        imports.add("from .job import Job, all_jobs, job_or_none")
    head = f'"""The synchronous {kind}. GENERATED by tools/sync_face.py: change the asynchronous one, or that."""\n'
    if face.file == "job.py":
        imports |= {
            "from collections.abc import Callable, Coroutine",
            "from typing import NoReturn",
            "from ..errors import InvalidStateError",
        }
    variables = "".join(f'{name} = TypeVar("{name}")\n' for name in "DRT" if re.search(rf"\[.*\b{name}\b", face.header))
    footer = JOB_FOOTER if face.file == "job.py" else ""
    return formatted("\n".join([head, *sorted(imports), "", variables, *parts]) + footer, face.file)


def formatted(text: str, name: str) -> str:
    """As ruff writes it, without the imports that are not needed."""
    for command in (["check", "--quiet", "--select", "I,F401", "--fix"], ["format", "--quiet"]):
        run = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(FOLDER / name), "-"]
        done = subprocess.run(run, input=text, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 - ours
        text = done.stdout
    return text


def main(arguments: list[str]) -> int:
    """Write or verify."""
    if arguments not in (["build"], ["verify"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    stale = []
    for face in FACES:
        path, text = FOLDER / face.file, text_of(face)
        if arguments == ["build"]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(ROOT).as_posix())
    if stale:
        sys.stderr.write(f"{', '.join(stale)}: not up to date; run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
