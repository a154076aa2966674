"""Facts: where a scan's bulk lies in the facts bucket, and how a segment is written.

A segment is an immutable gzip-compressed MessagePack array. Its key names the work that produced it, so that
doing the work again writes the same object.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from contracts.observations import Observation

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
MAX_SEGMENT_BYTES = 256 * 1024 * 1024


def scan_prefix(tenant_id: str, scan_id: str) -> str:
    """The prefix under which everything of one scan lies."""
    return f"tenants/{tenant_id}/scans/{scan_id}/"


def batch_input_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """What the planner hands to one batch."""
    return f"{scan_prefix(tenant_id, scan_id)}batches/{wave:05}/{batch:05}.mpk.gz"


def segment_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """The observations that one batch found."""
    return f"{scan_prefix(tenant_id, scan_id)}segments/{wave:05}/{batch:05}.mpk.gz"


def blob_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """The bodies (pages, files) that one batch fetched, end to end; an observation names its slice."""
    return f"{scan_prefix(tenant_id, scan_id)}blobs/{wave:05}/{batch:05}.bin"


def encode_rows(rows: Iterable[object]) -> bytes:
    """Rows as a segment. The bytes depend on the rows alone (no time stamp in the gzip header)."""
    return gzip.compress(_encoder.encode(list(rows)), compresslevel=1, mtime=0)


def decode_rows(segment: bytes, row_type: type[T]) -> list[T]:
    """The rows of a segment. Raises `msgspec.ValidationError` when they are not of `row_type`."""
    return msgspec.msgpack.decode(gzip.decompress(segment), type=list[row_type])  # type: ignore[valid-type]


def decode_observations(segment: bytes) -> list[Observation]:
    """The observations of a segment."""
    return decode_rows(segment, Observation)
