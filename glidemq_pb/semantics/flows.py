"""Adding jobs that wait for each other: a flow is there whole, or not at all (FLW-1, FLW-4).

A flow of one queue is one operation. One of several queues is reserved in all but the root's (`reserve`: held under
their ids, unseen), committed in the root's queue together with its own part (`add_flow`), and told to the others by
letters. Until its letter comes, a reservation stays; one that has waited long is in doubt, and whoever looks after
the queue asks the root's (`decide`), which commits nothing after the flow's deadline.
"""

from typing import Final

from .calls import recall, remember
from .changes import DONE, LOST, NOT_FOUND
from .deadlines import lower_next_due
from .dedup import accept, is_duplicate, pending_job
from .errors import Code
from .events import emit_with
from .families import adopt_child, far_child, name_of_child, root_of
from .flow_records import ChildEntry, FlowAdded, FlowSpec, Reservation
from .formats import is_foreign, stamp
from .jobs import SKIPPED, add_one, is_payable, is_taken, place_new, supersede, watch_ttl
from .keys import (
    children_key,
    flows_key,
    held_key,
    id_key,
    job_key,
    meta_key,
    outcomes_key,
    reservation_key,
    reservations_key,
)
from .lanes import next_mark
from .lang import Fields, byte_length, is_canonical_id, join, lookup, lookup_int, number, operation, refuse, split, text
from .leases import own_leases
from .letters import FLOW_LETTER, write_letter
from .limits import CANONICAL_DIGITS_MAX, LETTERS_MAX, PAGE_MAX, REPLY_BYTES_MAX, RESERVED_MS
from .parents import await_children
from .records import JobSpec
from .rows import HeldRow, Meta, ReservationRow
from .states import ACTIVE
from .store import Store
from .wakes import rearm, wake, wake_if_startable

COMMITTED: Final = "committed"
ABORTED: Final = "aborted"
UNDECIDED: Final = "undecided"


@operation
def take_ids(s: Store, q: str, now: int, count: int) -> int:
    """Take the counter's next `count` ids for the jobs of a flow over several queues: the first of them."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    stamp(s, q, meta)
    last_id = s.get_count(id_key(q)) + count
    s.set_count(id_key(q), last_id)
    return last_id - count + 1


@operation
def add_flow(
    s: Store,
    q: str,
    now: int,
    call: str,
    flow: str,
    deadline: int,
    specs: list[FlowSpec],
    guarded: list[int],
    others: list[str],
    events_keep: int,
) -> FlowAdded:
    """Add the root queue's part of a flow, and with it the parts that are reserved in the queues `others`.

    `guarded` as in `enqueue`. The children of a flow are ready in the order of `specs`.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return FlowAdded(split(known, "\n"), "")
    if len(others) > 0 and now > deadline:
        refuse(Code.LATE)
    for position in guarded:
        if not is_payable(s, q, spec_of(specs[position])):
            refuse(Code.COST)
    taken = first_taken(s, q, now, specs)
    if taken != "":
        return FlowAdded([], taken)

    stamp(s, q, meta)
    ids = choose_ids(s, q, specs)
    for i in range(len(specs)):
        store_node(s, q, now, job_key(q, ids[i]), specs[i], ids, ids[i], flow if len(others) > 0 else "")
    for i in range(len(specs)):
        waits = len(specs[i].children) + len(specs[i].far_children) > 0
        appear(s, q, now, events_keep, ids[i], specs[i].name, specs[i].options, waits)
    for other in others:
        write_letter(s, q, other, "", "", ["letter", FLOW_LETTER, "flow", flow])
    if len(others) > 0:
        s.hincrby(flows_key(q), flow, len(others))
        wake(s, q)
    wake_if_startable(s, q, now)
    remember(s, q, now, meta.calls_until, call, join(ids, "\n"))
    rearm(s, q, meta.next_due)
    return FlowAdded(ids, "")


@operation
def reserve(
    s: Store, q: str, now: int, flow: str, root: str, deadline: int, specs: list[FlowSpec], guarded: list[int]
) -> str:
    """Hold a flow's part in this queue until `root` commits it: empty, or the id that is taken. All ids are given."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    if s.exists(reservation_key(q, flow)):
        return ""
    for position in guarded:
        if not is_payable(s, q, spec_of(specs[position])):
            refuse(Code.COST)
    taken = first_taken(s, q, now, specs)
    if taken != "":
        return taken

    stamp(s, q, meta)
    ids = choose_ids(s, q, specs)
    for i in range(len(specs)):
        store_node(s, q, now, held_key(q, ids[i]), specs[i], ids, ids[i], flow)
    s.hset(reservation_key(q, flow), root=root, deadline=deadline, ids=join(ids, "\n"))
    s.zadd(reservations_key(q), now + RESERVED_MS, flow)
    lower_next_due(s, q, now + RESERVED_MS)
    rearm(s, q, meta.next_due)
    return ""


@operation(frees_memory=True)
def release_flow(s: Store, q: str, now: int, flow: str) -> bool:
    """Give up what is reserved for a flow that was not committed and never will be."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    row = s.read(reservation_key(q, flow), ReservationRow)
    if row.root == "":
        return False
    for job_id in split(row.ids, "\n"):
        s.delete([held_key(q, job_id), children_key(q, job_id), outcomes_key(q, job_id)])
    forget_reservation(s, q, flow)
    return True


@operation(reads_only=True)
def decide(s: Store, q: str, now: int, flow: str, deadline: int) -> str:
    """Whether this root queue committed a flow of which some queue still holds a reservation."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    if s.hget(flows_key(q), flow) is not None:
        return COMMITTED
    return ABORTED if now > deadline else UNDECIDED


@operation(reads_only=True)
def list_reservations(s: Store, q: str, now: int) -> list[Reservation]:
    """Flows that are reserved here and not committed, one batch."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    found: list[Reservation] = []
    for flow in s.zrange(reservations_key(q), 0, LETTERS_MAX - 1):
        row = s.read(reservation_key(q, flow), ReservationRow)
        found.append(Reservation(flow, row.root, row.deadline))
    return found


@operation
def add_child(
    s: Store,
    q: str,
    now: int,
    call: str,
    parent_id: str,
    token: str,
    spec: JobSpec,
    guarded: bool,
    events_keep: int,
) -> str:
    """Add a job of the same queue for which a running one will wait: its id, or SKIPPED, NOT_FOUND, LOST.

    `guarded`: its cost must fit the bucket that its group has.
    """
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    if guarded and not is_payable(s, q, spec):
        refuse(Code.COST)
    status = may_have_children(s, q, parent_id, token)
    if status != DONE:
        return status
    dedup_id = lookup(spec.options, "dedup_id")
    superseded = ""
    if dedup_id != "":
        if is_duplicate(s, q, now, dedup_id, spec.options):
            return SKIPPED
        superseded = pending_job(s, q, now, dedup_id, spec.options)
    if spec.job_id != "" and spec.job_id != superseded and is_taken(s, q, spec.job_id):
        return SKIPPED

    stamp(s, q, meta)
    job_id = choose_id(s, q, spec.job_id)
    add_one(s, q, now, events_keep, job_id, spec, superseded)
    s.hset(job_key(q, job_id), parents=q + ":" + parent_id)
    adopt_child(s, q, parent_id, q + ":" + job_id)
    wake_if_startable(s, q, now)
    remember(s, q, now, meta.calls_until, call, job_id)
    rearm(s, q, meta.next_due)
    return job_id


@operation
def adopt(
    s: Store, q: str, now: int, call: str, flow: str, deadline: int, parent_id: str, token: str, target: str, child: str
) -> str:
    """Let a running job wait for one that is reserved in the queue `target`: DONE, NOT_FOUND or LOST."""
    meta = s.read(meta_key(q), Meta)
    if is_foreign(meta):
        refuse(Code.FORMAT)
    known = recall(s, q, call)
    if known is not None:
        return known
    if now > deadline:
        refuse(Code.LATE)
    status = may_have_children(s, q, parent_id, token)
    if status != DONE:
        return status

    adopt_child(s, q, parent_id, far_child(child, flow))
    write_letter(s, q, target, "", "", ["letter", FLOW_LETTER, "flow", flow])
    s.hincrby(flows_key(q), flow, 1)
    wake(s, q)
    remember(s, q, now, meta.calls_until, call, DONE)
    rearm(s, q, meta.next_due)
    return DONE


@operation(reads_only=True)
def list_children(s: Store, q: str, now: int, job_id: str, start: int) -> list[ChildEntry]:
    """A job's children from position `start` on, as many as one page holds."""
    if is_foreign(s.read(meta_key(q), Meta)):
        refuse(Code.FORMAT)
    entries: list[ChildEntry] = []
    payload = 0
    for child in s.zrange(children_key(q, job_id), start, start + PAGE_MAX - 1):
        stored = s.hget(outcomes_key(q, job_id), child)
        outcome = "" if stored is None else stored
        payload = payload + byte_length(outcome)
        if payload > REPLY_BYTES_MAX and len(entries) > 0:
            break
        entries.append(ChildEntry(name_of_child(child), outcome))
    return entries


# --- parts -----------------------------------------------------------------------------------------------------------


def spec_of(node: FlowSpec) -> JobSpec:
    """A job of a flow for itself."""
    return JobSpec(node.job_id, node.name, node.data, node.options)


def first_taken(s: Store, q: str, now: int, specs: list[FlowSpec]) -> str:
    """The first given id under which there is a job, or deduplication id that keeps a job out; empty: none."""
    for spec in specs:
        if spec.job_id != "" and is_taken(s, q, spec.job_id):
            return spec.job_id
        dedup_id = lookup(spec.options, "dedup_id")
        if dedup_id != "" and is_duplicate(s, q, now, dedup_id, spec.options):
            return dedup_id
    return ""


def choose_ids(s: Store, q: str, specs: list[FlowSpec]) -> list[str]:
    """The id of each job: the given one, or the counter's next."""
    ids: list[str] = []
    last_id = s.get_count(id_key(q))
    for spec in specs:
        if spec.job_id != "" and is_canonical_id(spec.job_id, CANONICAL_DIGITS_MAX):
            last_id = max(last_id, number(spec.job_id))
    for spec in specs:
        if spec.job_id != "":
            ids.append(spec.job_id)
        else:
            last_id = last_id + 1
            ids.append(text(last_id))
    s.set_count(id_key(q), last_id)
    return ids


def choose_id(s: Store, q: str, wanted: str) -> str:
    """The same for one job."""
    last_id = s.get_count(id_key(q))
    if wanted == "":
        s.set_count(id_key(q), last_id + 1)
        return text(last_id + 1)
    if is_canonical_id(wanted, CANONICAL_DIGITS_MAX):
        s.set_count(id_key(q), max(last_id, number(wanted)))
    return wanted


def store_node(s: Store, q: str, now: int, key: str, node: FlowSpec, ids: list[str], job_id: str, flow: str) -> None:
    """Store one job of a flow under `key`, with its family; it is in no set yet. `flow`: that of several queues."""
    fields = ["name", node.name, "data", node.data, "added", text(now)]
    for option in node.options:
        fields.append(option)
    if flow != "":
        fields.append("flow")
        fields.append(flow)
    parents: list[str] = []
    for position in node.parents:
        parents.append(q + ":" + ids[position])
    for parent in node.far_parents:
        parents.append(parent)
    if len(parents) > 0:
        fields.append("parents")
        fields.append(join(parents, "\n"))
    children: list[str] = []
    for position in node.children:
        children.append(q + ":" + ids[position])
    for child in node.far_children:
        children.append(child if root_of(child) == q else far_child(child, flow))
    if len(children) > 0:
        s.zadd_many(children_key(q, job_id), positions(len(children)), children)
        fields.append("children_left")
        fields.append(text(len(children)))
    s.hset_fields(key, fields)


def positions(count: int) -> list[int]:
    """0, 1, 2, ..."""
    numbers: list[int] = []
    for i in range(count):
        numbers.append(i)
    return numbers


def appear(s: Store, q: str, now: int, keep: int, job_id: str, name: str, options: Fields, waits: bool) -> None:
    """Let a stored job of a flow take part: ready or delayed as any job, or waiting for its children."""
    dedup_id = lookup(options, "dedup_id")
    if dedup_id != "":
        supersede(s, q, now, keep, pending_job(s, q, now, dedup_id, options))
    if not waits:
        place_new(s, q, now, keep, job_id, name, options)
        return
    if dedup_id != "":
        accept(s, q, now, dedup_id, job_id, options)
    watch_ttl(s, q, now, job_id, options)
    emit_with(s, q, now, keep, "added", job_id, "name", name)
    mark = next_mark(s, q)
    await_children(s, q, now, keep, job_id, mark)


def complete_flow(s: Store, q: str, now: int, keep: int, flow: str) -> None:
    """The root's queue has committed a flow: what is reserved for it here takes part."""
    ids = split(s.read(reservation_key(q, flow), ReservationRow).ids, "\n")
    for job_id in ids:
        s.rename(held_key(q, job_id), job_key(q, job_id))
    for job_id in ids:
        fields = s.hgetall(job_key(q, job_id))
        waits = lookup_int(fields, "children_left", 0) > 0 or lookup(fields, "child_failure") != ""
        appear(s, q, now, keep, job_id, lookup(fields, "name"), fields, waits)
    forget_reservation(s, q, flow)


def forget_reservation(s: Store, q: str, flow: str) -> None:
    """A reservation has served."""
    s.delete([reservation_key(q, flow)])
    s.zrem(reservations_key(q), flow)


def may_have_children(s: Store, q: str, parent_id: str, token: str) -> str:
    """DONE when the job runs under this token."""
    own_leases(s, q, [parent_id])
    held = s.read(job_key(q, parent_id), HeldRow)
    if held.name == "":
        return NOT_FOUND
    if held.state != ACTIVE or held.token != token:
        return LOST
    return DONE
