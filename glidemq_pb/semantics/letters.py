"""Letters to other queues, written by the source.

Another queue may live in another slot, where no atomic step can reach. The source writes a letter in the same
step as its cause, numbered without gaps per target; any worker delivers it (`inbox.receive`), then
acknowledges it here. The numbers outlive `obliterate`.
"""

from typing import Final

from .errors import Code
from .formats import is_foreign
from .keys import flows_key, job_key, letter_key, meta_key, outbox_key, sent_key
from .lang import Fields, drop, lookup, operation, pad, refuse
from .limits import LETTERS_MAX
from .records import Letter
from .rows import DeadLettersRow, LetterRow, Meta
from .store import Store

CHILD_LETTER: Final = "child"
"""The option `letter` of news of a child for its parent; a letter without that option is a job."""
FLOW_LETTER: Final = "flow"
"""... of word that a reserved flow is committed."""
REPLAYED_PREFIX: Final = "dead:"
"""In front of the name of an option that a dead letter keeps for its replay."""


def write_letter(s: Store, q: str, target: str, name: str, data: str, options: list[str]) -> None:
    """Keep a job or a message for another queue until it is delivered."""
    sequence = s.hincrby(sent_key(q), "", 1)
    ordinal = s.hincrby(sent_key(q), target, 1)
    s.hset(letter_key(q, pad(sequence)), target=target, ordinal=ordinal, name=name, data=data)
    fields: list[str] = []
    for i in range(0, len(options), 2):
        fields.append("option:" + options[i])
        fields.append(options[i + 1])
    s.hset_fields(letter_key(q, pad(sequence)), fields)
    s.zadd(outbox_key(q), sequence, pad(sequence))


def bury(s: Store, q: str, job_id: str, reason: str) -> None:
    """A job has failed for good: a copy of it goes to the dead letter queue, if there is one (DLQ-1..5)."""
    target = s.read(meta_key(q), DeadLettersRow).dead_letters
    if target == "":
        return
    fields = s.hgetall(job_key(q, job_id))
    attempts_made = lookup(fields, "attempts_made")
    options = ["dead_queue", q, "dead_id", job_id, "dead_reason", reason, "dead_attempts", attempts_made]
    compression = lookup(fields, "compression")
    if compression != "":
        options.append("compression")
        options.append(compression)
    for name in [
        "priority", "lifo", "ttl", "timeout", "lock_duration", "attempts", "backoff", "backoff_delay",
        "backoff_jitter", "backoff_max", "remove_on_complete", "keep_completed", "keep_completed_ms",
        "remove_on_fail", "keep_failed", "keep_failed_ms", "ordering_key", "group_concurrency",
        "group_rate_max", "group_rate_ms", "group_capacity", "group_refill", "cost",
    ]:  # fmt: skip
        value = lookup(fields, name)
        if value != "":
            options.append(REPLAYED_PREFIX + name)
            options.append(value)
    write_letter(s, q, target, lookup(fields, "name"), lookup(fields, "data"), options)


@operation(reads_only=True)
def list_letters(s: Store, q: str, now: int) -> list[Letter]:
    """The oldest letters that are not delivered, one batch."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    letters: list[Letter] = []
    for sequence in s.zrange(outbox_key(q), 0, LETTERS_MAX - 1):
        row = s.read(letter_key(q, sequence), LetterRow)
        options: list[str] = []
        fields = s.hgetall(letter_key(q, sequence))
        for i in range(0, len(fields), 2):
            option = drop(fields[i], 7)
            if fields[i] == "option:" + option:
                options.append(option)
                options.append(fields[i + 1])
        letters.append(Letter(sequence, row.target, row.ordinal, row.name, row.data, Fields(options)))
    return letters


@operation(frees_memory=True)
def acknowledge(s: Store, q: str, now: int, sequences: list[str]) -> bool:
    """Forget letters that were delivered; one that is named twice is gone the second time."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    for sequence in sequences:
        flow = s.hget(letter_key(q, sequence), "option:flow")
        if flow is not None and s.hincrby(flows_key(q), flow, -1) == 0:
            s.hdel(flows_key(q), [flow])
        s.delete([letter_key(q, sequence)])
    s.zrem_many(outbox_key(q), sequences)
    return True
