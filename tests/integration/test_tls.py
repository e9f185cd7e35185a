"""TLS, for real: a proxy with a certificate stands before a server, as the servers that tests can have speak none.

`tls/authority.pem` signed `tls/server.pem` (with its key), for 127.0.0.1 and localhost, until 2126. The authority's
key is gone: to replace them, make both anew.
"""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from glidemq_pb import Connection, Queue, QueueConnectionError, Worker
from glidemq_pb.server import PrivateServer

from . import tiny
from .proxy import CuttingProxy

FILES = Path(__file__).parent / "tls"
AUTHORITY = (FILES / "authority.pem").read_bytes()


@pytest.fixture
async def tls_port(own_server: PrivateServer) -> AsyncIterator[int]:
    """A port that speaks TLS; behind it is a server with a password."""
    tiny.ask(own_server.port, "CONFIG", "SET", "requirepass", "right")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem")
    async with CuttingProxy(own_server.port, tls=context) as proxy:
        yield proxy.port


def connection(port: int, **options: Any) -> Connection:
    given: dict[str, Any] = {"tls": True, "password": "right", "tls_root_certificates": AUTHORITY}
    return Connection([("localhost", port)], **given | options, connect_timeout=10_000)


async def test_jobs_run_over_tls_with_a_password(tls_port: int) -> None:
    async def process(job: Any) -> int:
        return int(job.data) + 1

    async with (
        Queue[int, int]("tls", connection=connection(tls_port)) as queue,
        Worker[int, int]("tls", process, connection=connection(tls_port)),
    ):
        assert await queue.add_and_wait("a", 1) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tls_root_certificates": None}, "its certificate is not trusted"),
        ({"tls": False, "tls_root_certificates": None}, "Then it needs valkeys://"),
        ({"password": "wrong"}, "the password is wrong"),
        ({"password": None}, "wants a password"),
    ],
    ids=["unknown authority", "plain to TLS", "wrong password", "no password"],
)
async def test_what_is_wrong_is_told(tls_port: int, options: dict[str, Any], told: str) -> None:
    queue: Queue[int, int] = Queue("tls", connection=connection(tls_port, **options))
    with pytest.raises(QueueConnectionError, match=told) as caught:
        await queue.connect()
    assert caught.value.address.endswith(str(tls_port))
    await queue.close()
