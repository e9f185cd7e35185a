"""What follows a failed attempt (RET-1..8)."""

from typing import Final

from .limits import DELAY_MAX_MS, FRACTIONS
from .records import RunDetail
from .rows import AttemptRow

DOUBLINGS_MAX: Final = 60


def attempts_remain(row: AttemptRow) -> bool:
    """Whether another run follows when this one fails; absent or 0 attempts are one."""
    return row.attempts_made + 1 < row.attempts


def delay_before_retry(row: AttemptRow, detail: RunDetail) -> int:
    """Milliseconds until the next attempt; the caller's own figure wins."""
    if detail.until >= 0:
        return min(detail.until, DELAY_MAX_MS)
    if row.backoff == "":
        return 0
    longest = DELAY_MAX_MS if row.backoff_max == 0 else min(row.backoff_max, DELAY_MAX_MS)
    delay = min(row.backoff_delay, longest)
    if row.backoff == "exponential":
        for doubling in range(DOUBLINGS_MAX):
            if doubling >= row.attempts_made or delay >= longest:
                break
            delay = min(delay * 2, longest)
    spread = delay * row.backoff_jitter // FRACTIONS
    return min(delay + spread * detail.fraction // FRACTIONS, longest)
