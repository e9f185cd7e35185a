"""Values to bytes and back: JSON, other serializers, the size limit, and wire text."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb import JSON_SERIALIZER, InvalidOptionsError, PayloadTooLargeError, SerializationError, Serializer
from glidemq_pb.payload import decode_value, encode_value
from glidemq_pb.serializers import check_serializer
from glidemq_pb.wire import bytes_to_wire, from_wire, to_wire, wire_to_bytes

LIMIT = 1_048_576


class Text:
    """Stores `str(value)`, for tests."""

    name = "text"

    def serialize(self, value: Any) -> str:
        return str(value)

    def deserialize(self, raw: bytes) -> str:
        return raw.decode()


class Returning:
    """Returns what it is told to, right or wrong."""

    name = "returning"

    def __init__(self, made: Any) -> None:
        self._made = made

    def serialize(self, value: Any) -> Any:
        return self._made

    def deserialize(self, raw: bytes) -> Any:
        return raw


# --- JSON ------------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_values_come_back_the_same(value: object) -> None:
    assert decode_value(JSON_SERIALIZER, encode_value(JSON_SERIALIZER, value)) == value


@dataclass
class Point:
    x: float


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ((1, 2), [1, 2]),
        (Point(3), {"x": 3}),
        ({1: "a"}, {"1": "a"}),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
        (2**70, 2**70),
        ([None, 1.5], [None, 1.5]),
    ],
)
def test_json_takes_what_has_one_plain_form(value: object, read: object) -> None:
    assert JSON_SERIALIZER.deserialize(JSON_SERIALIZER.serialize(value)) == read


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [1, math.inf],
        {"a": (-math.inf,)},
        {"a": {"b": math.nan}},
        {math.nan},
        Point(math.nan),
        [None, {"a": [Point(math.inf)]}],
        object(),
        {(1, 2): 3},
        "\ud800",
        {1j},
    ],
)
def test_json_refuses_what_it_could_not_give_back(value: object) -> None:
    with pytest.raises(SerializationError) as refused:
        encode_value(JSON_SERIALIZER, value)
    assert refused.value.__cause__ is not None
    assert str(refused.value).startswith("Job data cannot be serialized by 'json': ")


def test_a_value_within_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(SerializationError):
        encode_value(JSON_SERIALIZER, endless)


# --- any serializer --------------------------------------------------------------------------------------------------


def test_ser_9_none_is_no_value_and_never_reaches_the_serializer() -> None:
    assert encode_value(Returning(5), None) == ""
    assert decode_value(Returning(5), "") is None


def test_text_is_stored_as_utf_8() -> None:
    wire = encode_value(Text(), "é")
    assert wire.endswith("\xc3\xa9")
    assert decode_value(Text(), wire) == "é"


@pytest.mark.parametrize("made", [b"\x00\xff\n", b"1"])
def test_bytes_are_stored_as_they_are(made: bytes) -> None:
    assert decode_value(Returning(made), encode_value(Returning(made), 1)) == made


@pytest.mark.parametrize("made", [5, None, bytearray(b"x"), b"", "", "\ud800"])
def test_a_serializer_that_makes_something_else_is_told(made: object) -> None:
    with pytest.raises(SerializationError, match="'returning'"):
        encode_value(Returning(made), 1)


def test_ser_5_a_payload_of_another_serializer_is_not_guessed_at() -> None:
    with pytest.raises(SerializationError, match="made by the serializer 'text', and 'json' is in use here"):
        decode_value(JSON_SERIALIZER, encode_value(Text(), 1))
    with pytest.raises(SerializationError, match="made by the serializer 'json', and 'text' is in use here"):
        decode_value(Text(), encode_value(JSON_SERIALIZER, 1))


def test_what_a_serializer_raises_is_the_cause() -> None:
    with pytest.raises(SerializationError) as refused:
        decode_value(JSON_SERIALIZER, "{")
    assert refused.value.__cause__ is not None


def test_cmp_2_the_limit_is_in_bytes_and_itself_allowed() -> None:
    text = "é" * (LIMIT // 2)
    assert decode_value(Text(), encode_value(Text(), text)) == text
    with pytest.raises(PayloadTooLargeError, match=rf"^Job data exceeds maximum size \({LIMIT + 1} bytes > {LIMIT}\)"):
        encode_value(Text(), text + "x")
    with pytest.raises(PayloadTooLargeError, match=r"^Progress exceeds"):
        encode_value(Text(), text + "x", "Progress")


# --- what is a serializer ---------------------------------------------------------------------------------------------


def make(**members: object) -> Any:
    complete = {"name": "x", "serialize": lambda value: b"x", "deserialize": lambda raw: 1}
    kept = {name: member for name, member in (complete | members).items() if member is not ...}
    return type("Made", (), {name: staticmethod(m) if callable(m) else m for name, m in kept.items()})()


async def coroutine_function(value: object) -> bytes:
    return b"x"


class Callable:
    async def __call__(self, value: object) -> bytes:
        return b"x"


def test_a_complete_one_is_taken() -> None:
    for serializer in (JSON_SERIALIZER, Text(), make()):
        checked: Serializer = check_serializer(serializer)
        assert checked is serializer


@pytest.mark.parametrize(
    ("serializer", "told"),
    [
        (make(name=...), "its name is None"),
        (make(name=""), "its name is ''"),
        (make(name="x" * 65), "its name is"),
        (make(name="é"), "its name is 'é'"),
        (make(name=5), "its name is 5"),
        (make(name="a\0b"), "its name is 'a\\x00b'"),
        (make(serialize=...), "its serialize is None"),
        (make(deserialize=5), "its deserialize is 5"),
        (make(serialize=coroutine_function), "its serialize is a coroutine function"),
        (make(deserialize=coroutine_function), "its deserialize is a coroutine function"),
        (make(deserialize=Callable()), "its deserialize is a coroutine function"),
        (None, "its name is None"),
    ],
)
def test_ser_1_an_incomplete_one_is_refused(serializer: Any, told: str) -> None:
    with pytest.raises(InvalidOptionsError, match=r"^serializer=") as refused:
        check_serializer(serializer)
    assert told in str(refused.value)


# --- wire text -------------------------------------------------------------------------------------------------------


@given(st.text())
def test_text_survives_the_wire_with_its_bytes(text: str) -> None:
    wire = to_wire(text)
    assert wire_to_bytes(wire) == text.encode("utf-8", "surrogatepass")
    assert from_wire(wire) == text


@given(st.binary())
def test_bytes_survive_the_wire(raw: bytes) -> None:
    assert wire_to_bytes(bytes_to_wire(raw)) == raw


def test_a_lone_surrogate_of_a_file_name_survives_too() -> None:
    assert from_wire(to_wire("no such file \udce4")) == "no such file \udce4"


def test_bytes_that_are_no_text_can_still_be_read() -> None:
    assert from_wire("a\xff") == "a\ufffd"
