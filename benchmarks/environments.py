"""The peers, and the environments they run in: made on demand under .bench/, from the registries of this machine."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".bench"
INSTALL_SECONDS = 600
US = "glidemq_pb"
BULLMQ, SAQ, TASKIQ = "BullMQ (Node)", "SAQ", "taskiq"


BLOCKING = (("BENCH_LOOP", "asyncio"),)
"""For libraries of threads, which need no uvloop."""


class Kind(NamedTuple):
    """How to run a peer, and what has to be installed for it."""

    module: str
    packages: Sequence[str] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def is_node(self) -> bool:
        """A script of Node, not a module of Python."""
        return self.module.endswith(".js")


PEERS = {
    US: Kind("ours"),
    f"{US}, asyncio's loop": Kind("ours", environment=(("BENCH_LOOP", "asyncio"),)),
    BULLMQ: Kind("bullmq_node.js", ("bullmq", "ioredis")),
    "BullMQ (Python)": Kind("bullmq_py", ("bullmq", "hiredis", "uvloop")),
    SAQ: Kind("saq", ("saq[redis,hiredis]", "typing_extensions", "uvloop")),
    TASKIQ: Kind("taskiq", ("taskiq", "taskiq-redis", "hiredis", "uvloop")),
    "dramatiq": Kind("dramatiq", ("dramatiq[redis]",), BLOCKING),
    "Celery, threads": Kind("celery", ("celery[redis]",), BLOCKING),
}


class Runnable(NamedTuple):
    """A peer that is installed."""

    command: list[str]
    environment: dict[str, str]


def make_venv(name: str, packages: Sequence[str]) -> Path:
    """The Python of a virtual environment that has these packages. Raises CalledProcessError and TimeoutExpired."""
    folder = FOLDER / "venvs" / name
    python = folder / "bin" / "python"
    stamp = folder / "made-of"
    if not (stamp.exists() and stamp.read_text() == " ".join(packages)):
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
        run_quietly([sys.executable, "-m", "venv", "--clear", str(folder)])
        run_quietly(install)
        stamp.write_text(" ".join(packages))
    return python


def make_node_folder(packages: Sequence[str]) -> Path:
    """A folder with these packages of npm."""
    folder = FOLDER / "node"
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / "node_modules" / package).exists() for package in packages):
        run_quietly(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *packages])
    return folder / "node_modules"


def run_quietly(command: Sequence[str]) -> None:
    """Nothing to see unless it fails."""
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS, cwd=ROOT)


def prepare(name: str) -> Runnable | str:
    """Install a peer where that is still to be done; or why it is left out."""
    kind = PEERS[name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **dict(kind.environment)}
    try:
        if kind.is_node:
            missing = [program for program in ("node", "npm") if shutil.which(program) is None]
            if missing:
                return f"{' and '.join(missing)} not found on PATH"
            environment["NODE_PATH"] = str(make_node_folder(kind.packages))
            return Runnable(["node", str(ROOT / "benchmarks" / "peers" / kind.module)], environment)
        python = make_venv(kind.module, kind.packages) if kind.packages else Path(sys.executable)
        return Runnable([str(python), "-m", f"benchmarks.peers.{kind.module}"], environment)
    except subprocess.TimeoutExpired:
        return f"its packages were not installed within {INSTALL_SECONDS} s"
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines() or ["no output"]
        return f"its packages cannot be installed: {said[-1]}"


def plotting_python() -> Path:
    """A Python that has what draws the charts, which pyproject.toml names. Raises as `make_venv` does."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return make_venv("charts", groups["bench"])
