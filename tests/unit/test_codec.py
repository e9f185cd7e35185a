"""Arguments and replies on the wire."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb.backends.codec import CodecError, codec_of
from glidemq_pb.semantics import jobs, reads, work
from glidemq_pb.semantics.lang import INT_MAX, Fields, Refusal, operation
from glidemq_pb.semantics.records import Caller, Counts, JobBatch, Settlement, Unplanned, WorkReply
from glidemq_pb.semantics.store import Event, Store


@dataclass(frozen=True, slots=True)
class Inner:
    names: list[str]
    flag: bool


@dataclass(frozen=True, slots=True)
class Outer:
    first: Inner
    number: int
    last: Inner | None


class Word(StrEnum):
    ONE = "one"


def never(*arguments: object) -> NoReturn:
    raise AssertionError(f"{arguments}: only the signature counts")


@operation
def everything(
    s: Store, q: str, now: int, outers: list[Outer], lists: list[list[int]], fields: Fields, maybe: str | None = None
) -> list[Outer]:
    never(s, q, now, outers, lists, fields, maybe)


@operation
def maybe_record(s: Store, q: str, now: int, flag: bool, number: int = 7) -> Outer | None:
    never(s, q, now, flag, number)


@operation
def no_result(s: Store, q: str, now: int) -> None:
    never(s, q, now)


def encode(of: Any, *arguments: Any, **named: Any) -> list[object]:
    """What is sent, after `now`."""
    sent: list[object] = msgspec.msgpack.decode(codec_of(of).encode(None, *arguments, **named))
    assert sent[0] == ""
    return sent[1:]


def decode(of: Any, reply: list[object]) -> Any:
    """What becomes of a reply."""
    return codec_of(of).decode(msgpack.packb(reply, use_bin_type=False))


def test_every_kind_of_argument() -> None:
    outers = [Outer(Inner(["a", ""], True), -1, None), Outer(Inner([], False), 0, Inner(["\xc3\xbc"], True))]
    sent = encode(everything, outers, [[1, 2], []], Fields(["f", "v"]), maybe="m")
    first = [["a", ""], True, -1, False]
    second = [[], False, 0, True, ["ü"], True]
    assert sent == [2, *first, *second, 2, 2, 1, 2, 0, ["f", "v"], True, "m"]
    assert encode(everything, [], [], Fields([])) == [0, 0, [], False]


def test_names_and_defaults_are_those_of_the_operation() -> None:
    assert encode(maybe_record, number=1, flag=True) == [True, 1]
    assert encode(maybe_record, False) == [False, 7]
    with pytest.raises(TypeError):
        encode(maybe_record)


def test_a_time_of_the_callers_goes_first() -> None:
    assert codec_of(no_result).encode(5) == b"\x91\x05"


def test_a_word_is_a_text() -> None:
    assert encode(reads.get_metrics, Word.ONE) == ["one"]


@pytest.mark.parametrize("number", [INT_MAX, -INT_MAX, 0])
def test_the_bounds_of_integers(number: int) -> None:
    assert encode(maybe_record, True, number) == [True, number]


@pytest.mark.parametrize("number", [INT_MAX + 1, -INT_MAX - 1, True, 1.0, "1", None])
def test_what_is_no_integer(number: Any) -> None:
    with pytest.raises(CodecError, match="number="):
        encode(maybe_record, True, number)


@pytest.mark.parametrize("flag", [1, 0, "1", None])
def test_what_is_no_flag(flag: Any) -> None:
    with pytest.raises(CodecError, match="flag="):
        encode(maybe_record, flag)


def test_a_bad_value_inside_a_list_is_named() -> None:
    with pytest.raises(CodecError, match=r"outers\[\]\.number='x'"):
        encode(everything, [Outer(Inner([], True), "x", None)], [], Fields([]))  # type: ignore[arg-type]


def test_text_that_is_not_wire_text_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode(reads.get_job, "\u0100", False)


def test_every_kind_of_reply() -> None:
    inner, other = [[b"a", b"\xff"], 1], [[], 0]
    assert decode(everything, [[[inner, 5, False], [other, -5, inner]]]) == [
        Outer(Inner(["a", "\xff"], True), 5, None),
        Outer(Inner([], False), -5, Inner(["a", "\xff"], True)),
    ]
    assert decode(everything, [[]]) == []
    assert decode(maybe_record, [False]) is None
    assert decode(maybe_record, [[inner, 1, False]]) == Outer(Inner(["a", "\xff"], True), 1, None)
    assert decode(no_result, [False]) is None
    assert decode(reads.is_paused, [1]) is True
    assert decode(reads.is_paused, [0]) is False


def test_a_refusal() -> None:
    with pytest.raises(Refusal) as caught:
        decode(reads.is_paused, [False, b"FORMAT"])
    assert caught.value.code == "FORMAT"


def test_the_hot_path() -> None:
    caller = Caller("w", 3, 30_000, 1, 60_000, 10_000, metrics=True, limiter_max=0, limiter_ms=0, nudge=False, info="")
    settlement = Settlement("1", "w:2", "completed", "42", None)
    sent = encode(work.settle_and_activate, caller, [settlement] * 2, 50)
    assert len(sent) == 11 + 1 + 2 * 5 + 1
    reply = [
        [b"completed"],
        [[b"2", [b"name", b"n"]]],
        b"w:3",
        1_000,
        1,
        -1,
        [],
        0,
        [[b"s", b"* * * * *", b"UTC", 9, 1]],
        1,
        5,
    ]
    decoded = decode(work.settle_and_activate, [reply])
    assert isinstance(decoded, WorkReply)
    assert (decoded.more, decoded.wait_ms, decoded.drained) == (True, -1, False)
    assert decoded.unplanned == [Unplanned("s", "* * * * *", "UTC", 9, fired=True)]
    assert (decoded.letters, decoded.hold_ms) == (True, 5)
    assert decoded.started[0].fields == ["name", "n"]


def test_replies_of_reads() -> None:
    assert decode(reads.count_jobs, [[1, 2, 3, 4, 5, 6, 7]]) == Counts(1, 2, 3, 4, 5, 6, 7)
    assert decode(reads.read_events, [[[7, 5, b"e", b"j", [b"a", b"b"]]]]) == [
        Event(7, 5, "e", "j", Fields(["a", "b"]))
    ]


columns = st.lists(st.text(st.characters(max_codepoint=255)))


@given(st.builds(JobBatch, columns, columns, columns, st.lists(columns)))
def test_texts_are_bytes_one_to_one(batch: JobBatch) -> None:
    sent = codec_of(jobs.enqueue).encode(None, "c", batch, [], 0)
    for column in (batch.names, batch.data, batch.job_ids, *batch.options):
        for text in column:
            assert text.encode("latin-1") in sent


def test_an_annotation_that_does_not_cross_is_refused() -> None:
    @operation
    def bad(s: Store, q: str, now: int, ratio: float) -> None:
        never(s, q, now, ratio)

    with pytest.raises(CodecError, match="does not cross the wire"):
        codec_of(bad)
