"""What the synchronous Queue and Producer have in common."""

import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, Self, TypeGuard, TypeVar

from ..errors import BulkError, ClosedError
from ..job import Job as AsyncJob
from .job import Job
from .portal import PORTAL

T = TypeVar("T")


class AsyncComponent(Protocol):
    """What is behind a synchronous component."""

    @property
    def name(self) -> str: ...
    async def connect(self) -> None: ...
    async def close(self) -> None: ...


C = TypeVar("C", bound=AsyncComponent)


class Component(Generic[C]):
    """Part of the public classes of `glidemq_pb.sync`: the same component, behind calls that wait.

    Safe to use from any thread, and by several at once. Usable in a forked child too, where it connects anew. Refused
    with InvalidStateError inside a running event loop, which it would block.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        """Make the asynchronous component, which lives in the portal's thread of this process."""
        self._component = self._make()
        self._generation = PORTAL.generation
        PORTAL.keep(self._component)
        weakref.finalize(self, PORTAL.drop, self._component, self._generation)

    @property
    def _is_of_parent(self) -> bool:
        """Whether this process was forked since it was made."""
        return self._generation != PORTAL.generation

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._component.name

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._closed

    def connect(self) -> None:
        """Reach the store; otherwise the first call does. QueueConnectionError when it cannot be reached in time."""
        self._run(lambda component: component.connect())

    def close(self) -> None:
        """Give up its own connection. Idempotent."""
        if not self._closed:
            self._closed = True
            if not self._is_of_parent:
                PORTAL.run(self._component.close)

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, call: Callable[[C], Coroutine[Any, Any, T]]) -> T:
        """Make a call on the component and wait for its result."""
        component = self._here()
        try:
            return PORTAL.run(lambda: call(component))
        except BulkError as error:
            error.added = [face_of(one) for one in error.added]
            raise

    def _here(self) -> C:
        if self._closed:
            raise ClosedError(f"queue {self.name!r}: this component was closed; make a new one")
        if self._is_of_parent:
            with PORTAL.lock:
                if self._is_of_parent:
                    self._begin()
        return self._component


def face_of(added: object) -> object:
    """A job's synchronous face; what is no job stays as it is."""
    return Job(added) if is_job(added) else added


def is_job(thing: object) -> TypeGuard[AsyncJob[Any, Any]]:
    return isinstance(thing, AsyncJob)
