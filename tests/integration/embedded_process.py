"""A user of an embedded server, for tests that kill it: `python -m tests.integration.embedded_process FOLDER LABEL`.

It adds jobs one after another, and runs those of all. It prints `ready`, and `added <job id>` for each job that the
server acknowledged. A line on its standard input, or its end, makes it leave in order.
"""

import asyncio
import itertools
import sys
from typing import Any

from glidemq_pb import Job, Queue, Worker


def say(*words: str) -> None:
    print(*words, flush=True)


async def process(job: Job[Any, Any]) -> None:
    pass


async def main(folder: str, label: str) -> None:
    url = f"embedded://{folder}"
    leave = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    async with Queue[Any, Any]("load", connection=url) as queue, Worker[Any, Any]("load", process, connection=url):
        say("ready")
        for number in itertools.count():
            if leave.done():
                break
            job = await queue.add(label, {"n": number}, job_id=f"{label}-{number}")
            assert job is not None
            say("added", job.id)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
