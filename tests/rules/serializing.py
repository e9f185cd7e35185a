"""What the tests of payloads share: a serializer of any value, and the ways to compress."""

import pickle
from typing import Any

from glidemq_pb.payload import Compression

COMPRESSIONS: tuple[Compression, ...] = ("none", "gzip")


class Pickle:
    """Bytes, and any Python value."""

    name = "pickle"

    def serialize(self, value: object) -> bytes:
        return pickle.dumps(value)

    def deserialize(self, raw: bytes) -> Any:
        return pickle.loads(raw)  # noqa: S301 - the test's own
