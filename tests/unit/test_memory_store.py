"""The memory store where Valkey's own behaviour is not the measure: defects, aliases, dumps, size.

That each verb does what its command does is shown in tests/properties/test_store.py.
"""

import enum
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest

from glidemq_pb.backends.memory import MemoryStore
from glidemq_pb.semantics.lang import INT_MAX
from glidemq_pb.semantics.store import Store


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    count: int


class State(enum.StrEnum):
    READY = "ready"


def test_it_is_a_store() -> None:
    store: Store = MemoryStore()
    assert not store.exists("k")


BEYOND: list[Callable[[MemoryStore], object]] = [
    lambda s: s.set_count("k", INT_MAX + 1),
    lambda s: s.hset("k", a=1, b=-INT_MAX - 1),
    lambda s: s.hincrby("hash", "count", INT_MAX),
    lambda s: s.zadd("k", INT_MAX + 1, "m"),
    lambda s: s.zadd_many("k", [0, INT_MAX + 1], ["m", "n"]),
    lambda s: s.zadd_many("k", [0, -INT_MAX - 1], ["m", "n"]),
    lambda s: s.xadd("k", 1, INT_MAX + 1, "e", "j", []),
]
NOT_WIRE: list[Callable[[MemoryStore], object]] = [
    lambda s: s.hset("k", a="ok", b="\u0100"),
    lambda s: s.hset_fields("k", ["a", "€"]),
    lambda s: s.hset_value("k", "€", "a"),
    lambda s: s.hincrby("k", "€", 1),
    lambda s: s.zadd("k", 0, "€"),
    lambda s: s.zadd_many("k", [0, 0], ["a", "€"]),
    lambda s: s.rpush("k", "€"),
    lambda s: s.xadd("k", 1, 0, "e", "€", []),
]
MALFORMED: list[Callable[[MemoryStore], object]] = [
    lambda s: s.hset("k"),
    lambda s: s.hset_fields("k", ["a"]),
    lambda s: s.zadd_many("k", [1], []),
    lambda s: s.xadd("k", 1, 0, "e", "j", ["a"]),
    lambda s: s.xadd("k", -1, 0, "e", "j", []),
]
WRONG: list[Callable[[MemoryStore], object]] = [
    lambda s: s.hset("k", a=True),
    lambda s: s.hset("k", a=1.5),  # type: ignore[arg-type]  # what mypy refuses, so does the store
    lambda s: s.hset("set", a=1),
    lambda s: s.zadd("hash", 1, "m"),
    lambda s: s.rpush("hash", "v"),
    lambda s: s.xadd("hash", 1, 0, "e", "j", []),
    lambda s: s.zlowest("hash"),
    lambda s: s.read("set", Row),
    lambda s: s.get_count("hash"),
]


@pytest.mark.parametrize(
    ("defect", "error"),
    [
        *((defect, OverflowError) for defect in BEYOND),
        *((defect, ValueError) for defect in NOT_WIRE + MALFORMED),
        *((defect, TypeError) for defect in WRONG),
    ],
)
def test_a_defect_raises_before_anything_is_written(
    defect: Callable[[MemoryStore], object], error: type[Exception]
) -> None:
    store = MemoryStore()
    store.hset("hash", count=1)
    store.zadd("set", 1, "m")
    before = store.dump("")
    with pytest.raises(error, match=r"k|set|hash"):
        defect(store)
    assert store.dump("") == before


def test_the_bounds_themselves_are_stored() -> None:
    store = MemoryStore()
    store.hset("h", a=INT_MAX, b=-INT_MAX, c="\xff", d=State.READY)
    store.zadd_many("z", [INT_MAX, -INT_MAX], ["a", "b"])
    assert store.dump("") == {
        "h": {"a": "9007199254740991", "b": "-9007199254740991", "c": "\xff", "d": "ready"},
        "z": [["b", -INT_MAX], ["a", INT_MAX]],
    }
    assert type(store.hget("h", "d")) is str


def test_rename_of_a_missing_key_is_a_defect() -> None:
    with pytest.raises(KeyError, match="absent"):
        MemoryStore().rename("absent", "new")


def test_a_row_is_an_ordinary_record() -> None:
    store = MemoryStore()
    store.hset("h", name="n", count=-7, other="x")
    row = store.read("h", Row)
    assert row == Row("n", -7)
    assert hash(row) == hash(Row("n", -7))
    assert repr(row) == "Row(name='n', count=-7)".replace("Row", Row.__qualname__)
    with pytest.raises(FrozenInstanceError):
        row.count = 1  # type: ignore[misc]  # frozen
    assert store.read("absent", Row) == Row("", 0)


@dataclass(frozen=True, slots=True)
class WithList:
    names: list[str]


@dataclass(frozen=True)
class WithoutSlots:
    name: str


@pytest.mark.parametrize("row", [WithList, WithoutSlots])
def test_a_row_of_another_shape_is_refused(row: type[Any]) -> None:
    with pytest.raises(TypeError):
        MemoryStore().read("absent", row)


def test_what_was_given_or_returned_may_be_changed_freely() -> None:
    store = MemoryStore()
    fields = ["a", "1"]
    store.xadd("x", 5, 0, "e", "j", fields)
    store.hset_fields("h", fields)
    store.rpush("l", "v")
    store.zadd("z", 1, "m")
    before = store.dump("")
    fields.append("b")
    store.xafter("x", 0, 1)[0].fields.append("c")
    for reply in (store.hgetall("h"), store.hkeys("h"), store.lrange("l", 0, -1), store.zrange("z", 0, -1)):
        reply.clear()
    store.dump("")["h"].clear()
    assert store.dump("") == before


def test_a_dump_holds_the_keys_of_a_prefix_in_order_with_plain_values() -> None:
    store = MemoryStore()
    store.rpush("q:b", "v")
    store.set_count("q:a", 3)
    store.hset("q:c", z=1, a="t")
    store.zadd_many("q:d", [2, 1, 1], ["a", "c", "b"])
    for n in range(3):
        store.xadd("q:e", 2, 7, "e", str(n), ["n", "t"])
    store.xadd("q:f", 0, 7, "e", "j", [])
    store.set_count("other", 1)
    dumped = store.dump("q:")
    assert list(dumped) == ["q:a", "q:b", "q:c", "q:d", "q:e", "q:f"]
    assert list(dumped.values()) == [
        "3",
        ["v"],
        {"a": "t", "z": "1"},
        [["b", 1], ["c", 1], ["a", 2]],
        {"last": 3, "events": [[2, 7, "e", "1", {"n": "t"}], [3, 7, "e", "2", {"n": "t"}]]},
        {"last": 1, "events": []},
    ]
    assert list(dumped["q:c"]) == ["a", "z"]


def test_pushes_are_noted_in_order() -> None:
    store = MemoryStore()
    for key in ("b", "a", "b"):
        store.rpush(key, "v")
    store.rename("a", "c")
    assert list(store.pushed) == ["b", "a", "c"]


def test_values_are_taken_from_the_front_and_put_back_there() -> None:
    store = MemoryStore()
    for value in "abc":
        store.rpush("l", value)
    assert store.take_first("l") == "a"
    store.put_back("l", "a")
    assert [store.take_first("l") for _ in range(4)] == ["a", "b", "c", None]
    assert not store.exists("l")


def test_a_million_members_are_handled() -> None:
    store, count = MemoryStore(), 1_000_000
    store.zadd_many("z", list(range(count)), [f"{n:07d}" for n in range(count)])
    assert store.zrank("z", "0500000") == 500_000
    assert store.zrem_many("z", [f"{n:07d}" for n in range(0, count, 1_000)]) == 1_000
    assert store.zrank("z", "0500001") == 500_001 - 501
    assert store.zrange("z", -1, -1) == ["0999999"]
    assert store.zrange("z", 0, 1) == ["0000001", "0000002"]
