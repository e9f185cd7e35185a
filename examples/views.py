"""Adding jobs from code that is not async: the views of a web application, as in Django, and a script.

In Django, `sign_up` and `progress` are views as they stand here, but for what they return. The queue is made once,
when the module is imported: it connects at its first use, in each process of the server by itself, also after a fork.
"""

import os
from collections.abc import Mapping
from typing import Any, Protocol, TypedDict

from glidemq_pb import NewJob
from glidemq_pb.sync import Queue


class Email(TypedDict):
    to: str
    template: str


queue = Queue[Email, str]("mail", connection=os.environ.get("GLIDEMQ_URL", "memory://views"))


class Request(Protocol):
    """What these views use of a request."""

    @property
    def POST(self) -> Mapping[str, str]: ...  # noqa: N802 - as Django names it


def sign_up(request: Request) -> dict[str, Any]:
    """A welcome for each new address, once: a second click adds nothing."""
    address = request.POST["email"]
    job = queue.add("welcome", {"to": address, "template": "welcome"}, job_id=f"welcome-{address}", attempts=5)
    return {"job": f"welcome-{address}", "new": job is not None}


def progress(job_id: str) -> dict[str, Any]:
    """What became of it, for the page that asks every second."""
    job = queue.get_job(job_id)
    if job is None:
        return {"state": "unknown"}
    return {"state": job.get_state(), "result": job.return_value, "error": job.failed_reason}


def newsletter(addresses: list[str]) -> int:
    """A script: a letter for everyone, after what users wait for. How many were added."""
    jobs = [NewJob("newsletter", {"to": address, "template": "news"}, priority=100) for address in addresses]
    return len(queue.add_bulk(jobs))
