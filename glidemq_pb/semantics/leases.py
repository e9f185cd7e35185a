"""The leases of plain jobs, all in one hash: one command writes, reads or removes those of a whole call.

A plain job was added without options and has never run. While it is active its own hash still says what it said
before; its state, token, mark, place and start stand in `:leases`. An entry there means that nothing has happened to
the job since: whoever does anything to an active job but complete it has its lease moved into its own hash first
(`own_leases`, `read_place`), and so no other rule knows of `:leases`.
"""

from typing import Final

from .keys import job_key, leases_key
from .lang import Fields, drop, number, pad, split, take, text
from .rows import PlaceRow
from .states import ACTIVE
from .store import Store

LINE_SEPARATOR: Final = "."
"""Ends the worker's name in those of its further lines."""
PLAIN_FIELDS: Final = 3
"""All that a plain job stores: `name data added`."""
MARK_WIDTH: Final = 16
START_AT: Final = 34
TOKEN_AT: Final = 51
"""A lease is `mark:place:start:token`, its numbers padded; the token comes last, so that all of it is compared. It is
longer than 64 bytes, so that the hash is a table from the first one on: a short one would be a list, which is searched
from its beginning."""


def lease_of(mark: str, place: int, start: str) -> str:
    """What `:leases` says of a job with this padded mark and `start_under`."""
    return mark + ":" + pad(place) + ":" + start


def start_under(token: str, now: int) -> str:
    """What the leases of one call end with: when their runs start, and the token."""
    return pad(now) + ":" + token


def padded_mark(lease: str) -> str:
    """The mark of the job's member in `:active`."""
    return take(lease, MARK_WIDTH)


def is_under(lease: str, token: str) -> bool:
    """Whether the lease was given under this token. The empty text is no lease."""
    return lease != "" and token_of(lease) == token


def start_of(lease: str) -> int:
    """When the run started."""
    return number(take(drop(lease, START_AT), MARK_WIDTH))


def token_of(lease: str) -> str:
    """The token under which the lease was given."""
    return drop(lease, TOKEN_AT)


def line_of(token: str) -> str:
    """The line of a worker that a token was given to: to the store, a worker of its own."""
    return split(token, ":")[0]


def worker_of(token: str) -> str:
    """The worker itself."""
    return split(line_of(token), LINE_SEPARATOR)[0]


def fields_of(lease: str) -> list[str]:
    """The fields of an active job that a lease stands for."""
    parts = split(lease, ":")
    mark = text(number(parts[0]))
    place = text(number(parts[1]))
    start = text(number(parts[2]))
    return ["state", ACTIVE, "token", token_of(lease), "mark", mark, "place", place, "processed_on", start]


def take_leases(s: Store, q: str, job_ids: list[str]) -> list[str]:
    """Take what `:leases` has of these jobs out of it; the empty text for a job of which it has nothing.

    Nothing for all of them when one is named twice: then each has its own lease.
    """
    leases = s.hmget(leases_key(q), job_ids)
    taken: list[str] = []
    for i in range(len(job_ids)):
        if leases[i] != "":
            taken.append(job_ids[i])
    if s.hdel(leases_key(q), taken) == len(taken):
        return leases
    nothing: list[str] = []
    for i in range(len(job_ids)):
        give_lease(s, q, job_ids[i], leases[i])
        nothing.append("")
    return nothing


def give_lease(s: Store, q: str, job_id: str, lease: str) -> None:
    """Write a lease that was taken into the job's own hash; the empty text is none."""
    if lease != "":
        s.hset_fields(job_key(q, job_id), fields_of(lease))


def own_leases(s: Store, q: str, job_ids: list[str]) -> None:
    """Something other than a completion is about to happen to these jobs."""
    leases = take_leases(s, q, job_ids)
    for i in range(len(job_ids)):
        give_lease(s, q, job_ids[i], leases[i])


def read_place(s: Store, q: str, job_id: str) -> PlaceRow:
    """Where a job stands to which something is about to happen."""
    own_leases(s, q, [job_id])
    return s.read(job_key(q, job_id), PlaceRow)


def with_lease(fields: Fields, lease: str) -> Fields:
    """All fields of a job of which `:leases` says this."""
    if lease == "":
        return fields
    whole: list[str] = []
    for stored in fields:
        whole.append(stored)
    for leased in fields_of(lease):
        whole.append(leased)
    return Fields(whole)
