"""What does a child cost, with 10, 100 and 999 of them under one parent?

    python -m benchmarks.flows [--jobs 20000]

For each width, flows with that many children are added, and all their jobs run and settled, by calls of 50 at a
time. What is counted is the processor time of the server's main thread, by the number of children; once with the
children in the parent's queue, once in another one. Widths alternate.
"""

import argparse
import asyncio
import re
import statistics

import glide

from glidemq_pb import FlowJob, FlowProducer
from glidemq_pb.backends.backend import Backend
from glidemq_pb.component import root_key
from glidemq_pb.postman import look_after
from glidemq_pb.semantics import work
from glidemq_pb.semantics.records import COMPLETED_RUN, Caller, Settlement
from glidemq_pb.server import PrivateServer

WIDTHS = (10, 100, 999)
"""A flow has at most 1,000 jobs, its parent among them."""
ROUNDS = 5
WANT = 50


class Calls:
    """A worker that only makes calls."""

    def __init__(self, backend: Backend, name: str) -> None:
        self._backend = backend
        self._root = root_key("glide", name)
        self._call = 0
        self._token = ""
        self._ids: list[str] = []

    async def exchange(self) -> int:
        """Settle what the last call started, start more: how many."""
        settlements = [Settlement(job_id, self._token, COMPLETED_RUN, "5", None) for job_id in self._ids]
        self._call += 1
        caller = Caller("bench", self._call, 600_000, 1, 600_000, 0, False, 0, 0, False, "")
        reply = await self._backend.call(work.settle_and_activate, self._root, caller, settlements, WANT)
        self._token = reply.token
        self._ids = [job.job_id for job in reply.started]
        if reply.letters:
            await look_after(self._backend, self._root, 0)
        return len(self._ids) + reply.more


class Measured:
    """The server's account: processor time of its main thread, which other programs on the machine do not lengthen."""

    def __init__(self, client: glide.GlideClient) -> None:
        self._client = client

    async def microseconds(self) -> float:
        reply = await self._client.custom_command(["INFO", "cpu"])
        assert isinstance(reply, bytes)
        return 1e6 * sum(
            float(one) for one in re.findall(r"used_cpu_(?:sys|user)_main_thread:([\d.]+)", reply.decode())
        )


async def run(
    flow: FlowProducer, sides: list[Calls], children: str, width: int, flows: int, measured: Measured
) -> tuple[float, float]:
    """Microseconds a child, for adding and for the rest."""
    one = FlowJob(
        "p", queue_name="parents", remove_on_complete=True,
        children=[FlowJob("c", queue_name=children, remove_on_complete=True) for _ in range(width)],
    )  # fmt: skip
    before = await measured.microseconds()
    for _ in range(flows):
        await flow.add(one)
    added = await measured.microseconds()
    while sum([await side.exchange() for side in sides]):
        pass
    ended = await measured.microseconds()
    return (added - before) / flows / width, (ended - added) / flows / width


async def main(arguments: argparse.Namespace) -> None:
    """All widths, both ways."""
    with PrivateServer() as server:
        client = await glide.GlideClient.create(
            glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", server.port)])
        )
        measured = Measured(client)
        async with FlowProducer(connection=server.url, events=False) as flow:
            workers = {name: Calls(flow.backend, name) for name in ("parents", "children")}
            for children in workers:
                sides = [workers[name] for name in dict.fromkeys((children, "parents"))]
                costs: dict[int, list[tuple[float, float]]] = {width: [] for width in WIDTHS}
                for _ in range(ROUNDS):
                    for width in WIDTHS:
                        flows = max(arguments.jobs // ROUNDS // width, 1)
                        costs[width].append(await run(flow, sides, children, width, flows, measured))
                print("in one queue:" if children == "parents" else "children in another queue:")
                for width in WIDTHS:
                    adding, running = (statistics.median(column) for column in zip(*costs[width], strict=True))
                    print(
                        f"  {width:>5} children: {adding:6.2f} us a child to add, {running:6.2f} us to run and settle"
                    )
        await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    asyncio.run(main(parser.parse_args()))
