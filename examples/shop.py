"""A small shop that does its slow work in a queue: e-mails, an offer that expires, an export, a report each night.

Nothing here knows about tests. See test_shop.py for how it is tested without a server.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from glidemq_pb import Backoff, Job, JobTemplate, Queue, Schedule, UnrecoverableError

AnyJob = Job[Any, Any]


class Mailer(Protocol):
    """Sends e-mails: raises ConnectionError when that may work later, ValueError when it never will."""

    async def send(self, to: str, subject: str) -> None: ...


@dataclass(frozen=True)
class Pace:
    """How long things take in this shop. Another pace, for a demonstration, is another instance."""

    retry: timedelta = timedelta(minutes=1)
    offer: timedelta = timedelta(hours=1)
    lookup_limit: timedelta = timedelta(seconds=30)
    report: timedelta = timedelta(hours=3)
    nights: Schedule = field(default_factory=lambda: Schedule("30 2 * * *", tz="Europe/Lisbon"))


@dataclass
class Shop:
    """What customers and staff ask for. `queue` is where the work goes; `processors` are for its Worker."""

    queue: Queue[Any, Any]
    mailer: Mailer
    pace: Pace = field(default_factory=Pace)
    lookup: Callable[[str], Any] | None = None
    """Asks another company where a parcel is. It is known to hang."""

    @property
    def processors(self) -> dict[str, Callable[[AnyJob], Any]]:
        return {"email": self._email, "offer": self._email, "track": self._track, "report": self._report}

    # --- adding work --------------------------------------------------------------------------------------------------

    async def welcome(self, customer: str) -> None:
        """Send a welcome, and keep trying for a while when the mail server is down. Once for each customer."""
        await self.queue.add(
            "email",
            {"to": customer, "subject": "Welcome"},
            job_id=f"welcome-{customer}",
            attempts=5,
            backoff=Backoff("exponential", delay=self.pace.retry),
        )

    async def offer(self, customer: str) -> None:
        """Send an offer that is worth nothing unless it goes out in time."""
        await self.queue.add("offer", {"to": customer, "subject": "Today only"}, ttl=self.pace.offer)

    async def remind(self, customer: str, after: timedelta) -> None:
        """Remind of a full basket, later."""
        await self.queue.add("email", {"to": customer, "subject": "Your basket"}, delay=after)

    async def track(self, parcel: str) -> None:
        """Find out where a parcel is."""
        await self.queue.add("track", parcel, timeout=self.pace.lookup_limit, attempts=2)

    async def report(self) -> None:
        """Compute the report of the day, which takes hours."""
        await self.queue.add("report", {"pages": 3})

    async def report_nightly(self) -> None:
        """The same report each night. Call it at each start: what has not changed goes on."""
        await self.queue.upsert_job_scheduler(
            "nightly", self.pace.nights, JobTemplate("report", {"pages": 3}, attempts=2)
        )

    # --- doing it -----------------------------------------------------------------------------------------------------

    async def _email(self, job: AnyJob) -> None:
        try:
            await self.mailer.send(job.data["to"], job.data["subject"])
        except ValueError as error:
            raise UnrecoverableError(str(error)) from error

    async def _track(self, job: AnyJob) -> str:
        if self.lookup is None:
            return "unknown"
        place: str = await self.lookup(job.data)
        return place

    async def _report(self, job: AnyJob) -> str:
        pages = job.data["pages"]
        for page in range(1, pages + 1):
            await asyncio.sleep(self.pace.report.total_seconds() / pages)
            await job.update_progress(page)
        return f"{pages} pages"
