"""A program that uses the synchronous face: `python -m tests.integration.sync_process URL QUEUE WHAT`.

WHAT names a function below. Each prints what it found; ending at all is part of each test.
"""

import asyncio
import contextlib
import multiprocessing
import os
import sys
import threading
from typing import Any

import glidemq_pb
from glidemq_pb.sync import Queue

AnyQueue = Queue[Any, Any]


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def ends(queue: AnyQueue) -> None:
    """Ends without closing, while its connection is open."""
    queue.add("a")
    say("added", queue.count())


def ends_in_a_call(queue: AnyQueue) -> None:
    """Ends while a thread that nobody waits for is in a call."""
    begun = threading.Event()

    def call() -> None:
        begun.set()
        with contextlib.suppress(glidemq_pb.ClosedError):
            while True:
                queue.count()

    threading.Thread(target=call, daemon=True).start()
    begun.wait()
    say("begun", queue.count() >= 0)


def forks(queue: AnyQueue) -> None:
    """A pre-forking server: the parent has used the queue already, and so do its children, at the same time."""
    queue.add("parent")
    children: list[int] = []
    for n in range(3):
        child = os.fork()
        if child == 0:
            job = queue.add(f"child {n}")
            os._exit(0 if job is not None and job.get_state() == "waiting" else 1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    job = queue.add("parent again")
    assert job is not None
    say("codes", codes, "jobs", queue.count(), "state", job.get_state())


def grandchild(queue: AnyQueue) -> None:
    """A child of a child, with a fork while another thread is in a call; and a queue that was closed before."""
    closed = AnyQueue(queue.name + "-closed", connection=sys.argv[1])
    closed.close()
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            queue.count()

    caller = threading.Thread(target=call)
    caller.start()
    child = os.fork()
    if child == 0:
        queue.add("child")
        grand = os.fork()
        if grand == 0:
            queue.add("grandchild")
            try:
                closed.count()
            except glidemq_pb.ClosedError:
                os._exit(0)
            os._exit(1)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grand, 0)[1]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    stop.set()
    caller.join()
    say("code", code, "jobs", queue.count())


def in_a_pool(n: int) -> int:
    with AnyQueue(sys.argv[2], connection=sys.argv[1]) as queue:
        job = queue.add("pooled", n)
        return 0 if job is None else 1


def pool(queue: AnyQueue) -> None:
    """multiprocessing, after the parent has used the queue."""
    queue.count()
    with multiprocessing.get_context("fork").Pool(2) as processes:
        added = sum(processes.map(in_a_pool, range(6)))
    say("added", added, queue.count())


def beside_a_loop(queue: AnyQueue) -> None:
    """An event loop that was there first, with a client of its own: during it and after its end."""

    async def main() -> None:
        async with glidemq_pb.Queue[Any, Any](queue.name, connection=sys.argv[1]) as other:
            await other.add("async")
            await asyncio.gather(*(asyncio.to_thread(queue.add, "thread") for _ in range(20)))
            say("during", await other.count())

    asyncio.run(main())
    say("after", queue.count())
    asyncio.run(main())
    say("again", queue.count())


if __name__ == "__main__":
    globals()[sys.argv[3]](AnyQueue(sys.argv[2], connection=sys.argv[1]))
