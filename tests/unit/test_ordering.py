"""The records that limit groups: what is allowed, how refusals read, and that stored fields read back the same."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb import InvalidOptionsError, JobOptions, Ordering, RateLimit, TokenBucket
from glidemq_pb.costs import CostCheck
from glidemq_pb.job_options import decode_options, encode_options
from glidemq_pb.ordering import check_millitokens, tokens
from glidemq_pb.semantics.lang import Fields

UNTYPED: Any = Ordering
UNTYPED_RATE: Any = RateLimit
STEPS = st.integers(1, 1_000_000_000)
"""Millitokens."""


def as_dict(fields: list[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"ordering": Ordering("")}, {}),
        ({"ordering": Ordering("g")}, {"ordering_key": "g"}),
        ({"ordering": Ordering("é")}, {"ordering_key": "\xc3\xa9"}),
        ({"ordering": Ordering("g", -3)}, {"ordering_key": "g", "group_concurrency": "1"}),
        (
            {"ordering": Ordering("g", 2, RateLimit(3, timedelta(seconds=1)), TokenBucket(1.5, 0.001))},
            {
                "ordering_key": "g", "group_concurrency": "2", "group_rate_max": "3", "group_rate_ms": "1000",
                "group_capacity": "1500", "group_refill": "1",
            },
        ),
        ({"cost": 1}, {}),
        ({"cost": 1.0}, {}),
        ({"cost": 0}, {"cost": "0"}),
        ({"cost": 2.5}, {"cost": "2500"}),
    ],
)  # fmt: skip
def test_what_is_stored_and_read_back(options: JobOptions, fields: dict[str, str]) -> None:
    encoded = list(encode_options(options))
    assert as_dict(encoded) == fields
    assert encode_options(decode_options(as_dict(encoded))) == encode_options(options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ordering("k" * 257), r"ordering\.key=.*: allowed: a str of 1 to 256 characters"),
        (lambda: UNTYPED(b"g"), r"ordering\.key=b'g'"),
        (lambda: UNTYPED("g", 1.0), r"ordering\.concurrency=1\.0"),
        (lambda: Ordering("g", True), r"ordering\.concurrency=True"),
        (lambda: UNTYPED("g", rate_limit=5), r"ordering\.rate_limit=5: allowed: a RateLimit"),
        (lambda: UNTYPED("g", token_bucket=RateLimit(1, 1)), r"ordering\.token_bucket=.*: allowed: a TokenBucket"),
        (lambda: RateLimit(0, 1), r"rate_limit\.max=0"),
        (lambda: RateLimit(1, 0), r"rate_limit\.duration=0"),
        (lambda: UNTYPED_RATE(1, 1.5), r"rate_limit\.duration=1\.5"),
        (lambda: RateLimit(1, timedelta(0)), r"rate_limit\.duration"),
        (lambda: TokenBucket(0, 1), r"token_bucket\.capacity=0: allowed: an int or float from 0\.001 to 1,000,000"),
        (lambda: TokenBucket(1, 1e-4), r"token_bucket\.refill_rate=0\.0001"),
        (lambda: TokenBucket(float("nan"), 1), r"token_bucket\.capacity=nan"),
        (lambda: TokenBucket(1, float("inf")), r"token_bucket\.refill_rate=inf"),
        (lambda: encode_options({"cost": -1}), r"cost=-1: allowed: an int or float from 0 to 1,000,000 in steps of"),
        (lambda: encode_options({"cost": True}), r"cost=True"),
        (lambda: encode_options({"ordering": "g"}), r"ordering='g': allowed: an Ordering"),
        (
            lambda: encode_options({"ordering": Ordering("g"), "lifo": True}),
            r"lifo and ordering\.key cannot be used together",
        ),
    ],
)
def test_a_refusal_names_the_option_the_value_and_what_is_allowed(make: Any, message: str) -> None:
    with pytest.raises(InvalidOptionsError, match=message):
        make()


def test_records_are_frozen_and_compare_by_value() -> None:
    one = Ordering("g", 2, RateLimit(3, 4), TokenBucket(5, 6))
    assert one == Ordering("g", 2, RateLimit(3, 4), TokenBucket(5.0, 6))
    assert len({one, Ordering("g", 2, RateLimit(3, 4), TokenBucket(5, 6))}) == 1
    assert one != Ordering("g", 3, RateLimit(3, 4), TokenBucket(5, 6))
    for record, field in ((one, "key"), (RateLimit(1, 1), "max"), (TokenBucket(1, 1), "capacity")):
        with pytest.raises(FrozenInstanceError):
            setattr(record, field, 1)
        assert pickle.loads(pickle.dumps(record)) == copy.deepcopy(record) == record  # noqa: S301 - our own


@given(STEPS, STEPS)
def test_any_number_of_steps_is_exact(capacity: int, refill: int) -> None:
    bucket = TokenBucket(capacity / 1_000, refill / 1_000)
    assert (round(bucket.capacity * 1_000), round(bucket.refill_rate * 1_000)) == (capacity, refill)
    assert TokenBucket(bucket.capacity, bucket.refill_rate) == bucket
    assert check_millitokens("cost", tokens(capacity), least=0) == capacity


@given(st.floats(0, 1_000_000))
def test_what_lies_between_two_steps_is_refused(value: float) -> None:
    on_a_step = abs(value * 1_000 - round(value * 1_000)) <= 1e-6 * max(1.0, value * 1_000)
    if on_a_step:
        assert check_millitokens("cost", value, least=0) == round(value * 1_000)
    else:
        with pytest.raises(InvalidOptionsError, match=r"in steps of 0\.001"):
            check_millitokens("cost", value, least=0)


def options_of(cost: int, key: str = "g", capacity: int | None = None) -> Fields:
    fields = ["ordering_key", key, "cost", str(cost)]
    return Fields(fields if capacity is None else [*fields, "group_capacity", str(capacity)])


def test_a_cost_is_checked_here_where_the_call_names_the_bucket_and_in_the_store_where_not() -> None:
    jobs = [options_of(9), options_of(5, capacity=5), options_of(5), options_of(1, "h"), Fields([])]
    assert CostCheck().guarded(jobs) == [0, 3]
    for refused in (
        [options_of(6, capacity=5)],
        [options_of(1, capacity=5), options_of(6)],
        [options_of(9, capacity=9), options_of(6, capacity=5)],
    ):
        with pytest.raises(InvalidOptionsError, match=r"cost=.*: allowed: at most 0\.005, the capacity"):
            CostCheck().guarded(refused)
