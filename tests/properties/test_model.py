"""The promises, each predicted by a naive model, on long random lives of a queue in memory."""

import pytest

from tests import summary

from .profile import LIVES, STEPS
from .workload import Life


@pytest.mark.parametrize("seed", range(LIVES))
def test_every_promise_is_kept(seed: int) -> None:
    life = Life(seed)
    life.live(STEPS)
    summary.record("steps of queues' lives predicted by the model", life.steps)
