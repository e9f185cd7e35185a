"""The gates of the whole queue, evaluated once a call, before picking, into one number of starts.

Pause, global concurrency (GC-1..6), global rate limit (GRATE-1..5), and the caller's own limiter (WRK-1).
"""

from .deadlines import lower_next_due
from .keys import active_key, limiter_key, limiters_key, meta_key
from .lang import text
from .records import Caller
from .rows import LimiterRow, Meta
from .store import Store
from .windows import window_count, window_left, window_opening


def queue_lets_start(s: Store, q: str, now: int, meta: Meta, want: int) -> int:
    """How many of `want` starts the queue's own gates let pass now."""
    if meta.paused == 1:
        return 0
    allowed = want
    if meta.global_concurrency > 0:
        allowed = min(allowed, max(meta.global_concurrency - s.zcard(active_key(q)), 0))
    if meta.global_rate_max > 0:
        left = window_left(
            meta.global_rate_max, meta.global_rate_ms, meta.global_window_at, meta.global_window_used, now
        )
        allowed = min(allowed, left)
    return allowed


def limiter_name(caller: Caller) -> str:
    """Workers with the same limiter share a window; another pair is another window."""
    return text(caller.limiter_max) + ":" + text(caller.limiter_ms)


def limiter_lets_start(s: Store, q: str, now: int, caller: Caller, want: int) -> int:
    """How many of `want` starts the caller's limiter lets pass now."""
    if caller.limiter_max == 0:
        return want
    row = s.read(limiter_key(q, limiter_name(caller)), LimiterRow)
    return min(want, window_left(caller.limiter_max, caller.limiter_ms, row.window_at, row.window_used, now))


def limiter_hold_ms(s: Store, q: str, now: int, caller: Caller) -> int:
    """How long the caller's limiter lets nothing start; 0: it does."""
    if limiter_lets_start(s, q, now, caller, 1) > 0:
        return 0
    row = s.read(limiter_key(q, limiter_name(caller)), LimiterRow)
    return window_opening(caller.limiter_ms, row.window_at, now) + caller.limiter_ms - now


def steady_windows(s: Store, q: str, now: int, meta: Meta, caller: Caller) -> Meta:
    """Where time stepped back, an open window counts from now on, with what it held: the gates as they are now.

    A sweep may have closed the window that `meta` still shows.
    """
    if caller.limiter_max > 0:
        name = limiter_name(caller)
        if s.read(limiter_key(q, name), LimiterRow).window_at > now:
            s.hset(limiter_key(q, name), window_at=now)
            s.zadd(limiters_key(q), now + caller.limiter_ms, name)
            lower_next_due(s, q, now + caller.limiter_ms)
    if meta.global_window_at > now:
        s.hset(meta_key(q), global_window_at=now)
        lower_next_due(s, q, now + meta.global_rate_ms)
        return s.read(meta_key(q), Meta)
    return meta


def count_starts(s: Store, q: str, now: int, meta: Meta, caller: Caller, starts: int) -> None:
    """Count starts in the open windows (GRATE-4: retries included)."""
    if meta.global_rate_max > 0:
        opened = window_opening(meta.global_rate_ms, meta.global_window_at, now)
        used = window_count(meta.global_rate_ms, meta.global_window_at, meta.global_window_used, now)
        s.hset(meta_key(q), global_window_at=opened, global_window_used=used + starts)
        lower_next_due(s, q, opened + meta.global_rate_ms)
    if caller.limiter_max > 0:
        name = limiter_name(caller)
        row = s.read(limiter_key(q, name), LimiterRow)
        opened_at = window_opening(caller.limiter_ms, row.window_at, now)
        counted = window_count(caller.limiter_ms, row.window_at, row.window_used, now)
        s.hset(limiter_key(q, name), window_at=opened_at, window_used=counted + starts)
        s.zadd(limiters_key(q), opened_at + caller.limiter_ms, name)
        lower_next_due(s, q, opened_at + caller.limiter_ms)


def window_end(meta: Meta) -> int:
    """When the open window of the global rate limit ends; 0: none is open."""
    return 0 if meta.global_window_at == 0 else meta.global_window_at + meta.global_rate_ms


def close_windows(s: Store, q: str, now: int, meta: Meta) -> bool:
    """Forget windows that have ended: whether there was one, so that starts may be possible again."""
    limiters = s.zdue(limiters_key(q), now, 100)
    keys: list[str] = []
    for name in limiters:
        keys.append(limiter_key(q, name))
    s.delete(keys)
    s.zrem_many(limiters_key(q), limiters)
    if meta.global_window_at == 0 or now < window_end(meta):
        return False
    s.hdel(meta_key(q), ["global_window_at", "global_window_used"])
    return True
