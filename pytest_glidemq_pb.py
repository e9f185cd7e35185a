"""The pytest plugin of glidemq_pb. It is installed with the package, and imports nothing of it until it is used.

Fixtures: `vclock`, `test_queue`, `valkey_server`. Option: `--glidemq-valkey`. Marker: `glidemq`.
See docs/testing.md of the project.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from glidemq_pb.server import PrivateServer
    from glidemq_pb.testing import TestQueue, VirtualClock

PRIVATE = "private"
OURS = {"vclock", "test_queue"}
"""Tests that use one of these, or have the marker, run in virtual time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("glidemq_pb").addoption(
        "--glidemq-valkey",
        metavar="URL",
        default=None,
        help="run the tests that use `test_queue` on a real Valkey and in real time: at this URL (valkey://host:port; "
        "they leave no keys there), or on a server started for the run (`private`)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "glidemq(start=None, seed=0, virtual=False): run a coroutine test in virtual time. For the fixture `vclock`: "
        "where the clock starts (epoch milliseconds or an aware datetime), what chance is drawn from, and whether the "
        "test stays in virtual time whatever --glidemq-valkey says",
    )


# --- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def vclock(request: pytest.FixtureRequest) -> "VirtualClock":
    """The clock of this test's queues: a VirtualClock; with --glidemq-valkey the system's, with the same `sleep`."""
    from glidemq_pb.testing import LIVE_CLOCK, VirtualClock

    if _where(request.node) is not None:
        return cast("VirtualClock", LIVE_CLOCK)
    options = {key: value for key, value in _marked(request.node).items() if key != "virtual" and value is not None}
    return VirtualClock(**options)


@pytest.fixture
def test_queue(request: pytest.FixtureRequest, vclock: "VirtualClock") -> "Callable[..., TestQueue[Any, Any]]":
    """`test_queue(name="tasks", **options)` makes a TestQueue on this test's clock; the test's end closes them all."""
    from glidemq_pb.testing import TestQueue

    where = _where(request.node)
    if where == PRIVATE:
        where = request.getfixturevalue("valkey_server").url
    prefix = f"test-{uuid4().hex}"  # tests share a real store
    made: list[TestQueue[Any, Any]] = []

    def make(name: str = "tasks", **options: Any) -> "TestQueue[Any, Any]":
        place: dict[str, Any] = {"clock": vclock}
        if where is not None:
            place = {"backend": made[0].backend} if made else {"connection": where}
            place["prefix"] = prefix
        made.append(TestQueue(name, **{**place, **options}))
        return made[-1]

    async def close_all() -> None:
        for queue in made:
            await queue.end_test(erase=where is not None)

    _finish_with(request.node, close_all)
    return make


@pytest.fixture(scope="session")
def valkey_server() -> "Iterator[PrivateServer]":
    """A real Valkey of this run's own: `.url .port restart() stop()`. Give your queues names of their own."""
    from glidemq_pb.server import PrivateServer

    with PrivateServer() as server:
        yield server


# --- running coroutines in virtual time -------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, Any, Any]:
    """Have pytest-asyncio (1.4 or later) run this test on our loop; no other test notices the hook."""
    manager = metafunc.config.pluginmanager
    loops = LoopFactories()
    ours = _is_virtual(metafunc.definition) and hasattr(manager.hook, "pytest_asyncio_loop_factories")
    if ours:
        manager.register(loops)
    try:
        return (yield)
    finally:
        if ours:
            manager.unregister(loops)


class LoopFactories:
    """A hook of pytest-asyncio."""

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_asyncio_loop_factories(self) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
        from glidemq_pb.testing import VirtualTimeLoop

        return {"virtual": VirtualTimeLoop}


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a coroutine test that uses our fixtures and that no other plugin runs."""
    if not (_uses_ours(pyfuncitem) and inspect.iscoroutinefunction(pyfuncitem.obj)):
        return None
    from glidemq_pb.testing import VirtualTimeLoop

    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=VirtualTimeLoop if _is_virtual(pyfuncitem) else None) as runner:
        runner.run(pyfuncitem.obj(**arguments))
    return True


def _finish_with(item: pytest.Function, finish: Callable[[], Any]) -> None:
    """Let the test itself end with `finish`: a fixture's teardown is in no event loop."""
    test = item.obj
    if not inspect.iscoroutinefunction(test):
        return

    @functools.wraps(test)
    async def finishing(*args: Any, **kwargs: Any) -> None:
        try:
            await test(*args, **kwargs)
        finally:
            await finish()

    item.obj = finishing


# --- what a test asks for ---------------------------------------------------------------------------------------------


def _uses_ours(item: pytest.Function) -> bool:
    return _uses_fixtures(item) or item.get_closest_marker("glidemq") is not None


def _uses_fixtures(item: pytest.Function) -> bool:
    return not OURS.isdisjoint(getattr(item, "fixturenames", ()))


def _is_virtual(item: pytest.Function) -> bool:
    return _where(item) is None if _uses_fixtures(item) else _uses_ours(item)


def _marked(item: pytest.Item) -> dict[str, Any]:
    marker = item.get_closest_marker("glidemq")
    return dict(marker.kwargs) if marker is not None else {}


def _where(item: pytest.Item) -> str | None:
    """The real store on which the test runs: a URL or PRIVATE; None: none."""
    where: str | None = item.config.getoption("--glidemq-valkey")
    return None if _marked(item).get("virtual") else where
