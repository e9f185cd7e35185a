"""What is always true of deduplication, limiters, letters. Runs in tests; it is not compiled."""

from collections import Counter
from collections.abc import Iterator

from .dumps import MARK_DIGITS, Dump, Job, number_of, records, scores
from .keys import (
    dedup_key,
    deduping_key,
    inbox_key,
    letter_key,
    limiter_key,
    limiters_key,
    meta_key,
    outbox_key,
    sent_key,
)


def dedup_records_count_their_jobs(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    windows = scores(dump, deduping_key(q))
    counted = Counter(job["dedup_id"] for job in jobs.values() if "dedup_id" in job)
    found = records(dump, dedup_key(q, ""))
    for dedup_id, row in found.items():
        if number_of(row, "jobs") != counted[dedup_id]:
            yield f"{dedup_id} counts {row.get('jobs')} jobs, {counted[dedup_id]} are there"
        if number_of(row, "until") != windows.get(dedup_id, 0):
            yield f"{dedup_id} is kept until {row.get('until')}, its window ends at {windows.get(dedup_id)}"
        if counted[dedup_id] == 0 and dedup_id not in windows:
            yield f"{dedup_id} says nothing and is still there"
        if "pending" in row and jobs.get(row["pending"], {}).get("dedup_id") != dedup_id:
            yield f"{dedup_id} holds back {row['pending']}, which is not its job"
        if ("pending" in row) != ("pending_until" in row):
            yield f"{dedup_id} holds a job back without a moment"
    if missing := (counted.keys() | windows.keys()) - found.keys():
        yield f"no record of {sorted(missing)}"


def limiters_end_when_their_window_does(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    expected = {
        name: number_of(row, "window_at") + int(name.partition(":")[2])
        for name, row in records(dump, limiter_key(q, "")).items()
    }
    if expected != scores(dump, limiters_key(q)):
        yield f"limiters end at {expected}, listed {scores(dump, limiters_key(q))}"
    for name, row in records(dump, limiter_key(q, "")).items():
        if not 1 <= number_of(row, "window_used") <= int(name.partition(":")[0]):
            yield f"limiter {name} counts {row.get('window_used')}"


def global_windows_need_their_limit(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    meta = dump.get(meta_key(q), {})
    if ("global_window_at" in meta) != ("global_window_used" in meta):
        yield "a global window without its count, or the other way round"
    if "global_window_at" in meta and not ("global_rate_max" in meta and "global_rate_ms" in meta):
        yield "a global window without a limit"


def letters_are_numbered_without_gaps(dump: Dump, q: str, jobs: dict[str, Job], latest: int) -> Iterator[str]:
    outbox = scores(dump, outbox_key(q))
    letters = records(dump, letter_key(q, ""))
    if outbox.keys() != letters.keys():
        yield f"letters {sorted(letters)}, in the outbox {sorted(outbox)}"
    if any(member != str(score).zfill(MARK_DIGITS) for member, score in outbox.items()):
        yield f"outbox {outbox}"
    sent = dump.get(sent_key(q), {})
    ordinals: dict[str, int] = {}
    for sequence in sorted(letters):
        target, ordinal = letters[sequence].get("target", ""), number_of(letters[sequence], "ordinal")
        if not ordinals.get(target, 0) < ordinal <= number_of(sent, target):
            before, last = ordinals.get(target), sent.get(target)
            yield f"letter {sequence} is number {ordinal} to {target}, after {before} of {last}"
        ordinals[target] = ordinal
    if any(int(count) < 1 for count in [*sent.values(), *dump.get(inbox_key(q), {}).values()]):
        yield f"sent {sent}, taken {dump.get(inbox_key(q))}"


RULES = (
    dedup_records_count_their_jobs,
    limiters_end_when_their_window_does,
    global_windows_need_their_limit,
    letters_are_numbered_without_gaps,
)
