"""The states of a job, and which moves between them are allowed.

A waiting job stores no state: the field's absence is the state of most jobs of a long queue.
"""

from typing import Final

WAITING: Final = "waiting"
"""Entered by enqueue, promotion, an immediate retry, a stall. It is in `:ready`."""
DELAYED: Final = "delayed"
"""Entered by a delay, a backoff, `move_to_delayed`. It is in `:scheduled` until due."""
ACTIVE: Final = "active"
"""Leased to a worker under a token. It is in `:active` until settled, stalled or removed."""
WAITING_CHILDREN: Final = "waiting-children"
"""Entered by a flow, and by `move_to_waiting_children`. It is in `:waiting-children` until its children are done."""
COMPLETED: Final = "completed"
"""Ended well. Left by removal only."""
FAILED: Final = "failed"
"""Ended badly: attempts exhausted, unrecoverable, expired, stalled too often. Left by `retry` and removal."""


def state_of(stored: str) -> str:
    """The state that a job's `state` field stands for."""
    return WAITING if stored == "" else stored
