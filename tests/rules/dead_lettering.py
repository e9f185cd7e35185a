"""What the tests of dead letters share."""

from typing import Any

from glidemq_pb import Queue, QueueConnectionError, Worker

from .world import Line, World, failing


def dead_name(world: World) -> str:
    return f"{world.name}-dead"


def dead_queue(world: World, **options: Any) -> Queue[Any, Any]:
    """The queue where dead letters go."""
    return world.queue(dead_name(world), **options)


async def failing_worker(world: World, processor: Any = None, **options: Any) -> Worker[Any, Any]:
    """A worker that fails every job, and sends dead letters."""
    return await world.worker(processor or failing(99), dead_letter_queue=dead_name(world), **options)


def cut_before(line: Line, operation: Any, *, executed: bool) -> None:
    """Let a connection break at its first call of an operation: before it, or after it but before its reply."""
    call = line._backend.call

    class Cutting:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        async def call(self, called: Any, queue: str, *args: Any, **kwargs: Any) -> Any:
            if called is operation:
                if executed:
                    await call(called, queue, *args, **kwargs)
                line.cut()
                raise QueueConnectionError(line.address, "cut")
            return await call(called, queue, *args, **kwargs)

    backend = line._backend
    line._backend = Cutting()  # type: ignore[assignment]  # all of a Backend, by delegation
