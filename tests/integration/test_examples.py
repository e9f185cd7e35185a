"""The example's tests, as a user runs them: in memory at once, and on a real Valkey by one switch."""

import re
import subprocess
import sys
from pathlib import Path

from glidemq_pb.server import PrivateServer

ROOT = Path(__file__).parent.parent.parent
PLUGINS = ("-p", "pytest_glidemq_pb", "-p", "no:cacheprovider", "-p", "no:randomly")
REAL_SECONDS_MAX = 60.0


def run_examples(*arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "examples", *PLUGINS, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_examples_need_no_server_and_no_time() -> None:
    found = re.search(r"(\d+) passed in ([\d.]+)s", run_examples())
    assert found is not None
    assert int(found.group(1)) >= 8
    assert float(found.group(2)) < REAL_SECONDS_MAX  # a machine may be busy; what they do takes hours


def test_the_examples_hold_on_a_real_valkey(valkey_server: PrivateServer) -> None:
    assert " passed in " in run_examples(f"--glidemq-valkey={valkey_server.url}")
