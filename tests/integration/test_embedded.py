"""`embedded://`: one server for all processes that name a folder, durable, private, and gone after the last."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glidemq_pb import Queue, Worker
from glidemq_pb import server as server_module
from glidemq_pb.embedded import folder as folder_module
from glidemq_pb.embedded.folder import Folder
from glidemq_pb.embedded.membership import membership_of
from glidemq_pb.errors import QueueConnectionError
from glidemq_pb.server import ServerUnavailableError

from . import tiny

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0


@pytest.fixture
def home() -> Iterator[Path]:
    """Where folders may be made, with a short name."""
    with tempfile.TemporaryDirectory(prefix="gmq-") as path:
        yield Path(path).resolve()


@pytest.fixture
def place(home: Path) -> Path:
    """A folder that is not there yet."""
    return home / "queue"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it has not come about in time"
        threading.Event().wait(0.02)


def group(place: Path) -> int:
    """The process group of a folder's server and supervisor."""
    file = place / "server.group"
    until(lambda: file.read_text() != "")  # while it is written
    return int(file.read_text())


def members(number: int) -> dict[int, str]:
    """The processes of a group that live, and their command lines."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True)
    found: dict[int, str] = {}
    for line in listed.stdout.splitlines():
        pid, pgid, state, command = line.split(None, 3)
        ending = state.startswith("Z") or command.startswith("[")  # one that has given its memory up has no command
        if int(pgid) == number and not ending:
            found[int(pid)] = command
    return found


def the(what: str, number: int) -> int:
    """The one process of a group whose command line has these words."""
    (pid,) = (pid for pid, command in members(number).items() if what in command)
    return pid


def others(what: str, number: int, but: int) -> bool:
    """Whether such a process is there that is not a certain one."""
    return any(what in command and pid != but for pid, command in members(number).items())


def kill_at_once(*pids: int) -> None:
    """Kill processes none of which sees the end of another: a server, say, and who ends or restarts it."""
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, how)


SUPERVISOR, SERVER = "embedded.supervisor", "valkey-server 127.0.0.1:"


async def count(place: Path | str, state: str = "waiting") -> int:
    async with Queue[Any, Any]("q", connection=f"embedded://{place}") as queue:
        return int(getattr(await queue.get_job_counts(), state))


async def test_it_is_durable_and_stops_with_the_last_user(place: Path) -> None:
    async with Queue[Any, Any]("q", connection=f"embedded://{place}") as queue:
        await queue.add("a")
        number = group(place)
        assert the(SUPERVISOR, number) != the(SERVER, number)
        async with Worker[Any, Any]("other", print, connection=f"embedded://{place}/../queue"):  # the same folder
            assert group(place) == number
        assert await queue.count() == 1
    assert members(number) == {}
    assert await count(place) == 1
    assert members(group(place)) == {}


def open_to_others(place: Path) -> list[Path]:
    return [path for path in (place, *place.rglob("*")) if path.stat().st_mode & 0o077]


async def test_nobody_else_can_reach_it(place: Path) -> None:
    async with Queue[Any, Any]("q", connection=f"embedded://{place}"):
        endpoint = membership_of(place).join("this test")
        assert tiny.ask(endpoint.port, "PING").startswith("-NOAUTH")
        assert endpoint.password not in repr(endpoint)
        assert endpoint.password in (place / "server.conf").read_text()
        assert not any(endpoint.password in command for command in members(group(place)).values())
        assert "bind 127.0.0.1\n" in (place / "server.conf").read_text()
        assert await asyncio.to_thread(open_to_others, place) == []
        membership_of(place).leave("this test")


def test_a_private_one_serves_a_process_and_ends_with_it() -> None:
    text = """
import asyncio
from glidemq_pb import Queue
from glidemq_pb.embedded.membership import membership_of

async def main():
    for _ in range(2):
        async with Queue("q", connection="embedded://") as queue:
            await queue.add("a")
            print(await queue.count())
    print(membership_of(None)._folder.path)
    print((membership_of(None)._folder.path / "server.group").read_text())

asyncio.run(main())
"""
    first, second, path, number = run_python(text).split()
    assert (first, second) == ("1", "2")
    until(lambda: not members(int(number)))
    assert not Path(path).exists()


def run_python(text: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", text, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return ran.stdout


class User:
    """A process that adds and runs jobs under load; what it said goes to a file, so that killing it loses nothing."""

    def __init__(self, place: Path, home: Path, label: str) -> None:
        self._said = home / f"{label}.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.embedded_process", str(place), label],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=said,
            )

    def added(self) -> list[str]:
        """The ids that were acknowledged."""
        lines = self._said.read_text().split("\n")[:-1]
        return [line.removeprefix("added ") for line in lines if line.startswith("added ")]

    def leave(self) -> None:
        self.process.communicate(b"\n", timeout=DEADLINE_SECONDS)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def users(place: Path, home: Path) -> Iterator[list[User]]:
    """Three that share a folder, under load."""
    started = [User(place, home, label) for label in ("a", "b", "c")]
    try:
        until(lambda: all(len(user.added()) > 20 for user in started))
        yield started
    finally:
        for user in started:
            user.kill()


async def check_acknowledged(place: Path, users: list[User]) -> int:
    """That the next start finds every acknowledged job: how many."""
    acknowledged = [job_id for user in users for job_id in user.added()]
    async with Queue[Any, Any]("load", connection=f"embedded://{place}") as queue:
        found = {job.id for state in ("waiting", "active", "completed") for job in await queue.get_jobs(state)}
    assert set(acknowledged) - found == set()
    until(lambda: not members(group(place)))
    return len(acknowledged)


@pytest.mark.parametrize("too", [(), (SUPERVISOR, SERVER)], ids=["users", "all"])
async def test_after_all_users_are_killed_every_acknowledged_job_is_there(
    place: Path, users: list[User], too: tuple[str, ...]
) -> None:
    number = group(place)
    victims = [the(what, number) for what in too] + [user.process.pid for user in users]
    kill_at_once(*victims)
    for user in users:
        user.process.wait()
    until(lambda: not members(number))
    assert await check_acknowledged(place, users) > 60


async def test_users_go_on_after_crashes_and_leave_nothing_behind(place: Path, users: list[User]) -> None:
    for victim in (SERVER, SUPERVISOR):
        crashed = the(victim, group(place))
        os.kill(crashed, signal.SIGKILL)
        until(lambda pid=crashed, what=victim: others(what, group(place), pid))  # type: ignore[misc]  # bound now
        before = [len(user.added()) for user in users]
        until(lambda: all(len(user.added()) > more + 20 for user, more in zip(users, before, strict=True)))  # noqa: B023 - called now
    number = group(place)
    users[0].leave()
    users[1].kill()
    more = len(users[2].added()) + 20
    until(lambda: len(users[2].added()) > more)
    assert the(SERVER, number)
    users[2].leave()
    assert members(number) == {}
    await check_acknowledged(place, users)


async def test_a_server_that_outlived_all_its_keepers_is_ended(place: Path) -> None:
    async with Queue[Any, Any]("q", connection=f"embedded://{place}") as queue:
        await queue.add("a")
        number = group(place)
        orphan = the(SERVER, number)
        kill_at_once(*(pid for pid in members(number) if pid != orphan))
        until(lambda: list(members(number)) == [orphan])
        await queue.add("b")
    assert list(members(number)) == [orphan]
    assert await count(place) == 2
    assert group(place) != number
    assert members(number) == {}


async def test_starts_and_stops_do_not_cross(place: Path) -> None:
    text = """
import asyncio, sys
from glidemq_pb import Queue

async def main():
    for _ in range(3):
        async with Queue("q", connection=sys.argv[1]) as queue:
            await queue.add("a")

asyncio.run(main())
"""
    runs = [asyncio.to_thread(run_python, text, f"embedded://{place}") for _ in range(3)]
    await asyncio.gather(*runs)
    assert await count(place) == 9
    assert members(group(place)) == {}


def test_a_forked_process_neither_keeps_nor_ends_its_parents_server(place: Path) -> None:
    text = """
import asyncio, os, sys

POLL = 0.02
from glidemq_pb import Queue

async def use():
    async with Queue("q", connection=sys.argv[1]) as queue:
        await queue.add("a")
        if len(sys.argv) == 3:
            sys.argv.pop()
            release_read, release_write = os.pipe()
            said_read, said_write = os.pipe()
            if os.fork() == 0:
                os.close(release_write)
                os.read(release_read, 1)  # until the parent has left
                os.execv(sys.executable, [sys.executable, "-c", "pass"])
            os.close(release_read)
            await queue.add("b")
            return await queue.count(), release_write

async def main():
    counted, release = await use()
    group = int(open(sys.argv[1].removeprefix("embedded://") + "/server.group").read())
    try:
        async with asyncio.timeout(30):
            while True:
                os.killpg(group, 0)
                await asyncio.sleep(POLL)
    except ProcessLookupError:
        print(counted, "gone")
    os.close(release)
    os.wait()

asyncio.run(main())
"""
    assert run_python(text, f"embedded://{place}", "fork").split() == ["2", "gone"]


async def test_a_folder_with_a_long_name(home: Path) -> None:
    place = home / ("long" * 20) / ("name" * 20)
    async with Queue[Any, Any]("q", connection=f"embedded://{place}") as queue:
        await queue.add("a")
    assert await count(place) == 1


async def test_a_folder_that_is_not_fit_is_refused_and_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = home / "other"
    other.mkdir(mode=0o755)
    (other / "file").touch()
    for place, message in ((other, "holds other files"), (other / "file", "is not a folder")):
        with pytest.raises(QueueConnectionError, match=message):
            await count(place)
    assert stat.S_IMODE(other.stat().st_mode) == 0o755
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(QueueConnectionError, match="belongs to user"):
        await count(home)


def test_an_open_folder_that_is_empty_is_closed_to_others(place: Path) -> None:
    place.mkdir(mode=0o755)
    Folder(place).prepare()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


async def test_without_a_program_the_error_names_the_extra(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIDEMQ_VALKEY_SERVER", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server_module, "find_spec", lambda name: None)
    with pytest.raises(QueueConnectionError, match=r"glidemq_pb\[embedded\]"):
        await count(place)


async def test_a_server_that_does_not_start_is_reported(
    place: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = home / "valkey-server"
    program.write_text("#!/bin/sh\necho 'no disk'\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setenv("GLIDEMQ_VALKEY_SERVER", str(program))
    with pytest.raises(QueueConnectionError, match="no disk"):
        await count(place)
    monkeypatch.delenv("GLIDEMQ_VALKEY_SERVER")
    assert await count(place) == 0


def test_a_lock_that_stays_taken_is_reported(place: Path) -> None:
    folder = Folder(place)
    folder.prepare()
    with folder.locked(), pytest.raises(ServerUnavailableError, match="starting or stopping"), folder.locked(0):
        pass
    with folder.open_file("x") as one, folder.open_file("x") as other:
        assert folder_module.lock(one)
        assert not folder_module.lock(other)
        folder_module.unlock(one)
        assert folder_module.lock(other)
