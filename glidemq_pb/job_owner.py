"""What all jobs of one component share, and the one door from the API layer to the store."""

from collections.abc import Callable, Sequence
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

from .backends.backend import Backend
from .errors import ClosedError, FormatError, InvalidOptionsError, QueueConnectionError
from .payload import Compression, compression_option, encode_value, encode_values
from .semantics.errors import Code
from .semantics.lang import Refusal
from .semantics.store import Store
from .serializers import Serializer
from .waiting import Waits

P = ParamSpec("P")
R = TypeVar("R")


class JobOwner:
    """A component as its jobs see it. `root` is the queue's root key, as wire text; `events_keep` is 0 for none.

    `compression` is that of the payloads of jobs that it adds.
    """

    __slots__ = (
        "_waits", "added_options", "backend", "closed", "compression", "events_keep", "prefix", "queue_name", "root",
        "serializer",
    )  # fmt: skip

    def __init__(
        self,
        backend: Backend,
        root: str,
        queue_name: str,
        serializer: Serializer,
        events_keep: int,
        prefix: str = "glide",
        compression: Compression = "none",
    ) -> None:
        self.backend = backend
        self.root = root
        self.queue_name = queue_name
        self.serializer = serializer
        self.events_keep = events_keep
        self.prefix = prefix
        self.compression: Compression = compression
        self.added_options = compression_option(compression)
        """What is stored with each job that it adds, besides the job's own options."""
        self.closed = False
        self._waits: Waits | None = None

    @property
    def waits(self) -> Waits:
        """Those who wait here for the end of a job."""
        if self._waits is None:
            self._waits = Waits(self)
        return self._waits

    async def close(self) -> None:
        """Nothing more of it reaches the store; who waits for the end of a job is told so."""
        self.closed = True
        if self._waits is not None:
            await self._waits.close()

    def encode_data(self, data: object, what: str = "Job data") -> str:
        """The payload of a job that it adds, as wire text. SerializationError, PayloadTooLargeError."""
        return encode_value(self.serializer, data, what, self.compression)

    def encode_all(self, data: Sequence[object], first: int) -> list[str]:
        """The payloads of a bulk, from the job of the index `first` on. Raises as `encode_data`."""
        return encode_values(self.serializer, data, lambda at: f"jobs[{first + at}]: Job data", self.compression)

    def check_open(self) -> None:
        """Raise ClosedError after the component's `close()`."""
        if self.closed:
            raise ClosedError(f"queue {self.queue_name!r}: this component was closed; make a new one")

    async def call(
        self, operation: Callable[Concatenate[Store, str, int, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run an operation on the queue. ClosedError, FormatError, QueueConnectionError."""
        self.check_open()
        try:
            return await self.backend.call(operation, self.root, *args, **kwargs)
        except Refusal as refusal:
            self.raise_refusal(refusal)

    def raise_refusal(self, refusal: Refusal) -> NoReturn:
        """Raise the public exception for a refusal."""
        if refusal.code == Code.FORMAT:
            raise FormatError(
                f"queue {self.queue_name!r} at {self.backend.address} was written by a release with another stored "
                "format; drain it with that release, or obliterate it"
            ) from refusal
        if refusal.code == Code.COST:
            raise InvalidOptionsError(
                "cost: a job costs more than the bucket of its group holds; allowed: at most the bucket's capacity "
                "(nothing was added)"
            ) from refusal
        if refusal.code == Code.LATE:
            raise QueueConnectionError(
                self.backend.address, "the queues of a flow did not all answer in time: nothing of it was added"
            ) from refusal
        if refusal.code == Code.NO_RUN:
            raise InvalidOptionsError("schedule: allowed: one that has a run within its bounds") from refusal
        raise refusal

    def token(self) -> str:
        """The identity of one writing call, so that its repetition changes nothing twice."""
        return self.backend.clock.token()
