"""One reader's way through a queue's stream of events."""

from .backends.backend import Reader
from .clock import pass_time
from .errors import GlideMQError, QueueConnectionError
from .event import QueueEvent, decode_event, missed_event
from .job_owner import JobOwner
from .outages import Outages
from .semantics import reads
from .semantics.keys import events_key
from .semantics.lang import Refusal

PAGE = 500
"""Events read at once; their values are at most 4 KiB each."""
RETRY_MS = 500
"""How long it waits before it tries again what could not be done."""


class StreamWentBackError(GlideMQError):
    """The store's stream is behind what was read from it: it lost data. Events may be missing, or come again."""


class Subscription:
    """Reads events in order, from the one after `after` on. One `next_events` at a time.

    However long the store is away, reading then goes on where it was.
    """

    def __init__(self, owner: JobOwner, reader: Reader, outages: Outages, after: int = 0) -> None:
        self.after = after
        """The number of the last event that was read."""
        self._owner = owner
        self._reader = reader
        self._report = outages.report
        self._outages = outages
        self._may_have_more = True

    async def last_event(self) -> int:
        """The number of the newest event ever."""
        try:
            return await self._reader.call(reads.last_event, self._owner.root)
        except Refusal as refusal:
            self._owner.raise_refusal(refusal)

    async def next_events(self) -> list[QueueEvent]:
        """The next events, one at least; waits for it. FormatError; ClosedError when the reader is closed."""
        while True:
            try:
                if self._may_have_more and (events := await self._read()):
                    return events
                await self._reader.wait_for_entry(events_key(self._owner.root), self.after)
                self._may_have_more = True
            except QueueConnectionError as error:
                self._outages.begin(self, error)
                self._may_have_more = True
                await pass_time(self._owner.backend.clock, RETRY_MS)

    async def _read(self) -> list[QueueEvent]:
        """What is there now."""
        try:
            found = await self._reader.call(reads.read_events, self._owner.root, self.after, PAGE)
        except Refusal as refusal:
            self._owner.raise_refusal(refusal)
        self._outages.end(self)
        self._may_have_more = len(found) == PAGE
        if not found:
            await self._check_direction()
            return []
        events = [decode_event(event, self._owner.serializer, self._report) for event in found]
        if missed := found[0].number - self.after - 1:
            events.insert(0, missed_event(missed, events[0]))
        self.after = found[-1].number
        return events

    async def _check_direction(self) -> None:
        """When the store has fewer events than were read, it lost data: go on with the oldest that it has."""
        last = await self.last_event()
        if last < self.after:
            self._report(
                StreamWentBackError(
                    f"queue {self._owner.queue_name!r} at {self._owner.backend.address}: event {self.after} was read, "
                    f"and the newest is {last} now: the store lost data; reading goes on with the oldest event"
                ),
                "the stream of events went back",
            )
            self.after = 0
            self._may_have_more = True

    async def close(self) -> None:
        """Give its connection up."""
        await self._reader.close()
