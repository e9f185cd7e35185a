"""Where the clients of an embedded server come from."""

import asyncio
from typing import TYPE_CHECKING, Self

from ...connection import Connection, EmbeddedAddress
from ...embedded.membership import Endpoint, Membership, membership_of
from ...errors import ClosedError, QueueConnectionError
from ...server import HOST, ServerUnavailableError
from .client import ClientSource

if TYPE_CHECKING:
    from .client import Client


class EmbeddedSource(ClientSource):
    """Uses the server from the first client on until `close`, and knows when it is somewhere else."""

    def __init__(self, where: EmbeddedAddress, lent: "Client | None", label: str) -> None:
        super().__init__(Connection(), lent, label)
        self.address = where.address
        self._where = where
        self._membership: Membership | None = None
        self._endpoint: Endpoint | None = None
        self._closed = False

    def for_reading(self) -> Self:
        source = super().for_reading()
        source._membership = source._endpoint = None
        return source

    async def open(self, role: str) -> "Client":
        try:
            endpoint = await asyncio.to_thread(self._join)
        except (ServerUnavailableError, OSError) as error:
            raise QueueConnectionError(self.address, str(error)) from error
        if self._closed:
            await self.close()
            raise ClosedError(f"{self.address}: this backend is closed")
        if endpoint is not self._endpoint:
            self._endpoint = endpoint
            self._connection = Connection([(HOST, endpoint.port)], password=endpoint.password)
        return await super().open(role)

    def _join(self) -> Endpoint:
        self._membership = membership_of(self._where.folder)
        return self._membership.join(self)

    def has_moved(self) -> bool:
        membership, endpoint = self._membership, self._endpoint
        return membership is not None and endpoint is not None and not membership.is_at(endpoint)

    async def close(self) -> None:
        self._closed = True
        if self._membership is not None:
            await asyncio.to_thread(self._membership.leave, self)
