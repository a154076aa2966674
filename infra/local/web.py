"""Publishes the built web app to its bucket, as the pipeline does in AWS."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from infra.local import clients
from infra.local.emulator import ROOT

# The build, or the pages that need none.
BUILDS = (ROOT / "web" / "dist", ROOT / "web" / "public")


def publish(aws: str, bucket: str, builds: tuple[Path, ...] = BUILDS) -> int:
    """Upload the files that changed and remove those that are gone; how many were uploaded."""
    build = next((path for path in builds if (path / "index.html").exists()), None)
    if build is None:
        return 0
    files = {path.relative_to(build).as_posix(): path for path in build.rglob("*") if path.is_file()}
    storage = clients.client("s3", aws)
    try:
        pages = storage.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        present = {entry["Key"]: entry["ETag"].strip('"') for page in pages for entry in page.get("Contents", [])}
        changed = [key for key, path in files.items() if present.get(key) != _etag(path)]
        for key in changed:
            kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
            storage.put_object(Bucket=bucket, Key=key, Body=files[key].read_bytes(), ContentType=kind)
        for key in present.keys() - files.keys():
            storage.delete_object(Bucket=bucket, Key=key)
        return len(changed)
    finally:
        storage.close()


def _etag(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
