"""What the tests of waiting for the end of a job share."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from glidemq_pb import Job

from .world import World


def begin(waiting: Awaitable[Any]) -> asyncio.Future[Any]:
    """Wait in a task of its own."""
    return asyncio.ensure_future(waiting)


def ended(waiting: asyncio.Future[Any]) -> Any:
    """The result of a wait that must be over."""
    assert waiting.done(), "it still waits"
    return waiting.result()


def traces(world: World) -> set[str]:
    """What waiting has left in the store."""
    dump = world.dump()
    kept = {key for key in dump if key.startswith(("answer", "reply:"))}
    return kept | {key for key, value in dump.items() if key.startswith("job:") and "waits" in value}


async def doubled(job: Job[Any, Any]) -> Any:
    """A processor with a result."""
    return job.data * 2
