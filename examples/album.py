"""A photo album: each photo is resized, then all go into one archive, then the customer is told.

Three queues, one flow: the archive waits for its photos, the message waits for the archive. A photo that cannot be
read is left out of the album, since the archive ignores children that failed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glidemq_pb import Backoff, FlowJob, FlowNode, FlowProducer, Job, UnrecoverableError, chain

AnyJob = Job[Any, Any]

READABLE = (".jpg", ".png")


@dataclass
class Album:
    """What customers ask for. `processors` are for the workers of the queues `photos`, `archives` and `messages`."""

    flow: FlowProducer
    told: list[str]

    @property
    def processors(self) -> dict[str, Callable[[AnyJob], Any]]:
        return {"resize": self._resize, "pack": self._pack, "tell": self._tell}

    async def order(self, customer: str, photos: list[str]) -> FlowNode:
        """Make an album: all of its jobs are added, or none."""
        resizing = [
            FlowJob("resize", photo, queue_name="photos", attempts=3, backoff=Backoff("fixed", 1_000))
            for photo in photos
        ]
        return await self.flow.add(
            chain(
                FlowJob("pack", queue_name="archives", children=resizing, on_child_failure="ignore"),
                FlowJob("tell", customer, queue_name="messages", job_id=f"album-{customer}"),
            )
        )

    async def _resize(self, job: AnyJob) -> str:
        if not job.data.endswith(READABLE):
            raise UnrecoverableError(f"{job.data} cannot be read")
        return f"small {job.data}"

    async def _pack(self, job: AnyJob) -> list[str]:
        return sorted((await job.get_children_values()).values())

    async def _tell(self, job: AnyJob) -> None:
        [photos] = (await job.get_children_values()).values()
        self.told.append(f"{job.data}: your album has {len(photos)} photos")
