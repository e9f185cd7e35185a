"""The album's tests: three queues and a flow over them, in memory at once, or on a real Valkey (see test_shop.py)."""

from collections.abc import Callable
from typing import Any

import pytest

from glidemq_pb import DuplicateJobError, FlowProducer
from glidemq_pb.testing import TestQueue, TestWorker

from .album import Album

pytestmark = pytest.mark.glidemq

MakeQueue = Callable[..., TestQueue[Any, Any]]


@pytest.fixture
def queues(test_queue: MakeQueue) -> dict[str, TestQueue[Any, Any]]:
    return {name: test_queue(name) for name in ("photos", "archives", "messages")}


@pytest.fixture
def album(queues: dict[str, TestQueue[Any, Any]]) -> Album:
    photos = queues["photos"]
    album = Album(FlowProducer(backend=photos.backend, prefix=photos.prefix), [])
    for queue in queues.values():
        TestWorker(queue, album.processors)
    return album


async def test_the_customer_is_told_when_all_photos_are_packed(
    album: Album, queues: dict[str, TestQueue[Any, Any]]
) -> None:
    node = await album.order("ada", ["a.jpg", "notes.txt", "b.png"])
    await queues["photos"].run_until_idle()
    assert album.told == ["ada: your album has 2 photos"]
    assert str(await album.flow.get_flow(node)).splitlines() == [
        "tell album-ada (messages) completed: None",
        "└── pack 1 (archives) completed: ['small a.jpg', 'small b.png']",
        "    ├── resize 1 (photos) completed: 'small a.jpg'",
        "    ├── resize 2 (photos) failed: notes.txt cannot be read",
        "    └── resize 3 (photos) completed: 'small b.png'",
    ]


async def test_an_album_is_ordered_once(album: Album, queues: dict[str, TestQueue[Any, Any]]) -> None:
    await album.order("ada", ["a.jpg"])
    with pytest.raises(DuplicateJobError):
        await album.order("ada", ["a.jpg"])
    await queues["photos"].run_until_idle()
    assert len(album.told) == 1
