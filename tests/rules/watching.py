"""Watching what runs: when each job starts, and how many run at once; and the group `g`, where they do."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from glidemq_pb import Job, Ordering

from .world import World

G = Ordering("g")
G2 = Ordering("g", concurrency=2)

GROUP_KEYS = ("group:", "groupq:", "turns:")
GROUP_SETS = ("groups", "ratelimited")


class Watch:
    """A processor that notes every start, and then works for `takes` (milliseconds; or by the job's name).

    `fails` says, by name, how many attempts fail.
    """

    def __init__(
        self, world: World, takes: int | Mapping[str, int] = 0, fails: Mapping[str, int] | None = None
    ) -> None:
        self.starts: list[tuple[str, int]] = []
        """Name and moment of each start, from the making of this object on."""
        self.most = 0
        """How many ran at once, at most."""
        self.most_in: Counter[str | None] = Counter()
        """The same for each group."""
        self.running: Counter[str | None] = Counter()
        self._world = world
        self._begin = world.now
        self._takes = takes
        self._fails = fails or {}

    @property
    def names(self) -> list[str]:
        """The names in the order of their starts."""
        return [name for name, _ in self.starts]

    @property
    def moments(self) -> list[int]:
        """The moments of all starts."""
        return [at for _, at in self.starts]

    async def __call__(self, job: Job[Any, Any]) -> None:
        key = job.ordering_key
        self.starts.append((job.name, self._world.now - self._begin))
        self.running[key] += 1
        self.most = max(self.most, self.running.total())
        self.most_in[key] = max(self.most_in[key], self.running[key])
        try:
            takes = self._takes if isinstance(self._takes, int) else self._takes.get(job.name, 0)
            if takes:
                await self._world.sleep(takes)
            if job.attempts_made < self._fails.get(job.name, 0):
                raise ValueError("boom")
        finally:
            self.running[key] -= 1


def group_of(world: World, key: str = "g") -> dict[str, str]:
    """What is stored of a group; empty: nothing."""
    group: dict[str, str] = world.dump().get(f"group:{key}", {})
    return group


def group_keys(world: World) -> set[str]:
    """The stored keys that belong to groups."""
    return {key for key in world.dump() if key.startswith(GROUP_KEYS) or key in GROUP_SETS}
