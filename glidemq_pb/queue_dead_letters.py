"""The part of the Queue that looks after dead letters: jobs that failed for good, copied to another queue."""

from typing import Any, Generic, TypeVar

from .component import root_key
from .errors import InvalidOptionsError
from .job import Job
from .job_owner import JobOwner
from .options import check_queue_name
from .postman import deliver
from .queue_administration import QueueAdministration
from .refs import name_of
from .semantics import inbox, reads
from .wire import to_wire

D = TypeVar("D")
R = TypeVar("R")


def check_dead_letter_queue(own_name: str, name: str | None) -> str | None:
    """The name of another queue, or None (DLQ-7)."""
    if name is not None and check_queue_name("dead_letter_queue", name) == own_name:
        raise InvalidOptionsError(f"dead_letter_queue={name!r}: allowed: the name of another queue")
    return name


class QueueDeadLetters(QueueAdministration, Generic[D, R]):
    """A dead letter is an ordinary job of its queue: it can be read, processed, retried and removed there."""

    _dead_letter_queue: str | None
    _letters_owner: JobOwner | None = None

    async def get_dead_letter_jobs(self, start: int = 0, end: int = -1) -> list[Job[Any, Any]]:
        """This queue's waiting dead letters, oldest first, from position `start` to `end` (inclusive; -1 is the last).

        `job.data` is `{"original_queue", "original_job_id", "data", "failed_reason", "attempts_made"}`. Empty
        where no worker and no Queue object has named a dead letter queue (DLQ-3). A payload that cannot be
        decoded is `{}` there, and `deserialization_failed` is True; its bytes are kept, and come back with a replay.
        """
        owner = await self._dead_letters()
        if owner is None:
            return []
        found: list[Job[Any, Any]] = []
        at = 0
        while end < 0 or len(found) <= end:
            page = await owner.call(reads.list_jobs, "waiting", at, -1, False)
            if not page:
                break
            at += len(page)
            jobs = [Job[Any, Any](owner, entry.job_id, entry.fields) for entry in page]
            found += [job for job in jobs if job.is_dead_letter_of(self._owner.root)]
        return found[start : None if end < 0 else end + 1]

    async def replay_dead_letter_jobs(self, ids: list[str] | None = None) -> int:
        """Add dead letters to this queue again, with the data and options that they had last; the entries go: how many
        (DLQ-6).

        `ids` are those of the dead letter queue; None is all of this queue's. Delay, job id, deduplication and parent
        are not repeated.
        """
        owner = await self._dead_letters()
        if owner is None:
            return 0
        chosen = [job.id for job in await self.get_dead_letter_jobs()] if ids is None else ids
        replayed = 0
        for job_id in chosen:
            replayed += await owner.call(inbox.replay, to_wire(job_id), self._owner.root, owner.events_keep)
        await deliver(owner.backend, owner.root, self._owner.events_keep)
        return replayed

    async def _dead_letters(self) -> JobOwner | None:
        own = self._owner
        await self._name_dead_letters()
        root = await own.call(inbox.get_dead_letters)
        if not root:
            return None
        if self._letters_owner is None or self._letters_owner.root != root:
            self._letters_owner = JobOwner(
                own.backend, root, name_of(root), own.serializer, own.events_keep, own.prefix
            )
        return self._letters_owner

    async def close(self) -> None:
        if self._letters_owner is not None:
            await self._letters_owner.close()
        await super().close()

    async def _name_dead_letters(self) -> None:
        """Tell the store where dead letters go, where this object was told."""
        if self._dead_letter_queue is not None:
            target = root_key(self._owner.prefix, self._dead_letter_queue)
            await self._owner.call(inbox.set_dead_letters, target)
            self._dead_letter_queue = None
