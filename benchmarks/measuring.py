"""What the benchmarks share: percentiles, the processor time and memory of processes, and the server's own account."""

import os
import re
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

SENT_BY_CLIENTS = re.compile(r"cmdstat_(?:fcall|evalsha|eval|blpop|brpop|blmove|bzpopmin|xreadgroup):calls=(\d+)")
TICKS = os.sysconf("SC_CLK_TCK")
KIB = 1024


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def calls_and_microseconds(commandstats: str, command: str) -> tuple[int, int]:
    """How often the server ran a command, and for how long in all (from INFO commandstats)."""
    found = re.search(rf"cmdstat_{command}:calls=(\d+),usec=(\d+)", commandstats)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def process_tree(pid: int) -> list[int]:
    """A process and all below it (Linux)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(stat.parent.name))
    tree: list[int] = []
    left = [pid]
    while left:
        tree.append(left.pop())
        left += children.get(tree[-1], [])
    return tree


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and all below it have used so far, all their threads."""
    ticks = 0
    for each in process_tree(pid):
        try:
            ticks += sum(map(int, Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / TICKS


def memory_mb(pid: int, field: str) -> float:
    """`RssAnon` (now, without mapped files) or `VmHWM` (the most so far) of a process and all below it."""
    kib = 0
    for each in process_tree(pid):
        try:
            found = re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{each}/status").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        kib += int(found[1]) if found else 0
    return kib / KIB


class Usage(NamedTuple):
    """What the server has used and done for its clients so far."""

    at: float
    cpu: float
    """Seconds of its main thread, which is the one that executes commands."""
    commands: int
    """Those that scripts issue included."""
    script_calls: int
    """Scripts and functions, and blocking pops, which no script can do."""
    bytes_in: int
    bytes_out: int


class ServerView:
    """A minimal blocking client, so that measuring costs little and needs no library."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._file = self._socket.makefile("rb")
        self.id: int = self.call("CLIENT", "ID")

    def close(self) -> None:
        """Disconnect."""
        self._file.close()
        self._socket.close()

    def call(self, *words: object) -> Any:
        """One command, and its reply."""
        parts = [str(word).encode() for word in words]
        head = b"*%d\r\n" % len(parts)
        self._socket.sendall(head + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self._read()

    def _read(self) -> Any:
        line = self._file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        return rest.decode()

    def info(self, section: str) -> dict[str, str]:
        """One section of INFO."""
        lines = (line.partition(":") for line in self.call("INFO", section).splitlines())
        return {name: value for name, _, value in lines}

    def used_memory(self) -> int:
        """Bytes."""
        return int(self.info("memory")["used_memory"])

    def usage(self) -> Usage:
        """Everything so far."""
        cpu, stats = self.info("cpu"), self.info("stats")
        main_thread = float(cpu["used_cpu_user_main_thread"]) + float(cpu["used_cpu_sys_main_thread"])
        clients = [
            dict(word.partition("=")[::2] for word in line.split()) for line in self.call("CLIENT", "LIST").splitlines()
        ]
        others = [client for client in clients if int(client["id"]) != self.id]
        bytes_in, bytes_out = (sum(int(client[field]) for client in others) for field in ("tot-net-in", "tot-net-out"))
        commands = int(stats["total_commands_processed"])
        scripts = sum(map(int, SENT_BY_CLIENTS.findall(self.call("INFO", "commandstats"))))
        return Usage(time.monotonic(), main_thread, commands, scripts, bytes_in, bytes_out)
