"""Times in which the store cannot be reached, told once each."""

from collections.abc import Awaitable, Callable

from .errors import QueueConnectionError

Report = Callable[[BaseException, str], None]


class Outages:
    """Reports an outage once, as `what`, however long it lasts and however many of a component feel it.

    Once more when it turns out that it will not pass by itself.

    over: called when all who felt it have got through again.
    """

    def __init__(self, report: Report, what: str, over: Callable[[], None]) -> None:
        self.report = report
        self._what = what
        self._over = over
        self._cut_off: set[object] = set()
        self._may_pass = True

    def begin(self, who: object, error: QueueConnectionError) -> None:
        """It was tried, and the store could not be reached."""
        self.mention(error)
        self._cut_off.add(who)
        self._may_pass = self._may_pass and error.may_pass

    def end(self, who: object) -> None:
        """It was tried, and the store answered."""
        if who in self._cut_off:
            self._cut_off.discard(who)
            if not self._cut_off:
                self._may_pass = True
                self._over()

    async def attempt(self, work: Awaitable[object]) -> None:
        """Do something that is not tried again; that the store cannot be reached is mentioned."""
        try:
            await work
        except QueueConnectionError as error:
            self.mention(error)

    def mention(self, error: QueueConnectionError) -> None:
        """It was tried by something that does not try again: told unless an outage is under way."""
        if not self._cut_off or (self._may_pass and not error.may_pass):
            self.report(error, self._what)
