"""Bodies of a batch: gathered, stored end to end, found again by reference from any later batch."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.blobs import CACHED_OBJECTS, BatchBlobs
from kernel.errors import NotFound


class Bucket:
    """Batches that were stored, and how often each was read."""

    def __init__(self, objects: dict[tuple[int, int], bytes] | None = None) -> None:
        self.objects = objects or {}
        self.reads: list[tuple[int, int]] = []

    def read(self, wave: int, batch: int) -> bytes:
        self.reads.append((wave, batch))
        if (wave, batch) not in self.objects:
            raise NotFound()
        return self.objects[wave, batch]


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_every_body_is_found_again(bodies: list[bytes]) -> None:
    writer = BatchBlobs(3, 7, Bucket().read)
    references = [writer.put(body) for body in bodies]
    bucket = Bucket({(3, 7): bytes(writer.bodies)})
    reader = BatchBlobs(4, 1, bucket.read)

    async def all_of_them() -> list[bytes]:
        return list(await asyncio.gather(*(reader.get(reference) for reference in references)))

    assert asyncio.run(all_of_them()) == bodies
    assert len(bucket.reads) <= 1


@pytest.mark.parametrize("reference", ["", "1:2:3", "1:2:3:4:5", "a:b:c:d", "9:9:0:1", "1:1:0:x", "::::"])
async def test_a_reference_to_nothing_is_a_key_error(reference: str) -> None:
    blobs = BatchBlobs(1, 1, Bucket({(1, 1): b"body"}).read)
    with pytest.raises(KeyError):
        await blobs.get(reference)


async def test_only_some_batches_are_kept_in_memory() -> None:
    bucket = Bucket({(0, number): b"%d" % number for number in range(CACHED_OBJECTS + 2)})
    blobs = BatchBlobs(1, 1, bucket.read)
    for _ in range(2):
        for number in range(CACHED_OBJECTS + 2):
            assert await blobs.get(f"0:{number}:0:1") == b"%d" % number
            assert await blobs.get(f"0:{number}:0:1") == b"%d" % number
            assert len(blobs._cache) <= CACHED_OBJECTS
    assert len(bucket.reads) == 2 * (CACHED_OBJECTS + 2)
