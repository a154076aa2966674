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


class LogEntry(msgspec.Struct, frozen=True, order=True):
    """What happened to an observation (or to the batch as a whole, where `value` is empty), how many times."""

    level: str
    message: str
    value: str = ""
    count: int = 1
    module: str = ""


def scan_prefix(tenant_id: str, scan_id: str) -> str:
    """The prefix under which everything of one scan lies."""
    return f"tenants/{tenant_id}/scans/{scan_id}/"


def plan_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """The list of a wave's batches, as JSON: what the state machine's Map reads."""
    return f"{scan_prefix(tenant_id, scan_id)}plans/{wave:05}.json"


def log_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """What one batch has to say to people."""
    return f"{scan_prefix(tenant_id, scan_id)}logs/{wave:05}/{batch:05}.mpk.gz"


def word_key(tenant_id: str, scan_id: str, wave: int, order: str) -> str:
    """What became of the scan itself when it had got to a wave: it comes before what the wave's batches say."""
    return f"{scan_prefix(tenant_id, scan_id)}logs/{wave:05}/00000-{order}.mpk.gz"


def batch_input_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """What the planner hands to one batch."""
    return f"{scan_prefix(tenant_id, scan_id)}batches/{wave:05}/{batch:05}.mpk.gz"


def segment_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """The observations that one batch found."""
    return f"{scan_prefix(tenant_id, scan_id)}segments/{wave:05}/{batch:05}.mpk.gz"


def blob_key(tenant_id: str, scan_id: str, wave: int, batch: int) -> str:
    """The bodies (pages, files) that one batch fetched, end to end; an observation names its slice."""
    return f"{scan_prefix(tenant_id, scan_id)}blobs/{wave:05}/{batch:05}.bin"


def frontier_key(tenant_id: str, scan_id: str, wave: int, part: int) -> str:
    """The facts of one wave that are new, for the planner of the next."""
    return f"{scan_prefix(tenant_id, scan_id)}frontier/{wave:05}/{part:05}.mpk.gz"


def observations_key(tenant_id: str, scan_id: str, wave: int, part: int) -> str:
    """The distinct observations of one wave, each part in order of (observed_at, id): segments of some rows each, end
    to end; the manifest says where each begins."""
    return f"{scan_prefix(tenant_id, scan_id)}observations/{wave:05}/{part:05}.mpk.gz"


def values_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """The index of the values of one wave, and of some waves before it."""
    return f"{scan_prefix(tenant_id, scan_id)}values/{wave:05}.mpk.gz"


def weaknesses_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """The weaknesses that modules reported in one wave, as detections (see `observations.WEAKNESS_TYPES`)."""
    return f"{scan_prefix(tenant_id, scan_id)}weaknesses/{wave:05}.mpk.gz"


def entities_key(tenant_id: str, scan_id: str, wave: int, part: int) -> str:
    """What one wave adds to the graph's nodes, in order of (type, value), as segments end to end."""
    return f"{scan_prefix(tenant_id, scan_id)}graph/{wave:05}/entities-{part:05}.mpk.gz"


def relations_key(tenant_id: str, scan_id: str, wave: int, part: int) -> str:
    """What one wave adds to the graph's edges, in order of (source, target, name), as segments end to end."""
    return f"{scan_prefix(tenant_id, scan_id)}graph/{wave:05}/relations-{part:05}.mpk.gz"


def state_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """What one wave adds to the reducer's memory of the scan."""
    return f"{scan_prefix(tenant_id, scan_id)}state/{wave:05}.mpk.gz"


def detections_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """The results of the rules that were evaluated after one wave; a rule's latest result holds."""
    return f"{scan_prefix(tenant_id, scan_id)}detections/{wave:05}.mpk.gz"


def rules_key(tenant_id: str, scan_id: str) -> str:
    """Which rules a scan has, settled at its first wave."""
    return f"{scan_prefix(tenant_id, scan_id)}rules"


def manifest_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """What the reducer wrote for one wave; written last."""
    return f"{scan_prefix(tenant_id, scan_id)}manifests/{wave:05}.mpk.gz"


def index_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """The manifests of all waves up to this one: where a reader begins."""
    return f"{scan_prefix(tenant_id, scan_id)}index/{wave:05}.mpk.gz"


def compact_key(tenant_id: str, scan_id: str, wave: int, kind: str, part: int) -> str:
    """What compaction made of all waves up to this one: parts of `observations`, `entities` or `relations` in the
    form of those of the waves, and `postings`, the index of values."""
    return f"{scan_prefix(tenant_id, scan_id)}compacted/{wave:05}/{kind}-{part:05}.mpk.gz"


def upload_key(tenant_id: str, import_id: str) -> str:
    """A file that is to be taken in."""
    return f"tenants/{tenant_id}/imports/{import_id}/upload"


def graph_prefix(tenant_id: str, audience: str) -> str:
    """The prefix of a tenant's graph, as one audience sees it."""
    return f"tenants/{tenant_id}/graph/{audience}/"


def graph_key(tenant_id: str, audience: str, generation: str, kind: str, part: int) -> str:
    """One object of a generation of a tenant's graph: `entities`, `relations`, `outline` or `snapshot`."""
    return f"{graph_prefix(tenant_id, audience)}{generation}/{kind}-{part:05}.mpk.gz"


def joined_prefix(tenant_id: str) -> str:
    """The prefix of what several audiences' graphs are as one."""
    return f"tenants/{tenant_id}/graph/joined/"


def graph_export_key(tenant_id: str, audiences: str, suffix: str) -> str:
    """A tenant's graph in another tool's format, as some audiences together see it; the latest one."""
    return f"tenants/{tenant_id}/graph/exports/{audiences}.{suffix}"


def conclusions_key(tenant_id: str, scan_id: str, wave: int) -> str:
    """Every weakness that holds after this wave, as detections of modules and rules."""
    return f"{scan_prefix(tenant_id, scan_id)}conclusions/{wave:05}.mpk.gz"


def export_key(tenant_id: str, scan_id: str, wave: int, suffix: str) -> str:
    """The graph after some waves in another tool's format."""
    return f"{scan_prefix(tenant_id, scan_id)}exports/{wave:05}.{suffix}"


def encode_rows(rows: Iterable[object]) -> bytes:
    """Rows as a segment. The bytes depend on the rows alone (no time stamp in the gzip header)."""
    return gzip.compress(_encoder.encode(list(rows)), compresslevel=1, mtime=0)


def decode_rows(segment: bytes, row_type: type[T]) -> list[T]:
    """The rows of a segment. Raises `msgspec.ValidationError` when they are not of `row_type`."""
    return msgspec.msgpack.decode(gzip.decompress(segment), type=list[row_type])  # type: ignore[valid-type]


def decode_observations(segment: bytes) -> list[Observation]:
    """The observations of a segment."""
    return decode_rows(segment, Observation)
