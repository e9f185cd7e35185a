"""The options of a job: what callers write, and the fields that are stored."""

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypedDict, Unpack, cast

from .deduplication import Deduplication, decode_deduplication, encode_deduplication
from .errors import InvalidOptionsError
from .options import (
    Backoff,
    Keep,
    check_bool,
    check_choice,
    check_duration,
    check_int,
    check_job_id,
    check_job_name,
    check_lock_duration,
    check_priority,
    refuse_option,
)
from .ordering import KEY, Ordering, decode_ordering, encode_cost, encode_ordering, tokens
from .semantics.limits import FRACTIONS
from .wire import from_wire, to_wire

if TYPE_CHECKING:
    from .job import Job


class JobOptions(TypedDict, total=False):
    """What `add` takes besides name and data. Durations are milliseconds or timedeltas; None is not given."""

    job_id: str | None
    """Unique in the queue, at most 256 characters; a counter's next number otherwise."""
    delay: int | timedelta | None
    """Not started before so long after it was added."""
    priority: int | None
    """1 to 2048, lower first, before all jobs without one (0)."""
    lifo: bool | None
    """The newest first, after jobs with a priority and before all others."""
    ttl: int | timedelta | None
    """Fails as `expired` when it has not been started so long after it was added; 0 is never."""
    timeout: int | timedelta | None
    """How long one attempt may take; 0 is for ever."""
    lock_duration: int | timedelta | None
    """The length of its lease, 1 s to 24 h; the worker's otherwise."""
    attempts: int | None
    """Runs in all; 0 and 1 are one."""
    backoff: Backoff | None
    """What lies between attempts; nothing otherwise."""
    ordering: Ordering | None
    """Its group, and what the group is limited to."""
    deduplication: Deduplication | None
    """Whether it is added at all, by what was added under the same id."""
    cost: float | None
    """Tokens that a start takes from the group's bucket: 1 unless given, 0 is free."""
    remove_on_complete: bool | int | Keep | None
    """True: removed when it completes; a number: as `Keep(count=...)`; False: kept."""
    remove_on_fail: bool | int | Keep | None
    """The same for a job that failed for good."""
    on_child_failure: Literal["wait", "fail", "ignore"] | None
    """What a child that failed for good means to it: wait until it was retried or removed (`wait`, unless given),
    fail too, or go on without it."""
    parent: "Job[Any, Any] | None"
    """A running job, as its processor got it: this one becomes a child of it."""


# --- writing ---------------------------------------------------------------------------------------------------------


def encode_options(options: Mapping[str, Any]) -> list[str]:
    """The stored fields of options as a flat list of names and values, without what is the default.

    `job_id` is checked, and is no field. Raises InvalidOptionsError.
    """
    fields: list[str] = []
    for option, value in options.items():
        encode = _ENCODERS.get(option)
        if encode is None:
            raise InvalidOptionsError(f"{option}={value!r}: no such option; there are {', '.join(_ENCODERS)}")
        if value is not None:
            encode(option, value, fields)
    if KEY in fields and "lifo" in fields and options.get("lifo"):
        raise InvalidOptionsError("lifo and ordering.key cannot be used together")
    if "dedup_mode" in fields:
        check_window(options)
    return fields


def check_window(options: Mapping[str, Any]) -> None:
    """A debounce needs a window (DED-3)."""
    deduplication: Deduplication = options["deduplication"]
    if deduplication.mode == "debounce" and deduplication.ttl is None and not options.get("delay"):
        refuse_option("deduplication", deduplication, "for a debounce, a ttl of 1 ms or more, or a delay")


def _encode_id(_: str, value: object, __: list[str]) -> None:
    check_job_id(value)


def _encode_duration(option: str, value: object, fields: list[str]) -> None:
    if milliseconds := check_duration(option, value):
        fields += (option, str(milliseconds))


def _encode_lock_duration(option: str, value: object, fields: list[str]) -> None:
    fields += (option, str(check_lock_duration(option, value)))


def _encode_priority(option: str, value: object, fields: list[str]) -> None:
    if priority := check_priority(option, value):
        fields += (option, str(priority))


def _encode_attempts(option: str, value: object, fields: list[str]) -> None:
    attempts = check_int(option, value, 0)
    if attempts > 1:
        fields += (option, str(attempts))


def _encode_flag(option: str, value: object, fields: list[str]) -> None:
    if check_bool(option, value):
        fields += (option, "1")


def _encode_backoff(option: str, value: object, fields: list[str]) -> None:
    if not isinstance(value, Backoff):
        refuse_option(option, value, "a Backoff")
    fields += (option, to_wire(value.type))
    if value.delay:
        fields += ("backoff_delay", str(value.delay))
    if value.jitter:
        fields += ("backoff_jitter", str(round(value.jitter * FRACTIONS)))
    if value.max_delay is not None:
        fields += ("backoff_max", str(value.max_delay))


def _encode_retention(option: str, value: object, fields: list[str]) -> None:
    kept = _KEPT[option]
    if value is True:
        fields += (option, "1")
    elif isinstance(value, Keep):
        if value.count is not None:
            fields += (kept, str(value.count))
        if value.age is not None:
            fields += (f"{kept}_ms", str(value.age))
    elif value is not False:
        if type(value) is not int or value < 0:
            refuse_option(option, value, "True, False, a count of 0 or more, or a Keep")
        fields += (kept, str(check_int(option, value, 0)))


def _encode_on_child_failure(option: str, value: object, fields: list[str]) -> None:
    if check_choice(option, value, ("wait", "fail", "ignore")) != "wait":
        fields += (option, str(value))


def _encode_parent(_: str, __: object, ___: list[str]) -> None:
    """No field: who adds the job also makes it a child."""


_KEPT: Final = {"remove_on_complete": "keep_completed", "remove_on_fail": "keep_failed"}
_ENCODERS: Final[Mapping[str, Callable[[str, object, list[str]], None]]] = {
    "job_id": _encode_id,
    "delay": _encode_duration,
    "priority": _encode_priority,
    "lifo": _encode_flag,
    "ttl": _encode_duration,
    "timeout": _encode_duration,
    "lock_duration": _encode_lock_duration,
    "attempts": _encode_attempts,
    "ordering": encode_ordering,
    "cost": encode_cost,
    "deduplication": encode_deduplication,
    "backoff": _encode_backoff,
    "remove_on_complete": _encode_retention,
    "remove_on_fail": _encode_retention,
    "on_child_failure": _encode_on_child_failure,
    "parent": _encode_parent,
}


# --- reading ---------------------------------------------------------------------------------------------------------


def decode_options(fields: Mapping[str, str]) -> JobOptions:
    """The options that stored fields hold, without what is the default."""
    options: dict[str, Any] = {
        option: int(fields[option])
        for option in ("delay", "priority", "ttl", "timeout", "lock_duration", "attempts")
        if option in fields
    }
    if "lifo" in fields:
        options["lifo"] = True
    if "backoff" in fields:
        longest = fields.get("backoff_max")
        options["backoff"] = Backoff(
            from_wire(fields["backoff"]),
            int(fields.get("backoff_delay", "0")),
            int(fields.get("backoff_jitter", "0")) / FRACTIONS,
            None if longest is None else int(longest),
        )
    if (ordering := decode_ordering(fields)) is not None:
        options["ordering"] = ordering
    if (deduplication := decode_deduplication(fields)) is not None:
        options["deduplication"] = deduplication
    if "on_child_failure" in fields:
        options["on_child_failure"] = fields["on_child_failure"]
    if "cost" in fields:
        options["cost"] = tokens(int(fields["cost"]))
    for option, kept in _KEPT.items():
        age, count = fields.get(f"{kept}_ms"), fields.get(kept)
        if option in fields:
            options[option] = True
        elif age is not None:
            options[option] = Keep(int(age), None if count is None else int(count))
        elif count is not None:
            options[option] = int(count)
    return cast("JobOptions", options)


# --- a job to be ---------------------------------------------------------------------------------------------------


@dataclass(slots=True, init=False, repr=False, unsafe_hash=True)
class NewJob:
    """A job for `add_bulk`: `NewJob("send", {"to": "a@example.com"}, delay=5_000)`.

    Checked when built (InvalidOptionsError), except for its data, which the queue's serializer checks. Two with the
    same name, data and meaning of the options are equal.
    """

    columns: tuple[str, Any, str, tuple[str, ...], "Job[Any, Any] | None"]
    """What a bulk takes from it, in one: its name, its data, its id or "", the fields that are stored for its options,
    its parent."""
    given: JobOptions | None = field(compare=False)
    """Its options; None for none, since to keep an empty dict for each job of a bulk costs collections of garbage."""

    def __init__(self, name: str, data: Any = None, **options: Unpack[JobOptions]) -> None:
        if options:
            encoded = tuple(encode_options(options))
            columns = check_job_name(name), data, options.get("job_id") or "", encoded, options.get("parent")
        else:
            columns = check_job_name(name), data, "", (), None
        _put(self, "columns", columns)
        _put(self, "given", options or None)

    # A dataclass that is `frozen` refuses less (only its fields), and fails where it has slots and properties.
    def __setattr__(self, name: str, _: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to {name!r} of a NewJob")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete {name!r} of a NewJob")

    def __setstate__(self, state: tuple[None, Mapping[str, Any]]) -> None:
        for name, value in state[1].items():
            _put(self, name, value)

    def __repr__(self) -> str:
        return f"NewJob(name={self.name!r}, data={self.data!r}, options={self.options!r})"

    @property
    def name(self) -> str:
        """What kind of job it is."""
        return self.columns[0]

    @property
    def data(self) -> Any:
        """Its payload."""
        return self.columns[1]

    @property
    def options(self) -> JobOptions:
        """As given; changing them changes nothing."""
        return JobOptions() if self.given is None else self.given


_put = object.__setattr__
