"""How an operation's arguments and reply cross the wire, derived from its annotations.

All arguments are one MessagePack array, since a client and a server spend more on an argument than on what is
in it: `now`, then those of the signature after (s, q, now). An `int`, a `bool` and a `str` (the bytes of wire
text) are themselves, and so is a list of texts; another list is its length, then its items; a record is its fields
in order; `X | None` is false, or true and X. The reply is one MessagePack array too: `[value]`, or `[false, code]` when
the operation refused; inside it a record is an array of its fields, a `bool` is 0 or 1, and None is false.

For each operation one Python function per direction is generated and compiled, once: a batch of fifty
jobs has a thousand values, and interpreting their types anew would cost more than the server's work.
"""

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NoReturn, Union, cast, get_args, get_origin, get_type_hints

import msgpack  # pyright: ignore[reportMissingTypeStubs]  # it ships no types
import msgspec

from ..semantics.lang import INT_MAX, Fields, Refusal

pack = msgspec.msgpack.Encoder().encode
FIXED_PARAMETERS = 3
"""The store, the queue and `now`, which the backend fills in."""


class CodecError(TypeError):
    """A value that its annotation does not allow: a defect of the caller, found before anything is sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class OperationCodec:
    """One operation's two directions."""

    encode: Callable[..., bytes]
    """(now, or None for the server's clock, *args, **kwargs of the operation) -> the server's argument."""
    decode: Callable[[Any], Any]
    """The server's reply -> the operation's; raises `Refusal`."""


@cache
def codec_of(operation: Callable[..., Any]) -> OperationCodec:
    """The codec of an operation of `semantics`, made on first use."""
    return OperationCodec(_compile_encoder(operation), _compile_decoder(operation))


class _Code:
    """The text of one generated function, and the names that it refers to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self._locals = 0

    def local(self) -> str:
        self._locals += 1
        return f"_v{self._locals}"

    def refer(self, value: Any) -> str:
        name = f"_r{len(self.names)}"
        self.names[name] = value
        return name

    def compile(self, name: str, source: str) -> Any:
        exec(compile("\n".join(self.lines), source, "exec"), self.names)  # noqa: S102 - our own text
        return self.names[name]


# --- arguments -------------------------------------------------------------------------------------------------------


def _compile_encoder(operation: Callable[..., Any]) -> Callable[..., bytes]:
    hints = get_type_hints(operation)
    parameters = list(inspect.signature(operation).parameters.values())[FIXED_PARAMETERS:]
    code = _Code()
    heading = ["_now"]
    for parameter in parameters:
        default = "" if parameter.default is inspect.Parameter.empty else f"={code.refer(parameter.default)}"
        heading.append(f"{parameter.name}{default}")
    code.lines.append(f"def encode({', '.join(heading)}):")
    encoder = _Encoder(code)
    encoder.pending.append("'' if _now is None else _now")
    for parameter in parameters:
        encoder.value(hints[parameter.name], parameter.name, parameter.name, "    ")
    encoder.flush("    ")
    code.lines.append(f"    return {code.refer(pack)}(_out)")
    encode: Callable[..., bytes] = code.compile("encode", f"<arguments of {operation.__name__}>")
    return encode


class _Encoder:
    """Writes the statements that append values to `_out`; neighbours of fixed size become one statement."""

    def __init__(self, code: _Code) -> None:
        self._code = code
        self._started = False
        self.pending: list[str] = []

    def flush(self, indent: str) -> None:
        if self.pending:
            items = ", ".join(self.pending)
            self._code.lines.append(f"{indent}_out += ({items},)" if self._started else f"{indent}_out = [{items}]")
            self._started = True
            self.pending.clear()

    def value(self, hint: Any, value: str, path: str, indent: str) -> None:
        """Append one value. `path` names it in messages."""
        if (simple := self._simple(hint, value, path)) is not None:
            self.pending.append(simple)
        elif dataclasses.is_dataclass(hint):
            hints = get_type_hints(hint)
            for field in dataclasses.fields(hint):
                self.value(hints[field.name], f"{value}.{field.name}", f"{path}.{field.name}", indent)
        elif (item := _item_of(hint)) is not None:
            self._list(item, value, path, indent)
        else:
            self._optional(_present_of(hint), value, path, indent)

    def _simple(self, hint: Any, value: str, path: str) -> str | None:
        if hint is str:
            return f"(_t if (_t := {value}).isascii() else {self._code.refer(_packed_text)}(_t))"
        if hint is int:
            bad = f"{self._code.refer(_bad_int)}({path!r}, _t)"
            return f"(_t if type(_t := {value}) is int and {-INT_MAX} <= _t <= {INT_MAX} else {bad})"
        if hint is bool:
            bad = f"{self._code.refer(_bad_bool)}({path!r}, _t)"
            return f"(_t if (_t := {value}) is True or _t is False else {bad})"
        if _item_of(hint) is str:
            return f"(_t if not (_t := {value}) else {self._code.refer(_packed_texts)}(_t))"
        return None

    def _list(self, item: Any, value: str, path: str, indent: str) -> None:
        self.pending.append(f"len({value})")
        self.flush(indent)
        one = self._code.local()
        if (simple := self._simple(item, one, f"{path}[]")) is not None:
            self._code.lines.append(f"{indent}_out += [{simple} for {one} in {value}]")
            return
        self._code.lines.append(f"{indent}for {one} in {value}:")
        self.value(item, one, f"{path}[]", indent + "    ")
        self.flush(indent + "    ")

    def _optional(self, present: Any, value: str, path: str, indent: str) -> None:
        self.flush(indent)
        self._code.lines.append(f"{indent}if {value} is None:")
        self._code.lines.append(f"{indent}    _out.append(False)")
        self._code.lines.append(f"{indent}else:")
        self.pending.append("True")
        self.value(present, value, path, indent + "    ")
        self.flush(indent + "    ")


def _packed_texts(texts: list[str]) -> Sequence[str | msgspec.Raw]:
    """A list of texts."""
    return texts if "".join(texts).isascii() else [one if one.isascii() else _packed_text(one) for one in texts]


def _packed_text(wire: str) -> msgspec.Raw:
    """Text that is not ASCII: its bytes, which need not be UTF-8."""
    raw = wire.encode("latin-1")
    return msgspec.Raw(b"\xdb%b%b" % (len(raw).to_bytes(4, "big"), raw))


def _bad_int(path: str, value: object) -> NoReturn:
    raise CodecError(f"{path}={value!r}: an int within +/-(2**53 - 1) is needed, not {type(value).__name__}")


def _bad_bool(path: str, value: object) -> NoReturn:
    raise CodecError(f"{path}={value!r}: a bool is needed, not {type(value).__name__}")


# --- replies ---------------------------------------------------------------------------------------------------------


def unpack(reply: bytes) -> list[Any]:
    """Its texts as bytes."""
    values: list[Any] = cast("Any", msgpack).unpackb(reply, raw=True)
    return values


def _compile_decoder(operation: Callable[..., Any]) -> Callable[[Any], Any]:
    code = _Code()
    value = _decoded(code, get_type_hints(operation)["return"], "_reply[0]")
    code.lines += [
        "def decode(_packed):",
        f"    _reply = {code.refer(unpack)}(_packed)",
        "    if len(_reply) == 2:",
        f"        raise {code.refer(Refusal)}(_reply[1].decode('latin-1'))",
        f"    return {value}",
    ]
    decode: Callable[[Any], Any] = code.compile("decode", f"<reply of {operation.__name__}>")
    return decode


def _decoded(code: _Code, hint: Any, value: str) -> str:
    """The expression that decodes the expression `value`."""
    if hint is int:
        return value
    if hint is str:
        return f"{value}.decode('latin-1')"
    if hint is bool:
        return f"({value} == 1)"
    if hint is types.NoneType:
        return "None"
    if dataclasses.is_dataclass(hint):
        return f"{_record_decoder(code, hint)}({value})"
    one = code.local()
    if (item := _item_of(hint)) is not None:
        return f"[{_decoded(code, item, one)} for {one} in {value}]"
    return f"(None if ({one} := {value}) is False else {_decoded(code, _present_of(hint), one)})"


def _record_decoder(code: _Code, record: Any) -> str:
    """The name of a generated function from a record's array to the record."""
    hints = get_type_hints(record)
    whole = code.local()
    fields = [
        _decoded(code, hints[field.name], f"{whole}[{at}]") for at, field in enumerate(dataclasses.fields(record))
    ]
    name = f"_decode_{record.__name__}"
    code.lines += [f"def {name}({whole}):", f"    return {code.refer(record)}({', '.join(fields)})"]
    return name


# --- annotations -----------------------------------------------------------------------------------------------------


def _item_of(hint: Any) -> Any:
    """T of `list[T]`; None for another annotation."""
    if hint is Fields:
        return str
    return get_args(hint)[0] if get_origin(hint) is list else None


def _present_of(hint: Any) -> Any:
    """X of `X | None`. Raises for an annotation that does not cross the wire."""
    present = list(_members(hint))
    if len(present) == 1:
        return present[0]
    raise CodecError(f"{hint!r} does not cross the wire: use int, str, bool, Fields, list, a record or X | None")


def _members(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        yield from (member for member in get_args(hint) if member is not types.NoneType)
