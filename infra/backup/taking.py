"""Taking a backup: items in parts, each object, and in the end the manifest that makes it whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

from infra.backup.scope import Scope, canonical
from infra.backup.sources import Source
from infra.backup.vault import Vault, sha256
from kernel.ids import new_id

FORMAT = 1
PART_ITEMS = 2000
Told = Callable[[str], object]


def take(vault: Vault, scope: Scope, source: Source, told: Told, backup_id: str | None = None) -> dict[str, Any]:
    """Write a backup; its manifest, with its id. With the id of one that was cut short, go on with that: objects
    that lie there already are not read again."""
    name = backup_id or f"{source.at[:19].replace(':', '')}Z-{new_id('bak')[-8:]}"
    told(f"{name}: {len(source.state.items)} items, {len(source.state.objects)} objects")
    manifest = {
        "format": FORMAT,
        "backup_id": name,
        "tenant_id": scope.tenant_id,
        "at": source.at,
        "items": _items(vault, name, source, told),
        "objects": [_object(vault, name, source, key, told) for key in sorted(source.state.objects)],
    }
    vault.write(name, "manifest", json.dumps({**manifest, "seal": vault.seal(manifest)}).encode())
    return manifest


def _items(vault: Vault, name: str, source: Source, told: Told) -> dict[str, Any]:
    parts = []
    ordered = [source.state.items[key] for key in sorted(source.state.items)]
    for number, start in enumerate(range(0, len(ordered), PART_ITEMS)):
        chunk = ordered[start : start + PART_ITEMS]
        packed = gzip.compress(b"\n".join(canonical(item) for item in chunk), mtime=0)
        part = f"items-{number:05}"
        vault.write(name, part, packed)
        parts.append({"name": part, "count": len(chunk), "sha256": sha256(packed)})
        told(f"{part}: {len(chunk)} items")
    digest = sha256(b"\n".join(canonical(item) for item in ordered))
    return {"count": len(ordered), "sha256": digest, "parts": parts}


def _object(vault: Vault, name: str, source: Source, key: str, told: Told) -> dict[str, Any]:
    stored = source.state.objects[key]
    named = sha256(f"{key}\n{stored.version}".encode())
    part = f"object-{named[:32]}"
    known = vault.notes(name, part)
    if known is None:
        body = source.body(key)
        known = {"sha256": sha256(body.content), "type": body.content_type, "more": json.dumps(body.metadata)}
        vault.write(name, part, body.content, **known)
        told(f"{key}: {stored.size} bytes")
    return {
        "key": key,
        "part": part,
        "etag": stored.etag,
        "size": stored.size,
        "sha256": known["sha256"],
        "content_type": known["type"],
        "metadata": json.loads(known["more"]),
    }
