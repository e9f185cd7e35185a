"""Moving one job between waiting, delayed and active, in a group or in none.

These are the only functions that put a job into a set of those states or take it out. Whoever calls them
for a job of a group calls `refresh_group`, the one gate, when it is done with the job.
"""

from .endings import leave_expiring
from .groups import (
    go_first,
    join_turns,
    leave_active,
    leave_group,
    rejoin,
    wait_in_group,
)
from .keys import (
    active_key,
    ended_key,
    expiring_key,
    freed_key,
    job_key,
    meta_key,
    ready_key,
    retained_key,
    scheduled_key,
    turns_key,
    waiting_children_key,
)
from .lanes import ready_score
from .lang import pad
from .rows import PlaceRow
from .states import ACTIVE, COMPLETED, DELAYED, FAILED, WAITING, WAITING_CHILDREN
from .store import Store


def make_ready(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """Let a job run: at its lane's end (the tail of FIFO, the top of LIFO), or at its turn in its group."""
    s.hset(job_key(q, job_id), state=WAITING)
    if row.ordering_key == "":
        sequence = s.hincrby(meta_key(q), "ready", 1)
        s.zadd(ready_key(q), ready_score(row.priority, row.lifo, sequence), job_id)
    else:
        rejoin(s, q, row.ordering_key, job_id, row)


def wait_again(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """An ended job waits as if it were new: in a group, behind all (ORD-16)."""
    if row.ordering_key == "":
        make_ready(s, q, job_id, row)
    else:
        return_to_back(s, q, job_id, row)


def make_delayed(s: Store, q: str, job_id: str, row: PlaceRow, due: int, mark: int) -> None:
    """Hold a job back until `due`; it keeps its turn."""
    s.zadd(scheduled_key(q), due, pad(mark) + job_id)
    s.hset(job_key(q, job_id), state=DELAYED, mark=mark)
    if row.ordering_key != "":
        s.zadd(turns_key(q, row.ordering_key), row.turn, job_id)


def return_to_place(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """Put a job that was picked back where it stood; a member of a group, to its turn."""
    s.hset(job_key(q, job_id), state=WAITING)
    if row.ordering_key == "":
        s.zadd(ready_key(q), row.place, job_id)
    else:
        rejoin(s, q, row.ordering_key, job_id, row)


def return_to_front(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """Put a member that was picked before all that its group has now (RRL-7)."""
    s.hset(job_key(q, job_id), state=WAITING)
    go_first(s, q, row.ordering_key, job_id, row)


def return_to_back(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """Put a member that was picked behind all that its group has now (RRL-7)."""
    s.hset(job_key(q, job_id), state=WAITING)
    turn = join_turns(s, q, row.ordering_key, job_id)
    wait_in_group(s, q, row.ordering_key, job_id, row.priority, turn)


def leave_waiting(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """Take a waiting or delayed job out of every set but that of its deadline."""
    if row.state == DELAYED:
        s.zrem(scheduled_key(q), pad(row.mark) + job_id)
    else:
        s.zrem(ready_key(q), job_id)
    if row.ordering_key != "":
        leave_group(s, q, row.ordering_key, job_id)


def leave_state(s: Store, q: str, job_id: str, row: PlaceRow) -> None:
    """Take a job out of the sets of its state, and out of every set of deadlines."""
    member = pad(row.mark) + job_id
    if row.state == ACTIVE:
        s.zrem(active_key(q), member)
        if row.ordering_key != "":
            leave_active(s, q, row.ordering_key)
    elif row.state == WAITING_CHILDREN:
        s.zrem(waiting_children_key(q), member)
        s.zrem(freed_key(q), job_id)
    elif row.state == COMPLETED or row.state == FAILED:
        s.zrem(ended_key(q, row.state), member)
        s.zrem(retained_key(q), member)
    else:
        leave_waiting(s, q, job_id, row)
    leave_expiring(s, q, job_id, row)


def watch_expiry(s: Store, q: str, job_id: str, expire_at: int, mark: int) -> None:
    """A job that is not active expires once its deadline has passed; the deadline itself is in time (TTL-4)."""
    s.zadd(expiring_key(q), expire_at + 1, pad(mark) + job_id)
