"""What does compression="gzip" save for real JSON, on a real Valkey, and what does it cost?

    python -m benchmarks.compression [--repeats 200]

Sizes are of the stored payload, and MEMORY USAGE of the whole job; times are processor time of this process, for
serializing (and compressing) and for reading back. `packages` is the metadata of the packages installed here,
`orders` and `event` are records as web APIs return them, `tokens` is random text, which hardly shrinks.
"""

import argparse
import asyncio
import random
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import distributions
from typing import Any

import glide

from glidemq_pb import JSON_SERIALIZER, Queue
from glidemq_pb.payload import Compression, decode_value, encode_value
from glidemq_pb.server import PrivateServer

BOTH: tuple[Compression, ...] = ("none", "gzip")
PACKAGES_BYTES = 100_000
"""About how much metadata one payload has."""


def payloads() -> Iterator[tuple[str, Any]]:
    """Names and values, from those that shrink most to those that do not."""
    draw = random.Random(1)
    yield "seed: 15 KB that repeat", {"report": "All systems are nominal. " * 600}
    yield "orders: 100 records", {"orders": [order(draw) for _ in range(100)], "next": None}
    yield "packages: metadata", packages()
    yield "order: 1 record", order(draw)
    yield "event: a small one", {"id": 123456, "type": "user.created", "at": "2026-01-01T12:00:00Z", "user_id": 4711}
    yield "tokens: 10 KB random hex", {"tokens": [draw.randbytes(16).hex() for _ in range(285)]}
    yield "random: 10 KB base64", {"blob": draw.randbytes(7_500)}


def order(draw: random.Random) -> dict[str, Any]:
    """One order of a shop."""
    first, last = (
        draw.choice(("Ada", "Grace", "Linus", "Margaret")),
        draw.choice(("Müller", "Nguyen", "Smith", "Rossi")),
    )
    day = f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    address = {
        "street": f"{draw.randint(1, 200)} Main Street",
        "city": "Berlin",
        "zip": f"{draw.randint(10115, 14199)}",
    }
    return {
        "id": str(uuid.UUID(bytes=draw.randbytes(16))),
        "created_at": f"{day}T{draw.randint(0, 23):02}:00:00.000Z",
        "status": draw.choice(("pending", "paid", "shipped", "delivered")),
        "customer": {"name": f"{first} {last}", "email": f"{first}.{last}{draw.randint(1, 99)}@example.com".lower()},
        "address": address,
        "items": [
            {
                "sku": f"SKU-{draw.randint(1000, 9999)}",
                "quantity": draw.randint(1, 5),
                "price": round(draw.random() * 100, 2),
            }
            for _ in range(draw.randint(1, 4))
        ],
        "currency": "EUR",
        "paid": draw.random() < 0.8,
        "notes": None,
    }


def packages() -> list[dict[str, Any]]:
    """Metadata of installed packages, as the package index gives it."""
    found: list[dict[str, Any]] = []
    size = 0
    for one in sorted(distributions(), key=lambda one: one.name):
        entry: dict[str, Any] = dict(one.metadata.json)
        size += len(JSON_SERIALIZER.serialize(entry))
        if found and size > PACKAGES_BYTES:
            break
        found.append(entry)
    return found


def microseconds(work: Callable[[], object], repeats: int) -> float:
    """Processor time of one call."""
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) * 1e6 / repeats


async def memory_of(client: glide.GlideClient, url: str, compression: Compression, value: Any) -> int:
    """Bytes that the server keeps for a job with this payload."""
    async with Queue[Any, Any](f"compression-{compression}", connection=url, compression=compression) as queue:
        job = await queue.add("a", value)
        assert job is not None
        used = await client.custom_command(["MEMORY", "USAGE", f"glide:{{{queue.name}}}:job:{job.id}", "SAMPLES", "0"])
        assert isinstance(used, int)
        return used


async def main(repeats: int) -> None:
    """One line a payload."""
    with PrivateServer() as server:
        address = glide.NodeAddress("127.0.0.1", server.port)
        client = await glide.GlideClient.create(glide.GlideClientConfiguration([address]))
        print(
            f"{'payload':<26}{'JSON':>9}{'stored':>9}{'saved':>7}{'memory':>9}{'with gzip':>10}  write us      read us"
        )
        for name, value in payloads():
            plain, packed = (encode_value(JSON_SERIALIZER, value, compression=how) for how in BOTH)
            memory = [await memory_of(client, server.url, how, value) for how in BOTH]
            writes = [microseconds(partial(encode_value, JSON_SERIALIZER, value, "", how), repeats) for how in BOTH]
            reads = [microseconds(partial(decode_value, JSON_SERIALIZER, text), repeats) for text in (plain, packed)]
            print(
                f"{name:<26}{len(plain):>9,}{len(packed):>9,}{1 - len(packed) / len(plain):>7.0%}"
                f"{memory[0]:>9,}{memory[1]:>10,}"
                f"  {writes[0]:>5.0f} ->{writes[1]:>5.0f}  {reads[0]:>5.0f} ->{reads[1]:>5.0f}"
            )
        await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    asyncio.run(main(parser.parse_args().repeats))
