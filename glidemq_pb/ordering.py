"""Limits of groups and of the whole queue: the records that callers write, and the fields that are stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from .options import TEXT_MAX, check_duration, check_int, check_record, refuse_option
from .semantics.limits import CAPACITY_MAX, COST_DEFAULT
from .wire import from_wire, to_wire

MILLI: Final = 1_000
KEY: Final = "ordering_key"


def check_millitokens(option: str, value: object, *, least: int) -> int:
    """Tokens, `int` or `float` in steps of 0.001, as millitokens."""
    most = CAPACITY_MAX // MILLI
    allowed = f"an int or float from {least / MILLI:g} to {most:,} in steps of 0.001"
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        refuse_option(option, value, allowed)
    millitokens = round(value * MILLI)
    if millitokens < least or abs(value * MILLI - millitokens) > 1e-6 * max(1, millitokens):
        refuse_option(option, value, allowed)
    return millitokens


def check_key(option: str, value: object) -> str:
    """An ordering key of 1 to 256 characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX:
        refuse_option(option, value, f"a str of 1 to {TEXT_MAX} characters")
    return value


def tokens(millitokens: int) -> int | float:
    """Millitokens as tokens: an `int` where it is one."""
    return millitokens // MILLI if millitokens % MILLI == 0 else millitokens / MILLI


@dataclass(frozen=True, slots=True, init=False)
class RateLimit:
    """At most `max` starts in a window of `duration` (milliseconds or a timedelta).

    A window opens at the first start after the previous one ended, so 2 x `max` starts may lie close together
    around its end (GRL-2). Raises InvalidOptionsError.
    """

    max: int
    duration: int

    def __init__(self, max: int, duration: int | timedelta) -> None:  # noqa: A002 - the public name
        put = object.__setattr__
        put(self, "max", check_int("rate_limit.max", max, 1))
        put(self, "duration", check_duration("rate_limit.duration", duration, least=1))


@dataclass(frozen=True, slots=True, init=False)
class TokenBucket:
    """`capacity` tokens, refilled by `refill_rate` a second; each start takes the job's `cost` (TB-1).

    Both are `int` or `float` in steps of 0.001, above 0, at most a million. Raises InvalidOptionsError.

    Example:
        await queue.add("infer", {}, ordering=Ordering("gpu", token_bucket=TokenBucket(100, 10)), cost=25)
    """

    capacity: float
    refill_rate: float

    def __init__(self, capacity: float, refill_rate: float) -> None:
        put = object.__setattr__
        put(self, "capacity", tokens(check_millitokens("token_bucket.capacity", capacity, least=1)))
        put(self, "refill_rate", tokens(check_millitokens("token_bucket.refill_rate", refill_rate, least=1)))


@dataclass(frozen=True, slots=True, init=False)
class Ordering:
    """Which group a job belongs to, and what its group is limited to.

    `None` keeps what the group has; a new group starts with concurrency 1, which is strict order (ORD-2), and
    no limits. Concurrency below 1 counts as 1. An empty `key` is no group. Raises InvalidOptionsError.

    Example:
        await queue.add("charge", {"order": 7}, ordering=Ordering("user:42"))  # one at a time, in order
        await queue.add("call", {}, ordering=Ordering("api", concurrency=5, rate_limit=RateLimit(100, 60_000)))
    """

    key: str
    concurrency: int | None
    rate_limit: RateLimit | None
    token_bucket: TokenBucket | None

    def __init__(
        self,
        key: str,
        concurrency: int | None = None,
        rate_limit: RateLimit | None = None,
        token_bucket: TokenBucket | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "key", "" if key == "" else check_key("ordering.key", key))
        put(self, "concurrency", None if concurrency is None else check_concurrency(concurrency))
        put(self, "rate_limit", check_record("ordering.rate_limit", rate_limit, RateLimit))
        put(self, "token_bucket", check_record("ordering.token_bucket", token_bucket, TokenBucket))


def check_concurrency(value: object) -> int:
    """A group's concurrency; below 1 is 1 (ORD-3)."""
    if type(value) is not int:
        refuse_option("ordering.concurrency", value, "an int")
    return max(1, check_int("ordering.concurrency", value, -(2**53)))


def encode_ordering(option: str, value: object, fields: list[str]) -> None:
    """Append what is stored for an `ordering` option."""
    if not isinstance(value, Ordering):
        refuse_option(option, value, "an Ordering")
    if value.key == "":
        return
    fields += (KEY, to_wire(value.key))
    if value.concurrency is not None:
        fields += ("group_concurrency", str(value.concurrency))
    if value.rate_limit is not None:
        fields += ("group_rate_max", str(value.rate_limit.max), "group_rate_ms", str(value.rate_limit.duration))
    if value.token_bucket is not None:
        capacity, refill = bucket_fields(value.token_bucket)
        fields += ("group_capacity", str(capacity), "group_refill", str(refill))


def bucket_fields(bucket: TokenBucket) -> tuple[int, int]:
    """Capacity and refill rate in millitokens."""
    return round(bucket.capacity * MILLI), round(bucket.refill_rate * MILLI)


def encode_cost(option: str, value: object, fields: list[str]) -> None:
    """Append what is stored for a `cost` option."""
    cost = check_millitokens(option, value, least=0)
    if cost != COST_DEFAULT:
        fields += (option, str(cost))


def decode_ordering(fields: Mapping[str, str]) -> Ordering | None:
    """The `ordering` option that stored fields hold."""
    if KEY not in fields:
        return None
    concurrency = fields.get("group_concurrency")
    rate = fields.get("group_rate_max")
    capacity = fields.get("group_capacity")
    return Ordering(
        from_wire(fields[KEY]),
        None if concurrency is None else int(concurrency),
        None if rate is None else RateLimit(int(rate), int(fields["group_rate_ms"])),
        None if capacity is None else TokenBucket(int(capacity) / MILLI, int(fields["group_refill"]) / MILLI),
    )
