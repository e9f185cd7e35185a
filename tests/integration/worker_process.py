"""A worker in a process of its own, for tests that kill it: `python -m tests.integration.worker_process OPTIONS LABEL`.

OPTIONS is JSON: `port queue concurrency lock_duration release`; LABEL is in its results. It prints a line for each
thing that happens: `ready`, `run <job id>`, `at <job id> <epoch milliseconds>`, `completed <job id>`, `closed`.
SIGTERM closes it gracefully.
"""

import asyncio
import json
import signal
import sys
import time
from typing import Any

from glidemq_pb import Job, Worker
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.backends.valkey.loading import Library, packaged_library
from glidemq_pb.connection import Connection


def say(*words: str) -> None:
    print(*words, flush=True)


def other_release(release: str) -> Library:
    """This library under the name that another content hash would give it."""
    ours = packaged_library()
    return Library.of(ours.text.replace(ours.hash, release))


async def process(job: Job[Any, Any]) -> str:
    """Take `ms`; only a job's first run takes `first_ms`, where it has one."""
    say("run", job.id)
    say("at", job.id, str(time.time() * 1000))
    first = job.stalled_count == 0 and "first_ms" in job.data
    await asyncio.sleep(job.data["first_ms" if first else "ms"] / 1000)
    return f"by {sys.argv[2]}"


async def main(options: dict[str, Any]) -> None:
    release = options.get("release")
    backend = ValkeyBackend(
        Connection([("127.0.0.1", options["port"])]), library=None if release is None else other_release(release)
    )
    worker: Worker[Any, Any] = Worker(
        options["queue"],
        process,
        backend=backend,
        concurrency=options.get("concurrency", 1),
        lock_duration=options.get("lock_duration", 30_000),
    )
    worker.on("completed", lambda job, result: say("completed", job.id))
    closing: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: closing.append(loop.create_task(worker.close())))
    await worker.start()
    say("ready")
    await worker.run()
    await backend.close()
    say("closed")


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
