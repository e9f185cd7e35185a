"""One stored format: a queue written by a release with another one is left alone."""

from .keys import meta_key
from .limits import FORMAT
from .rows import Meta
from .store import Store


def is_foreign(meta: Meta) -> bool:
    """Whether another format wrote this queue. A queue without one is new."""
    return meta.format != FORMAT and meta.format != 0


def stamp(s: Store, q: str, meta: Meta) -> None:
    """The first operation that writes says in which format."""
    if meta.format == 0:
        s.hset(meta_key(q), format=FORMAT)
