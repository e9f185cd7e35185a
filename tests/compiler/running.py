"""One program run twice: by CPython over the memory store, and as compiled Lua on a real Valkey."""

import asyncio
import copy
import dataclasses
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, get_args, get_origin, get_type_hints

import msgpack
import msgspec
from glide import GlideClient, GlideClientConfiguration, NodeAddress, RequestError

from glidemq_pb.backends.memory.store import MemoryStore
from glidemq_pb.backends.valkey.compiler import build
from glidemq_pb.backends.valkey.compiler.symbols import Source
from glidemq_pb.semantics.lang import Fields, Refusal
from tests.properties import dump

Q = "glide:{p}"
HEADER = """\
from dataclasses import dataclass
from typing import Final

from glidemq_pb.semantics.errors import Code
from glidemq_pb.semantics.lang import (
    Fields, byte_length, drop, is_canonical_id, join, lookup, lookup_int, number, operation, pad, refuse, split, text,
    without,
)
from glidemq_pb.semantics.store import Event, Scored, Store

"""
Reply = Any


class Server:
    """A connection to the private Valkey, for plain synchronous tests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        configuration = GlideClientConfiguration([NodeAddress("127.0.0.1", self._port)], request_timeout=10_000)
        self._client = self._runner.run(GlideClient.create(configuration))
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def command(self, *words: str | bytes) -> Reply:
        return self._runner.run(self._client.custom_command(list(words)))

    def dump(self) -> dict[str, Any]:
        """The whole state, as `MemoryStore.dump` shows it."""
        return self._runner.run(dump.dump(self._client, Q))

    def load(self, library: build.Library) -> None:
        """Make this the only library, and the store empty."""
        self.command("FUNCTION", "FLUSH")
        self.command("FUNCTION", "LOAD", library.text)
        self.command("FLUSHALL")

    def call(self, library: build.Library, operation: str, words: Sequence[object]) -> Reply:
        """The reply, or the text of the error. `words`: see `packed`."""
        try:
            return unpacked(self.command("FCALL", library.function_name(operation), "1", Q, packed(words)))
        except RequestError as error:
            return f"error: {error}"


def packed(words: Sequence[object]) -> bytes:
    """The argument of a function: bytes are text."""
    return msgspec.msgpack.encode([as_words(word) for word in words])


def unpacked(reply: bytes) -> Reply:
    """The reply of a function, with None for what is nothing."""
    return with_none(msgpack.unpackb(reply, raw=True, strict_map_key=False))


def with_none(reply: Reply) -> Reply:
    if isinstance(reply, list):
        return [with_none(one) for one in reply]
    return None if reply is False else reply


def as_words(word: Any) -> Any:
    if isinstance(word, list):
        return [as_words(one) for one in word]
    return as_text(word) if isinstance(word, bytes) else word


def as_text(raw: bytes) -> msgspec.Raw:
    return msgspec.Raw(b"\xdb" + len(raw).to_bytes(4, "big") + raw)


def compile_program(text: str, compiler: Any = build) -> build.Library:
    """The library of one module beside the semantics' own vocabulary. `compiler`: `build`, or a faulty copy of it."""
    errors = build.SEMANTICS / "errors.py"
    lent = [*compiler.lending_sources(), Source("errors", "errors.py", errors.read_text())]
    library: build.Library = compiler.compile_sources([*lent, Source("program", "program.py", text)])
    return library


def load_python(text: str) -> types.ModuleType:
    """The same module in CPython."""
    module = types.ModuleType("program")
    exec(compile(text, "program.py", "exec"), module.__dict__)  # noqa: S102 - the program under test
    return module


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: the arguments after (s, q, now)."""

    operation: str
    now: int
    args: tuple[Any, ...]


def run_python(module: types.ModuleType, store: MemoryStore, call: Call) -> Reply:
    """What CPython gives, written as the server replies it."""
    function: Callable[..., Any] = vars(module)[call.operation]
    try:
        return [to_reply(function(store, Q, call.now, *copy.deepcopy(call.args)))]
    except Refusal as refusal:
        return [None, str(refusal.code).encode()]


def run_lua(server: Server, library: build.Library, module: types.ModuleType, call: Call) -> Reply:
    """What the compiled operation replies."""
    hints = get_type_hints(vars(module)[call.operation])
    names = [name for name in hints if name not in ("s", "q", "now", "return")]
    words: list[object] = [call.now]
    for name, value in zip(names, call.args, strict=True):
        words += to_words(value, hints[name])
    return server.call(library, call.operation, words)


def to_reply(value: Any) -> Reply:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, list):
        return [to_reply(one) for one in value]
    if dataclasses.is_dataclass(value):
        return [to_reply(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return value


def to_words(value: Any, kind: Any) -> list[object]:
    if kind in (int, bool):
        return [value]
    if kind is str:
        return [value.encode("latin-1")]
    if kind is Fields or kind == list[str]:
        return [[one.encode("latin-1") for one in value]]
    if get_origin(kind) is list:
        return [len(value), *(word for one in value for word in to_words(one, get_args(kind)[0]))]
    if get_origin(kind) is types.UnionType:
        return [False] if value is None else [True, *to_words(value, get_args(kind)[0])]
    hints = get_type_hints(kind)
    return [
        word for field in dataclasses.fields(kind) for word in to_words(getattr(value, field.name), hints[field.name])
    ]


def assert_same(server: Server, text: str, calls: Sequence[Call]) -> None:
    """The calls, made in order on one store, give the same replies and leave the same state on both sides."""
    module = load_python(text)
    library = compile_program(text)
    server.load(library)
    store = MemoryStore()
    for call in calls:
        expected = run_python(module, store, call)
        found = run_lua(server, library, module, call)
        assert found == expected, (
            f"the replies differ: {call}\nCPython: {expected}\nLua:     {found}\n{text}\n{shown(library)}"
        )
    assert server.dump() == store.dump(Q), f"the stores differ\n{text}\n{shown(library)}"


def shown(library: build.Library) -> str:
    """The program's part of the Lua."""
    return library.text[library.text.index("\n-- program.py") :]
