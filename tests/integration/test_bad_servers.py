"""Servers that will not do what is asked: each says clearly what is wrong, and nothing that was accepted is lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from glidemq_pb import Connection, Job, NewJob, Producer, Queue, QueueConnectionError, QueueEvents, Worker
from glidemq_pb.server import PrivateServer

from . import tiny

Component = Queue[Any, Any] | Producer[Any] | Worker[Any, Any] | QueueEvents


async def process(job: Job[Any, Any]) -> int:
    """A result that takes a little room."""
    return len(job.id)


def components(url: str) -> list[Component]:
    return [
        Queue("tasks", connection=url),
        Producer("tasks", connection=url),
        Worker("tasks", process, connection=url),
        QueueEvents("tasks", connection=url),
    ]


async def problems(url: str) -> set[str]:
    """What every kind of component says when it is connected."""
    told: set[str] = set()
    for component in components(url):
        with pytest.raises(QueueConnectionError) as caught:
            async with asyncio.timeout(25), component:
                pass
        told.add(caught.value.problem)
        assert "word" not in str(caught.value).replace("password", "")
    return told


async def test_a_wrong_password_is_told_by_every_component() -> None:
    with PrivateServer(password="right") as server:  # noqa: S106 - of a server that lives for this test
        (told,) = await problems(f"valkey://:wrongword@127.0.0.1:{server.port}")
        assert told.startswith("the user name or the password is wrong")
        (told,) = await problems(f"valkey://127.0.0.1:{server.port}")
        assert told.startswith("the server wants a password")


async def test_an_address_where_nobody_listens_is_told_by_every_component() -> None:
    (told,) = await problems("valkey://127.0.0.1:1")
    assert told.startswith("it cannot be reached")


@pytest.mark.parametrize("command", ["FUNCTION", "FCALL"])
async def test_a_server_without_functions_is_told(command: str) -> None:
    with PrivateServer({"rename-command": f'{command} ""'}) as server:
        for component in (
            Queue[Any, Any]("tasks", connection=server.url),
            Producer[Any]("tasks", connection=server.url),
        ):
            with pytest.raises(QueueConnectionError, match=r"the server has no functions: Valkey 7\.2 or later"):
                await component.add("a")
            await component.close()
        assert tiny.ask(server.port, "DBSIZE") == ":0\r\n"


async def test_a_server_that_forbids_functions_for_a_while_loses_nothing(own_server: PrivateServer) -> None:
    """The user's right to call functions is taken and given back while jobs wait and run."""
    url = own_server.url
    completed: list[str] = []
    errors: list[BaseException] = []
    may_end = asyncio.Event()

    async def slow(job: Job[Any, Any]) -> None:
        await may_end.wait()

    queue = Queue[Any, Any]("tasks", connection=url)
    worker = Worker[Any, Any]("tasks", slow, connection=url, concurrency=5, lock_duration=60_000)
    worker.on("completed", lambda job, _: completed.append(job.id))
    worker.on("error", errors.append)
    async with queue, worker:
        accepted = [job.id for job in await queue.add_bulk([NewJob("a") for _ in range(20)])]
        await until(lambda: tiny.ask(own_server.port, "ZCARD", "glide:{tasks}:active") == ":5\r\n")
        tiny.ask(own_server.port, "ACL", "SETUSER", "default", "-@scripting")
        with pytest.raises(QueueConnectionError, match="lacks a permission"):
            await queue.add("refused")
        may_end.set()
        await until(lambda: bool(errors))
        tiny.ask(own_server.port, "ACL", "SETUSER", "default", "+@all")
        await until(lambda: len(completed) == len(accepted))
        assert sorted(completed) == sorted(accepted)
        assert (await queue.get_job_counts()).completed == 20
        assert len(errors) == 1
        assert "lacks a permission" in str(errors[0])


async def test_a_password_that_is_wrong_for_a_while_loses_nothing(own_server: PrivateServer) -> None:
    """It is changed, and all connections are cut: by an administrator, or by a restart with another configuration."""
    port = own_server.port
    tiny.ask(port, "ACL", "SETUSER", "app", "on", ">right", "~*", "+@all")
    connection = Connection(
        [("127.0.0.1", port)],
        username="app",
        password="right",  # noqa: S106 - of a server that lives for this test
        request_timeout=1_000,
        retry_timeout=1_000,
    )
    ran: list[str] = []
    errors: list[BaseException] = []
    may_end = asyncio.Event()

    async def slow(job: Job[Any, Any]) -> None:
        ran.append(job.id)
        await may_end.wait()

    queue = Queue[Any, Any]("tasks", connection=connection)
    worker = Worker[Any, Any]("tasks", slow, connection=connection, concurrency=5, lock_duration=60_000)
    worker.on("error", errors.append)
    async with queue, worker:
        accepted = [job.id for job in await queue.add_bulk([NewJob("a") for _ in range(20)])]
        await until(lambda: len(ran) == 5)
        tiny.ask(port, "ACL", "SETUSER", "app", "resetpass", ">other")
        tiny.ask(port, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
        with pytest.raises(QueueConnectionError, match="the password is wrong"):
            await queue.add("refused")
        may_end.set()
        await until(lambda: bool(errors))
        tiny.ask(port, "ACL", "SETUSER", "app", "resetpass", ">right")
        await until(lambda: len(ran) == 20)
        await until(lambda: tiny.ask(port, "ZCARD", "glide:{tasks}:completed") == ":20\r\n")
        assert sorted(ran, key=int) == accepted
        assert 1 <= len(errors) <= 2  # and once more when the reason is known
        assert "the password is wrong" in str(errors[-1])


async def test_a_full_server_refuses_new_work_and_finishes_old(own_server: PrivateServer) -> None:
    """`maxmemory` with `noeviction`: adds are refused in words, leases are renewed and jobs settled."""
    url = own_server.url
    completed: list[str] = []
    errors: list[BaseException] = []
    may_end = asyncio.Event()

    async def slow(job: Job[Any, Any]) -> str:
        await may_end.wait()
        return job.id

    queue = Queue[Any, Any]("tasks", connection=url)
    producer = Producer[Any]("tasks", connection=url)
    worker = Worker[Any, Any]("tasks", slow, connection=url, concurrency=5, lock_duration=6_000)
    worker.on("completed", lambda job, _: completed.append(job.id))
    worker.on("error", errors.append)
    async with queue, producer, worker:
        accepted = [job.id for job in await queue.add_bulk([NewJob("a", "x" * 1_000) for _ in range(50)])]
        await until(lambda: tiny.ask(own_server.port, "ZCARD", "glide:{tasks}:active") == ":5\r\n")
        tiny.ask(own_server.port, "CONFIG", "SET", "maxmemory-policy", "noeviction")
        tiny.ask(own_server.port, "CONFIG", "SET", "maxmemory", "1")
        for add in (queue.add("b"), producer.add("b"), queue.add_bulk([NewJob("b")]), producer.add_bulk([NewJob("b")])):
            with pytest.raises(QueueConnectionError, match="the server is out of memory: raise its maxmemory"):
                await add
        first = leases(own_server.port)
        await until(lambda: min(leases(own_server.port).values()) > max(first.values()))
        may_end.set()
        await until(lambda: len(completed) == 50)
        assert sorted(completed) == sorted(accepted)
        assert errors == []
        tiny.ask(own_server.port, "CONFIG", "SET", "maxmemory", "0")
        assert await producer.add("c") == "51"
        await until(lambda: len(completed) == 51)
        counts = await queue.get_job_counts()
        assert (counts.completed, counts.failed, counts.waiting, counts.active) == (51, 0, 0, 0)
        assert [job.stalled_count for job in await queue.get_jobs("completed")] == [0] * 51


def leases(port: int) -> dict[str, float]:
    """The active jobs and when their leases end."""
    reply = tiny.ask(port, "ZRANGE", "glide:{tasks}:active", "0", "-1", "WITHSCORES")
    values = [line for line in reply.split("\r\n")[1:] if line and not line.startswith("$")]
    return {member: float(score) for member, score in zip(values[::2], values[1::2], strict=True)}


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what comes from a server."""
    await asyncio.to_thread(tiny.until, happened)
