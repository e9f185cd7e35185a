"""A worker's options as its loop reads them."""

from dataclasses import dataclass

from .ordering import RateLimit


@dataclass(frozen=True, slots=True)
class Settings:
    """A worker's options, validated; durations are milliseconds."""

    concurrency: int
    lock_duration: int
    stalled_interval: int
    max_stalled_count: int
    block_timeout: int
    cancel_on_abort: bool
    metrics: bool
    limiter: RateLimit | None
