"""What is always true of those who wait for the end of jobs. Runs in tests; it is not compiled."""

from collections.abc import Iterator

from .dumps import Dump, Job, records, scores, state
from .keys import answering_key, answers_key, reply_key
from .states import COMPLETED, FAILED


def only_jobs_that_have_not_ended_are_waited_for(
    dump: Dump, q: str, jobs: dict[str, Job], latest: int
) -> Iterator[str]:
    for job_id, job in jobs.items():
        if "waits" in job:
            if state(job) in (COMPLETED, FAILED):
                yield f"job {job_id} has ended, and {job['waits']} wait for it"
            for wait in job["waits"].split(","):
                waiter, number, offset = wait.split(":")
                if not (waiter and number.isdigit() and offset.removeprefix("-").isdigit()):
                    yield f"job {job_id} is waited for by {wait!r}"


def each_answer_is_dropped_some_day(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    found = {f"{waiter}:{number}" for waiter, own in records(dump, answers_key(q, "")).items() for number in own}
    if found != set(scores(dump, answering_key(q))):
        yield f"answers {sorted(found)}, to be dropped {sorted(scores(dump, answering_key(q)))}"


def only_who_has_answers_is_called_and_once(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    for key in dump:
        if key.startswith(reply_key(q, "")):
            waiter = key.removeprefix(reply_key(q, ""))
            if answers_key(q, waiter) not in dump or len(dump[key]) > 1:
                yield f"{waiter} is called {len(dump[key])} times, answers: {dump.get(answers_key(q, waiter))}"


RULES = (
    only_jobs_that_have_not_ended_are_waited_for,
    each_answer_is_dropped_some_day,
    only_who_has_answers_is_called_and_once,
)
