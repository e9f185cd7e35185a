"""The folder of an embedded server: who may use it, what lies in it, and the lock of starting and stopping."""

import contextlib
import os
import socket
import stat
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..server import ServerUnavailableError

POLL_SECONDS = 0.02
PATIENCE_SECONDS = 600.0
"""How long a start may take: the server reads all its data first."""
SOCKET_PATH_BYTES_MAX = 100
"""Longer names do not fit into the address of a socket everywhere."""
SOCKET_NAME = "supervisor.sock"
LOCK_NAME = "glidemq_pb.lock"


class Folder:
    """A folder that belongs to this user alone (mode 0700), and holds nothing but an embedded server."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make it where it is not there. ServerUnavailableError when it is somebody else's, or holds something else."""
        with contextlib.suppress(FileExistsError):
            self.path.mkdir(mode=0o700, parents=True)
        status = self.path.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise ServerUnavailableError(f"{self.path} is not a folder")
        if status.st_uid != os.geteuid():
            raise ServerUnavailableError(f"{self.path} belongs to user {status.st_uid}: name a folder of your own")
        names = {entry.name for entry in self.path.iterdir()}
        if names and LOCK_NAME not in names:
            raise ServerUnavailableError(f"{self.path} holds other files: name a new folder, or an empty one")
        if stat.S_IMODE(status.st_mode) & 0o077:
            self.path.chmod(0o700)

    @contextmanager
    def locked(self, patience: float = PATIENCE_SECONDS) -> Generator[None]:
        """Hold the lock of starting, joining and stopping. ServerUnavailableError after `patience` seconds."""
        deadline = time.monotonic() + patience
        with self.open_file(LOCK_NAME) as descriptor:
            while not lock(descriptor):
                if time.monotonic() > deadline:
                    raise ServerUnavailableError(
                        f"{self.path}: another process has been starting or stopping its server for {patience:.0f} s"
                    )
                time.sleep(POLL_SECONDS)
            yield

    @contextmanager
    def open_file(self, name: str) -> Generator[int]:
        """A descriptor of one of its files, which is made where it is not there."""
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def connect(self) -> socket.socket | None:
        """A connection to the supervisor, None when there is none."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_SECONDS)
        try:
            with self._short_path() as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        return connection

    @contextmanager
    def _short_path(self) -> Generator[str]:
        """The socket's name, by a detour when it is too long for an address."""
        path = str(self.path / SOCKET_NAME)
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
            yield path
            return
        with tempfile.TemporaryDirectory(prefix="glidemq_pb-") as short:
            link = Path(short) / "to"
            link.symlink_to(self.path)
            yield str(link / SOCKET_NAME)


def lock(descriptor: int) -> bool:
    """Try to lock an open file; the lock lasts until all copies of the descriptor are closed, by whatever end."""
    import fcntl  # not on Windows, where no server is found anyway

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give the lock back."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)
