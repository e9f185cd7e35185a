"""Why an operation may refuse a whole call. The API layer turns each code into a public exception."""

from enum import StrEnum


class Code(StrEnum):
    """One code per broken condition, named after it."""

    FORMAT = "FORMAT"
    """The queue was written by a release with another stored format."""
    STALE_CALL = "STALE_CALL"
    """A worker's call arrived after a later call of the same worker was answered."""
    LATE = "LATE"
    """A flow over several queues was to be committed after its deadline: nothing of it exists."""
    COST = "COST"
    """A job costs more than the capacity of its group's bucket (TB-5)."""
    NO_RUN = "NO_RUN"
    """A schedule has no run within its bounds (SCH-2)."""
