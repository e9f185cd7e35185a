"""A stream of events, numbered from 1 without gaps."""

from ...semantics.lang import Fields, ceil_div
from ...semantics.limits import EVENTS_TOGETHER
from ...semantics.store import Event


class Stream:
    """Events by number. Only the oldest are ever removed, so the numbers held have no gap.

    The newest are retained; others are removed now and then, as on Valkey, and until then whoever retains more may
    bring them back.
    """

    __slots__ = ("_events", "_keep", "last")

    def __init__(self) -> None:
        self.last = 0
        """The newest number ever given, which trimming keeps."""
        self._keep = 0
        self._events: dict[int, tuple[int, str, str, tuple[str, ...]]] = {}

    def __len__(self) -> int:
        return min(len(self._events), self._keep)

    def add(self, keep: int, at: int, name: str, job_id: str, fields: list[str]) -> None:
        """Append an event, and retain the newest `keep`."""
        events = self._events
        self._keep = keep
        self.last += 1
        events[self.last] = (at, name, job_id, tuple(fields))
        if self.last % EVENTS_TOGETHER == 0:
            spare = self.last - ceil_div(keep, EVENTS_TOGETHER) * EVENTS_TOGETHER
            for number in range(self.last - len(events) + 1, spare + 1):
                del events[number]

    def clear(self) -> None:
        """Drop all events; the numbers go on."""
        self._events.clear()

    def after(self, number: int, count: int) -> list[Event]:
        """The oldest retained events with a greater number, at most `count`."""
        begin = max(number + 1, self.last - len(self) + 1)
        end = min(begin + count, self.last + 1)
        found: list[Event] = []
        for n in range(begin, end):
            at, name, job_id, fields = self._events[n]
            found.append(Event(n, at, name, job_id, Fields(list(fields))))
        return found
