"""Job schedulers under deaths, lost plans and jumps of time, against a model of the promises."""

import pytest

from tests import summary

from .profile import DEEP
from .scheduling import Schedules

LIVES = 600 if DEEP else 60
STEPS = 500


@pytest.mark.parametrize("first", range(0, LIVES, LIVES // 4))
def test_each_run_is_made_once_on_its_grid(first: int) -> None:
    for seed in range(first, first + LIVES // 4):
        try:
            runs = Schedules(seed).live(STEPS)
        except AssertionError as error:
            raise AssertionError(f"Schedules({seed}).live({STEPS}): {error}") from error
        assert runs > 0
        summary.record("scheduler runs predicted by a model", runs)
