"""The bodies of a batch: gathered end to end while it runs, stored as one object, read back by reference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kernel.errors import NotFound

CACHED_OBJECTS = 4
ReadObject = Callable[[int, int], bytes]
"""Gives all bodies of a batch, by wave and batch. Raises NotFound."""


class BatchBlobs:
    """Blobs of one batch. A reference is `wave:batch:offset:length`, so that any later batch finds the body."""

    def __init__(self, wave: int, batch: int, read: ReadObject) -> None:
        self._place = f"{wave}:{batch}"
        self._read = read
        self._cache: dict[tuple[int, int], bytes] = {}
        self._lock = asyncio.Lock()
        self.bodies = bytearray()

    def put(self, body: bytes) -> str:
        """Keep a body for the scan; returns its reference."""
        reference = f"{self._place}:{len(self.bodies)}:{len(body)}"
        self.bodies += body
        return reference

    async def get(self, reference: str) -> bytes:
        """The body behind a reference of this scan. Raises KeyError when there is none."""
        try:
            wave, batch, offset, length = map(int, reference.split(":"))
            whole = await self._object(wave, batch)
        except (ValueError, NotFound):
            raise KeyError(reference) from None
        return whole[offset : offset + length]

    async def _object(self, wave: int, batch: int) -> bytes:
        """All bodies of a batch; read once, though many tasks ask, because they ask for neighbours."""
        async with self._lock:
            if (wave, batch) not in self._cache:
                while len(self._cache) >= CACHED_OBJECTS:
                    self._cache.pop(next(iter(self._cache)))
                self._cache[wave, batch] = await asyncio.to_thread(self._read, wave, batch)
            return self._cache[wave, batch]
