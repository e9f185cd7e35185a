"""Token buckets, exact: microtokens, which are milliseconds times millitokens a second (TB-1..8)."""

from .lang import ceil_div
from .limits import MICRO
from .records import Bucket
from .rows import GroupRow


def bucket_at(group: GroupRow, now: int) -> Bucket:
    """What the bucket holds now: never above its capacity, also after idling and after a lowered capacity (TB-8)."""
    most = group.capacity * MICRO
    if group.tokens_at == 0:
        return Bucket(most, now)
    missing = max(most - group.tokens, 0)
    elapsed = min(max(now - group.tokens_at, 0), ceil_div(missing, group.refill))
    return Bucket(min(group.tokens + elapsed * group.refill, most), now)


def wait_for_tokens(group: GroupRow, tokens: int, need: int) -> int:
    """Milliseconds until a bucket that holds `tokens` holds `need`."""
    return ceil_div(max(need - tokens, 0), group.refill)
