"""Due moments and waking: nothing waits for a tick, one event wakes one worker, nothing spins.

`meta.next_due` is a lower bound of every due moment. One worker keeps a timer for it and a second one
looks shortly after; the others sleep until woken, or until their block timeout. A worker that is full
does not listen to `:wake`, only to its own control list.
"""

from typing import Final

from .keys import control_key, meta_key, ready_key, wake_key, worker_key
from .limits import BACKUP_TIMER_MS
from .records import DueRow, TimerRow
from .store import Store

LOOK: Final = "look"
"""Tells one worker to call again, though it may have no room."""


def wake(s: Store, q: str) -> None:
    """Leave one token for whichever worker idles; a second token would only wake in vain."""
    if s.llen(wake_key(q)) == 0:
        s.rpush(wake_key(q), "1")


def wake_if_startable(s: Store, q: str) -> None:
    """Wake a worker when one could start a job now."""
    if s.zcard(ready_key(q)) > 0 and s.hget(meta_key(q), "paused") is None:
        wake(s, q)


def lower_next_due(s: Store, q: str, at: int) -> bool:
    """Keep `next_due` a lower bound; whether it moved. For the caller who learns it from the reply."""
    due = s.read(meta_key(q), DueRow).next_due
    if due == 0 or at < due:
        s.hset(meta_key(q), next_due=at)
        return True
    return False


def arm(s: Store, q: str, at: int) -> None:
    """A new due moment: when it is the next one, a worker must set its timer anew."""
    if lower_next_due(s, q, at):
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


def keep_timer(s: Store, q: str, worker: str) -> int:
    """The instant at which this worker must look again for the next due moment; 0: others see to it.

    There always is a due moment: at the latest that at which this worker's own record dies.
    """
    timer = s.read(meta_key(q), TimerRow)
    due = timer.next_due
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
