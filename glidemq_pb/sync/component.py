"""What the synchronous Queue and Producer have in common."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, Self, TypeVar

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
        self._generation = PORTAL.generation
        self._closed = False
        self.component = make()
        """The asynchronous component; it lives in another thread."""
        PORTAL.components.add(self)

    def is_of(self, generation: int) -> bool:
        """Whether it was made, or made anew, in the process of this generation."""
        return self._generation == generation

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.component.name

    def connect(self) -> None:
        """Reach the store; otherwise the first call does. QueueConnectionError when it cannot be reached in time."""
        self._run(lambda component: component.connect())

    def close(self) -> None:
        """Give up its own connection. Idempotent."""
        if not self._closed:
            self._closed = True
            if self.is_of(PORTAL.generation):
                PORTAL.run(self.component.close)

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
        if not self.is_of(PORTAL.generation):
            with PORTAL.lock:
                if not self.is_of(PORTAL.generation):
                    self.component = self._make()
                    self._generation = PORTAL.generation
        return self.component


def face_of(added: object) -> object:
    """A job's synchronous face; what is no job stays as it is."""
    if isinstance(added, AsyncJob):
        return Job(added)  # pyright: ignore[reportUnknownArgumentType] - whatever its types are
    return added
