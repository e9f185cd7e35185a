"""What is always true of parents, children and reserved flows. Runs in tests; it is not compiled (see `invariants`)."""

from collections.abc import Iterator

from .dumps import Dump, Job, number_of, records, scores, state
from .families import FAILED_OUTCOME
from .keys import (
    children_key,
    flows_key,
    freed_key,
    held_key,
    letter_key,
    outcomes_key,
    reservation_key,
    reservations_key,
)
from .states import WAITING_CHILDREN


def children_left_counts_those_that_hold_a_parent(
    dump: Dump, q: str, jobs: dict[str, Job], latest: int
) -> Iterator[str]:
    for job_id, job in (records(dump, held_key(q, "")) | jobs).items():
        outcomes = dump.get(outcomes_key(q, job_id), {})
        children = scores(dump, children_key(q, job_id))
        holding = [one for one in children if outcomes.get(one, FAILED_OUTCOME) == FAILED_OUTCOME]
        if number_of(job, "children_left") != len(holding):
            yield f"job {job_id} counts {job.get('children_left')} children, {holding} hold it"
        if not outcomes.keys() <= children.keys():
            yield f"job {job_id} has outcomes of strangers {sorted(outcomes.keys() - children.keys())}"


def families_belong_to_jobs(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    held = records(dump, held_key(q, ""))
    for prefix in (children_key(q, ""), outcomes_key(q, "")):
        for job_id in records(dump, prefix):
            if job_id not in jobs and job_id not in held:
                yield f"{prefix}{job_id} without its job"


def the_freed_are_those_that_nothing_holds(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    expected = {
        job_id
        for job_id, job in jobs.items()
        if state(job) == WAITING_CHILDREN and (number_of(job, "children_left") == 0 or "child_failure" in job)
    }
    if expected != scores(dump, freed_key(q)).keys():
        yield f"freed {sorted(scores(dump, freed_key(q)))}, held by nothing {sorted(expected)}"


def the_held_are_reserved(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    reservations = records(dump, reservation_key(q, ""))
    if reservations.keys() != scores(dump, reservations_key(q)).keys():
        yield f"reservations {sorted(reservations)}, watched {sorted(scores(dump, reservations_key(q)))}"
    reserved = sorted(job_id for row in reservations.values() for job_id in row["ids"].split("\n"))
    held = sorted(records(dump, held_key(q, "")))
    if held != reserved:
        yield f"held {held}, reserved {reserved}"
    if both := set(held) & jobs.keys():
        yield f"held and there: {sorted(both)}"


def committed_flows_count_their_letters(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    letters = [row["option:flow"] for row in records(dump, letter_key(q, "")).values() if "option:flow" in row]
    for flow in letters:
        if number_of(dump.get(flows_key(q), {}), flow) != letters.count(flow):
            yield f"flow {flow} has {letters.count(flow)} letters, counted {dump.get(flows_key(q))}"
    if strays := dump.get(flows_key(q), {}).keys() - set(letters):
        yield f"flows without letters: {sorted(strays)}"


RULES = (
    children_left_counts_those_that_hold_a_parent,
    families_belong_to_jobs,
    the_freed_are_those_that_nothing_holds,
    the_held_are_reserved,
    committed_flows_count_their_letters,
)
