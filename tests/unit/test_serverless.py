"""POOL: producers kept between invocations."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

import glidemq_pb.serverless as module
from glidemq_pb import (
    JSON_SERIALIZER,
    ClosedError,
    Connection,
    InvalidOptionsError,
    InvalidStateError,
    Producer,
    ServerlessPool,
    serverless_pool,
)
from tests.unit.components import CountingBackend, Reversed

HOSTS = [("a", 1), ("b", 2)]
DIFFERENT: dict[str, dict[str, Any]] = {
    "addresses": {"addresses": [("a", 1), ("c", 2)]},
    "cluster": {"cluster": True},
    "tls": {"tls": True},
    "username": {"username": "other"},
    "password": {"password": "other"},
    "database": {"database": 1},
    "request_timeout": {"request_timeout": 1},
    "connect_timeout": {"connect_timeout": timedelta(seconds=1)},
    "retry_timeout": {"retry_timeout": 1},
    "inflight_requests_limit": {"inflight_requests_limit": 1},
    "read_from": {"read_from": "prefer_replica"},
    "client_az": {"client_az": "zone"},
    "client_name": {"client_name": "me"},
    "tls_root_certificates": {"tls": True, "tls_root_certificates": b"pem"},
}


@pytest.fixture
def pool() -> ServerlessPool:
    return ServerlessPool()


def connection(**options: Any) -> Connection:
    given = {"addresses": HOSTS, "username": "user", "password": "secret"}
    return Connection(**given | options)


async def test_pool_1_the_same_arguments_give_the_same_producer(pool: ServerlessPool) -> None:
    first = pool.get_producer("tasks", connection=connection())
    assert isinstance(first, Producer)
    assert pool.get_producer("tasks", connection=connection()) is first
    assert pool.get_producer("tasks", connection=connection(addresses=HOSTS[::-1])) is first
    url = pool.get_producer("tasks", connection="valkey://user:secret@b:2,a:1")
    assert url is first
    assert pool.size == 1


@pytest.mark.parametrize("field", DIFFERENT)
async def test_pool_1_every_field_of_a_connection_counts(pool: ServerlessPool, field: str) -> None:
    first = pool.get_producer("tasks", connection=connection())
    assert pool.get_producer("tasks", connection=connection(**DIFFERENT[field])) is not first
    assert pool.size == 2


def test_pool_1_no_field_of_a_connection_was_forgotten() -> None:
    assert set(DIFFERENT) == set(vars(connection()))


@pytest.mark.parametrize(
    "options", [{"name": "other"}, {"prefix": "other"}, {"compression": "gzip"}, {"events": False}], ids=str
)
async def test_pool_1_every_other_option_counts(pool: ServerlessPool, options: dict[str, Any]) -> None:
    first = pool.get_producer("tasks", connection="memory://pool")
    given: dict[str, Any] = {"name": "tasks", "connection": "memory://pool"} | options
    assert pool.get_producer(**given) is not first
    assert pool.get_producer(**given) is pool.get_producer(**given)


async def test_pool_1_the_environment_variable_counts(pool: ServerlessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIDEMQ_URL", "memory://one")
    first = pool.get_producer("tasks")
    assert pool.get_producer("tasks", connection="memory://one") is first
    monkeypatch.setenv("GLIDEMQ_URL", "memory://two")
    assert pool.get_producer("tasks") is not first


async def test_pool_1_no_credential_is_readable_in_the_pool(pool: ServerlessPool) -> None:
    """Nor would a guess show: equal places have other digests in another pool."""
    other = ServerlessPool()
    for one in (pool, other):
        one.get_producer("tasks", connection=connection(username="someone", password="hunter2"))  # noqa: S106
    keys = [next(iter(vars(one)["_cached"])) for one in (pool, other)]
    assert all(b"hunter2" not in key and b"someone" not in key for key in keys)
    assert keys[0] != keys[1]
    assert "hunter2" not in repr(vars(pool))


async def test_pool_1_a_closed_producer_is_replaced(pool: ServerlessPool) -> None:
    first = pool.get_producer("tasks", connection="memory://pool")
    await first.close()
    assert pool.size == 0
    second = pool.get_producer("tasks", connection="memory://pool")
    assert second is not first
    assert await second.add("a") is not None


async def test_pool_1_close_all_closes_and_empties_and_a_later_one_is_new(pool: ServerlessPool) -> None:
    first = pool.get_producer("tasks", connection="memory://pool")
    pool.get_producer("other", connection="memory://pool")
    assert pool.size == 2
    await pool.close_all()
    assert pool.size == 0
    with pytest.raises(ClosedError):
        await first.add("a")
    assert pool.get_producer("tasks", connection="memory://pool") is not first
    await pool.close_all()
    await pool.close_all()


class SlowToClose(CountingBackend):
    """Closes when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_close = asyncio.Event()

    async def close(self) -> None:
        await self.may_close.wait()


class BadToClose(CountingBackend):
    async def close(self) -> None:
        raise ConnectionError("broken")


def owning(monkeypatch: pytest.MonkeyPatch, backend: CountingBackend) -> None:
    """Let components that are made from now on own this backend."""
    monkeypatch.setattr("glidemq_pb.component.connect_backend", lambda *_, **__: backend)


async def test_pool_1_while_it_closes_it_gives_none(pool: ServerlessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = SlowToClose()
    owning(monkeypatch, backend)
    pool.get_producer("tasks", connection="memory://pool")
    closing = [asyncio.create_task(pool.close_all()) for _ in range(2)]
    await asyncio.wait(closing, timeout=0)
    with pytest.raises(InvalidStateError, match="close_all"):
        pool.get_producer("tasks", connection="memory://pool")
    backend.may_close.set()
    await asyncio.gather(*closing)
    assert not pool.get_producer("tasks", connection="memory://pool").closed


async def test_one_that_cannot_be_closed_keeps_no_other_open(
    pool: ServerlessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        owning(patch, BadToClose())
        pool.get_producer("bad", connection="memory://pool")
    good = pool.get_producer("good", connection="memory://pool")
    with pytest.raises(ConnectionError, match="broken"):
        await pool.close_all()
    assert good.closed
    assert pool.size == 0
    await pool.close_all()


async def test_pool_2_b_37_a_serializer_of_ones_own_is_not_cached_but_closed(pool: ServerlessPool) -> None:
    made = [pool.get_producer("tasks", connection="memory://pool", serializer=Reversed()) for _ in range(2)]
    assert made[0] is not made[1]
    assert pool.size == 0
    cached = pool.get_producer("tasks", connection="memory://pool", serializer=JSON_SERIALIZER)
    assert pool.get_producer("tasks", connection="memory://pool") is cached
    await made[0].close()
    pool.get_producer("tasks", connection="memory://pool")
    assert vars(pool)["_others"] == {made[1]}
    await pool.close_all()
    assert made[1].closed


async def test_pool_2_what_borrows_is_not_cached_and_left_open(pool: ServerlessPool) -> None:
    backend = CountingBackend()
    made = [pool.get_producer("tasks", backend=backend) for _ in range(2)]
    assert made[0] is not made[1]
    assert pool.size == 0
    await pool.close_all()
    assert all(producer.closed for producer in made)
    assert await Producer[Any]("tasks", backend=backend).add("a") == "1"


async def test_bad_arguments_are_refused_and_leave_nothing(pool: ServerlessPool) -> None:
    for options in ({"connection": "nonsense"}, {"connection": "memory://pool", "compression": "zip"}):
        with pytest.raises(InvalidOptionsError):
            pool.get_producer("tasks", **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionsError):
        pool.get_producer("", connection="memory://pool")
    assert pool.size == 0


def test_each_loop_has_its_own_and_what_a_loop_left_behind_is_closed(pool: ServerlessPool) -> None:
    async def invocation() -> Producer[Any]:
        producer = pool.get_producer("tasks", connection="memory://pool")
        assert pool.get_producer("tasks", connection="memory://pool") is producer
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return producer

    early = pool.get_producer("tasks", connection="memory://pool")  # as a module is imported
    assert pool.get_producer("tasks", connection="memory://pool") is early
    first = asyncio.run(invocation())
    assert first is early
    second = asyncio.run(invocation())
    assert second is not first
    assert first.closed
    assert not second.closed
    assert pool.size == 1
    asyncio.run(pool.close_all())
    assert second.closed


def test_there_is_one_for_the_process() -> None:
    assert serverless_pool is module.serverless_pool
    assert isinstance(serverless_pool, ServerlessPool)
