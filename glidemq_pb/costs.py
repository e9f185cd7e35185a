"""Does a job's cost fit the bucket of its group? Found before anything is sent where the call itself says (TB-5)."""

from collections.abc import Sequence

from .errors import InvalidOptionsError
from .ordering import KEY, tokens
from .semantics.lang import Fields, lookup, lookup_int
from .semantics.limits import COST_DEFAULT
from .wire import from_wire


class CostCheck:
    """Follows the buckets that one call names, job by job."""

    def __init__(self) -> None:
        self._capacities: dict[str, int] = {}

    def guarded(self, jobs: Sequence[Fields]) -> list[int]:
        """The positions of jobs, given by their options, that only the store can check: this call names no bucket
        for their group.

        Raises InvalidOptionsError for a job that costs more than the bucket named for its group holds.
        """
        positions: list[int] = []
        for position, options in enumerate(jobs):
            if not options or not (key := lookup(options, KEY)):
                continue
            named = lookup_int(options, "group_capacity", 0)
            if named:
                self._capacities[key] = named
            capacity = self._capacities.get(key)
            if capacity is None:
                positions.append(position)
                continue
            cost = lookup_int(options, "cost", COST_DEFAULT)
            if cost > capacity:
                raise InvalidOptionsError(
                    f"cost={tokens(cost)!r}: allowed: at most {tokens(capacity)}, the capacity of the bucket of "
                    f"group {from_wire(key)!r}"
                )
        return positions
