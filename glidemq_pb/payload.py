"""Values on their way to and from the store: serialized, within the limit, as wire text."""

from typing import Any, cast

from .errors import PAYLOAD_BYTES_MAX, PayloadTooLargeError, SerializationError
from .serializers import Serializer
from .wire import bytes_to_wire, wire_to_bytes

NO_VALUE = ""
"""The wire text of None."""


def encode_value(serializer: Serializer, value: object, what: str = "Job data") -> str:
    """The wire text of a value; None is no value. `what` names it in messages.

    Raises SerializationError (the serializer's own exception is its `__cause__`) and PayloadTooLargeError.
    """
    if value is None:
        return NO_VALUE
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
    if len(raw) > PAYLOAD_BYTES_MAX:
        raise PayloadTooLargeError(len(raw), what=what)
    return bytes_to_wire(raw)


def decode_value(serializer: Serializer, stored_by: str, wire: str) -> Any:
    """The value of wire text that the serializer named `stored_by` made. SerializationError when it cannot be had."""
    if wire == NO_VALUE:
        return None
    if stored_by != serializer.name:
        raise SerializationError(f"it was made by the serializer {stored_by!r}, and {serializer.name!r} is in use here")
    try:
        return serializer.deserialize(wire_to_bytes(wire))
    except Exception as error:
        raise SerializationError(f"{serializer.name!r} cannot decode it: {type(error).__name__}: {error}") from error
