"""A snapshot of public advisories that needs no internet: read piece by piece from a folder or a bucket.

Layout (format 1), all JSON, gzipped but for the manifest:

- `manifest.json`: `{format: 1, created_at, sources: {name: {at, licence, entries}}, files: {path: sha256}}`
- `osv/{ecosystem}/{shard}.json.gz`: advisories by package name, `{name: [advisory]}`
- `cpe/{shard}.json.gz`: vulnerabilities by `vendor:product`, `{key: [entry]}`
- `kev.json.gz`: vulnerabilities known to be exploited, `{cve: date_added}`
- `epss/{year}.json.gz`: probability of exploitation within 30 days and its percentile, `{cve: [score, percentile]}`

A shard is the first byte of BLAKE2b over the name, in hexadecimal. `ADVISORIES` (a path or `s3://bucket/prefix`) says
where the snapshot of a deployment lies.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from functions.collection.advisories.packages import canonical_name

FORMAT = 1
SETTING = "ADVISORIES"
MAX_PIECE = 64 * 1024 * 1024
"""Bytes of one piece, unpacked."""
MANIFEST = "manifest.json"
KEPT_SECONDS = 600


class SnapshotError(Exception):
    """A snapshot that is missing, damaged or of another format."""


class Place(Protocol):
    """Where a snapshot lies."""

    def read(self, path: str) -> bytes | None:
        """A file of the snapshot, or None when there is none."""


class Folder:
    """A snapshot on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """A file of the snapshot, or None."""
        file = self._folder / path
        return file.read_bytes() if file.is_file() else None


class Bucket:
    """A snapshot in S3, read with the function's own rights: it belongs to no tenant."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix.strip("/")

    def read(self, path: str) -> bytes | None:
        """A file of the snapshot, or None."""
        from kernel import aws

        client = aws.client("s3")
        try:
            with aws.acting_for(None):
                key = f"{self._prefix}/{path}" if self._prefix else path
                body: bytes = client.get_object(Bucket=self._bucket, Key=key)["Body"].read(MAX_PIECE + 1)
        except (client.exceptions.NoSuchKey, client.exceptions.ClientError) as error:
            if _is_missing(error):
                return None
            raise SnapshotError(f"s3://{self._bucket}/{self._prefix}: {error}") from error
        return body


class Snapshot:
    """Advisories, loaded as they are asked for. Pieces are checked against the manifest and kept."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._pieces: dict[str, dict[str, Any]] = {}
        manifest = place.read(MANIFEST)
        if manifest is None:
            raise SnapshotError("there is no manifest.json")
        try:
            self.manifest: dict[str, Any] = json.loads(manifest)
            self._files = dict(self.manifest["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"the manifest cannot be read: {error}") from error
        if self.manifest.get("format") != FORMAT:
            raise SnapshotError(f"format {self.manifest.get('format')!r}, expected {FORMAT}")

    @property
    def created_at(self) -> str:
        """When the snapshot was made."""
        return str(self.manifest.get("created_at", ""))

    def advisories(self, ecosystem: str, name: str) -> list[dict[str, Any]]:
        """The advisories about a package."""
        base = ecosystem.partition(":")[0]
        key = canonical_name(base, name)
        found: list[dict[str, Any]] = self._piece(f"osv/{base}/{shard(key)}.json.gz").get(key, [])
        return found

    def products(self, vendor: str, product: str) -> list[dict[str, Any]]:
        """The vulnerabilities of a product as a CPE names it."""
        key = f"{vendor}:{product}"
        found: list[dict[str, Any]] = self._piece(f"cpe/{shard(key)}.json.gz").get(key, [])
        return found

    def exploited_since(self, cve: str) -> str:
        """The day on which a vulnerability was listed as exploited, or empty."""
        return str(self._piece("kev.json.gz").get(cve, ""))

    def probability(self, cve: str) -> tuple[float, float] | None:
        """The probability that a vulnerability is exploited within 30 days, and its percentile (0..1)."""
        year = cve.split("-")[1] if cve.count("-") == 2 else ""
        found = self._piece(f"epss/{year}.json.gz").get(cve) if year.isdecimal() else None
        return (float(found[0]), float(found[1])) if found else None

    def _piece(self, path: str) -> dict[str, Any]:
        if path not in self._pieces:
            self._pieces[path] = self._load(path)
        return self._pieces[path]

    def _load(self, path: str) -> dict[str, Any]:
        if path not in self._files:
            return {}
        body = self._place.read(path)
        if body is None or hashlib.sha256(body).hexdigest() != self._files[path]:
            raise SnapshotError(f"{path} is missing or damaged")
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
            text = unpacked.read(MAX_PIECE + 1)
        if len(text) > MAX_PIECE:
            raise SnapshotError(f"{path} is larger than {MAX_PIECE // 2**20} MiB")
        found: dict[str, Any] = json.loads(text)
        return found


def shard(name: str) -> str:
    """The shard in which a name lies: two hexadecimal digits."""
    return hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=1).hexdigest()


def deployed_snapshot() -> Snapshot | None:
    """The deployment's snapshot, looked for anew every ten minutes; None where there is none.

    Raises `SnapshotError` for one that cannot be used.
    """
    place = os.environ.get(SETTING, "")
    return open_snapshot(place, int(time.monotonic() // KEPT_SECONDS)) if place else None


@lru_cache(maxsize=2)
def open_snapshot(place: str, _period: int = 0) -> Snapshot | None:
    """The snapshot at a path or `s3://bucket/prefix`, or None when nothing lies there. Raises `SnapshotError`."""
    if place.startswith("s3://"):
        bucket, _, prefix = place[5:].partition("/")
        source: Place = Bucket(bucket, prefix)
    else:
        source = Folder(Path(place))
    return Snapshot(source) if source.read(MANIFEST) is not None else None


def _is_missing(error: Exception) -> bool:
    """Whether there is no such object. Who may not list a bucket is told so as if it were forbidden."""
    response = getattr(error, "response", {})
    return response.get("Error", {}).get("Code") in ("NoSuchKey", "404", "AccessDenied", "403")
