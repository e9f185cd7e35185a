"""Per-minute counts of ended jobs, for a day."""

from .deadlines import lower_next_due
from .keys import meta_key, metrics_key
from .lang import number, text
from .limits import METRICS_KEPT_MS, MINUTE_MS
from .rows import MetricsRow
from .states import COMPLETED, FAILED
from .store import Store


def count_ended(s: Store, q: str, now: int, state: str, ended: int) -> None:
    """Add to the minute of `now`."""
    count_in_minute(s, q, now, s.read(meta_key(q), MetricsRow).metrics_until, state, ended)


def count_in_minute(s: Store, q: str, now: int, metrics_until: int, state: str, ended: int) -> None:
    """The same where `meta.metrics_until` is known."""
    minute = now // MINUTE_MS
    s.hincrby(metrics_key(q, state), text(minute), ended)
    if metrics_until == 0:
        until = minute * MINUTE_MS + METRICS_KEPT_MS
        s.hset(meta_key(q), metrics_until=until)
        lower_next_due(s, q, until)


def forget_minutes(s: Store, q: str, now: int) -> None:
    """Remove what is older than a day and note when the oldest of the rest will be."""
    oldest = 0
    for state in [COMPLETED, FAILED]:
        stale: list[str] = []
        for digits in s.hkeys(metrics_key(q, state)):
            minute = number(digits)
            if minute * MINUTE_MS + METRICS_KEPT_MS <= now:
                stale.append(digits)
            elif oldest == 0 or minute < oldest:
                oldest = minute
        s.hdel(metrics_key(q, state), stale)
    if oldest == 0:
        s.hdel(meta_key(q), ["metrics_until"])
    else:
        s.hset(meta_key(q), metrics_until=oldest * MINUTE_MS + METRICS_KEPT_MS)
