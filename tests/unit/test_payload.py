"""The form of a stored value: whose it is, compressed or not, and what happens to bytes that are none."""

import gzip
import math
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb import JSON_SERIALIZER, InvalidOptionsError, PayloadTooLargeError, SerializationError
from glidemq_pb.errors import PAYLOAD_BYTES_MAX
from glidemq_pb.payload import GZIP_BYTES_MIN, NO_VALUE, check_compression, decode_value, encode_value, encode_values
from glidemq_pb.serializers import NAME_MAX
from glidemq_pb.wire import wire_to_bytes


class Raw:
    """Stores bytes as they are, under any name."""

    def __init__(self, name: str = "raw") -> None:
        self.name = name

    def serialize(self, value: Any) -> bytes:
        return bytes(value)

    def deserialize(self, raw: bytes) -> bytes:
        return raw


names = st.sampled_from(("json", "raw", "x" * NAME_MAX, "a b", "gzip"))
bodies = st.binary(min_size=1, max_size=300) | st.builds(
    bytes.__add__,
    st.sampled_from((b"\x00", b"\x01", b"\x02", b"\x01json\x00", b"\x02json\x00", b"\x1f\x8b")),
    st.binary(),
)


@given(names, bodies, st.sampled_from(("none", "gzip")))
def test_b_38_any_bytes_come_back_whatever_they_begin_with(name: str, body: bytes, compression: Any) -> None:
    wire = encode_value(Raw(name), body, compression=compression)
    assert decode_value(Raw(name), wire) == body
    with pytest.raises(SerializationError, match=f"made by the serializer {name!r}, and 'other' is in use here"):
        decode_value(Raw("other"), wire)


def test_plain_json_is_stored_as_it_is() -> None:
    assert encode_value(JSON_SERIALIZER, {"a": "é"}) == '{"a":"\xc3\xa9"}'
    assert encode_value(Raw("json"), b"\x01") == "\x01json\0\x01"
    assert encode_value(Raw(), b"1") == "\x01raw\x001"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
odd = st.sampled_from(
    [msgspec.Raw(b"1\n"), msgspec.Raw(b"[1,\n2]"), msgspec.Raw(b"\x011"), msgspec.Raw(b"\x021"), "null", "\n\x01"]
)


@given(st.lists(plain | odd, max_size=5), st.sampled_from(("none", "gzip")))
def test_values_in_one_go_are_what_they_are_one_by_one(values: list[Any], compression: Any) -> None:
    together = encode_values(JSON_SERIALIZER, values, str, compression)
    assert together == [encode_value(JSON_SERIALIZER, value, "", compression) for value in values]


@pytest.mark.parametrize("bad", [math.nan, object(), msgspec.Raw(b""), "\ud800", "x" * PAYLOAD_BYTES_MAX])
def test_the_bad_one_of_many_values_is_named(bad: object) -> None:
    with pytest.raises((SerializationError, PayloadTooLargeError), match=r"^the 2nd"):
        encode_values(JSON_SERIALIZER, [1, bad, 3], ["the 1st", "the 2nd", "the 3rd"].__getitem__, "none")


def test_ser_8_compression_wraps_what_the_serializer_made() -> None:
    body = b"ab" * 500
    wire = encode_value(Raw(), body, compression="gzip")
    mark, name, packed = wire_to_bytes(wire).partition(b"raw\0")
    assert (mark, name) == (b"\x02", b"raw\0")
    assert gzip.decompress(packed) == body
    assert packed[4:8] == bytes(4), "gzip's time is 0: equal values are equal bytes"


def test_cmp_4_what_gains_nothing_is_stored_plain() -> None:
    assert encode_value(JSON_SERIALIZER, "x" * 40, compression="gzip") == '"' + "x" * 40 + '"'
    assert encode_value(JSON_SERIALIZER, None, compression="gzip") == NO_VALUE
    noise = bytes(range(256))
    assert encode_value(Raw(), noise, compression="gzip") == encode_value(Raw(), noise)
    least = b"x" * GZIP_BYTES_MIN
    assert len(encode_value(Raw(), least, compression="gzip")) < len(encode_value(Raw(), least))


@given(st.integers(0, 3), st.binary(max_size=64), st.integers(1, 2_000))
def test_cmp_4_it_is_never_longer_for_being_compressed(kind: int, noise: bytes, times: int) -> None:
    value = (noise * times, noise, b"\x02" + noise, b"ab" * times)[kind] or b"x"
    for serializer in (Raw(), Raw("json")):
        assert len(encode_value(serializer, value, compression="gzip")) <= len(encode_value(serializer, value))


def packed_by(compressor: Any, body: bytes) -> str:
    packed: bytes = compressor.compress(body) + compressor.flush()
    return "\x02json\0" + packed.decode("latin-1")


def test_cmp_4_decompression_is_bounded() -> None:
    at_the_limit = b'"' + b"x" * (PAYLOAD_BYTES_MAX - 2) + b'"'
    assert (
        len(decode_value(JSON_SERIALIZER, packed_by(zlib.compressobj(wbits=31), at_the_limit))) == len(at_the_limit) - 2
    )
    with pytest.raises(SerializationError, match="more than 1048576 bytes"):
        decode_value(JSON_SERIALIZER, packed_by(zlib.compressobj(wbits=31), at_the_limit + b" "))
    bomb = zlib.compressobj(9, wbits=31)
    wire = "\x02json\0" + b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)).decode("latin-1")
    with pytest.raises(SerializationError, match="more than 1048576 bytes"):
        decode_value(JSON_SERIALIZER, wire)


GOOD = encode_value(JSON_SERIALIZER, list(range(100)), compression="gzip")


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        ("\x01json", "not what any release writes"),
        ("\x02", "not what any release writes"),
        ("\x02json\0", "do not end where"),
        ("\x02json\0{}", "cannot be decompressed"),
        (GOOD[:-1], "do not end where"),
        (GOOD + "x", "do not end where"),
        (GOOD[:-6] + "xxxxxx", "cannot be decompressed"),
        (GOOD.replace("json", "jso\xff"), "made by the serializer 'jso\ufffd'"),
    ],
)
def test_bytes_that_nobody_wrote_are_told_apart(wire: str, told: str) -> None:
    with pytest.raises(SerializationError, match=told):
        decode_value(JSON_SERIALIZER, wire)


@pytest.mark.parametrize("compression", [None, True, "", "zip", "GZIP", 1])
def test_cmp_1_another_compression_is_refused(compression: object) -> None:
    with pytest.raises(InvalidOptionsError, match=r"compression=.*: allowed: 'none', 'gzip'"):
        check_compression(compression)
