"""Every bound of the semantics layer, with its reason."""

from typing import Final

from .lang import INT_MAX

FORMAT: Final = 1
"""The stored format, kept in `:meta` by a queue's first operation. Raised whenever the layout of keys changes."""

# The ready set's score is (class * 2 + lane) * PLACES + place, exact as a double.
PLACES: Final = 2**40
"""Ready sequence numbers of one queue: 25,000 a second for 500 days without a pause."""
PRIORITY_MAX: Final = 2048
CLASS_NONE: Final = 2048
"""The class of jobs without a priority, behind every priority (class is priority - 1)."""
SCORE_MAX: Final = (CLASS_NONE * 2 + 1) * PLACES + PLACES - 1

SWEEP_MAX: Final = 200
"""Due entries moved in one call: about 2 ms of the server."""
TRIM_MAX: Final = 100
"""Jobs one ending may remove by a retention count; the rest is due work."""
BATCH_MAX: Final = 50
"""Jobs that one call of an administrative work handles: at most 10 ms of the server with a million jobs."""
LETTERS_MAX: Final = 50
"""Letters in one reading of the outbox."""
PLANS_MAX: Final = 20
"""Cron schedulers that one reply asks its caller to plan."""
PAGE_MAX: Final = 500
"""Jobs in one page of a listing."""
REPLY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Payload bytes one reply may carry, always at least one job."""
ENQUEUE_MAX: Final = 1000
"""Jobs in one atomic enqueue."""
EVENT_VALUE_MAX: Final = 4096
"""Bytes of a value that an event repeats; a longer one is left out."""
EVENTS_TOGETHER: Final = 100
"""Events in one entry of the stream, at most: those who wait for an event are sent the newest entry whole."""

CALL_KEPT_MS: Final = 60_000
"""How long the reply to a producer's call is kept for its repetition, at least."""
RESERVED_MS: Final = 60_000
"""How long a flow may be reserved before somebody asks whether it was committed."""
ANSWER_KEPT_MS: Final = 60_000
"""How long an answer is kept for a waiter that was cut off; and how much longer than it says a wait lasts."""
WAITS_MAX: Final = 1_000
"""Waits for one job: about 40 KiB of its record, rewritten by each."""
WORKER_REFRESH_MS: Final = 5_000
"""How stale a worker's record may be before a call writes it anew."""
BACKUP_TIMER_MS: Final = 100
"""How long after a due moment the backup looks, should the worker that keeps the timer have died."""

CANONICAL_DIGITS_MAX: Final = 12
"""A custom id of at most so many digits raises the id counter, so that the counter never meets it."""
DELAY_MAX_MS: Final = 365 * 24 * 3_600_000
"""The longest backoff: a year; doubling stops here."""
FRACTIONS: Final = 100_000
"""Jitter and the fraction drawn for it are hundred-thousandths: DELAY_MAX_MS * FRACTIONS is below 2**53."""
MICRO: Final = 1_000
"""Microtokens in a millitoken."""
CAPACITY_MAX: Final = 1_000_000_000
"""Millitokens a bucket may hold, and be refilled with a second: a million tokens."""
COST_DEFAULT: Final = 1_000
"""Millitokens: one token."""
TURNS: Final = 2**40
"""Turns of one queue; they order the members of a group within a class."""
UNPAYABLE_MAX: Final = 50
"""Members a group may fail in one look because they cost more than its bucket holds."""
METRICS_KEPT_MS: Final = 24 * 3_600_000
MINUTE_MS: Final = 60_000

assert (CLASS_NONE + 1) * TURNS <= INT_MAX
assert 2 * CAPACITY_MAX * MICRO <= INT_MAX
assert SCORE_MAX <= INT_MAX
assert DELAY_MAX_MS * FRACTIONS <= INT_MAX
