"""Deduplication: the record that callers write, and the fields that are stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, cast

from .options import TEXT_MAX, check_choice, check_duration, refuse_option
from .wire import from_wire, to_wire

DedupMode = Literal["simple", "throttle", "debounce"]
MODES: Final = ("simple", "throttle", "debounce")


@dataclass(frozen=True, slots=True, init=False)
class Deduplication:
    """Whether a job is added, by what was added under the same `id`.

    - `simple`: not while any job of this id exists, in any state; with a `ttl` only so long after the last one (DED-1).
    - `throttle`: not until `ttl` after the last one that was added, whatever became of it (DED-2).
    - `debounce`: each is held back for `ttl` (or its `delay`, if that is longer), and takes the place of the one that
      is still held back (DED-4): only the last of a burst runs.

    `ttl` is milliseconds or a timedelta; `throttle` needs one, `debounce` needs one or a `delay`.
    Raises InvalidOptionsError.

    Example:
        await queue.add("search", {"q": "val"}, deduplication=Deduplication("user:42", "debounce", ttl=300))
    """

    id: str
    mode: DedupMode
    ttl: int | None

    def __init__(self, id: str, mode: DedupMode = "simple", ttl: int | timedelta | None = None) -> None:  # noqa: A002 - the public name
        if not isinstance(id, str) or not 1 <= len(id) <= TEXT_MAX:  # pyright: ignore[reportUnnecessaryIsInstance]
            refuse_option("deduplication.id", id, f"a str of 1 to {TEXT_MAX} characters")
        put = object.__setattr__
        put(self, "id", id)
        put(self, "mode", check_choice("deduplication.mode", mode, MODES))
        put(self, "ttl", None if ttl is None else check_duration("deduplication.ttl", ttl, least=1))
        if mode == "throttle" and ttl is None:
            refuse_option("deduplication.ttl", ttl, "a duration of 1 ms or more: a throttle needs its window")


def encode_deduplication(option: str, value: object, fields: list[str]) -> None:
    """Append what is stored for a `deduplication` option."""
    if not isinstance(value, Deduplication):
        refuse_option(option, value, "a Deduplication")
    fields += ("dedup_id", to_wire(value.id), "dedup_mode", value.mode)
    if value.ttl is not None:
        fields += ("dedup_ttl", str(value.ttl))


def decode_deduplication(fields: Mapping[str, str]) -> Deduplication | None:
    """The `deduplication` option that stored fields hold."""
    if "dedup_id" not in fields:
        return None
    ttl = fields.get("dedup_ttl")
    mode = cast("DedupMode", fields["dedup_mode"])
    return Deduplication(from_wire(fields["dedup_id"]), mode, None if ttl is None else int(ttl))
