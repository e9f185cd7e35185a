"""Values on their way to and from the store: serialized, within the limit, compressed where asked, as wire text.

A stored value says itself how it was made, wherever it goes (a job, an event, a dead letter): a mark, the
serializer's name, a zero byte, the body. JSON that is not compressed goes without them, so that any client can
read it: it never begins with a mark, and what does so all the same is given them.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, cast

from .errors import PAYLOAD_BYTES_MAX, PayloadTooLargeError, SerializationError
from .options import check_choice
from .semantics.lang import Fields
from .serializers import JSON_SERIALIZER, JsonSerializer, Serializer
from .wire import bytes_to_wire, wire_to_bytes

Compression = Literal["none", "gzip"]

NO_VALUE: Final = ""
"""The wire text of None."""
PLAIN_MARK: Final = b"\x01"
GZIP_MARK: Final = b"\x02"
GZIP_LEVEL: Final = 6
GZIP_BYTES_MIN: Final = 64
"""gzip's own frame takes 18 bytes: what is shorter than this hardly ever gains anything."""
GZIP_WINDOW: Final = 31
"""zlib's word for: 32 KiB window, in gzip's frame (whose time is 0, so equal values are equal bytes)."""


def check_compression(compression: object) -> Compression:
    """`none` or `gzip`. InvalidOptionsError otherwise (CMP-1)."""
    return cast("Compression", check_choice("compression", compression, ("none", "gzip")))


def compression_option(compression: Compression) -> Fields:
    """What is stored with a job so that a later `update_data`, by whomever, keeps its compression (CMP-4)."""
    return Fields([] if compression == "none" else ["compression", compression])


def compression_of(fields: dict[str, str]) -> Compression:
    """The compression that a job was added with."""
    return "gzip" if fields.get("compression") == "gzip" else "none"


def encode_value(
    serializer: Serializer, value: object, what: str = "Job data", compression: Compression = "none"
) -> str:
    """The wire text of a value; None is no value. `what` names it in messages.

    Compressed only where that makes it shorter. The limit counts the serializer's bytes (CMP-2).
    Raises SerializationError (the serializer's own exception is its `__cause__`) and PayloadTooLargeError.
    """
    if value is None:
        return NO_VALUE
    raw = _serialized(serializer, value, what)
    if len(raw) > PAYLOAD_BYTES_MAX:
        raise PayloadTooLargeError(len(raw), what=what)
    plain = _with_header(serializer, raw)
    if compression == "gzip" and len(raw) >= GZIP_BYTES_MIN:
        packed = b"%b%b\0%b" % (
            GZIP_MARK, serializer.name.encode(), zlib.compress(raw, GZIP_LEVEL, GZIP_WINDOW),
        )  # fmt: skip
        if len(packed) < len(plain):
            return bytes_to_wire(packed)
    return bytes_to_wire(plain)


def encode_values(
    serializer: Serializer, values: Sequence[object], what: Callable[[int], str], compression: Compression
) -> list[str]:
    """As `encode_value` for each; `what` names the one at a position. JSON is written in one go where it can be."""
    if type(serializer) is JsonSerializer and compression == "none":
        wires = serializer.serialize_all(values)
        if wires is not None and max(map(len, wires), default=0) <= PAYLOAD_BYTES_MAX:
            return wires
    return [encode_value(serializer, value, what(at), compression) for at, value in enumerate(values)]


def _serialized(serializer: Serializer, value: object, what: str) -> bytes:
    try:
        made = cast("object", serializer.serialize(value))  # what its annotation says is checked below
        raw = made.encode() if isinstance(made, str) else made
    except Exception as error:
        raise SerializationError(
            f"{what} cannot be serialized by {serializer.name!r}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(raw, bytes):
        raise SerializationError(f"{what}: serializer {serializer.name!r} made {raw!r}; bytes or str are needed")
    if not raw:
        raise SerializationError(f"{what}: serializer {serializer.name!r} made nothing of a value that is not None")
    return raw


def _with_header(serializer: Serializer, raw: bytes) -> bytes:
    if serializer.name == JSON_SERIALIZER.name and raw[:1] not in (PLAIN_MARK, GZIP_MARK):
        return raw
    return b"%b%b\0%b" % (PLAIN_MARK, serializer.name.encode(), raw)


def decode_value(serializer: Serializer, wire: str) -> Any:
    """The value of wire text that `encode_value` made. SerializationError when this serializer cannot have it."""
    if wire == NO_VALUE:
        return None
    raw = wire_to_bytes(wire)
    mark = raw[:1]
    stored_by = JSON_SERIALIZER.name
    if mark in (PLAIN_MARK, GZIP_MARK):
        name, zero, raw = raw[1:].partition(b"\0")
        if not zero:
            raise SerializationError("its stored bytes are not what any release writes")
        stored_by = name.decode("ascii", "replace")
    if stored_by != serializer.name:
        raise SerializationError(f"it was made by the serializer {stored_by!r}, and {serializer.name!r} is in use here")
    if mark == GZIP_MARK:
        raw = _decompressed(raw)
    try:
        return serializer.deserialize(raw)
    except Exception as error:
        raise SerializationError(f"{serializer.name!r} cannot decode it: {type(error).__name__}: {error}") from error


def _decompressed(packed: bytes) -> bytes:
    """The bytes of one gzip member; never more than a value may have, whatever it claims to hold."""
    reader = zlib.decompressobj(GZIP_WINDOW)
    try:
        raw = reader.decompress(packed, PAYLOAD_BYTES_MAX + 1)
    except zlib.error as error:
        raise SerializationError(f"it cannot be decompressed: {error}") from error
    if len(raw) > PAYLOAD_BYTES_MAX:
        raise SerializationError(f"it cannot be decompressed: it holds more than {PAYLOAD_BYTES_MAX} bytes")
    if not reader.eof or reader.unused_data:
        raise SerializationError("it cannot be decompressed: its bytes do not end where its gzip member does")
    return raw
