"""The pytest plugin, in pytest runs of its own."""

from pathlib import Path

import pytest

from glidemq_pb.server import PrivateServer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent
TEST = """
import asyncio
from datetime import timedelta
from glidemq_pb.testing import TestWorker, VirtualTimeLoop

async def test_reminder(test_queue, vclock):
    queue = test_queue("mail")
    async def process(job):
        await asyncio.sleep(1)
        return vclock.now()
    TestWorker(queue, process)
    await queue.add("remind", {}, delay=1_000)
    await queue.run_until_idle()
    assert (await queue.get_job_counts()).delayed == 1
    await queue.advance(timedelta(seconds=3))
    assert (await queue.get_job_counts()).completed == 1
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop) == VIRTUAL
"""


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "pytest_glidemq_pb", "-p", "no:cacheprovider", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "no:asyncio", "-p", "no:anyio"],
        ["--asyncio-mode=auto"],
        ["--asyncio-mode=strict"],
    ],
    ids=["no async plugin", "pytest-asyncio auto", "pytest-asyncio strict"],
)
def test_a_coroutine_test_runs_in_virtual_time(pytester: pytest.Pytester, arguments: list[str]) -> None:
    pytester.makepyfile(TEST.replace("VIRTUAL", "True"))
    run(pytester, *arguments).assert_outcomes(passed=1)


def test_a_marked_test_of_pytest_asyncio_shares_its_loop_with_its_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio, pytest, pytest_asyncio
        from glidemq_pb.testing import VirtualTimeLoop

        @pytest_asyncio.fixture
        async def loop_of_fixture():
            return asyncio.get_running_loop()

        @pytest.mark.asyncio
        async def test_ours(loop_of_fixture, vclock):
            assert loop_of_fixture is asyncio.get_running_loop()
            assert isinstance(loop_of_fixture, VirtualTimeLoop)

        @pytest.mark.asyncio
        async def test_other(loop_of_fixture):
            assert not isinstance(loop_of_fixture, VirtualTimeLoop)
        """
    )
    run(pytester, "--asyncio-mode=strict").assert_outcomes(passed=2)


def test_a_test_of_anyio_takes_the_loop_from_its_backend(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_anyio="""
import pytest
from glidemq_pb.testing import VirtualTimeLoop

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualTimeLoop}
"""
        + TEST.replace("VIRTUAL", "True")
    )
    run(pytester, "--asyncio-mode=strict", "test_anyio.py").assert_outcomes(passed=1)


def test_the_switch_runs_the_same_test_on_a_real_valkey(
    pytester: pytest.Pytester, valkey_server: PrivateServer
) -> None:
    pytester.makepyfile(TEST.replace("VIRTUAL", "False"))
    run(pytester, "--asyncio-mode=auto", f"--glidemq-valkey={valkey_server.url}").assert_outcomes(passed=1)
    run(pytester, "-p", "no:asyncio", "-p", "no:anyio", "--glidemq-valkey=private").assert_outcomes(passed=1)


def test_a_test_may_stay_in_virtual_time_and_choose_its_clock(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from glidemq_pb.testing import TestQueue, TestWorker, VirtualClock

        @pytest.mark.glidemq(virtual=True, start=5_000, seed=7)
        async def test_marked(vclock, test_queue):
            assert vclock.now() == 5_000
            assert vclock.random() == VirtualClock(seed=7).random()
            assert test_queue().snapshot() == {}
            assert test_queue().backend is test_queue("other").backend
        """
    )
    run(pytester, "--strict-markers", "--glidemq-valkey=private").assert_outcomes(passed=1)


def test_the_marker_alone_gives_the_virtual_loop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio, pytest

        @pytest.mark.glidemq
        async def test_marked():
            await asyncio.sleep(10 ** 6)

        @pytest.mark.glidemq
        def test_plain():
            pass
        """
    )
    run(pytester, "--asyncio-mode=auto", "--glidemq-valkey=private").assert_outcomes(passed=2)
    run(pytester, "-p", "no:asyncio", "-p", "no:anyio").assert_outcomes(passed=2)


def test_nothing_of_the_package_is_imported_before_it_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_plain():
            assert not [name for name in sys.modules if name.split(".")[0] == "glidemq_pb"]
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_importing_the_kit_collects_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from glidemq_pb.testing import *
        from glidemq_pb.testing import TestQueue, TestWorker

        def test_one():
            pass
        """
    )
    result = run(pytester, "-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(passed=1, warnings=0)


def test_the_end_of_a_test_ends_what_still_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        from glidemq_pb.testing import TestWorker
        ended = []

        async def test_hanging(test_queue):
            queue = test_queue()
            async def hang(job):
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append(job.id)
            TestWorker(queue, hang)
            await queue.add("x", {})
            await queue.run_until_idle()
            assert [job.name for job in queue.running()] == ["x"]

        def test_after():
            assert ended == ["1"]
        """
    )
    run(pytester, "-p", "no:asyncio", "-p", "no:anyio", "-W", "error").assert_outcomes(passed=2)


def test_help_and_markers_tell_about_it(pytester: pytest.Pytester) -> None:
    run(pytester, "--help").stdout.fnmatch_lines(["*--glidemq-valkey=URL*"])
    run(pytester, "--markers").stdout.fnmatch_lines(["@pytest.mark.glidemq(*"])
    run(pytester, "--fixtures").stdout.fnmatch_lines(["vclock*", "test_queue*", "valkey_server*"])
