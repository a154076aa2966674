"""Reads software bills of materials: CycloneDX and SPDX, as JSON, whatever stands in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from functions.collection.advisories.packages import Package, parse_purl

MAX_BYTES = 20 * 1024 * 1024
MAX_COMPONENTS = 20_000
MAX_DEPTH = 50


class NotAnSbom(ValueError):
    """A document that is no bill of materials, or one that cannot be read."""


@dataclass(slots=True)
class Sbom:
    """A bill of materials. `skipped` counts components without a package URL that can be read."""

    format: str
    subject: str
    packages: list[Package] = field(default_factory=list)
    skipped: int = 0


def read_sbom(body: bytes) -> Sbom:
    """A bill from its JSON. Raises `NotAnSbom`."""
    if len(body) > MAX_BYTES:
        raise NotAnSbom(f"the document is larger than {MAX_BYTES // 2**20} MiB")
    try:
        document = json.loads(body, object_pairs_hook=_unique)
    except RecursionError:
        raise NotAnSbom("the document is nested too deep") from None
    except ValueError as error:
        raise NotAnSbom(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise NotAnSbom("the document is no object")
    if document.get("bomFormat") == "CycloneDX":
        return _cyclonedx(document)
    if str(document.get("spdxVersion", "")).startswith("SPDX-2"):
        return _spdx(document)
    raise NotAnSbom("neither CycloneDX nor SPDX 2")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _cyclonedx(document: dict[str, Any]) -> Sbom:
    metadata = document.get("metadata")
    subject = metadata.get("component") if isinstance(metadata, dict) else None
    sbom = Sbom(f"CycloneDX {_text(document.get('specVersion'))}", _title(subject))
    _take(sbom, (_text(each.get("purl")) for each in _components(document.get("components"), 0)))
    return sbom


def _components(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Components, those within components included."""
    if not isinstance(value, list) or depth > MAX_DEPTH:
        return
    for item in value:
        if isinstance(item, dict):
            yield item
            yield from _components(item.get("components"), depth + 1)


def _spdx(document: dict[str, Any]) -> Sbom:
    sbom = Sbom(_text(document.get("spdxVersion")), _text(document.get("name")))
    packages = document.get("packages")
    _take(
        sbom, (_spdx_purl(item) for item in (packages if isinstance(packages, list) else []) if isinstance(item, dict))
    )
    return sbom


def _spdx_purl(item: dict[str, Any]) -> str:
    references = item.get("externalRefs")
    for reference in references if isinstance(references, list) else []:
        if isinstance(reference, dict) and reference.get("referenceType") == "purl":
            return _text(reference.get("referenceLocator"))
    return ""


def _take(sbom: Sbom, purls: Iterator[str]) -> None:
    seen: set[str] = set()
    for count, purl in enumerate(purls):
        if count >= MAX_COMPONENTS:
            raise NotAnSbom(f"more than {MAX_COMPONENTS} components")
        try:
            package = parse_purl(purl)
        except ValueError:
            sbom.skipped += 1
            continue
        if purl not in seen:
            seen.add(purl)
            sbom.packages.append(package)


def _title(component: Any) -> str:
    if not isinstance(component, dict):
        return ""
    return f"{_text(component.get('name'))} {_text(component.get('version'))}".strip()


def _text(value: Any) -> str:
    return value[:1000] if isinstance(value, str) else ""
