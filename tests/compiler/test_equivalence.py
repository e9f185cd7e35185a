"""Random programs give the same replies and leave the same store under CPython and as Lua on a real server."""

import os
import random

from hypothesis import HealthCheck, given, settings

from tests import summary
from tests.compiler.programs import Program, programs, write
from tests.compiler.running import Server, assert_same

DEEP = os.environ.get("GLIDEMQ_DEEP") == "1"
PROGRAMS = 2_000 if DEEP else 200
COUNTED = "compiler: random programs run by CPython and as Lua"


def test_random_programs_run_the_same(server: Server) -> None:
    @settings(
        max_examples=PROGRAMS,
        deadline=None,
        database=None,
        derandomize=not DEEP,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def run(program: Program) -> None:
        assert_same(server, program.text, program.calls)

    run()
    summary.record(COUNTED, PROGRAMS)


def test_large_programs_run_the_same(server: Server) -> None:
    """Hypothesis prefers small programs, which a failure needs; even odds give large ones, which find more."""
    start = random.SystemRandom().randrange(2**32) if DEEP else 10_000
    for seed in range(start, start + PROGRAMS):
        program = write(random.Random(seed).randrange)
        assert_same(server, program.text, program.calls)
    summary.record(COUNTED, PROGRAMS)
