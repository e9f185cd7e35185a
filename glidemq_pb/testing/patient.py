"""Virtual time on an event loop of another kind, whose idleness cannot be known exactly."""

import asyncio
import time
import warnings

from ..backends.memory import VirtualClock
from ..clock import RunningJob
from .driver import StillRunningWarning
from .kit import Kit

QUIET_TURNS = 5
"""Turns of the loop in which nothing may have happened."""
SPIN_TURNS = 100
"""Turns before a processor is waited for without keeping the machine busy."""
POLL_SECONDS = 0.001
REAL_TIME = (time.monotonic,)
"""In a tuple, where freezegun does not look for it: patience is real also while wall clocks are frozen."""


class PatientAxis:
    """Implements `Axis` for one clock: idle when every worker is parked and no processor runs.

    A processor is waited for in real time, unless it waits for virtual time or its abort signal: at most
    `patience` milliseconds, once. After that it is taken to hang, and time goes on.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clocks = {clock: 0}
        self.patience = 0
        self._clock = clock
        self._hanging: set[RunningJob] = set()

    @property
    def now_us(self) -> int:
        """The clock's time, in microseconds since its start."""
        return self._clock.elapsed * 1000

    def next_timer_us(self) -> int | None:
        return None

    def move_us(self, moment: int) -> None:
        self._clock.move(moment // 1000)

    async def quiet(self) -> None:
        turns = quiet_turns = 0
        seen: dict[RunningJob, float] = {}
        while quiet_turns < QUIET_TURNS:
            await asyncio.sleep(0 if turns < SPIN_TURNS else POLL_SECONDS)
            turns += 1
            busy = self._busy()
            if busy is None:
                quiet_turns += 1
            elif self._gate_closed and turns >= SPIN_TURNS:
                return  # what ends at this moment has ended; others may wait for the workers that are held back
            else:
                quiet_turns = 0
                now = REAL_TIME[0]()
                seen = {job: seen.get(job, now) for job in busy}
                if hanging := [job for job, since in seen.items() if now - since > self.patience / 1000]:
                    self._give_up(hanging)

    @property
    def _gate_closed(self) -> bool:
        return isinstance(self._clock.kit, Kit) and self._clock.kit.gate.closed

    def _busy(self) -> list[RunningJob] | None:
        """The processors that are waited for, perhaps none when a worker itself is at work; None at rest."""
        busy: list[RunningJob] = []
        at_work = 0
        for participant in self._clock.participants:
            at_work += not participant.parked
            busy += [job for job in participant.running() if not job.waits_in_kit and job not in self._hanging]
        held_back = self._clock.kit.gate.waiting if isinstance(self._clock.kit, Kit) else 0
        return busy if busy or at_work > held_back else None

    def _give_up(self, busy: list[RunningJob]) -> None:
        self._hanging.update(busy)
        names = ", ".join(job.description for job in busy)
        warnings.warn(
            f"still running after {self.patience} ms of real time: {names}; virtual time goes on without waiting for "
            "it. Use clock.sleep() in it, run the test under VirtualTimeLoop, or raise `patience=`",
            StillRunningWarning,
            stacklevel=2,
        )
