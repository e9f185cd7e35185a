"""Times in which the store cannot be reached, told once each."""

from collections.abc import Callable

from .errors import QueueConnectionError

Report = Callable[[BaseException, str], None]


class Outages:
    """Reports an outage once, as `what`, however long it lasts and however many of a component feel it."""

    def __init__(self, report: Report, what: str) -> None:
        self.report = report
        self._what = what
        self._cut_off: set[object] = set()

    def begin(self, who: object, error: QueueConnectionError) -> None:
        """It was tried, and the store could not be reached."""
        if not self._cut_off:
            self.report(error, self._what)
        self._cut_off.add(who)

    def end(self, who: object) -> None:
        """It was tried, and the store answered."""
        self._cut_off.discard(who)
