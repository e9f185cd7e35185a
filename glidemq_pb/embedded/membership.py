"""One process's use of embedded servers: it joins with the first component that asks, and leaves with the last."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from ..server import ServerUnavailableError, find_server
from .folder import PATIENCE_SECONDS, Folder
from .supervisor import LOG_BYTES_MAX, LOG_NAME, READY

BOOTSTRAP = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from glidemq_pb.embedded.supervisor import main
main(sys.argv[2], sys.argv[3], temporary=sys.argv[4] == "temporary")
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is now."""

    port: int
    password: str = field(repr=False)


class Membership:
    """The use of one folder by this process: one connection to its supervisor, however many hold it.

    temporary: the folder is this process's own, and is removed when the process ends.
    """

    def __init__(self, folder: Folder, *, temporary: bool) -> None:
        self._folder = folder
        self._temporary = temporary
        self._holders: set[object] = set()
        self._connection: socket.socket | None = None
        self._endpoint: Endpoint | None = None

    def join(self, holder: object) -> Endpoint:
        """Use the server until `leave`; starts it when it does not run. ServerUnavailableError, OSError."""
        with _mutex:
            endpoint = self._endpoint
            if endpoint is None or not self.is_at(endpoint):
                self._disconnect()
                endpoint = self._connect()
            self._holders.add(holder)
            return endpoint

    def leave(self, holder: object) -> None:
        """Use it no more. After the last holder of the last process this returns when the server has stopped."""
        with _mutex:
            self._holders.discard(holder)
            if self._holders or self._temporary or self._connection is None:
                return
            with contextlib.suppress(OSError):
                self._connection.settimeout(PATIENCE_SECONDS)
                self._connection.shutdown(socket.SHUT_WR)
                while self._connection.recv(1_024):
                    pass
            self._disconnect()

    def is_at(self, endpoint: Endpoint) -> bool:
        """Whether the server is still there, as far as is known without waiting."""
        connection = self._connection
        if connection is None or endpoint is not self._endpoint:
            return False
        try:
            return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def forget(self) -> None:
        """In a forked process: this use is the parent's, and its end must be seen when the parent ends."""
        self._holders.clear()
        self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection, self._endpoint = self._connection, None, None
        if connection is not None:
            connection.close()

    def _connect(self) -> Endpoint:
        self._folder.prepare()
        with self._folder.locked():
            connection = self._folder.connect()
            if connection is None:
                self._launch()
                connection = self._folder.connect()
            if connection is None:
                raise ServerUnavailableError(f"{self._folder.path}: its supervisor has ended; {self._log_tail()}")
            line = b""
            while not line.endswith(b"\n"):
                if not (chunk := connection.recv(1_024)):
                    connection.close()
                    raise ServerUnavailableError(f"{self._folder.path}: its supervisor has ended; {self._log_tail()}")
                line += chunk
        connection.settimeout(None)
        self._connection = connection
        self._endpoint = endpoint = Endpoint(**json.loads(line))
        return endpoint

    def _launch(self) -> None:
        """Start a supervisor, and wait until its server answers."""
        folder = self._folder.path
        program = find_server().resolve()
        paths = json.dumps([os.path.abspath(path) for path in sys.path])
        log_path = folder / LOG_NAME
        with contextlib.suppress(FileNotFoundError):
            if log_path.stat().st_size > LOG_BYTES_MAX:
                log_path.replace(folder / f"{LOG_NAME}.old")
        kind = "temporary" if self._temporary else "durable"
        with self._folder.open_file(LOG_NAME) as log:
            os.lseek(log, 0, os.SEEK_END)
            process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-I", "-c", BOOTSTRAP, paths, str(folder), str(program), kind],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the users, who then leave in their own time
            )
        said = process.communicate()[0].decode()
        if said != READY:
            raise ServerUnavailableError(said or f"{folder}: no supervisor could be started; {self._log_tail()}")

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder.path / LOG_NAME).read_text(errors="replace")[-500:].strip()
        return "there is no log"


_mutex = threading.RLock()
"""Held while a membership changes, and through a fork: a child must not get half of one."""
_memberships: dict[Path | None, Membership] = {}


def membership_of(path: Path | None) -> Membership:
    """This process's use of a folder; None is a temporary one that lives as long as the process."""
    if not hasattr(os, "fork"):
        raise ServerUnavailableError("it needs Linux or macOS; use memory:// or a server's valkey://")
    with _mutex:
        key = None if path is None else path.resolve()
        if (membership := _memberships.get(key)) is None:
            folder = Path(tempfile.mkdtemp(prefix="glidemq_pb-")) if key is None else key
            membership = _memberships[key] = Membership(Folder(folder), temporary=key is None)
        return membership


def _take_mutex() -> None:
    _mutex.acquire()


def _give_mutex() -> None:
    _mutex.release()


def _begin_anew() -> None:
    global _mutex  # noqa: PLW0603 - the one who held it is in the parent
    for membership in _memberships.values():
        membership.forget()
    _memberships.clear()
    _mutex = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take_mutex, after_in_parent=_give_mutex, after_in_child=_begin_anew)
