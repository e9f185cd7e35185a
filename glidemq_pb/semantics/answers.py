"""Waiting for the end of a job (JOB-15): those who wait are noted with the job, and its end leaves each an answer.

A wait is `waiter:number:offset`: the random id of a component, its count of waits, and how long after the job was
added it ends, in milliseconds. It lives and dies with the job, so one that was given up needs no removal. An answer
stands in the waiter's hash until it is fetched and forgotten, or for ANSWER_KEPT_MS, whatever becomes of the job.
"""

from typing import Final

from .deadlines import lower_next_due
from .errors import Code
from .formats import is_foreign
from .keys import answering_key, answers_key, job_key, meta_key, reply_key
from .lang import Fields, byte_length, join, number, operation, refuse, split, text
from .leases import own_leases
from .limits import ANSWER_KEPT_MS, REPLY_BYTES_MAX, WAITS_MAX
from .records import Answers
from .rows import AddedRow, Meta, WaitedRow
from .states import COMPLETED, FAILED
from .store import Store

COMPLETED_ANSWER: Final = "completed:"
"""Followed by the result."""
FAILED_ANSWER: Final = "failed:"
"""Followed by the reason."""
NO_JOB: Final = "gone"
TOO_MANY: Final = "full"
PENDING: Final = ""
ANSWERED: Final = "answered"
"""What is pushed to a waiter's reply list: at most one, however many answers it may fetch."""


def answer_waits(s: Store, q: str, now: int, job_id: str, waits: str, answer: str) -> None:
    """A job ends, or goes: leave those who wait for it their answer. It is still stored."""
    if waits == "":
        return
    added_at = s.read(job_key(q, job_id), AddedRow).added
    s.hdel(job_key(q, job_id), ["waits"])
    for wait in split(waits, ","):
        parts = split(wait, ":")
        if added_at + number(parts[2]) > now:
            s.hset_value(answers_key(q, parts[0]), parts[1], answer)
            s.zadd(answering_key(q), now + ANSWER_KEPT_MS, parts[0] + ":" + parts[1])
            lower_next_due(s, q, now + ANSWER_KEPT_MS)
            if s.llen(reply_key(q, parts[0])) == 0:
                s.rpush(reply_key(q, parts[0]), ANSWERED)


@operation
def wait_for(s: Store, q: str, now: int, waiter: str, ordinal: int, job_id: str, duration: int) -> str:
    """Wait for a job that is there already, for so long: PENDING, or the answer at once; NO_JOB, TOO_MANY."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    known = s.hget(answers_key(q, waiter), text(ordinal))
    if known is not None:  # this is a repetition, and the job has ended meanwhile
        return known
    own_leases(s, q, [job_id])
    row = s.read(job_key(q, job_id), WaitedRow)
    if row.name == "":
        return NO_JOB
    if row.state == COMPLETED:
        return COMPLETED_ANSWER + row.return_value
    if row.state == FAILED:
        return FAILED_ANSWER + row.failed_reason
    waits: list[str] = []
    for wait in split(row.waits, ","):
        parts = split(wait, ":")
        repeated = parts[0] == waiter and parts[1] == text(ordinal)
        if not repeated and row.added + number(parts[2]) > now:
            waits.append(wait)
    if len(waits) >= WAITS_MAX:
        return TOO_MANY

    offset = now + duration + ANSWER_KEPT_MS - row.added
    waits.append(waiter + ":" + text(ordinal) + ":" + text(offset))
    s.hset(job_key(q, job_id), waits=join(waits, ","))
    return PENDING


@operation(reads_only=True)
def fetch_answers(s: Store, q: str, now: int, waiter: str, ordinals: list[int]) -> Answers:
    """The answers to these waits, as far as they are there and one reply holds them."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    found: list[str] = []
    payload = 0
    for ordinal in ordinals:
        answer = s.hget(answers_key(q, waiter), text(ordinal))
        if answer is not None:
            payload = payload + byte_length(answer)
            if payload > REPLY_BYTES_MAX and len(found) > 0:
                return Answers(Fields(found), True)
            found.append(text(ordinal))
            found.append(answer)
    return Answers(Fields(found), False)


@operation(frees_memory=True)
def forget_answers(s: Store, q: str, now: int, waiter: str, ordinals: list[int]) -> bool:
    """The waiter has its answers."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    for ordinal in ordinals:
        s.zrem(answering_key(q), waiter + ":" + text(ordinal))
        drop_answer(s, q, waiter, text(ordinal))
    return True


def drop_answer(s: Store, q: str, waiter: str, ordinal: str) -> None:
    """Remove an answer; with the last one goes what would call the waiter."""
    s.hdel(answers_key(q, waiter), [ordinal])
    if not s.exists(answers_key(q, waiter)):
        s.delete([reply_key(q, waiter)])


def forget_old_answers(s: Store, q: str, now: int, limit: int) -> int:
    """Remove answers that nobody has fetched in time: how many."""
    members = s.zdue(answering_key(q), now, limit)
    for member in members:
        parts = split(member, ":")
        drop_answer(s, q, parts[0], parts[1])
    s.zrem_many(answering_key(q), members)
    return len(members)
