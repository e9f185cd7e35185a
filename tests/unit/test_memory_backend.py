"""The memory backend: atomic calls, waiting as with BLPOP, closing, several loops and threads."""

import asyncio
import threading
from collections.abc import Coroutine
from itertools import count
from typing import Any

import pytest

from glidemq_pb.backends.backend import Backend, Listener
from glidemq_pb.backends.memory import MemoryBackend, VirtualClock, shared_backend
from glidemq_pb.errors import ClosedError
from glidemq_pb.semantics.lang import Refusal, operation, refuse
from glidemq_pb.semantics.store import Store

_names = count()


def fresh() -> str:
    return f"test-{next(_names)}"


@operation
def push(s: Store, q: str, now: int, names: list[str], value: str) -> int:
    for name in names:
        s.rpush(f"{q}:{name}", value)
    return now


@operation
def held(s: Store, q: str, now: int, name: str) -> list[str]:
    return s.lrange(f"{q}:{name}", 0, -1)


@operation
def refused(s: Store, q: str, now: int) -> None:
    refuse("FORMAT")


@operation
def push_then_fail(s: Store, q: str, now: int) -> None:
    s.rpush(f"{q}:a", "kept")
    raise ZeroDivisionError


class Waiter:
    """A listener and its wait, under way in a task of its own."""

    def __init__(self, listener: Listener, task: asyncio.Task[tuple[str, str] | None]) -> None:
        self.listener = listener
        self.task = task

    @classmethod
    async def on(cls, backend: Backend, *names: str, timeout: int = 60_000) -> "Waiter":
        listener = await backend.listener()
        task = asyncio.create_task(listener.listen([f"q:{name}" for name in names], timeout))
        await asyncio.sleep(0)
        return cls(listener, task)


async def test_a_call_runs_at_the_clock_s_instant_and_gives_its_reply() -> None:
    backend: Backend = MemoryBackend(VirtualClock(5), "box")
    await backend.connect()
    assert await backend.call(push, "q", ["a"], "v") == 5
    assert await backend.call(held, "q", name="a") == ["v"]
    assert backend.address == "memory://box"


async def test_a_refusal_and_a_defect_reach_the_caller() -> None:
    backend = MemoryBackend()
    waiter = await Waiter.on(backend, "a")
    with pytest.raises(Refusal):
        await backend.call(refused, "q")
    with pytest.raises(ZeroDivisionError):
        await backend.call(push_then_fail, "q")
    assert await waiter.task == ("q:a", "kept")


async def test_a_value_that_is_there_is_taken_at_once_from_the_earlier_key() -> None:
    backend = MemoryBackend(VirtualClock())
    await backend.call(push, "q", ["b", "a"], "v")
    listener = await backend.listener()
    assert await listener.listen(["q:a", "q:b"], 0) == ("q:a", "v")
    assert await listener.listen(["q:a", "q:b"], 0) == ("q:b", "v")
    assert backend.store.dump("") == {}


async def test_a_value_goes_to_one_waiter_only_those_who_came_first_first() -> None:
    backend = MemoryBackend()
    waiters = [await Waiter.on(backend, "a") for _ in range(3)]
    await backend.call(push, "q", ["a", "a"], "v")
    assert [await waiter.task for waiter in waiters[:2]] == [("q:a", "v")] * 2
    assert not waiters[2].task.done()
    assert backend.store.dump("") == {}
    await backend.call(push, "q", ["a"], "w")
    assert await waiters[2].task == ("q:a", "w")


async def test_a_waiter_on_several_keys_gets_its_own_earlier_key() -> None:
    backend = MemoryBackend()
    both, second = await Waiter.on(backend, "b", "a"), await Waiter.on(backend, "a")
    await backend.call(push, "q", ["a", "b"], "v")  # served after the operation, when both are there
    assert await both.task == ("q:b", "v")
    assert await second.task == ("q:a", "v")


async def test_a_wait_ends_with_nothing_at_its_timeout() -> None:
    clock = VirtualClock(0)
    backend = MemoryBackend(clock)
    waiter = await Waiter.on(backend, "a", timeout=50)
    clock.advance_to(49)
    await asyncio.sleep(0)
    assert not waiter.task.done()
    clock.advance_to(50)
    assert await waiter.task is None
    await backend.call(push, "q", ["a"], "v")
    assert await backend.call(held, "q", "a") == ["v"]
    assert clock.next_due() is None


async def test_a_value_that_comes_at_the_moment_of_the_timeout_is_not_lost() -> None:
    clock = VirtualClock(0)
    backend = MemoryBackend(clock)
    waiter = await Waiter.on(backend, "a", timeout=50)
    clock.advance_to(50)
    await backend.call(push, "q", ["a"], "v")
    assert await waiter.task == ("q:a", "v")


async def test_a_cancelled_wait_returns_its_value_to_the_next_in_line() -> None:
    backend = MemoryBackend()
    first, second = await Waiter.on(backend, "a"), await Waiter.on(backend, "a")
    await backend.call(push, "q", ["a"], "v")
    first.task.cancel()
    assert await second.task == ("q:a", "v")
    assert first.task.cancelled()


async def test_a_cancelled_wait_returns_its_value_to_the_front() -> None:
    backend = MemoryBackend()
    first = await Waiter.on(backend, "a")
    await backend.call(push, "q", ["a", "a"], "v")
    await backend.call(push, "q", ["a"], "w")
    first.task.cancel()
    await asyncio.wait([first.task])
    assert await backend.call(held, "q", "a") == ["v", "v", "w"]


async def test_a_cancelled_wait_that_got_nothing_waits_no_more() -> None:
    clock = VirtualClock()
    backend = MemoryBackend(clock)
    first = await Waiter.on(backend, "a", "b")
    first.task.cancel()
    await asyncio.wait([first.task])
    await backend.call(push, "q", ["a", "b"], "v")
    assert list(backend.store.dump("")) == ["q:a", "q:b"]
    assert clock.next_due() is None


async def test_a_listener_takes_one_call_at_a_time_and_many_in_turn() -> None:
    backend = MemoryBackend()
    waiter = await Waiter.on(backend, "a")
    with pytest.raises(RuntimeError, match="one call"):
        await waiter.listener.listen(["q:a"], 1)
    await backend.call(push, "q", ["a"], "v")
    assert await waiter.task == ("q:a", "v")
    await backend.call(push, "q", ["a"], "w")
    assert await waiter.listener.listen(["q:a"], 1) == ("q:a", "w")


async def test_closing_a_listener_ends_its_wait_and_keeps_the_value() -> None:
    backend = MemoryBackend()
    idle, handed = await Waiter.on(backend, "b"), await Waiter.on(backend, "a")
    await backend.call(push, "q", ["a"], "v")
    for waiter in (idle, handed, handed):
        await waiter.listener.close()
    for waiter in (idle, handed):
        with pytest.raises(ClosedError):
            await waiter.task
        with pytest.raises(ClosedError):
            await waiter.listener.listen(["q:a"], 1)
    assert await backend.call(held, "q", "a") == ["v"]


async def test_closed_listeners_are_not_kept() -> None:
    backend = MemoryBackend()
    for _ in range(10):
        await (await backend.listener()).close()
    assert len(backend._listeners) == 1


async def test_a_closed_backend_refuses_everything_and_ends_its_waits() -> None:
    backend = MemoryBackend()
    waiter = await Waiter.on(backend, "a")
    await backend.close()
    await backend.close()
    refusals: list[Coroutine[Any, Any, object]] = [backend.call(held, "q", "a"), backend.connect(), backend.listener()]
    for refusal in refusals:
        with pytest.raises(ClosedError, match="memory://"):
            await refusal
    with pytest.raises(ClosedError):
        await waiter.task


async def test_all_that_name_it_share_one_store_and_close_apart() -> None:
    name = fresh()
    first, second, other = shared_backend(name), shared_backend(name), shared_backend(fresh())
    await first.call(push, "q", ["a"], "v")
    waiter = await Waiter.on(second, "b")
    await first.close()
    third = shared_backend(name)
    await third.call(push, "q", ["b"], "w")
    assert await waiter.task == ("q:b", "w")
    assert await third.call(held, "q", "a") == ["v"]
    assert await other.call(held, "q", "a") == []


def test_a_second_loop_finds_the_store_and_no_dead_waiters() -> None:
    backend = shared_backend(fresh())

    async def wait_for_ever() -> Waiter:
        return await Waiter.on(backend, "a")

    async def push_and_pop() -> list[str]:
        live = await Waiter.on(backend, "a")
        await backend.call(push, "q", ["a"], "v")
        assert await live.task == ("q:a", "v")
        return await backend.call(held, "q", "a")

    loop = asyncio.new_event_loop()
    abandoned = loop.run_until_complete(wait_for_ever())
    loop.close()  # without the cancelling that asyncio.run does
    coroutine = abandoned.task.get_coro()
    abandoned.task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch
    assert asyncio.run(push_and_pop()) == []
    assert coroutine is not None
    with pytest.raises(asyncio.CancelledError):
        coroutine.throw(asyncio.CancelledError)


def test_loops_of_two_threads_hand_values_to_each_other() -> None:
    backend = shared_backend(fresh())
    total = 500

    async def relay(source: str, target: str) -> int:
        listener = await backend.listener()
        for n in range(total):
            taken = await listener.listen([f"q:{source}"], 60_000)
            assert taken == (f"q:{source}", str(n))
            await backend.call(push, "q", [target], str(n))
        return total

    async def drive() -> list[str]:
        listener = await backend.listener()
        taken: list[str] = []
        for n in range(total):
            await backend.call(push, "q", ["there"], str(n))
            value = await listener.listen(["q:back"], 60_000)
            assert value is not None
            taken.append(value[1])
        return taken

    thread = threading.Thread(target=lambda: asyncio.run(relay("there", "back")))
    thread.start()
    taken = asyncio.run(drive())
    thread.join()
    assert taken == [str(n) for n in range(total)]


async def test_a_loop_of_calls_gives_other_tasks_a_turn() -> None:
    backend = MemoryBackend()
    stopped = asyncio.Event()

    async def stop() -> None:
        stopped.set()

    task = asyncio.create_task(stop())
    while not stopped.is_set():
        await backend.call(held, "q", "a")
    await task


async def test_a_call_cancelled_in_its_turn_does_nothing() -> None:
    backend = MemoryBackend()
    for _ in range(31):
        await backend.call(held, "q", "a")
    task = asyncio.create_task(backend.call(push, "q", ["a"], "v"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert backend.store.dump("") == {}


# --- following a stream ----------------------------------------------------------------------------------------------


@operation
def append(s: Store, q: str, now: int, keep: int) -> None:
    s.xadd(f"{q}:events", keep, now, "e", "", [])


async def test_a_reader_is_told_when_its_stream_has_a_later_entry() -> None:
    backend = MemoryBackend()
    reader = await backend.reader()
    await reader.call(append, "q", 5)
    await reader.wait_for_entry("q:events", 0)
    waits = [asyncio.create_task((await backend.reader()).wait_for_entry("q:events", 1)) for _ in range(2)]
    await asyncio.sleep(0)
    await backend.call(append, "another", 5)
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)
    await backend.call(append, "q", 1)
    await asyncio.gather(*waits)


async def test_closing_a_reader_or_its_backend_ends_its_wait() -> None:
    backend = MemoryBackend()
    readers = [await backend.reader() for _ in range(2)]
    waits = [asyncio.create_task(reader.wait_for_entry("q:events", 0)) for reader in readers]
    await asyncio.sleep(0)
    await readers[0].close()
    with pytest.raises(ClosedError):
        await waits[0]
    with pytest.raises(ClosedError):
        await readers[0].call(append, "q", 5)
    assert not waits[1].done()
    await backend.close()
    with pytest.raises(ClosedError):
        await waits[1]
    with pytest.raises(ClosedError):
        await backend.reader()


async def test_a_reader_is_told_from_another_thread() -> None:
    name = fresh()
    reader = await shared_backend(name).reader()
    wait = asyncio.create_task(reader.wait_for_entry("q:events", 0))
    await asyncio.sleep(0)
    await asyncio.to_thread(lambda: asyncio.run(shared_backend(name).call(append, "q", 5)))
    await asyncio.wait_for(wait, 60)
