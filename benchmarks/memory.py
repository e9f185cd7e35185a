"""How fast is the memory backend: its operations alone in batches of 50, and a TestQueue with a TestWorker?

    python -m benchmarks.memory [--jobs 20000] [--rounds 5] [--short]

The best of the rounds: nothing here waits for anything, so whatever is slower was disturbed.
`python -m benchmarks.report` puts them into the table.
"""

import argparse
import asyncio
import time

from benchmarks.report import save
from glidemq_pb import Job, NewJob
from glidemq_pb.adding import bulk
from glidemq_pb.backends.memory.store import MemoryStore
from glidemq_pb.component import root_key
from glidemq_pb.semantics import jobs, work
from glidemq_pb.semantics.records import COMPLETED_RUN, Caller, JobBatch, Settlement
from glidemq_pb.testing import TestQueue, TestWorker

BATCH = 50
EVENTS_KEEP = 10_000
NOW_MS = 1_700_000_000_000


def operations(count: int, batch: JobBatch) -> tuple[float, float]:
    """Seconds for adding and seconds for starting and settling `count` jobs, in batches, nothing between the calls."""
    store, root, now = MemoryStore(), root_key("glide", "bench"), NOW_MS
    began = time.perf_counter()
    for number in range(count // BATCH):
        jobs.enqueue(store, root, now, f"t{number}", batch, [], EVENTS_KEEP)
    added = time.perf_counter()
    settlements: list[Settlement] = []
    call = ended = 0
    while ended < count:
        call += 1
        caller = Caller("worker", call, 30_000, 1, 60_000, EVENTS_KEEP, True, 0, 0, False, "")
        reply = work.settle_and_activate(store, root, now + call, caller, settlements, BATCH)
        ended += len(settlements)
        settlements = [Settlement(job.job_id, reply.token, COMPLETED_RUN, "1", None) for job in reply.started]
    return added - began, time.perf_counter() - added


async def kit(count: int) -> float:
    """Seconds from the first add to the end of the last job."""
    queue: TestQueue[dict[str, int], int] = TestQueue("bench")

    async def process(job: Job[dict[str, int], int]) -> int:
        return job.data["n"]

    began = time.perf_counter()
    TestWorker(queue, process, concurrency=BATCH)
    await queue.add_bulk([NewJob("noop", {"n": number}) for number in range(count)])
    await queue.run_until_idle()
    seconds = time.perf_counter() - began
    assert (await queue.get_job_counts()).completed == count
    await queue.close()
    return seconds


async def one_batch() -> JobBatch:
    """What the queue hands to `enqueue`."""
    queue: TestQueue[dict[str, int], int] = TestQueue("bench")
    (chunk,) = bulk(queue._owner, [NewJob("noop", {"n": 1}) for _ in range(BATCH)])
    await queue.close()
    return chunk.batch


def main(given: argparse.Namespace) -> None:
    """All rounds."""
    batch = asyncio.run(one_batch())
    rounds = [operations(given.jobs, batch) for _ in range(given.rounds)]
    seconds = [asyncio.run(kit(given.jobs)) for _ in range(given.rounds)]
    found = {
        "operations_per_s": given.jobs / min(map(sum, rounds)),
        "work_per_s": given.jobs / min(work for _, work in rounds),
        "kit_per_s": given.jobs / min(seconds),
    }
    for name, value in found.items():
        print(f"memory backend: {name} {value:,.0f}")
    save("memory", found, given.short)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="its result goes to that of the short version")
    main(parser.parse_args())
