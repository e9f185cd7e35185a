"""How much is tried: a fixed tenth in CI, everything under GLIDEMQ_DEEP=1."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("GLIDEMQ_DEEP") == "1"
SHARDS = 180 if DEEP else 4
EXAMPLES = 118
"""The two-backend machine plays so many histories of 50 steps in each of its tests."""
LIVES = 1_000 if DEEP else 50
STEPS = 2_000 if DEEP else 500
"""Lives of a queue that the model predicts, and the steps of each."""


def machine(examples: int, *, shrink: bool = True) -> Callable[[Any], Any]:
    """Settings of a machine. It tries the same histories every time, as its seed says."""
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
