"""Parents and children: what the end of a child means to the jobs that wait for it.

A job is named across queues by its root key, a colon and its id. A child stores its `parents`, one a line. A parent
has its children in `:children:<id>`, and in `:outcomes:<id>` what became of those that have ended: COMPLETED_OUTCOME
and the stored return value, FAILED_OUTCOME (it may still be retried), or IGNORED_OUTCOME. `children_left` counts those
without an outcome and the failed ones. A child tells its parents in the step in which it ends: at once in its own
queue, by a letter in another one. A parent that nothing holds any more goes into `:freed`, which is due at once.

A parent has a child in another queue with the flow that both came with (`far_child`): a letter may be under way while
both ids are used again, and must not speak of the new jobs.
"""

from typing import Final

from .deadlines import lower_next_due
from .keys import children_key, freed_key, held_key, job_key, outcomes_key
from .lang import byte_length, drop, split
from .letters import CHILD_LETTER, write_letter
from .rows import ParentRow
from .states import WAITING_CHILDREN
from .store import Store
from .wakes import wake

COMPLETED_OUTCOME: Final = "c"
FAILED_OUTCOME: Final = "f"
IGNORED_OUTCOME: Final = "i"

# What a child tells its parents.
COMPLETED_NEWS: Final = "completed"
FAILED_NEWS: Final = "failed"
LOST_NEWS: Final = "lost"
"""It failed, and is gone: nobody can retry it."""
REMOVED_NEWS: Final = "removed"

FAIL: Final = "fail"
"""A parent's `on_child_failure`: it fails with its child."""
IGNORE: Final = "ignore"
"""It goes on without it."""


def tell_parents(s: Store, q: str, now: int, parents: str, job_id: str, news: str, value: str) -> None:
    """A child has ended, and is still stored. `value` is its stored return value, or the reason of its failure."""
    for parent in split(parents, "\n"):
        root = root_of(parent)
        parent_id = drop(parent, byte_length(root) + 1)
        if root == q:
            hear(s, q, now, parent_id, q + ":" + job_id, news, value)
        else:
            flow = s.hget(job_key(q, job_id), "flow")
            child = far_child(q + ":" + job_id, "" if flow is None else flow)
            write_letter(
                s, q, root, "", value, ["letter", CHILD_LETTER, "parent", parent_id, "child", child, "news", news]
            )
            wake(s, q)


def root_of(job: str) -> str:
    """The root key in the name of a job across queues."""
    return split(job, "}")[0] + "}"


def far_child(child: str, flow: str) -> str:
    """A child in another queue, as its parent has it."""
    return child + ":" + flow


def name_of_child(child: str) -> str:
    """The name across queues of a child, as its parent has it."""
    root = root_of(child)
    return root + ":" + split(drop(child, byte_length(root) + 1), ":")[0]


def hear(s: Store, q: str, now: int, parent_id: str, child: str, news: str, value: str) -> None:
    """Note what became of a child, and whether anything still holds its parent (FLW-1..3)."""
    key = job_key(q, parent_id)
    row = s.read(key, ParentRow)
    if row.name == "":
        key = held_key(q, parent_id)
        row = s.read(key, ParentRow)
    if row.name == "" or s.zscore(children_key(q, parent_id), child) is None:
        return
    before = s.hget(outcomes_key(q, parent_id), child)
    held = before is None or before == FAILED_OUTCOME
    holds = False
    if news == COMPLETED_NEWS:
        s.hset_value(outcomes_key(q, parent_id), child, COMPLETED_OUTCOME + value)
    elif news != REMOVED_NEWS and row.on_child_failure == IGNORE:
        s.hset_value(outcomes_key(q, parent_id), child, IGNORED_OUTCOME)
    else:
        if news != REMOVED_NEWS and row.on_child_failure == FAIL:
            s.hset(key, child_failure=FAILED_OUTCOME + value)
        if news == FAILED_NEWS:
            s.hset_value(outcomes_key(q, parent_id), child, FAILED_OUTCOME)
            holds = True
        elif held:
            forget_child(s, q, parent_id, child)
    if held and not holds:
        s.hincrby(key, "children_left", -1)
    if row.state == WAITING_CHILDREN:
        free_if_done(s, q, now, parent_id)


def adopt_child(s: Store, q: str, parent_id: str, child: str) -> None:
    """A running job has one more child, or one again whose first life is over; one that holds it stays as it is."""
    known = s.zscore(children_key(q, parent_id), child)
    outcome = s.hget(outcomes_key(q, parent_id), child)
    if known is not None and (outcome is None or outcome == FAILED_OUTCOME):
        return
    position = 0
    for last in s.zrange_scored(children_key(q, parent_id), -1, -1):
        position = last.score + 1
    s.zadd(children_key(q, parent_id), position, child)
    s.hdel(outcomes_key(q, parent_id), [child])
    s.hset(job_key(q, parent_id), children_left=s.read(job_key(q, parent_id), ParentRow).children_left + 1)


def forget_child(s: Store, q: str, parent_id: str, child: str) -> None:
    """Nothing will come of a child any more."""
    s.zrem(children_key(q, parent_id), child)
    s.hdel(outcomes_key(q, parent_id), [child])


def free_if_done(s: Store, q: str, now: int, parent_id: str) -> None:
    """Have a job that waits for its children looked at in this call or the next, if nothing holds it."""
    row = s.read(job_key(q, parent_id), ParentRow)
    if row.children_left == 0 or row.child_failure != "":
        s.zadd(freed_key(q), now, parent_id)
        lower_next_due(s, q, now)
