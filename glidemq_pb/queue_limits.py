"""The part of the Queue that limits what may run: groups, and the queue as a whole."""

from datetime import timedelta
from typing import Final, Literal

from .component import Component
from .options import check_choice, check_duration, check_int, check_record, refuse_option
from .ordering import RateLimit, TokenBucket, bucket_fields, check_concurrency, check_key
from .semantics import controls
from .semantics.records import GroupLimits
from .wire import to_wire


class Unset:
    """Stands for an argument that was not given, where None says something."""


UNSET: Final = Unset()
KEEP: Final = -1
REMOVE: Final = 0


class QueueLimits(Component):
    """Limits, set at any time and by any process; workers obey from their next start on."""

    async def set_group_limits(
        self,
        key: str,
        *,
        concurrency: int | Unset | None = UNSET,
        rate_limit: RateLimit | Unset | None = UNSET,
        token_bucket: TokenBucket | Unset | None = UNSET,
    ) -> None:
        """Change the limits of a group: only what is given; None removes that limit (concurrency: back to 1).

        They stay when the group is idle, unlike limits that came with jobs. Raising a limit lets waiting jobs
        start at once; lowering one stops none that run (ORD-13).
        """
        check_key("key", key)
        rate, rate_ms = KEEP, 0
        if not isinstance(rate_limit, Unset):
            window: RateLimit | None = check_record("rate_limit", rate_limit, RateLimit)
            rate, rate_ms = (REMOVE, 0) if window is None else (window.max, window.duration)
        capacity, refill = KEEP, 0
        if not isinstance(token_bucket, Unset):
            bucket: TokenBucket | None = check_record("token_bucket", token_bucket, TokenBucket)
            capacity, refill = (REMOVE, 0) if bucket is None else bucket_fields(bucket)
        slots = KEEP
        if not isinstance(concurrency, Unset):
            slots = REMOVE if concurrency is None else check_concurrency(concurrency)
        limits = GroupLimits(slots, rate, rate_ms, capacity, refill)
        await self._owner.call(controls.set_group_limits, to_wire(key), limits, self._owner.events_keep)

    async def rate_limit_group(
        self, key: str, duration: int | timedelta, *, extend: Literal["max", "replace"] = "max"
    ) -> int:
        """Start no job of a group for `duration`, also of a group never seen: the instant at which it resumes.

        Running jobs go on. `extend="max"` never shortens a pause in force; `replace` does (RRL-3..5).
        """
        check_key("key", key)
        milliseconds = check_duration("duration", duration, least=1)
        replace = check_choice("extend", extend, ("max", "replace")) == "replace"
        owner = self._owner
        return await owner.call(
            controls.rate_limit_group, owner.token(), to_wire(key), milliseconds, replace, owner.events_keep
        )

    async def set_global_concurrency(self, concurrency: int) -> None:
        """At most so many active jobs over all workers; 0 removes the limit (GC-1)."""
        check_int("concurrency", concurrency, 0)
        await self._owner.call(controls.set_global_concurrency, concurrency)

    async def get_global_concurrency(self) -> int:
        """The limit of active jobs over all workers; 0 is none."""
        return (await self._owner.call(controls.get_global_limits)).concurrency

    async def set_global_rate_limit(self, rate_limit: RateLimit) -> None:
        """At most so many starts in a window over all workers, beside any worker's own limiter (GRATE-1..5)."""
        if not isinstance(rate_limit, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
            refuse_option("rate_limit", rate_limit, "a RateLimit; remove_global_rate_limit() removes it")
        await self._owner.call(controls.set_global_rate_limit, rate_limit.max, rate_limit.duration)

    async def get_global_rate_limit(self) -> RateLimit | None:
        """The limit of starts over all workers, if there is one."""
        limits = await self._owner.call(controls.get_global_limits)
        return RateLimit(limits.rate_max, limits.rate_ms) if limits.rate_max else None

    async def remove_global_rate_limit(self) -> None:
        """Let starts be limited by nothing but what else limits them."""
        await self._owner.call(controls.set_global_rate_limit, 0, 0)
