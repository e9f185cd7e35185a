"""Administration of a queue that changes meanwhile; what holds on both backends is in tests/rules."""

from typing import Any

import pytest

from glidemq_pb import NewJob, Ordering, Queue
from glidemq_pb.backends.memory import MemoryBackend, VirtualClock
from glidemq_pb.semantics import changes
from glidemq_pb.semantics.limits import BATCH_MAX

ROOT = "glide:{tasks}"


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend(VirtualClock(), "administration")


@pytest.mark.parametrize("grouped_first", [True, False])
async def test_job_9_drain_misses_nothing_that_moves_past_it(backend: MemoryBackend, grouped_first: bool) -> None:
    """It passes over heads of groups in the ready set; some go while it is between two calls."""
    queue: Queue[Any, Any] = Queue("tasks", backend=backend)
    grouped = [NewJob("g", ordering=Ordering(f"g{number}")) for number in range(2 * BATCH_MAX)]
    plain = [NewJob("a") for _ in range(2 * BATCH_MAX)]
    await queue.add_bulk([*grouped, *plain] if grouped_first else [*plain, *grouped])
    calls = 0

    def on_progress(removed: int) -> None:
        nonlocal calls
        calls += 1
        heads = [job_id for job_id in range(1, 4 * BATCH_MAX + 1) if (job_id <= 2 * BATCH_MAX) == grouped_first]
        for job_id in heads[20 * calls : 20 * calls + 20]:
            changes.remove(backend.store, ROOT, backend.clock.now(), f"call {job_id}", str(job_id), 0)

    await queue.drain(on_progress=on_progress)
    counts = await queue.get_job_counts()
    assert (counts.waiting, counts.delayed) == (0, 0)
    assert backend.store.dump(ROOT + ":group") == {}
