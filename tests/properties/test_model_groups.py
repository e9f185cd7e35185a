"""The promises of groups and gates on long random histories (ORD, GRL, TB, RRL, GC, GRATE, WRK-1, REV)."""

import pytest

from tests import summary

from .profile import LIVES, STEPS
from .workload_groups import TenantLife


@pytest.mark.parametrize("seed", range(LIVES))
def test_no_gate_is_passed_and_no_group_is_stuck(seed: int) -> None:
    life = TenantLife(seed)
    life.live(STEPS)
    life.drain()
    summary.record("starts in queues with tenants, judged by the model", life.starts)
