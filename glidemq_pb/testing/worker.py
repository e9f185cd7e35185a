"""The worker of the test kit: the real one, which starts by itself."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

from ..job import Job
from ..worker import DEADLINE_MS, Worker
from .queue import TestQueue

D = TypeVar("D")
R = TypeVar("R")


class TestWorker(Worker[D, R], Generic[D, R]):
    """A Worker on the store of a TestQueue. It takes part from its construction until `close()`.

    Takes every option of `Worker` but where it lives, and means the same by it. It starts with the next
    `run_until_idle`, `advance` or `run_to_completion`; `start()` and `async with` work too.
    """

    __test__ = False  # nothing for pytest to collect

    def __init__(
        self,
        queue: TestQueue[D, R],
        processor: Callable[[Job[D, R]], Any] | Mapping[str, Callable[[Job[D, R]], Any]],
        **options: Any,
    ) -> None:
        self._queue = queue
        super().__init__(queue.name, processor, **{**queue.worker_options(), **options})
        queue.enroll(self)

    async def start(self) -> None:
        self._queue.withdraw(self)
        await super().start()

    async def close(
        self, force: bool = False, *, grace: int | timedelta | None = None, deadline: int | timedelta = DEADLINE_MS
    ) -> None:
        self._queue.withdraw(self)
        await super().close(force, grace=grace, deadline=deadline)
