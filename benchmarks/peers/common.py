"""What every Python peer shares: its commands, each of which prints one JSON line.

    python -m benchmarks.peers.saq meta|enqueue|produce|worker --port P [...]

Runs in the environment of the peer, which has neither glidemq_pb nor anything of ours installed. A handler writes its
start (CLOCK_MONOTONIC, the same in all processes of a machine, Node's too) to one slot a job of a shared file.
"""

import argparse
import asyncio
import json
import mmap
import os
import struct
import sys
import time
from collections.abc import Coroutine, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

QUEUE = "bench"
CHUNK = 1_000
IN_FLIGHT = 100
WARM_ADDS = 5
WARM_SECONDS = 0.5
DELAY_MIN = 0.2
DELAY_MAX = 3.0


def delay_for(number: int, jobs: int) -> float:
    """Seconds, evenly spread and in a fixed shuffled order."""
    return DELAY_MIN + (DELAY_MAX - DELAY_MIN) * ((number * 7919) % jobs) / (jobs - 1)


class Probe:
    """The shared file of start times."""

    def __init__(self) -> None:
        with open(os.environ["BENCH_PROBE"], "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._pack = struct.Struct("<q").pack_into

    def hit(self, number: int) -> None:
        """This job starts now."""
        self._pack(self._map, number * 8, time.monotonic_ns())


class Meta(NamedTuple):
    """What the tables say of a peer."""

    packages: Sequence[str]
    settings: str
    done: Sequence[tuple[Any, ...]]
    """Server commands, each with the answer that shows all jobs finished ("N": as many as there are)."""


class Peer:
    """One library. A blocking one blocks inside its coroutines."""

    bulk_name = f"gather, {IN_FLIGHT} in flight"

    def meta(self) -> Meta:
        """What it is and when it is done."""
        return Meta((), "", ())

    async def open(self, port: int) -> None:
        """Connect as a producer."""

    async def close(self) -> None:
        """Disconnect."""

    async def add(self, number: int) -> None:
        """Add one job."""

    async def add_delayed(self, number: int, delay: float) -> None:
        """Add one job that is due in `delay` seconds."""

    async def add_bulk(self, numbers: Sequence[int]) -> None:
        """Add many, by the library's own bulk call if it has one."""
        left = iter(numbers)

        async def pull() -> None:
            for number in left:
                await self.add(number)

        await asyncio.gather(*[pull() for _ in range(IN_FLIGHT)])

    def worker(self, port: int, concurrency: int, probe: Probe) -> None:
        """Run jobs until killed."""

    async def enqueue(self, given: argparse.Namespace) -> dict[str, Any]:
        """Add `n` jobs as fast as it goes."""
        await self.open(given.port)
        numbers = range(given.offset, given.offset + given.n)
        began = time.perf_counter()
        for first in range(0, given.n, CHUNK):
            await self.add_bulk(numbers[first : first + CHUNK])
        seconds = time.perf_counter() - began
        await self.close()
        return {"jobs_per_s": given.n / seconds}

    async def produce(self, given: argparse.Namespace) -> dict[str, Any]:
        """Add `n` jobs one by one, at an interval or delayed, and note when."""
        await self.open(given.port)
        last = int(os.environ["BENCH_SLOTS"]) - 1
        for number in range(last - WARM_ADDS, last):  # the last slot is the worker's own
            await self.add(number)
        await asyncio.sleep(WARM_SECONDS)
        moments: list[int] = []
        start = time.monotonic()
        for number in range(given.offset, given.offset + given.n):
            if given.interval:
                pause = start + len(moments) * given.interval - time.monotonic()
                await asyncio.sleep(max(pause, 0))
                moments.append(time.monotonic_ns())
                await self.add(number)
            else:
                moments.append(time.monotonic_ns())
                await self.add_delayed(number, delay_for(number, given.n))
        await self.close()
        return {"moments": moments}


def run_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """On uvloop unless BENCH_LOOP says asyncio."""
    if os.environ.get("BENCH_LOOP", "uvloop") == "uvloop":
        import uvloop

        return uvloop.run(coroutine)
    return asyncio.run(coroutine)


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Those that are installed."""
    found = {"python": sys.version.split()[0]}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main(peer: Peer) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["meta", "enqueue", "produce", "worker"])
    parser.add_argument("--n", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--interval", type=float, default=0.0, help="seconds; 0: delayed jobs, all at once")
    parser.add_argument("--offset", type=int, default=0)
    given = parser.parse_args()
    if given.command == "meta":
        meta = peer.meta()
        shown = {"versions": versions(meta.packages), "settings": meta.settings, "bulk": peer.bulk_name}
        print(json.dumps({**shown, "done": meta.done}))
    elif given.command == "worker":
        peer.worker(given.port, given.concurrency, Probe())
    else:
        print(json.dumps(run_loop(getattr(peer, given.command)(given))))
