"""Makes a snapshot from what the sources publish: `python -m functions.collection.advisories.build --help`.

OSV: the `all.zip` of an ecosystem (or a folder of its JSON files). KEV: CISA's JSON. EPSS: the CSV of a day, gzipped
or not. NVD: JSON feeds in the format of its API 2.0.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from functions.collection.advisories.packages import canonical_name
from functions.collection.advisories.scores import base_score
from functions.collection.advisories.snapshot import FORMAT, MANIFEST, shard
from kernel.clock import timestamp

LICENCES = {
    "osv": "CC-BY-4.0 and those of its sources",
    "kev": "CC0-1.0",
    "epss": "free use with attribution to FIRST",
    "nvd": "public domain, United States",
}
MAX_REFERENCES = 5
Pieces = dict[str, dict[str, Any]]


def build(
    out: Path, *, osv: Iterable[Path] = (), kev: Path | None = None, epss: Path | None = None, nvd: Iterable[Path] = ()
) -> dict[str, Any]:
    """Write a snapshot; returns its manifest."""
    pieces: Pieces = {}
    counts = {
        "osv": sum(_add_advisory(pieces, entry) for path in osv for entry in _documents(path)),
        "nvd": sum(_add_products(pieces, entry) for path in nvd for entry in _vulnerabilities(path)),
        "kev": _add_exploited(pieces, kev) if kev else 0,
        "epss": _add_probabilities(pieces, epss) if epss else 0,
    }
    files = {path: _write(out / path, content) for path, content in sorted(pieces.items())}
    manifest = {
        "format": FORMAT,
        "created_at": timestamp(),
        "sources": {name: {"licence": LICENCES[name], "entries": count} for name, count in counts.items() if count},
        "files": files,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_dir():
        for file in sorted(path.glob("*.json")):
            yield json.loads(file.read_bytes())
        return
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def _add_advisory(pieces: Pieces, entry: dict[str, Any]) -> int:
    """An advisory under each package that it names; a withdrawn one is left out."""
    if entry.get("withdrawn"):
        return 0
    for affected in entry.get("affected", []):
        package = affected.get("package", {})
        ecosystem, name = str(package.get("ecosystem", "")), str(package.get("name", ""))
        base = ecosystem.partition(":")[0]
        if not base or not name or "/" in base:
            continue
        key = canonical_name(base, name)
        piece = pieces.setdefault(f"osv/{base}/{shard(key)}.json.gz", {})
        piece.setdefault(key, []).append({**_summary(entry, affected), "ecosystem": ecosystem, **_spans(affected)})
    return 1


def _summary(entry: dict[str, Any], affected: dict[str, Any]) -> dict[str, Any]:
    vectors = [*entry.get("severity", []), *affected.get("severity", [])]
    scores = [score for each in vectors if (score := base_score(str(each.get("score", "")))) is not None]
    return {
        "id": entry["id"],
        "aliases": entry.get("aliases", []),
        "summary": (entry.get("summary") or entry.get("details", ""))[:300],
        "score": max(scores) if scores else None,
        "word": str(entry.get("database_specific", {}).get("severity", "")),
        "references": [each["url"] for each in entry.get("references", []) if each.get("url")][:MAX_REFERENCES],
    }


def _spans(affected: dict[str, Any]) -> dict[str, Any]:
    """The ranges as they stand. Versions are listed one by one only where no range says the same in less."""
    ranges = [
        {"type": each.get("type"), "events": each.get("events", [])}
        for each in affected.get("ranges", [])
        if each.get("type") != "GIT"
    ]
    return {"ranges": ranges} if ranges else {"versions": affected.get("versions", [])}


def _vulnerabilities(path: Path) -> Iterator[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for item in json.loads(text).get("vulnerabilities", []):
        yield item["cve"]


def _add_products(pieces: Pieces, cve: dict[str, Any]) -> int:
    """A vulnerability under each product whose versions it names. A product that is vulnerable only together with
    another (an AND of several nodes) is left out: the other one is not known here."""
    if cve.get("vulnStatus") == "Rejected":
        return 0
    summary = {
        "id": cve["id"],
        "summary": next((each["value"] for each in cve.get("descriptions", []) if each.get("lang") == "en"), "")[:300],
        "score": _score(cve.get("metrics", {})),
        "references": [each["url"] for each in cve.get("references", []) if each.get("url")][:MAX_REFERENCES],
    }
    for configuration in cve.get("configurations", []):
        if configuration.get("operator") == "AND":
            continue
        for match in (m for node in configuration.get("nodes", []) for m in node.get("cpeMatch", [])):
            fields = str(match.get("criteria", "")).split(":")
            if not match.get("vulnerable") or len(fields) < 6:
                continue
            key = f"{fields[3]}:{fields[4]}".replace("\\", "")
            piece = pieces.setdefault(f"cpe/{shard(key)}.json.gz", {})
            piece.setdefault(key, []).append({**summary, **_bounds(match, fields[5])})
    return 1


def _bounds(match: dict[str, Any], version: str) -> dict[str, str]:
    names = {
        "versionStartIncluding": "from",
        "versionStartExcluding": "after",
        "versionEndIncluding": "to",
        "versionEndExcluding": "before",
    }
    found = {short: str(match[name]) for name, short in names.items() if match.get(name)}
    return found or ({"exactly": version} if version not in ("*", "-") else {"any": "yes"})


def _score(metrics: dict[str, Any]) -> float | None:
    for kind in ("cvssMetricV40", "cvssMetricV31", "cvssMetricV30", "cvssMetricV2"):
        for each in metrics.get(kind, []):
            return float(each["cvssData"]["baseScore"])
    return None


def _add_exploited(pieces: Pieces, path: Path) -> int:
    listed = json.loads(path.read_bytes()).get("vulnerabilities", [])
    pieces["kev.json.gz"] = {str(item["cveID"]): str(item.get("dateAdded", "")) for item in listed}
    return len(listed)


def _add_probabilities(pieces: Pieces, path: Path) -> int:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = (line for line in io.StringIO(text.decode()) if not line.startswith("#"))
    count = 0
    for row in csv.DictReader(lines):
        year = row["cve"].split("-")[1]
        scores = pieces.setdefault(f"epss/{year}.json.gz", {})
        scores[row["cve"]] = [float(row["epss"]), float(row["percentile"])]
        count += 1
    return count


def _write(path: Path, content: dict[str, Any]) -> str:
    body = gzip.compress(json.dumps(content, separators=(",", ":"), sort_keys=True).encode(), mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return hashlib.sha256(body).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Build a snapshot from files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--osv", type=Path, action="append", default=[])
    parser.add_argument("--kev", type=Path)
    parser.add_argument("--epss", type=Path)
    parser.add_argument("--nvd", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    manifest = build(given.out, osv=given.osv, kev=given.kev, epss=given.epss, nvd=given.nvd)
    sys.stdout.write(json.dumps(manifest["sources"], indent=1) + "\n")
    return 0 if manifest["sources"] else 1


if __name__ == "__main__":
    sys.exit(main())
