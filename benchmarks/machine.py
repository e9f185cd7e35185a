"""The machine that the figures are of, named by what it is."""

import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.measuring import ServerView


def describe(port: int) -> dict[str, str]:
    """Processors, memory, system and versions."""
    view = ServerView(port)
    server = view.info("server")
    view.close()
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    system = re.search(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    node = shutil.which("node")
    return {
        "processors": f"{os.cpu_count()} x {model[1] if model else platform.machine()}",
        "memory": f"{memory:.0f} GiB",
        "system": system[1] if system else platform.system(),
        "python": platform.python_version(),
        "node": subprocess.run([node, "-v"], capture_output=True, text=True, check=True).stdout.strip()
        if node
        else "none",
        "server": f"Valkey {server.get('valkey_version', server['redis_version'])}, its defaults, nothing saved",
        "date": time.strftime("%Y-%m-%d"),
        "load": f"{os.getloadavg()[0]:.1f} at the start",
    }
