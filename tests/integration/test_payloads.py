"""What payloads take on a real server."""

from typing import Any
from uuid import uuid4

from glidemq_pb import JSON_SERIALIZER, Queue
from glidemq_pb.payload import Compression
from glidemq_pb.server import PrivateServer
from tests import summary
from tests.properties.valkey_side import Connection

REPETITIVE = {"report": "All systems are nominal. " * 600}

COMPRESSIONS: tuple[Compression, ...] = ("none", "gzip")


async def test_cmp_3_the_seeds_15_kb_take_less_than_1_kb_of_the_server(valkey_server: PrivateServer) -> None:
    """MEMORY USAGE counts the whole job: key, fields and what the allocator rounds up."""
    size = len(JSON_SERIALIZER.serialize(REPETITIVE))
    used: dict[str, int] = {}
    name = uuid4().hex
    wire = Connection(valkey_server.port)
    for compression in COMPRESSIONS:
        async with Queue[Any, Any](name, connection=valkey_server.url, compression=compression) as queue:
            job = await queue.add("process-large", REPETITIVE)
            assert job is not None
            key = f"glide:{{{name}}}:job:{job.id}".encode()
            used[compression] = wire.call(b"MEMORY", b"USAGE", key, b"SAMPLES", b"0")
            used[f"{compression}, payload"] = wire.call(b"HSTRLEN", key, b"data")
    wire.close()
    assert size > 15_000
    assert used["none, payload"] == size
    assert used["gzip, payload"] < 300
    assert used["gzip"] < 1_024 < used["none"]
    summary.record("bytes of the server for 15 KB that repeat, plain and gzip", f"{used['none']:,}, {used['gzip']:,}")
