"""Wire text: a `str` whose characters are bytes, as the semantics layer wants all text.

A lone surrogate (from a file name in an error's text) passes through both ways instead of raising.
"""


def to_wire(value: str) -> str:
    """The UTF-8 bytes of a text, as wire text."""
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogatepass").decode("latin-1")


def from_wire(wire: str) -> str:
    """The text of wire text. Bytes that are no UTF-8, which are not ours, become U+FFFD."""
    if wire.isascii():
        return wire
    raw = wire.encode("latin-1")
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def bytes_to_wire(raw: bytes) -> str:
    """Bytes as wire text."""
    return raw.decode("latin-1")


def wire_to_bytes(wire: str) -> bytes:
    """The bytes of wire text."""
    return wire.encode("latin-1")
