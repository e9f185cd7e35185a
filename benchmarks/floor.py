"""What does the client library alone cost a call? A function that does nothing, called one call after the other.

    python -m benchmarks.floor [--calls 5000] [--rounds 3] [--short]

It is the floor under a drain at concurrency 1, where every job is one call. The best of the rounds.
"""

import argparse
import time
from typing import Any

import glide

from benchmarks.measuring import ServerView
from benchmarks.peers.common import run_loop
from benchmarks.report import save
from glidemq_pb.server import PrivateServer

LIBRARY = """#!lua name=floor
redis.register_function('nothing', function(keys, args) return args[1] end)
"""
ARGUMENT = b"x" * 150
"""About what a worker's call carries at concurrency 1."""
WARM_CALLS = 300

Figures = dict[str, float]


async def calls(client: "glide.GlideClient", server: ServerView, count: int) -> Figures:
    """Microseconds a call: in all, of this process' processor time, and of the server's."""
    before, cpu, began = server.usage(), time.process_time(), time.perf_counter()
    for _ in range(count):
        await client.fcall("nothing", ["queue"], [ARGUMENT])
    seconds, spent, after = time.perf_counter() - began, time.process_time() - cpu, server.usage()
    found = {"call_us": seconds, "client_us": spent, "server_us": after.cpu - before.cpu}
    return {name: value / count * 1e6 for name, value in found.items()}


async def measure(given: argparse.Namespace) -> Figures:
    """All rounds."""
    with PrivateServer() as server:
        address = glide.NodeAddress("127.0.0.1", server.port)
        client = await glide.GlideClient.create(glide.GlideClientConfiguration([address], request_timeout=5_000))
        await client.function_load(LIBRARY)
        view = ServerView(server.port)
        await calls(client, view, WARM_CALLS)
        rounds: list[Any] = [await calls(client, view, given.calls) for _ in range(given.rounds)]
        view.close()
        await client.close()
    return min(rounds, key=lambda found: found["call_us"])


def main(given: argparse.Namespace) -> None:
    """Measure, print, and write it down."""
    found = run_loop(measure(given))
    for name, value in found.items():
        print(f"the client alone: {name} {value:,.0f}")
    save("floor", found, given.short)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="its result goes to that of the short version")
    main(parser.parse_args())
