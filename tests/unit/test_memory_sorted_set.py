"""The sorted set against a list that is sorted anew."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidemq_pb.backends.memory.sorted_set import SortedSet, clip

members = st.sampled_from([f"{n}" for n in range(30)])
steps = st.lists(st.tuples(st.sampled_from(["add", "add", "add", "remove"]), st.integers(0, 9), members), max_size=120)


def check(held: SortedSet, model: dict[str, int]) -> None:
    expected = sorted((score, member) for member, score in model.items())
    assert len(held) == len(expected)
    assert held.entries(0, len(expected)) == expected
    assert [held.rank(member) for _, member in expected] == list(range(len(expected)))
    assert held.rank("absent") is None
    for score in range(-1, 11):
        due = [entry for entry in expected if entry[0] <= score]
        assert held.up_to(score, 4) == due[:4]
    for begin in range(0, len(expected) + 1, 2):
        for end in range(len(expected) + 2):
            assert held.entries(begin, end) == expected[begin:end]
    if expected:
        assert held.lowest() == expected[0][0]


@settings(deadline=None)
@given(steps)
def test_it_is_a_sorted_list_of_score_and_member(history: list[tuple[str, int, str]]) -> None:
    held, model = SortedSet(), dict[str, int]()
    for step, score, member in history:
        if step == "add":
            held.add(score, member)
            model[member] = score
        else:
            assert held.remove(member) == (model.pop(member, None) is not None)
    check(held, model)


@pytest.mark.parametrize("order", [range(40), reversed(range(40)), [n * 7 % 40 for n in range(40)]])
def test_it_fills_and_empties_from_any_end(order: object) -> None:
    held, model = SortedSet(), dict[str, int]()
    numbers = list(order)  # type: ignore[call-overload]  # an iterable of numbers
    for n in numbers:
        held.add(n, f"{n}")
        model[f"{n}"] = n
    for n in numbers[::2]:
        assert held.remove(f"{n}")
        del model[f"{n}"]
    check(held, model)


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [(0, -1, "abcde"), (0, 0, "a"), (-2, -1, "de"), (-9, 1, "ab"), (3, 9, "de"), (0, -9, ""), (4, 2, ""), (7, 8, "")],
)
def test_ranges_are_inclusive_and_count_from_both_ends(start: int, stop: int, expected: str) -> None:
    begin, end = clip(start, stop, 5)
    assert "abcde"[begin:end] == expected
