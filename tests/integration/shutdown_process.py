"""A program that ends by `graceful_shutdown`: `python -m tests.integration.shutdown_process OPTIONS`.

OPTIONS is JSON: `port queue kind grace deadline lease`; `kind` names a processor below. It prints `ready`,
`run <job id>`, `stopping` when it has seen its signal, `closed worker` and `closed events` as these are closed, and
`stopped <signal>` when it has shut down.
"""

import asyncio
import json
import sys
import threading
from typing import Any

from glidemq_pb import Connection, Job, Queue, QueueEvents, Worker, graceful_shutdown

stopping = asyncio.Event()


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")  # in one piece, as threads speak too
    sys.stdout.flush()


async def short(job: Job[Any, Any]) -> None:
    """Ends soon after the stop began."""
    say("run", job.id)
    await stopping.wait()
    await asyncio.sleep(job.data["ms"] / 1000)


async def endless(job: Job[Any, Any]) -> None:
    """Ends when it is cancelled."""
    say("run", job.id)
    await asyncio.Event().wait()


async def stubborn(job: Job[Any, Any]) -> None:
    """Swallows the cancellations of its own run."""
    say("run", job.id)
    for _ in range(2):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            say("cancelled", job.id)
    await asyncio.Event().wait()


def polite_thread(job: Job[Any, Any]) -> None:
    """Looks at its abort signal."""
    say("run", job.id)
    while not job.abort_signal.aborted:
        threading.Event().wait(0.005)
    job.abort_signal.raise_if_aborted()


def stubborn_thread(job: Job[Any, Any]) -> None:
    """Never ends."""
    say("run", job.id)
    threading.Event().wait()


def note_stop() -> None:
    stopping.set()
    say("stopping")


class Watcher(QueueEvents):
    """Says when it is told to close."""

    async def close(self) -> None:
        say("closed", "events")
        await super().close()


async def main(options: dict[str, Any]) -> None:
    connection = Connection([("127.0.0.1", options["port"])])
    queue: Queue[Any, Any] = Queue(options["queue"], connection=connection)
    events = Watcher(options["queue"], connection=connection)
    worker: Worker[Any, Any] = Worker(
        options["queue"],
        globals()[options["kind"]],
        connection=connection,
        concurrency=2,
        lock_duration=options.get("lease", 30_000),
    )
    worker.on("closing", note_stop)
    worker.on("closed", lambda: say("closed", "worker"))
    await queue.connect()
    await events.connect()
    await worker.start()
    times = {"grace": options.get("grace", 20_000), "deadline": options.get("deadline", 5_000)}
    ending = asyncio.ensure_future(graceful_shutdown(queue, events, worker, **times))
    await asyncio.sleep(0)  # it begins to wait for signals
    say("ready")
    say("stopped", (await ending).name)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
