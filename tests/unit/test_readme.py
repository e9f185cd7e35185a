"""The examples of README.md run as they stand; the production one on `memory://` instead of a server."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from glidemq_pb.testing import run

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
PRODUCTION, UNIT_TEST = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def names_of(block: str, **given: Any) -> dict[str, Any]:
    names = {"__name__": "readme", **given}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - the project's own text
    return names


async def test_the_production_example_sends_what_is_due() -> None:
    printed: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    block = PRODUCTION.replace("valkey://localhost:6379", "memory://readme")
    assert "asyncio.run(main())" in block
    names = names_of(block.replace("asyncio.run(main())", ""), print=lambda *words: printed.put_nowait(words))
    running = asyncio.create_task(names["main"]())
    try:
        assert await asyncio.wait_for(printed.get(), 30) == ("1", "sent to a@example.com")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_the_unit_test_example_passes() -> None:
    test: Callable[[], Awaitable[None]] = names_of(UNIT_TEST)["test_a_reminder_is_sent_after_an_hour"]

    async def main() -> None:
        await test()

    run(main())
