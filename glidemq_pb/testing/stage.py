"""Where a TestQueue plays: in memory under a virtual clock, or (`live.py`) on a real store in real time."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from ..backends.backend import Backend
from ..backends.memory import VirtualClock
from ..clock import Clock, RunningJob
from .driver import Driver
from .freezing import freeze_time
from .kit import AnyWorker, Kit
from .loop import PATIENCE_MS, VirtualTimeLoop
from .patient import PatientAxis
from .timeline import Timeline


class KitClock(Clock, Protocol):
    """What tests and processors use of a clock besides what the library does."""

    def datetime(self) -> datetime:
        """The instant, as an aware datetime in UTC."""
        ...

    async def sleep(self, duration: int | timedelta) -> None:
        """Wait for `duration`."""
        ...


class Stage(Protocol):
    """What a TestQueue asks of the place where it plays. `root` is a queue's root key."""

    @property
    def backend(self) -> Backend: ...
    @property
    def clock(self) -> KitClock: ...

    def join(self, root: str) -> None: ...
    async def leave(self, root: str) -> None: ...
    async def erase(self, root: str) -> None: ...
    def enroll(self, worker: AnyWorker) -> None: ...
    def withdraw(self, worker: AnyWorker) -> None: ...
    def running(self) -> Sequence[RunningJob]: ...
    async def start_workers(self) -> None: ...
    async def run_until_idle(self) -> None: ...
    async def advance(self, duration: int | timedelta) -> None: ...
    async def run_to_completion(self, until: int | datetime | timedelta | None) -> None: ...
    def snapshot(self, root: str) -> dict[str, Any]: ...
    def due_moments(self, root: str) -> dict[str, int]: ...
    def timeline(self, root: str) -> Timeline: ...
    def freeze_time(self) -> AbstractContextManager[None]: ...


class VirtualStage:
    """Implements `Stage` for one kit. `patience`: real milliseconds, None for the event loop's own."""

    def __init__(self, kit: Kit, patience: int | None) -> None:
        self._kit = kit
        self._patience = patience
        self._here()

    @property
    def backend(self) -> Backend:
        return self._kit.backend

    @property
    def clock(self) -> VirtualClock:
        return self._kit.clock

    def join(self, root: str) -> None:
        self._kit.roots[root] = None

    async def leave(self, root: str) -> None:
        """What is in the store stays, for the other queues of this clock."""

    async def erase(self, root: str) -> None:
        """The store goes with its clock."""

    def enroll(self, worker: AnyWorker) -> None:
        self._kit.enroll(worker)

    def withdraw(self, worker: AnyWorker) -> None:
        self._kit.withdraw(worker)

    def running(self) -> list[RunningJob]:
        return self._kit.running()

    async def start_workers(self) -> None:
        await self._kit.start_workers()

    async def run_until_idle(self) -> None:
        await self._driver().run_until_idle()

    async def advance(self, duration: int | timedelta) -> None:
        await self._driver().advance(duration)

    async def run_to_completion(self, until: int | datetime | timedelta | None) -> None:
        await self._driver().run_to_completion(self.clock, until)

    def snapshot(self, root: str) -> dict[str, Any]:
        return self._kit.store.dump(root + ":")

    def due_moments(self, root: str) -> dict[str, int]:
        return self._kit.due_moments(root)

    def timeline(self, root: str) -> Timeline:
        return self._kit.recorder.timeline(root)

    def freeze_time(self) -> AbstractContextManager[None]:
        return freeze_time(self.clock)

    def _here(self) -> VirtualTimeLoop | None:
        """The running loop when its time is virtual; the clock then follows it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        self.clock.join(loop)
        return loop if isinstance(loop, VirtualTimeLoop) else None

    def _driver(self) -> Driver:
        loop = self._here()
        if loop is not None:
            if self._patience is not None:
                loop.patience = self._patience
            return loop.driver
        driver, axis = patient_driver(self._kit)
        axis.patience = PATIENCE_MS if self._patience is None else self._patience
        return driver


def patient_driver(kit: Kit) -> tuple[Driver, PatientAxis]:
    """The driver of a kit on the running loop, which is of another kind: one per kit and loop."""
    loop = asyncio.get_running_loop()
    if kit.patient is None or kit.patient[0] is not loop:
        axis = PatientAxis(kit.clock)
        kit.patient = loop, (Driver(axis), axis)
    found: tuple[Driver, PatientAxis] = kit.patient[1]
    return found
