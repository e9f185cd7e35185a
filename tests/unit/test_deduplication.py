"""The deduplication record: what is allowed, how refusals read, and that stored fields read back the same."""

import pickle
from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import Deduplication, InvalidOptionsError, JobOptions
from glidemq_pb.job_options import decode_options, encode_options

UNTYPED: Any = Deduplication


def as_dict(fields: list[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"deduplication": Deduplication("x")}, ["dedup_id", "x", "dedup_mode", "simple"]),
        (
            {"deduplication": Deduplication("é", "throttle", timedelta(seconds=1))},
            ["dedup_id", "\xc3\xa9", "dedup_mode", "throttle", "dedup_ttl", "1000"],
        ),
        (
            {"deduplication": Deduplication("x", "debounce", 5)},
            ["dedup_id", "x", "dedup_mode", "debounce", "dedup_ttl", "5"],
        ),
        (
            {"delay": 7, "deduplication": Deduplication("x", "debounce")},
            ["delay", "7", "dedup_id", "x", "dedup_mode", "debounce"],
        ),
        ({"deduplication": None}, []),
    ],
)
def test_what_is_stored_and_read_back(options: JobOptions, fields: list[str]) -> None:
    encoded = list(encode_options(options))
    assert dict(zip(encoded[::2], encoded[1::2], strict=True)) == dict(zip(fields[::2], fields[1::2], strict=True))
    assert encode_options(decode_options(dict(zip(encoded[::2], encoded[1::2], strict=True)))) == encode_options(
        options
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Deduplication(""), r"deduplication\.id='': allowed: a str of 1 to 256 characters"),
        (lambda: Deduplication("x" * 257), r"deduplication\.id"),
        (lambda: UNTYPED(None), r"deduplication\.id=None"),
        (lambda: UNTYPED("x", "never"), r"deduplication\.mode='never': allowed: .*simple.*throttle.*debounce"),
        (lambda: Deduplication("x", "simple", 0), r"deduplication\.ttl=0"),
        (lambda: UNTYPED("x", "simple", 1.5), r"deduplication\.ttl=1\.5"),
        (lambda: Deduplication("x", "throttle"), r"deduplication\.ttl=None: allowed: .*a throttle needs its window"),
        (
            lambda: encode_options({"deduplication": Deduplication("x", "debounce")}),
            r"debounce",
        ),
        (lambda: encode_options({"deduplication": Deduplication("x", "debounce"), "delay": 0}), r"debounce"),
        (lambda: encode_options({"deduplication": "x"}), r"deduplication='x': allowed: a Deduplication"),
    ],
)
def test_a_refusal_names_the_option_the_value_and_what_is_allowed(make: Any, message: str) -> None:
    with pytest.raises(InvalidOptionsError, match=message):
        make()


def test_it_is_frozen_and_compares_by_value() -> None:
    one = Deduplication("x", "throttle", timedelta(milliseconds=5))
    assert one == Deduplication("x", "throttle", 5)
    assert len({one, Deduplication("x", "throttle", 5)}) == 1
    with pytest.raises(FrozenInstanceError):
        one.id = "y"  # type: ignore[misc]  # on purpose
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own
