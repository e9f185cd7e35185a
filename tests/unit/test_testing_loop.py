"""The event loop in virtual time: the same program gives the same trace as on asyncio's own loop."""

import asyncio
import contextvars
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from glidemq_pb.testing import NothingCanHappenError, StillRunningWarning, VirtualClock, VirtualTimeLoop, run

Trace = list[object]
UNIT = 0.05
"""Seconds between two events of a program: long enough for the real loop to tell them apart."""


async def sleepers(trace: Trace) -> None:
    async def sleep(name: str, *durations: float) -> None:
        for number, duration in enumerate(durations):
            await asyncio.sleep(duration)
            trace.append((name, number))

    await asyncio.gather(
        sleep("a", UNIT, UNIT), sleep("b", 0, 0, 3 * UNIT), sleep("c", 1.5 * UNIT), sleep("d", 0, UNIT / 2)
    )


async def timeouts(trace: Trace) -> None:
    async def late() -> None:
        try:
            await asyncio.sleep(4 * UNIT)
        except asyncio.CancelledError:
            trace.append("cancelled")
            raise

    try:
        async with asyncio.timeout(UNIT):
            await late()
    except TimeoutError:
        trace.append("timeout")
    try:
        await asyncio.wait_for(late(), 2 * UNIT)
    except TimeoutError:
        trace.append("wait_for")
    async with asyncio.timeout(2 * UNIT) as limit:
        await asyncio.sleep(UNIT)
        limit.reschedule(asyncio.get_running_loop().time() + 3 * UNIT)
        await asyncio.sleep(2 * UNIT)
        trace.append("in time")


async def callbacks(trace: Trace) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.call_later(0, trace.append, "later 0")
    loop.call_soon(trace.append, "soon")
    cancelled = loop.call_later(UNIT, trace.append, "never")
    loop.call_later(2 * UNIT, done.set)
    loop.call_later(UNIT / 2, cancelled.cancel)
    loop.call_at(loop.time() + UNIT, trace.append, "at")
    await done.wait()
    trace.append(cancelled.cancelled())


async def queues(trace: Trace) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for number in range(5):
            await queue.put(number)
            trace.append(("put", number))

    async def consume() -> None:
        for _ in range(5):
            trace.append(("got", await queue.get()))
            await asyncio.sleep(UNIT / 2)

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        group.create_task(consume())


async def threads(trace: Trace) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("seen")
    trace.append(await asyncio.to_thread(variable.get))
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(arrived.set))
    thread.start()
    await arrived.wait()
    thread.join()
    trace.append(await asyncio.gather(*(asyncio.to_thread(pow, 2, n) for n in range(5))))


async def streams(trace: Trace) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for word in (b"one\n", b"two\n"):
            writer.write(word)
            trace.append(await reader.readline())
        writer.close()
        await writer.wait_closed()


async def subprocess(trace: Trace) -> None:
    process = await asyncio.create_subprocess_exec("echo", "out", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    trace.append((out, process.returncode))


PROGRAMS = (sleepers, timeouts, callbacks, queues, threads, streams, subprocess)


def trace_of(program: Callable[[Trace], Awaitable[None]], runner: Callable[[Coroutine[Any, Any, None]], None]) -> Trace:
    trace: Trace = []

    async def main() -> None:
        await program(trace)

    runner(main())
    return trace


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_has_the_trace_of_the_real_loop(program: Callable[[Trace], Awaitable[None]]) -> None:
    real = trace_of(program, asyncio.run)
    assert real
    assert trace_of(program, run) == real


def test_timers_of_one_moment_run_in_the_order_of_their_creation() -> None:
    async def main() -> Trace:
        trace: Trace = []
        loop = asyncio.get_running_loop()
        for number in range(100):
            loop.call_later(1, trace.append, number)
        await asyncio.sleep(1)
        return trace

    assert run(main()) == list(range(100))


def test_a_century_takes_no_time() -> None:
    async def main() -> float:
        for _ in range(100):
            await asyncio.sleep(365 * 24 * 3_600 / 20)
        return asyncio.get_running_loop().time()

    begin = time.monotonic()
    assert run(main()) == 5 * 365 * 24 * 3_600
    assert time.monotonic() - begin < 60


def test_time_is_exact_after_many_sleeps() -> None:
    async def main() -> float:
        for _ in range(10_000):
            await asyncio.sleep(0.001)
        return asyncio.get_running_loop().time()

    assert run(main()) == 10.0


def test_clocks_and_the_loop_move_together() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        early = VirtualClock(0)
        await early.sleep(1_500)
        assert loop.time() == 1.5
        late = VirtualClock(0)
        sleeping = asyncio.create_task(late.sleep(500))
        await asyncio.sleep(0)
        await asyncio.sleep(0.25)
        assert (early.now(), late.now()) == (1_750, 250)
        await sleeping
        assert (early.now(), late.now(), loop.time()) == (2_000, 500, 2.0)

    run(main())


def test_an_end_that_cannot_come_is_an_error_that_says_who_waits() -> None:
    async def wait_for_godot() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingCanHappenError, match=r"wait_for_godot, .*test_testing_loop\.py:\d+"):
        run(wait_for_godot())


def test_an_endless_timer_does_not_hide_that_nothing_else_can_happen() -> None:
    async def main() -> None:
        async def tick() -> None:
            while True:  # noqa: ASYNC110 - endless on purpose
                await asyncio.sleep(24 * 3_600)

        ticking = asyncio.create_task(tick())
        await asyncio.Event().wait()
        ticking.cancel()

    with pytest.raises(NothingCanHappenError):
        run(main())


def test_virtual_time_stands_still_while_a_thread_runs() -> None:
    async def main() -> tuple[bool, float]:
        release, loop = threading.Event(), asyncio.get_running_loop()
        thread = asyncio.create_task(asyncio.to_thread(release.wait, 60))
        sleeping = asyncio.create_task(asyncio.sleep(3_600))
        threading.Timer(0.2, release.set).start()
        await asyncio.wait([thread, sleeping], return_when=asyncio.FIRST_COMPLETED)
        found = thread.done(), loop.time()
        await sleeping
        return found

    assert run(main(), patience=60_000) == (True, 0.0)


def test_a_thread_that_is_silent_for_too_long_is_named_and_left_behind() -> None:
    release = threading.Event()

    async def main() -> float:
        thread = asyncio.create_task(asyncio.to_thread(release.wait, 20))
        await asyncio.sleep(60)
        at = asyncio.get_running_loop().time()
        release.set()
        assert await thread
        return at

    with pytest.warns(StillRunningWarning, match="1 threads or sockets were silent for 50 ms"):
        assert run(main(), patience=50) == 60.0


def test_a_silent_socket_counts_again_once_it_is_heard() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            reading = asyncio.create_task(loop.sock_recv(here, 10))
            await asyncio.sleep(5)
            there.send(b"x")
            assert await reading == b"x"
        return loop.time()

    with pytest.warns(StillRunningWarning):
        assert run(main(), patience=50) == 5.0


def test_a_real_pipe_is_waited_for() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        reader_fd, writer_fd = os.pipe()
        arrived = asyncio.Event()
        loop.add_reader(reader_fd, arrived.set)
        threading.Timer(0.1, os.write, (writer_fd, b"x")).start()
        async with asyncio.timeout(3_600):
            await arrived.wait()
        loop.remove_reader(reader_fd)
        os.close(reader_fd)
        os.close(writer_fd)
        return loop.time()

    assert run(main(), patience=60_000) == 0.0


def test_cancelled_timers_are_forgotten() -> None:
    async def main() -> int:
        for _ in range(5_000):
            async with asyncio.timeout(3_600):  # noqa: ASYNC100 - it is left at once
                pass
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        return len(loop._timers)

    assert run(main()) <= 2_002


def test_a_closed_loop_takes_no_timer() -> None:
    loop = VirtualTimeLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)


def test_the_result_and_the_error_of_a_coroutine_come_out() -> None:
    async def fail() -> None:
        raise KeyError("x")

    async def give() -> int:
        return 3

    assert run(give()) == 3
    with pytest.raises(KeyError):
        run(fail())


def test_debug_mode_works() -> None:
    async def main() -> float:
        asyncio.get_running_loop().set_debug(True)
        await asyncio.sleep(100)
        return asyncio.get_running_loop().time()

    assert run(main()) == 100.0
