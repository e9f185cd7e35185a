"""Which event loop a program is given."""

import asyncio
import sys

import pytest
import uvloop

from glidemq_pb import new_event_loop


def kind() -> type[asyncio.AbstractEventLoop]:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return type(runner.get_loop())


def test_uvloop_is_used_when_it_is_installed() -> None:
    assert kind() is uvloop.Loop


def test_asyncio_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert issubclass(kind(), asyncio.BaseEventLoop)
