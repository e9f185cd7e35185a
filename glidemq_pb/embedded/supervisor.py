"""The process that owns an embedded server: starts it, restarts it when it crashes, stops it after the last user.

Each process that uses the server keeps a connection to this one, over a socket in the folder; it gets the server's port
and password, and sends nothing. When the connection ends, however its process ended, that user is gone.
A user that leaves in order closes its sending side and waits for the end of the connection: after the last one
that is when the server has stopped.
"""

import json
import os
import secrets
import selectors
import shutil
import signal
import socket
import sys
import time
from collections import deque
from pathlib import Path

from ..server import PrivateServer, ServerUnavailableError
from .folder import LOCK_NAME, PATIENCE_SECONDS, POLL_SECONDS, SOCKET_NAME, Folder, lock, unlock

READY = "ready"
GROUP_NAME = "server.group"
SERVER_LOCK_NAME = "server.lock"
LOG_NAME = "server.log"
LOG_BYTES_MAX = 1_000_000
STOP_SECONDS = 60.0
RESTARTS_MAX, RESTARTS_SECONDS = 5, 60.0

OPTIONS = {
    "appendonly": "yes",
    "appendfsync": "everysec",  # written with each call, forced to the disk once a second
    "maxmemory-policy": "noeviction",
    "crash-memcheck-enabled": "no",  # a restart should not wait for it
}


class Supervisor:
    """The server of one folder and its users. temporary: remove the folder in the end."""

    def __init__(self, folder: Folder, program: Path, *, temporary: bool) -> None:
        self._folder = folder
        self._temporary = temporary
        self._program = program
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._users: set[socket.socket] = set()
        self._leaving: set[socket.socket] = set()
        self._crashes: deque[float] = deque(maxlen=RESTARTS_MAX)
        self._password = secrets.token_hex(32)
        self._server: PrivateServer

    def run(self) -> None:
        """Live until the last user has left. ServerUnavailableError when the server does not start."""
        with self._folder.open_file(LOCK_NAME) as start_lock, self._folder.open_file(SERVER_LOCK_NAME) as server_lock:
            self._end_orphan(server_lock)
            self._server = PrivateServer(
                OPTIONS,
                password=self._password,
                directory=self._folder.path,
                program=self._program,
                # The server holds the lock for as long as it lives, even when this process is killed.
                inherits=(server_lock,),
                own_session=False,
                patience=PATIENCE_SECONDS,
            )
            self._server.start()
            self._listen()
            say(READY)
            while self._users or not self._may_stop(start_lock):
                self._serve()
            self._stop()

    def _end_orphan(self, server_lock: int) -> None:
        """End a server that outlived its supervisor, and wait until it has: two must not write the same files."""
        group = self._folder.path / GROUP_NAME
        for how in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + STOP_SECONDS
            signalled = False
            while not lock(server_lock):
                # The lock is held, so one of the group lives, and no other group can have got its number.
                if not signalled and group.exists():
                    signalled = True
                    os.killpg(int(group.read_text()), how)
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_SECONDS)
            else:
                group.write_text(str(os.getpgrp()))
                return
        raise ServerUnavailableError(f"{self._folder.path}: an earlier server does not end")

    def _listen(self) -> None:
        Path(SOCKET_NAME).unlink(missing_ok=True)
        self._listener.bind(SOCKET_NAME)  # this process is in the folder: the address is short
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._server.life, selectors.EVENT_READ)

    def _serve(self) -> None:
        """Wait for something to happen, and see to it."""
        for key, _ in self._selector.select(None if self._users else POLL_SECONDS):
            if key.fileobj is self._listener:
                self._welcome()
            elif isinstance(key.fileobj, socket.socket):
                self._hear(key.fileobj)
            else:
                self._restart()
        if self._users:
            for user in self._leaving:
                user.close()
            self._leaving.clear()

    def _welcome(self) -> None:
        user, _ = self._listener.accept()
        user.setblocking(False)
        self._users.add(user)
        self._selector.register(user, selectors.EVENT_READ)
        try:
            user.sendall(json.dumps({"port": self._server.port, "password": self._password}).encode() + b"\n")
        except OSError:
            self._part(user)

    def _hear(self, user: socket.socket) -> None:
        try:
            if user.recv(1_024):
                return
        except OSError:  # it was killed
            pass
        self._part(user)

    def _part(self, user: socket.socket) -> None:
        self._selector.unregister(user)
        self._users.discard(user)
        self._leaving.add(user)

    def _restart(self) -> None:
        """The server has ended by itself: start it anew, with its data, on the same port."""
        now = time.monotonic()
        if len(self._crashes) == RESTARTS_MAX and now - self._crashes[0] < RESTARTS_SECONDS:
            raise ServerUnavailableError(f"the server has ended {RESTARTS_MAX} times within {RESTARTS_SECONDS:.0f} s")
        self._crashes.append(now)
        self._selector.unregister(self._server.life)
        self._server.kill()
        self._server.start()
        self._selector.register(self._server.life, selectors.EVENT_READ)

    def _may_stop(self, start_lock: int) -> bool:
        """Whether nobody uses it and, as the lock is ours then until the end, nobody can begin to."""
        if not lock(start_lock):
            return False
        if any(key.fileobj is self._listener for key, _ in self._selector.select(0)):
            unlock(start_lock)
            return False
        return True

    def _stop(self) -> None:
        self._server.stop()  # SIGTERM: it forces all that was written to the disk
        Path(SOCKET_NAME).unlink()
        if self._temporary:
            shutil.rmtree(self._folder.path, ignore_errors=True)
        os._exit(0)  # at once: those who wait for the end take this process for gone, too


def say(line: str) -> None:
    """Tell the process that started this one, once."""
    os.write(sys.stdout.fileno(), line.encode())
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def main(folder: str, program: str, *, temporary: bool) -> None:
    """Run as a process of its own, whose standard output is read to its end by who starts it."""
    os.umask(0o077)
    os.chdir(folder)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A service manager sends them to all at once, and those who are told to end need the server to do so in order.
        signal.signal(number, lambda _, __: None)
    if os.fork():  # nobody has to wait for this process
        os._exit(0)
    try:
        Supervisor(Folder(Path(folder)), Path(program), temporary=temporary).run()
    except ServerUnavailableError as error:
        say(str(error))
        raise
