"""How much is tried: a fixed tenth in CI, everything under GLIDEMQ_DEEP=1."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("GLIDEMQ_DEEP") == "1"
EXAMPLES = 23_000 if DEEP else 470
"""Histories of the two-backend machine, of 50 steps each."""
LIVES = 500 if DEEP else 50
STEPS = 2_000 if DEEP else 500
"""Lives of a queue that the model predicts, and the steps of each."""


def machine(examples: int) -> Callable[[Any], Any]:
    """Settings of a machine: CI tries the same histories every time."""
    return settings(
        max_examples=examples,
        derandomize=not DEEP,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
