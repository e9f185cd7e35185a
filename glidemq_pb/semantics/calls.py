"""Calls whose outcome is unknown: a producer repeats a call under its token and gets the first reply.

Replies live in two generations. The young one becomes the old one after CALL_KEPT_MS, and the old one
is dropped whole, so that forgetting costs the same for one call as for a million.
"""

from .deadlines import lower_next_due
from .keys import calls_key, meta_key, old_calls_key
from .limits import CALL_KEPT_MS
from .store import Store


def recall(s: Store, q: str, call: str) -> str | None:
    """The reply that this call was given before. An empty token is a call that nobody repeats."""
    if call == "":
        return None
    reply = s.hget(calls_key(q), call)
    if reply is None:
        return s.hget(old_calls_key(q), call)
    return reply


def remember(s: Store, q: str, now: int, calls_until: int, call: str, reply: str) -> None:
    """Keep the reply for a repetition."""
    if call == "":
        return
    s.hset_value(calls_key(q), call, reply)
    if calls_until == 0:
        s.hset(meta_key(q), calls_until=now + CALL_KEPT_MS)
        lower_next_due(s, q, now + CALL_KEPT_MS)


def turn_calls(s: Store, q: str, now: int) -> None:
    """Drop the old generation; the young one becomes old."""
    s.delete([old_calls_key(q)])
    if s.exists(calls_key(q)):
        s.rename(calls_key(q), old_calls_key(q))
        s.hset(meta_key(q), calls_until=now + CALL_KEPT_MS)
    else:
        s.hdel(meta_key(q), ["calls_until"])
