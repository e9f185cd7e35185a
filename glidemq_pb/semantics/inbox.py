"""Letters from other queues, taken once each.

A queue takes only the next number of each source, in the same step as the letter's effect, and acknowledges
what it already has; so a letter that is delivered twice, or by two workers, has its effect once.
"""

from typing import Final

from .changes import erase
from .drains import note_gone
from .errors import Code
from .families import hear
from .flows import complete_flow
from .formats import is_foreign, stamp
from .groups import refresh_group
from .jobs import add_one
from .keys import id_key, inbox_key, job_key, meta_key
from .lang import drop, lookup, number, operation, refuse, take, text
from .letters import CHILD_LETTER, FLOW_LETTER, REPLAYED_PREFIX, write_letter
from .records import JobSpec, Letter
from .rows import Meta, PlaceRow
from .store import Store
from .wakes import rearm, wake_if_startable

TAKEN: Final = "taken"
"""The letter has had its effect, now or before."""
EARLY: Final = "early"
"""An earlier letter of this source is missing: deliver that one first."""


@operation
def receive(s: Store, q: str, now: int, source: str, letter: Letter, events_keep: int) -> str:
    """Let a letter from the queue `source` have its effect, unless it had it before."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    last = s.hget(inbox_key(q), source)
    taken = 0
    if last is not None:
        taken = number(last)
    if letter.ordinal <= taken:
        return TAKEN
    if letter.ordinal > taken + 1:
        return EARLY

    stamp(s, q, meta)
    s.hset_value(inbox_key(q), source, text(letter.ordinal))
    kind = lookup(letter.options, "letter")
    if kind == CHILD_LETTER:
        parent_id = lookup(letter.options, "parent")
        hear(s, q, now, parent_id, lookup(letter.options, "child"), lookup(letter.options, "news"), letter.data)
    elif kind == FLOW_LETTER:
        complete_flow(s, q, now, events_keep, lookup(letter.options, "flow"))
    else:
        next_id = s.get_count(id_key(q)) + 1
        s.set_count(id_key(q), next_id)
        add_one(s, q, now, events_keep, text(next_id), JobSpec("", letter.name, letter.data, letter.options), "")
    wake_if_startable(s, q, now)
    rearm(s, q, meta.next_due)
    return TAKEN


@operation
def replay(s: Store, q: str, now: int, job_id: str, target: str, events_keep: int) -> bool:
    """Send a dead letter back to the queue it came from, as it was added there; the entry goes (DLQ-6).

    False, and nothing is done, unless it is a dead letter of that queue.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    row = s.read(job_key(q, job_id), PlaceRow)
    fields = s.hgetall(job_key(q, job_id))
    if target == "" or lookup(fields, "dead_queue") != target:
        return False
    options: list[str] = []
    compression = lookup(fields, "compression")
    if compression != "":
        options.append("compression")
        options.append(compression)
    for i in range(0, len(fields), 2):
        if take(fields[i], 5) == REPLAYED_PREFIX:
            options.append(drop(fields[i], 5))
            options.append(fields[i + 1])
    write_letter(s, q, target, row.name, lookup(fields, "data"), options)
    erase(s, q, now, events_keep, job_id, row)
    refresh_group(s, q, now, events_keep, row.ordering_key)
    wake_if_startable(s, q, now)
    note_gone(s, q, now, events_keep, row.state)
    rearm(s, q, meta.next_due)
    return True


@operation
def set_dead_letters(s: Store, q: str, now: int, target: str) -> bool:
    """Say where this queue's dead letters go: the root key of another queue."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    stamp(s, q, meta)
    s.hset(meta_key(q), dead_letters=target)
    return True


@operation(reads_only=True)
def get_dead_letters(s: Store, q: str, now: int) -> str:
    """The root key of the queue where this queue's dead letters go; empty: nowhere."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    target = s.hget(meta_key(q), "dead_letters")
    if target is None:
        return ""
    return target
