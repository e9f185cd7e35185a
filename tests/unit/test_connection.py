"""URLs and the Connection record."""

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from glidemq_pb.backends import connect_backend
from glidemq_pb.connection import Address, Connection, EmbeddedAddress, MemoryAddress, parse
from glidemq_pb.errors import InvalidOptionsError


def test_defaults() -> None:
    connection = Connection()
    assert connection.addresses == (("localhost", 6379),)
    assert (connection.request_timeout, connection.connect_timeout, connection.retry_timeout) == (5_000, 5_000, 30_000)
    assert connection.inflight_requests_limit == 1_000
    assert connection == Connection([("localhost", 6379)])
    assert hash(connection) == hash(Connection())
    assert dataclasses.replace(connection, database=2).database == 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("valkey://", Connection()),
        ("valkey://localhost", Connection()),
        ("valkey://h:7000", Connection([("h", 7000)])),
        ("valkey://h:7000/3", Connection([("h", 7000)], database=3)),
        ("valkeys://h", Connection([("h", 6379)], tls=True)),
        ("valkey://h1,h2:7", Connection([("h1", 6379), ("h2", 7)])),
        ("valkey://[::1]:7", Connection([("::1", 7)])),
        ("valkey://u:p%40%2F@h", Connection([("h", 6379)], username="u", password="p@/")),  # noqa: S106
        ("valkey://:p@h", Connection([("h", 6379)], password="p")),  # noqa: S106
        ("valkey://h?cluster=1", Connection([("h", 6379)], cluster=True)),
        ("valkey://h?cluster=false", Connection([("h", 6379)])),
        (
            "valkey://h?request_timeout=1&connect_timeout=2&retry_timeout=3&inflight_requests_limit=4&client_name=me"
            "&read_from=az_affinity&client_az=a",
            Connection(
                [("h", 6379)],
                request_timeout=1,
                connect_timeout=2,
                retry_timeout=3,
                inflight_requests_limit=4,
                client_name="me",
                read_from="az_affinity",
                client_az="a",
            ),
        ),
        ("memory://", MemoryAddress("")),
        ("memory://other", MemoryAddress("other")),
        ("embedded://", EmbeddedAddress(None)),
        ("embedded:///var/lib/my%20queue", EmbeddedAddress(Path("/var/lib/my queue"))),
    ],
)
def test_urls(url: str, expected: Address) -> None:
    assert parse(url) == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://h", "write valkey://"),
        ("rediss://h", "write valkey://"),
        ("embedded://var/lib", "embedded:///folder, with three slashes"),
        ("embedded:///var/lib?fsync=always", "no parameter"),
        ("embedded:///var/%00", "embedded:///folder"),
        ("h:6379", "a URL begins with"),
        ("", "a URL begins with"),
        ("valkey://h:port", "is not host:port"),
        ("valkey://h:0", "a port is 1 to 65535"),
        ("valkey://h:65536", "a port is 1 to 65535"),
        ("valkey://h/zero", "the number of a database"),
        ("valkey://h?claster=1", "there is no parameter 'claster'"),
        ("valkey://h?cluster=maybe", "not a number or a flag"),
        ("valkey://h?request_timeout=5s", "not a number or a flag"),
        ("valkey://h?request_timeout=0", "request_timeout=0"),
        ("valkey://u@h", "a user name needs a password"),
        (7, "a URL, a Connection or None"),
    ],
)
def test_bad_urls(url: Any, message: str) -> None:
    with pytest.raises(InvalidOptionsError, match=message):
        parse(url)


@pytest.mark.parametrize(
    "url", ["valkey://u:se@cret@h:x", "valkey://u:se/cret@h", "redis://u:secret@h", "valkey://u:secret@h?x=1"]
)
def test_messages_hide_passwords(url: str) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"addresses": []}, "addresses: a list of"),
        ({"addresses": "h:1"}, "addresses: a list of"),
        ({"addresses": [("h", "1")]}, "a port is"),
        ({"addresses": [("h", True)]}, "a port is"),
        ({"addresses": [("", 1)]}, "a port is"),
        ({"addresses": ["h"]}, "a port is"),
        ({"cluster": 1}, "cluster=1"),
        ({"tls": "yes"}, "tls='yes'"),
        ({"username": "u"}, "needs a password"),
        ({"username": "", "password": "p"}, "username=''"),
        ({"password": 1}, "password: a text"),
        ({"database": -1}, "database=-1"),
        ({"database": True}, "database=True"),
        ({"request_timeout": 0}, "request_timeout=0"),
        ({"request_timeout": 1.0}, "an int of milliseconds or a timedelta"),
        ({"connect_timeout": True}, "an int of milliseconds or a timedelta"),
        ({"retry_timeout": timedelta(days=2)}, "a day"),
        ({"inflight_requests_limit": 0}, "inflight_requests_limit=0"),
        ({"read_from": "anywhere"}, "prefer_replica"),
        ({"read_from": "az_affinity"}, "client_az"),
        ({"client_name": "two words"}, "printable ASCII"),
        ({"tls_root_certificates": b"x"}, "it needs tls=True"),
        ({"tls": True, "tls_root_certificates": b""}, "at least one PEM"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptionsError, match=message):
        Connection(**options)


def test_durations_may_be_timedeltas() -> None:
    assert Connection(request_timeout=timedelta(seconds=2)).request_timeout == 2_000


def test_neither_text_nor_address_shows_the_password() -> None:
    connection = Connection([("h", 1), ("::1", 2)], username="u", password="secret", tls=True, database=3)  # noqa: S106
    assert "secret" not in repr(connection)
    assert connection.address == "valkeys://h:1,[::1]:2/3"


def test_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIDEMQ_URL", "valkey://env:1")
    assert parse(None) == Connection([("env", 1)])
    monkeypatch.setenv("GLIDEMQ_URL", "nonsense")
    with pytest.raises(InvalidOptionsError, match="GLIDEMQ_URL='nonsense'"):
        parse(None)


@pytest.mark.parametrize("value", [None, ""])
def test_without_any_the_error_says_both_ways(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("GLIDEMQ_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("GLIDEMQ_URL", value)
    with pytest.raises(InvalidOptionsError, match=r"connection='valkey://.*GLIDEMQ_URL"):
        parse(None)
    with pytest.raises(InvalidOptionsError):
        connect_backend()


def test_a_connection_is_itself() -> None:
    connection = Connection()
    assert parse(connection) is connection


async def test_memory_backends_of_one_name_share_a_store() -> None:
    one, same, other = (connect_backend(url) for url in ("memory://shared", "memory://shared", "memory://other"))
    assert one.address == same.address == "memory://shared"
    assert vars(one)["_server"] is vars(same)["_server"]
    assert vars(one)["_server"] is not vars(other)["_server"]
