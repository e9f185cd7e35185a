"""Due moments and waking: nothing waits for a tick, one event wakes one worker, nothing spins.

`meta.next_due` is a lower bound of every due moment. One worker keeps a timer for it and a second one
looks shortly after; the others sleep until woken, or until their block timeout. A worker that is full
does not listen to `:wake`, only to its own control list.
"""

from typing import Final

from .deadlines import lower_due
from .gates import queue_lets_start
from .keys import control_key, meta_key, ready_key, wake_key, worker_key
from .limits import BACKUP_TIMER_MS
from .rows import DueRow, Meta, TimerRow
from .store import Store

LOOK: Final = "look"
"""Tells one worker to call again, though it may have no room."""


def wake(s: Store, q: str) -> None:
    """Leave one token for whichever worker idles; a second token would only wake in vain."""
    if s.llen(wake_key(q)) == 0:
        s.rpush(wake_key(q), "1")


def wake_if_startable(s: Store, q: str, now: int) -> None:
    """Wake a worker when one could start a job now."""
    if s.llen(wake_key(q)) == 0 and s.zcard(ready_key(q)) > 0:
        wake_unless_held(s, q, now, s.read(meta_key(q), Meta))


def wake_for_ready(s: Store, q: str, now: int, meta: Meta) -> None:
    """The same where a job has become ready and nothing that `meta` says of gates has changed."""
    if s.llen(wake_key(q)) == 0:
        wake_unless_held(s, q, now, meta)


def wake_unless_held(s: Store, q: str, now: int, meta: Meta) -> None:
    """Leave the one token, unless the gates of the queue hold every job."""
    if queue_lets_start(s, q, now, meta, 1) > 0:
        s.rpush(wake_key(q), "1")


def rearm(s: Store, q: str, due_before: int) -> None:
    """At the end of a change: where the next due moment came nearer, a worker must set its timer anew."""
    due = s.read(meta_key(q), DueRow).next_due
    if due > 0 and (due_before == 0 or due < due_before):
        reset_timer(s, q)


def reset_timer(s: Store, q: str) -> None:
    """Let the worker that keeps the timer look, which may be full; without one, whoever idles."""
    keeper = s.read(meta_key(q), TimerRow).timer_worker
    if s.exists(worker_key(q, keeper)):
        s.rpush(control_key(q, keeper), LOOK)
    else:
        wake(s, q)


def notify(s: Store, q: str, worker: str, message: str) -> None:
    """Tell one worker, unless it is gone: nobody would empty its list."""
    if s.exists(worker_key(q, worker)):
        s.rpush(control_key(q, worker), message)


def keep_timer(s: Store, q: str, worker: str, new_due: int) -> int:
    """The instant at which this worker must look again for the next due moment; 0: others see to it.

    `new_due` is a due moment that this call brought and nobody has noted, 0 for none. There always is one: at the
    latest that at which this worker's own record dies.
    """
    timer = s.read(meta_key(q), TimerRow)
    due = lower_due(s, q, timer.next_due, new_due) if new_due > 0 else timer.next_due
    if timer.timer_due != due:
        s.hset(meta_key(q), timer_due=due, timer_worker=worker)
        if timer.timer_backup != "":
            s.hdel(meta_key(q), ["timer_backup"])
        return due
    if timer.timer_worker == worker:
        return due
    if timer.timer_backup == "":
        s.hset(meta_key(q), timer_backup=worker)
        return due + BACKUP_TIMER_MS
    if timer.timer_backup == worker:
        return due + BACKUP_TIMER_MS
    return 0
