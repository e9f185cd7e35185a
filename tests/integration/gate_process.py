"""A worker in a process of its own: `python -m tests.integration.gate_process OPTIONS`.

OPTIONS is JSON: `port queue do`, and what `do` takes. It prints `ready`, and a line for each thing that happens.

- `count`: each job tells the server that it runs, for a while, and says how many did then.
- `wait`: each job waits for its abort signal, and says when it came.
- `fail`: each job fails for good; the process kills itself at a random moment of the call `die_at`, counted from
  the settlement of the failure on: 0 is that call, the later ones deliver the dead letter.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from glidemq_pb import Job, UnrecoverableError, Worker
from glidemq_pb.backends.valkey import ValkeyBackend
from glidemq_pb.connection import Connection
from glidemq_pb.semantics import inbox, letters, work
from tests.properties.valkey_side import Connection as Wire

CALL_SECONDS = 0.001
"""About what one call takes here."""


def say(*words: object) -> None:
    print(*words, flush=True)


class Dying(ValkeyBackend):
    """A backend whose process is killed at a random moment of one of its calls."""

    die_at = -1
    seen = -1

    async def call(self, operation: Callable[..., Any], queue: str, *args: Any, **kwargs: Any) -> Any:
        settles = operation is work.settle_and_activate and bool(args[1])
        if settles or operation in (letters.list_letters, inbox.receive, letters.acknowledge):
            self.seen += 1
            if self.seen == self.die_at:
                wait = random.random() * CALL_SECONDS * 1.5
                asyncio.get_running_loop().call_later(wait, os.kill, os.getpid(), signal.SIGKILL)
        return await super().call(operation, queue, *args, **kwargs)


async def main(options: dict[str, Any]) -> None:
    key = f"running:{options['queue']}".encode()
    wire = Wire(options["port"])

    async def count(job: Job[Any, Any]) -> int:
        running: int = wire.call(b"INCR", key)
        await asyncio.sleep(job.data["ms"] / 1000)
        wire.call(b"DECR", key)
        return running

    async def wait(job: Job[Any, Any]) -> None:
        say("run", job.id)
        await job.abort_signal.wait()
        say("signal", job.id, time.time(), job.abort_signal.reason)
        job.abort_signal.raise_if_aborted()

    async def fail(job: Job[Any, Any]) -> None:
        raise UnrecoverableError("for good")

    backend = Dying(Connection([("127.0.0.1", options["port"])]))
    backend.die_at = options.get("die_at", -1)
    worker: Worker[Any, Any] = Worker(
        options["queue"], {"count": count, "wait": wait, "fail": fail}, backend=backend, **options.get("worker", {})
    )
    await worker.start()
    say("ready")
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
