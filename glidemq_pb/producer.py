"""The Producer: adds jobs and nothing else, for request handlers and functions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar, Unpack

from .adding import bulk, enqueue, enqueue_all, single
from .backends.backend import Backend
from .component import Component
from .connection import Connection
from .job_options import JobOptions, NewJob
from .payload import Compression
from .semantics import jobs
from .serializers import JSON_SERIALIZER, Serializer
from .wire import from_wire

if TYPE_CHECKING:
    from .backends import Client

D = TypeVar("D")


class Producer(Component, Generic[D]):
    """Adds jobs to a queue and gives back their ids: a Queue without all the rest, one connection, no Job objects.

    It takes the options of `Queue` and means the same by them; `add` and `add_bulk` check what the Queue's check,
    in the same words (PRD-3). `client`: a glide client of yours, which stays open (PRD-2).
    Raises InvalidOptionsError when built with a bad argument; all else raises QueueConnectionError when
    the store cannot be reached, ClosedError after `close()`, FormatError for a queue of another release.

    Example:
        async with Producer("mail", connection="valkey://localhost:6379") as producer:
            job_id = await producer.add("welcome", {"to": "a@example.com"}, delay=5_000)
    """

    _role = "producer"

    def __init__(
        self,
        name: str,
        *,
        connection: str | Connection | None = None,
        client: "Client | None" = None,
        backend: Backend | None = None,
        prefix: str = "glide",
        serializer: Serializer = JSON_SERIALIZER,
        compression: Compression = "none",
        events: bool = True,
    ) -> None:
        super().__init__(
            name, connection=connection, client=client, backend=backend, prefix=prefix, serializer=serializer,
            events=events, compression=compression,
        )  # fmt: skip

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._owner.closed

    async def add(self, name: str, data: D | None = None, **options: Unpack[JobOptions]) -> str | None:
        """Add a job: its id, or None when it was deduplicated or a job with its `job_id` exists (PRD-1).

        Raises InvalidOptionsError, PayloadTooLargeError and SerializationError before anything is sent.
        A cancelled call may have added the job all the same: give a `job_id` to add it at most once.
        """
        self._check_open()
        chunk = single(self._owner, name, data, options)
        return shown_ids(None, await enqueue(self._owner, chunk))[0]

    async def add_bulk(self, new_jobs: Iterable[NewJob]) -> list[str | None]:
        """Add jobs in order: one id for each, None in the place of one that was not added (PRD-1).

        All are checked first, and one bad job (the message has its index) keeps all out. Up to 1,000 jobs
        and 8 MiB are one atomic call; more go in several, and when a later one is refused,
        BulkError has in `added` what this would have returned for the jobs before it.
        """
        self._check_open()
        return await enqueue_all(self._owner, bulk(self._owner, new_jobs), lambda _: None, shown_ids)


def shown_ids(_: None, ids: list[str]) -> list[str | None]:
    """The ids of what was added, in the order of what was to be."""
    return [None if job_id == jobs.SKIPPED else from_wire(job_id) for job_id in ids]
