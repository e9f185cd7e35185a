"""The compiled library on a real Valkey, through a plain socket: an operation and the dump in one round trip.

A client of our own keeps asyncio and glide out of the loop, which would cost ten times as much as the server.
"""

import hashlib
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

from glidemq_pb import backends
from glidemq_pb.backends.codec import OperationCodec, codec_of
from glidemq_pb.semantics.lang import Refusal
from tests.strategies import POP, PUT

from .dump import SCRIPT, decoded, plain
from .sides import Outcome, Q, Refused, Step, canonical, operations

LIBRARY = Path(backends.__path__[0]) / "valkey" / "library.lua"
DATABASE = 9
"""A database of its own: `reset` empties it."""


class ServerError(Exception):
    """The server's error reply: a defect, of the library or of the test."""


class Connection:
    """RESP2 over a socket, one request at a time or several in a row."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._socket.makefile("rb", 1 << 20)

    def send(self, *commands: Sequence[bytes]) -> None:
        self._socket.sendall(b"".join(map(packed, commands)))

    def receive(self) -> Any:
        """The next reply; an error reply is raised."""
        line = self._replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self._replies.read(size + 2)[:-2]
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return [self.receive() for _ in range(int(rest))] if rest != b"-1" else None
        if kind == b"+":
            return rest
        raise ServerError(rest.decode("latin-1") if kind == b"-" else f"connection closed: {line!r}")

    def call(self, *command: bytes) -> Any:
        self.send(command)
        return self.receive()

    def close(self) -> None:
        self._replies.close()
        self._socket.close()


def packed(command: Sequence[bytes]) -> bytes:
    return b"*%d\r\n" % len(command) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command])


class ValkeySide:
    """Implements `Side`. `library` is the text of a library to be played instead of the committed one."""

    def __init__(self, port: int, library: str | None = None) -> None:
        self.name = "valkey"
        self._connection = Connection(port)
        self._connection.call(b"SELECT", b"%d" % DATABASE)
        text = LIBRARY.read_text() if library is None else library
        self._connection.call(b"FUNCTION", b"LOAD", b"REPLACE", text.encode("latin-1"))
        self._digest = b"%b" % hashlib.sha1(SCRIPT.encode()).hexdigest().encode()  # noqa: S324 - EVALSHA's own
        self._connection.call(b"SCRIPT", b"LOAD", SCRIPT.encode())
        self._pattern = re.sub(r"([\\*?\[\]])", r"\\\1", Q).encode() + b"*"
        names = dict(re.findall(r"function_name = '(glidemq_pb_(\w+)_\w+)'", text))
        self._functions = {operation: name.encode() for name, operation in names.items()}
        self._codecs: dict[str, OperationCodec] = {}
        self._replies: dict[str, Any] = {}
        for name, operation in operations().items():
            self._codecs[name] = codec_of(operation)
            self._replies[name] = get_type_hints(operation)["return"]

    def reset(self) -> None:
        self._connection.call(b"FLUSHDB")

    def play(self, step: Step) -> Outcome:
        self._connection.send(self._command(step), (b"EVALSHA", self._digest, b"0", self._pattern))
        try:
            raw = self._connection.receive()
        finally:
            state = self._state(self._connection.receive())
        return Outcome(self._reply(step, raw), state)

    def close(self) -> None:
        self._connection.close()

    def _command(self, step: Step) -> list[bytes]:
        if step.operation == POP:
            return [b"LPOP", f"{Q}:{step.args[0]}".encode("latin-1")]
        if step.operation == PUT:
            field, value = step.args
            return [b"HSET", f"{Q}:meta".encode(), field.encode(), value.encode()]
        argument = self._codecs[step.operation].encode(step.now, *step.args)
        return [b"FCALL", self._functions[step.operation], b"1", Q.encode(), argument]

    def _reply(self, step: Step, raw: Any) -> Any:
        if step.operation == POP:
            return decoded(raw)
        if step.operation == PUT:
            return None
        try:
            reply = self._codecs[step.operation].decode(raw)
        except Refusal as refusal:
            return Refused(refusal.code)
        return canonical(reply, self._replies[step.operation])

    @staticmethod
    def _state(found: list[Any]) -> dict[str, Any]:
        rows = sorted(decoded(found))
        return {key: plain(kind, value) for key, kind, value in rows}
