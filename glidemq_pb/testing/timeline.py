"""What happened in a queue, in order, with the times at which it did."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..backends.memory import MemoryStore
from ..backends.memory.plain import pairs
from ..semantics.keys import events_key
from ..semantics.store import Event
from ..wire import from_wire

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = 10_000
VALUE_SHOWN_MAX = 80


@dataclass(frozen=True, slots=True)
class Moment:
    """One event: `at` is an instant in epoch milliseconds, `data` the event's own fields, as text."""

    at: int
    event: str
    job_id: str | None
    job_name: str | None
    data: dict[str, str]

    def __str__(self) -> str:
        job = f" {self.job_name or '?'} {self.job_id}" if self.job_id is not None else ""
        data = "".join(f" {name}={shorten(value)}" for name, value in self.data.items())
        return f"{moment_text(self.at)}  {self.event:<10}{job}{data}".rstrip()


class Timeline(tuple[Moment, ...]):
    """The moments of a queue, oldest first; as text, one line each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))


class Recorder:
    """Writes down every event of every queue as it comes, since the queue itself keeps only the newest."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {}
        self._seen: dict[str, int] = {}
        self.count = 0
        """Events written down so far."""

    def collect(self, store: MemoryStore, root: str) -> None:
        """Take over what is new in a queue of this process."""
        key = events_key(root)
        last = store.xlast(key)
        seen = self._seen.get(root, 0)
        if last != seen:
            if last < seen:  # obliterated, and begun anew
                seen = 0
            self.add(root, last, store.xafter(key, seen, PAGE))

    def add(self, root: str, last: int, events: list[Event]) -> None:
        """Write these down; `last` is the number of the newest."""
        self._events.setdefault(root, []).extend(events)
        self.count += len(events)
        self._seen[root] = last

    def seen(self, root: str) -> int:
        """The number of the newest event that was written down."""
        return self._seen.get(root, 0)

    def timeline(self, root: str) -> Timeline:
        """All that was written down of a queue."""
        return Timeline(self._moments(root))

    def _moments(self, root: str) -> Iterator[Moment]:
        names: dict[str, str] = {}
        for event in self._events.get(root, ()):
            data = pairs([from_wire(part) for part in event.fields])
            job_id = from_wire(event.job_id)
            if event.name == "added" and "name" in data:
                names[job_id] = data.pop("name")
            yield Moment(event.at, event.name, job_id or None, names.get(job_id), data)


def moment_text(at: int) -> str:
    """An instant as text, in UTC."""
    return f"{EPOCH + timedelta(milliseconds=at):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def shorten(value: str) -> str:
    """A value as one short word or quoted text."""
    if len(value) > VALUE_SHOWN_MAX:
        value = value[: VALUE_SHOWN_MAX - 3] + "..."
    return value if value.isprintable() and " " not in value else repr(value)
