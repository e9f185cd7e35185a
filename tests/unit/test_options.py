"""Every option: what is allowed, what is refused and how that reads, and that stored fields read back the same."""

import math
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidemq_pb import Backoff, InvalidOptionsError, JobOptions, Keep, NewJob, Worker
from glidemq_pb.job_options import decode_options, encode_options
from glidemq_pb.options import (
    DURATION_MAX,
    INSTANT_MAX,
    check_choice,
    check_duration,
    check_instant,
    check_int,
    check_queue_name,
)

DURATIONS = ("delay", "ttl", "timeout")
RETENTION = ("remove_on_complete", "remove_on_fail")


def as_dict(fields: list[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


# --- what is stored --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({}, {}),
        ({"delay": 0, "ttl": 0, "timeout": 0, "priority": 0, "attempts": 0, "lifo": False}, {}),
        ({"attempts": 1, "remove_on_complete": False, "remove_on_fail": False}, {}),
        (dict.fromkeys(JobOptions.__annotations__), {}),
        ({"job_id": "mine"}, {}),
        ({"delay": 5, "ttl": 6, "timeout": 7}, {"delay": "5", "ttl": "6", "timeout": "7"}),
        ({"delay": timedelta(seconds=1.5)}, {"delay": "1500"}),
        ({"ttl": timedelta(microseconds=1)}, {"ttl": "1"}),
        ({"lock_duration": timedelta(minutes=2)}, {"lock_duration": "120000"}),
        ({"lifo": True, "priority": 2048, "attempts": 2}, {"lifo": "1", "priority": "2048", "attempts": "2"}),
        ({"backoff": Backoff("fixed")}, {"backoff": "fixed"}),
        (
            {"backoff": Backoff("exponential", delay=1_000, jitter=0.12345, max_delay=timedelta(hours=1))},
            {
                "backoff": "exponential",
                "backoff_delay": "1000",
                "backoff_jitter": "12345",
                "backoff_max": "3600000",
            },
        ),
        ({"backoff": Backoff("mäh")}, {"backoff": "m\xc3\xa4h"}),
        ({"remove_on_complete": True, "remove_on_fail": 0}, {"remove_on_complete": "1", "keep_failed": "0"}),
        ({"remove_on_complete": 1}, {"keep_completed": "1"}),
        ({"remove_on_fail": Keep(age=3, count=2)}, {"keep_failed": "2", "keep_failed_ms": "3"}),
        ({"remove_on_complete": Keep(age=timedelta(days=1))}, {"keep_completed_ms": "86400000"}),
        ({"remove_on_complete": Keep()}, {}),
    ],
)
def test_only_what_differs_from_the_default_is_stored(options: dict[str, Any], fields: dict[str, str]) -> None:
    assert as_dict(encode_options(options)) == fields


retention = st.one_of(
    st.just(True),
    st.integers(0, 2**53 - 1),
    st.builds(Keep, age=st.integers(1, DURATION_MAX), count=st.none() | st.integers(0, 2**53 - 1)),
)
all_options = st.fixed_dictionaries(
    {},
    optional={
        "delay": st.integers(1, DURATION_MAX),
        "priority": st.integers(1, 2048),
        "lifo": st.just(True),
        "ttl": st.integers(1, DURATION_MAX),
        "timeout": st.integers(1, DURATION_MAX),
        "lock_duration": st.integers(1_000, 86_400_000),
        "attempts": st.integers(2, 2**53 - 1),
        "backoff": st.builds(
            Backoff,
            st.sampled_from(["fixed", "exponential", "mäh"]),
            delay=st.integers(0, DURATION_MAX),
            jitter=st.floats(0, 1),
            max_delay=st.none() | st.integers(1, DURATION_MAX),
        ),
        "remove_on_complete": retention,
        "remove_on_fail": retention,
    },
)


@given(all_options)
def test_stored_options_read_back_the_same(options: JobOptions) -> None:
    assert decode_options(as_dict(encode_options(options))) == options


# --- what is refused -------------------------------------------------------------------------------------------------

BAD_DURATIONS = [1.0, True, -1, "5", math.nan, timedelta(microseconds=-1), DURATION_MAX + 1, timedelta.max]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, value) for option in DURATIONS for value in BAD_DURATIONS),
        *(("lock_duration", value) for value in [0, 999, 86_400_001, timedelta(days=1, microseconds=1), 5e3]),
        *(("priority", value) for value in [-1, 2049, 1.0, True, "1"]),
        *(("attempts", value) for value in [-1, 2.0, True, "3", 2**53]),
        *(("lifo", value) for value in [0, 1, "yes"]),
        *(("backoff", value) for value in ["fixed", 1_000, {"type": "fixed"}]),
        *((option, value) for option in RETENTION for value in [-1, 1.5, "all", 2**53, {"count": 1}]),
        *(("job_id", value) for value in [5, b"x", "x" * 257, "a:b", "a{b", "a}b", "a\nb", "\x7f", "\x00", "\ud800"]),
        ("backof", 1),
        *(("cost", value) for value in [-1, True, "1", math.nan, math.inf, 2e6]),
    ],
)
def test_a_bad_option_is_named_with_its_value(option: str, value: object) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        encode_options({option: value})
    message = str(refused.value)
    assert message.startswith(f"{option}=")
    assert "allowed" in message or "no such option" in message


def test_a_message_says_what_is_allowed() -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        encode_options({"delay": 0.5})
    assert str(refused.value) == "delay=0.5: allowed: an int of milliseconds or a timedelta, not float"
    with pytest.raises(InvalidOptionsError) as refused:
        encode_options({"priority": 2049})
    assert str(refused.value) == "priority=2049: allowed: an int from 0 to 2048"
    with pytest.raises(InvalidOptionsError) as refused:
        encode_options({"job_id": "a:b"})
    assert str(refused.value).endswith("found ':'")
    with pytest.raises(InvalidOptionsError) as refused:
        encode_options({"job_id": "x" * 257})
    assert "(257 characters)" in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("job_id", ["", "x" * 256, "é" * 256, "a b", "007", "#\u2028"])
def test_cid_2_other_ids_are_allowed(job_id: str) -> None:
    assert encode_options({"job_id": job_id}) == []


@pytest.mark.parametrize("name", ["", "a:b", "{a}", "}", "x" * 257, "a\tb", 5, None])
def test_job_12_a_bad_queue_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidOptionsError, match=r"^name="):
        check_queue_name("name", name)


# --- instants --------------------------------------------------------------------------------------------------------


def test_an_instant_is_epoch_milliseconds_or_an_aware_datetime() -> None:
    assert check_instant("when", 0) == 0
    assert check_instant("when", datetime(1970, 1, 2, tzinfo=UTC)) == 86_400_000
    assert check_instant("when", datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert check_instant("when", datetime.max.replace(tzinfo=UTC)) == INSTANT_MAX


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (datetime(2026, 1, 1), "aware"),
        (datetime(1969, 12, 31, tzinfo=UTC), "since 1970"),
        (1.5, "float"),
        (True, "bool"),
        (-1, "since 1970"),
        (INSTANT_MAX + 1, "since 1970"),
        (timedelta(1), "timedelta"),
    ],
)
def test_another_instant_is_refused(value: object, told: str) -> None:
    with pytest.raises(InvalidOptionsError, match=rf"^when=.*{told}"):
        check_instant("when", value)


def test_bounds_are_part_of_the_range() -> None:
    assert check_duration("d", DURATION_MAX) == DURATION_MAX
    assert check_duration("d", 1, least=1) == 1
    assert check_int("n", 2**53 - 1, 0) == 2**53 - 1
    with pytest.raises(InvalidOptionsError, match="1 to"):
        check_duration("d", 0, least=1)
    with pytest.raises(InvalidOptionsError, match="an int of 0 or more"):
        check_int("n", -1, 0)


def test_a_choice_lists_the_others() -> None:
    assert check_choice("mode", "a", ("a", "b")) == "a"
    for value in ("c", "", None, 1):
        with pytest.raises(InvalidOptionsError, match="allowed: 'a', 'b'"):
            check_choice("mode", value, ("a", "b"))


# --- records ---------------------------------------------------------------------------------------------------------


def test_records_compare_by_value_whatever_the_unit() -> None:
    assert Backoff("fixed", delay=timedelta(seconds=1)) == Backoff("fixed", 1_000)
    assert Keep(age=timedelta(seconds=1), count=2) == Keep(1_000, 2)
    assert hash(Keep(5)) == hash(Keep(5))
    assert Backoff("fixed") != Backoff("exponential")
    assert NewJob("a", {"n": 1}, delay=timedelta(seconds=1)) == NewJob("a", {"n": 1}, delay=1_000, job_id="")
    assert NewJob("a", job_id="1") != NewJob("a", job_id="2")
    assert NewJob("a", 1) != NewJob("a", 2)
    assert hash(NewJob("a", 1, delay=None)) == hash(NewJob("a", 1))


def test_records_are_frozen_and_can_be_copied() -> None:
    for record, name in (
        (Backoff("fixed", 5, 0.5, 7), "delay"),
        (Keep(5, 6), "age"),
        (NewJob("a", [1], ttl=3), "data"),
    ):
        assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 - our own
        with pytest.raises(FrozenInstanceError):
            setattr(record, name, 1)
        with pytest.raises(FrozenInstanceError):
            delattr(record, name)
    assert replace(Backoff("fixed", 5), delay=6) == Backoff("fixed", 6)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: Backoff(""), "backoff.type=''"),
        (lambda: Backoff(5), "backoff.type=5"),  # type: ignore[arg-type]
        (lambda: Backoff("fixed", delay=1.5), "backoff.delay=1.5"),  # type: ignore[arg-type]
        (lambda: Backoff("fixed", delay=-1), "backoff.delay=-1"),
        (lambda: Backoff("fixed", jitter=1.01), "backoff.jitter=1.01"),
        (lambda: Backoff("fixed", jitter=-0.1), "backoff.jitter=-0.1"),
        (lambda: Backoff("fixed", jitter=math.nan), "backoff.jitter=nan"),
        (lambda: Backoff("fixed", jitter=True), "backoff.jitter=True"),
        (lambda: Backoff("fixed", max_delay=0), "backoff.max_delay=0"),
        (lambda: Keep(age=0), "age=0"),
        (lambda: Keep(age=-1), "age=-1"),
        (lambda: Keep(count=-1), "count=-1"),
        (lambda: Keep(count=1.0), "count=1.0"),  # type: ignore[arg-type]
        (lambda: NewJob(""), "name=''"),
        (lambda: NewJob("x" * 257), "name="),
        (lambda: NewJob(None), "name=None"),  # type: ignore[arg-type]
        (lambda: NewJob("a", priority=-1), "priority=-1"),
    ],
)
def test_records_are_checked_when_built(build: Any, told: str) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        build()
    assert str(refused.value).startswith(told)


def test_a_new_job_says_what_it_is() -> None:
    assert repr(NewJob("a", {"n": 1}, delay=5)) == "NewJob(name='a', data={'n': 1}, options={'delay': 5})"


# --- a worker's ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("concurrency", 0, "concurrency=0: allowed: an int from 1 to "),
        ("concurrency", True, "concurrency=True: allowed: an int from 1 to "),
        ("max_stalled_count", -1, "max_stalled_count=-1: allowed: an int from 0 to "),
        ("metrics", "no", "metrics='no': allowed: True or False"),
        ("cancel_on_abort", 1, "cancel_on_abort=1: allowed: True or False"),
        ("limiter", 5, "limiter=5: allowed: a RateLimit"),
        ("backoff_strategies", {"x": 3}, "backoff_strategies['x']=3: allowed: a function"),
        ("backoff_strategies", [print], "allowed: a mapping of names to functions"),
        ("processor", None, "processor=None: allowed: a function, or a mapping of job names to them"),
        ("processor", {"n": 3}, "processor['n']=3: allowed: a function"),
    ],
)
def test_a_worker_refuses_what_it_cannot_use(option: str, value: Any, allowed: str) -> None:
    options = {"processor": print, "connection": "memory://options", option: value}
    with pytest.raises(InvalidOptionsError) as refused:
        Worker("q", **options)
    assert allowed in str(refused.value)
