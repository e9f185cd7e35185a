"""The exceptions: their texts, what they also are, and that they survive a pickle."""

import pickle
from datetime import timedelta
from typing import Any

import pytest

from glidemq_pb import errors

ALL = [
    errors.InvalidOptionsError("x=1: no"),
    errors.PayloadTooLargeError(1_048_577),
    errors.PayloadTooLargeError(11, what="A result", limit=10),
    errors.SerializationError("no"),
    errors.ClosedError("closed"),
    errors.QueueConnectionError("valkey://h:1", "it is away"),
    errors.InvalidStateError("no"),
    errors.JobNotFoundError("7"),
    errors.DuplicateJobError("7"),
    errors.BulkError(["a"], "too large"),
    errors.FormatError("format 2"),
    errors.JobFailedError("7", "boom"),
    errors.JobWaitTimeoutError("7", 100),
    errors.JobAbortedError("revoked"),
    errors.UnrecoverableError("never"),
    errors.RateLimitError(5),
    errors.GroupRateLimitError(timedelta(seconds=1), current_job="fail", requeue_position="back", extend="replace"),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_all_are_ours_and_survive_a_pickle(error: errors.GlideMQError) -> None:
    assert isinstance(error, errors.GlideMQError)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(copy) is type(error)
    assert str(copy) == str(error) != ""
    assert vars(copy) == vars(error)


def test_what_they_also_are() -> None:
    assert issubclass(errors.InvalidOptionsError, ValueError)
    assert issubclass(errors.PayloadTooLargeError, errors.InvalidOptionsError)
    assert issubclass(errors.QueueConnectionError, ConnectionError)
    assert issubclass(errors.JobWaitTimeoutError, TimeoutError)


def test_texts() -> None:
    assert str(errors.PayloadTooLargeError(1_048_577)).startswith(
        "Job data exceeds maximum size (1048577 bytes > 1048576)"
    )
    assert str(errors.QueueConnectionError("valkey://h:1", "it is away")) == "valkey://h:1: it is away"
    assert str(errors.JobFailedError("7", "boom")) == "job '7' failed: boom"
    assert str(errors.UnrecoverableError("never")) == "never"


@pytest.mark.parametrize("duration", [0.5, True, -1, "1", None, timedelta(seconds=-1)])
def test_bad_durations(duration: Any) -> None:
    for make in (errors.RateLimitError, errors.GroupRateLimitError):
        with pytest.raises(errors.InvalidOptionsError, match="duration="):
            make(duration)


def test_a_group_pause_is_longer_than_nothing() -> None:
    assert errors.RateLimitError(0).duration == 0
    with pytest.raises(errors.InvalidOptionsError):
        errors.GroupRateLimitError(0)


@pytest.mark.parametrize("option", ["current_job", "requeue_position", "extend"])
def test_bad_choices(option: str) -> None:
    with pytest.raises(errors.InvalidOptionsError, match=f"{option}='other': allowed are"):
        errors.GroupRateLimitError(1, **{option: "other"})  # type: ignore[arg-type]
