"""How one job is named from another queue: the root key of its queue, a colon, its id; as wire text."""

from typing import NamedTuple

from .wire import from_wire


class Ref(NamedTuple):
    """A job, wherever it is."""

    root: str
    """The root key of its queue, as wire text."""
    wire_id: str

    @property
    def text(self) -> str:
        """As it is stored."""
        return f"{self.root}:{self.wire_id}"

    @property
    def queue_name(self) -> str:
        """The name of its queue."""
        return name_of(self.root)

    @property
    def job_id(self) -> str:
        """Its id."""
        return from_wire(self.wire_id)


def parse_ref(text: str) -> Ref:
    """What a stored name means. Neither queue names nor ids hold braces or colons."""
    root, _, wire_id = text.rpartition(":")
    return Ref(root, wire_id)


def name_of(root: str) -> str:
    """The queue's name in its root key."""
    return from_wire(root[root.index("{") + 1 : -1])
