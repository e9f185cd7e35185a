"""The promises of deduplication, revocation and dead letters on long random histories (DED, CID, REV, DLQ, TTL-7)."""

import pytest

from tests import summary

from .profile import LIVES, STEPS
from .workload_control import ControlLife


@pytest.mark.parametrize("seed", range(LIVES // 4))
def test_nothing_is_lost_twice_or_revived(seed: int) -> None:
    life = ControlLife(seed)
    life.live(STEPS)
    life.end()
    summary.record("dead letters delivered once, judged by the model", life.letters)
