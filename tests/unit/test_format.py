"""The stored layout and its number: one may not change without the other.

A change of keys, of stored fields or of the limits that shape stored values makes a queue unreadable to the release
before. Then raise `limits.FORMAT`, and put the new pair here. A change that old and new code both read (a comment, a
docstring, a new operation) leaves the digest as it is.
"""

import dataclasses
import hashlib
import inspect
import json
from typing import get_type_hints

import pytest

from glidemq_pb.semantics import endings, keys, lanes, lang, leases, limits, states
from glidemq_pb.semantics import rows as row_classes

LAYOUTS = {1: "d3b74ea237b3ff6d"}
"""The digest of the layout of each format that was ever released, and of the present one."""

ROWS = (
    "Meta", "DueRow", "MetricsRow", "ParkedRow", "TurnRow", "TrimRow", "TimerRow", "WorkerRow", "LastReplyRow",
    "WorkerInfoRow", "HeldRow", "PlaceRow", "AttemptRow", "FailedKeepRow", "CostRow", "PriorityRow", "GroupRow",
    "LimiterRow", "DedupRow", "DeadLettersRow", "LetterRow", "SchedulerRow", "AddedRow", "WaitedRow", "ParentRow",
    "EndedRow", "ReservationRow",
)  # fmt: skip
STORED_LIMITS = (
    "PLACES", "CLASS_NONE", "TURNS", "MICRO", "COST_DEFAULT", "MINUTE_MS", "EVENTS_TOGETHER", "CANONICAL_DIGITS_MAX",
)  # fmt: skip
STORED_TEXTS = ("WAITING", "DELAYED", "ACTIVE", "WAITING_CHILDREN", "COMPLETED", "FAILED")


def layout() -> dict[str, object]:
    """All that decides how a queue is stored."""
    made = {
        name: function("glide:{q}", *["x"] * (len(inspect.signature(function).parameters) - 1))
        for name, function in vars(keys).items()
        if name.endswith("_key")
    }
    rows = {
        name: {
            field.name: get_type_hints(getattr(row_classes, name))[field.name].__name__
            for field in dataclasses.fields(getattr(row_classes, name))
        }
        for name in ROWS
    }
    scores = [lanes.ready_score(priority, lifo, 5) for priority in (0, 1, 2048) for lifo in (0, 1)]
    return {
        "keys": made,
        "rows": rows,
        "limits": {name: getattr(limits, name) for name in STORED_LIMITS},
        "states": [getattr(states, name) for name in STORED_TEXTS],
        "scores": scores,
        "marks": [endings.MARK_DIGITS, lang.pad(12)],
        "leases": [leases.PLAIN_FIELDS, leases.lease_of(lang.pad(3), 4, leases.start_under("w:5", 6))],
    }


def digest(of: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]


def test_the_layout_is_that_of_its_format() -> None:
    present = layout()
    assert digest(present) == LAYOUTS[limits.FORMAT], (
        f"the stored layout changed: raise limits.FORMAT (now {limits.FORMAT}) and add {digest(present)!r} to LAYOUTS;"
        " as long as no release has the present format, it is enough to replace its digest"
    )


def test_every_row_is_looked_at() -> None:
    assert {name for name in vars(row_classes) if name.endswith("Row") or name == "Meta"} == set(ROWS)


def test_a_changed_key_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(layout())
    monkeypatch.setattr(keys, "ready_key", lambda q: q + ":prepared")
    assert digest(layout()) != before


def test_a_changed_score_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(layout())
    monkeypatch.setattr(lanes, "PLACES", 2**41)
    assert digest(layout()) != before


def test_a_changed_lease_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(layout())
    monkeypatch.setattr(leases, "pad", str)
    assert digest(layout()) != before
