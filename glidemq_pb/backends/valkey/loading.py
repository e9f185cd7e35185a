"""The function library and how it gets onto the servers."""

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from .client import Client

LIBRARY_PATH = Path(__file__).parent / "library.lua"


@dataclass(frozen=True, slots=True)
class Library:
    """Lua that the compiler wrote. Its names carry the hash of its content, so releases live side by side."""

    text: str
    name: str
    hash: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the names from the first line, `#!lua name=glidemq_pb_<hash>`."""
        if (found := re.match(r"#!lua name=(glidemq_pb_([0-9a-zA-Z]+))\n", text)) is None:
            raise ValueError(f"not a library of glidemq_pb: it begins with {text[:60]!r}")
        return cls(text, found[1], found[2])

    def function(self, operation: str) -> str:
        """The name under which the server knows an operation."""
        return f"glidemq_pb_{operation}_{self.hash}"


@cache
def packaged_library() -> Library:
    """The library of this release."""
    return Library.of(LIBRARY_PATH.read_text(encoding="utf-8"))


class Loader:
    """Puts the library on every primary, once however many ask at the same time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._loading: asyncio.Task[None] | None = None
        self._ensuring: asyncio.Task[None] | None = None
        self.loads = 0
        """How often it was loaded: what a call looks at before it is sent."""

    async def ensure(self, client: "Client") -> None:
        """See that every primary has it: one look for all who ask meanwhile (SC-8). Raises the client's errors."""
        if self._ensuring is None or self._ensuring.done():
            self._ensuring = _task(self._ensure(client))
        await asyncio.shield(self._ensuring)

    async def _ensure(self, client: "Client") -> None:
        loads = self.loads
        there, _ = await asyncio.gather(self._is_everywhere(client), self._check_calls(client))
        if not there:
            await self.load(client, loads)

    async def _check_calls(self, client: "Client") -> None:
        """Raise as a call would where FCALL was renamed: the server's answer to one cannot be read by the client."""
        import glide

        try:
            untyped = cast("Any", client)  # its types are recursive beyond the checkers
            known = await untyped.custom_command(["COMMAND", "LIST", "FILTERBY", "PATTERN", "fcall"])
        except glide.RequestError:
            return  # one who may not ask will hear it from the first call
        if not known:
            raise glide.RequestError("unknown command FCALL")

    async def _is_everywhere(self, client: "Client") -> bool:
        """Whether every primary has the library. Raises the client's errors."""
        import glide

        if isinstance(client, glide.GlideClusterClient):
            listed = await client.function_list(self._library.name, route=glide.AllPrimaries())
            nodes = listed.values() if isinstance(listed, dict) else [listed]
            return all(nodes)
        return bool(await client.function_list(self._library.name))

    async def load(self, client: "Client", loads: int) -> None:
        """Load it where it is not, unless that was done since `loads` was looked at. Raises the client's errors."""
        if self.loads != loads:
            return
        if self._loading is None or self._loading.done():
            self._loading = _task(self._load(client))
        await asyncio.shield(self._loading)

    async def _load(self, client: "Client") -> None:
        import glide

        try:
            if isinstance(client, glide.GlideClusterClient):
                await client.function_load(self._library.text, route=glide.AllPrimaries())
            else:
                await client.function_load(self._library.text)
        except glide.RequestError as error:
            if "already exists" not in str(error):
                raise
        self.loads += 1


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task whose failure is told to those who wait for it; nobody may be left."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return task
