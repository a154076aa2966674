"""Packages as package URLs name them (purl), in the words of the OSV schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

MAX_PURL = 1_000
ECOSYSTEMS = {
    "npm": "npm", "pypi": "PyPI", "maven": "Maven", "golang": "Go", "nuget": "NuGet", "gem": "RubyGems",
    "composer": "Packagist", "cargo": "crates.io", "hex": "Hex", "pub": "Pub", "swift": "SwiftURL",
    "githubactions": "GitHub Actions", "apk": "Alpine",
}  # fmt: skip
_DISTRIBUTIONS = {
    "debian": "Debian", "ubuntu": "Ubuntu", "redhat": "Red Hat", "rocky": "Rocky Linux", "almalinux": "AlmaLinux",
    "suse": "SUSE", "opensuse": "openSUSE",
}  # fmt: skip
_TYPE = re.compile(r"[a-z][a-z0-9.+-]*")


@dataclass(frozen=True, slots=True)
class Package:
    """A package at a version. `ecosystem` is OSV's (`npm`, `Debian:12`), empty where OSV has none for its type."""

    ecosystem: str
    name: str
    version: str
    purl: str


def parse_purl(text: str) -> Package:
    """A package from its purl (`pkg:npm/%40scope/name@1.0.0?arch=x`). Raises ValueError."""
    if len(text) > MAX_PURL or not text.startswith("pkg:"):
        raise ValueError("a package URL begins with pkg: and has at most 1,000 characters")
    rest = text[4:].partition("#")[0].lstrip("/")
    rest, _, query = rest.partition("?")
    kind, _, path = rest.partition("/")
    kind = kind.lower()
    path, at, version = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    parts = [unquote(part) for part in path.split("/") if part]
    if not parts or not _TYPE.fullmatch(kind):
        raise ValueError("a package URL names a type and a package")
    qualifiers = dict(parse_qsl(query))
    name = _name(kind, parts)
    ecosystem = _ecosystem(kind, parts[0].lower() if len(parts) > 1 else "", qualifiers.get("distro", ""))
    if "upstream" in qualifiers and kind in ("deb", "rpm"):  # advisories of distributions name the source package
        name = qualifiers["upstream"].partition("@")[0]
    return Package(ecosystem, name, unquote(version) if at else "", text)


def purl_of(package: Package) -> str:
    """A short purl for a package, without qualifiers."""
    base, _, _ = package.purl.partition("?")
    return base.partition("#")[0]


def make_purl(kind: str, name: str, version: str) -> str:
    """A purl from its parts; slashes in the name part namespace and name."""
    path = "/".join(quote(part, safe=":") for part in name.split("/"))
    return f"pkg:{kind}/{path}" + (f"@{quote(version, safe=':+~')}" if version else "")


def canonical_name(ecosystem: str, name: str) -> str:
    """The spelling by which advisories are looked up."""
    if ecosystem == "PyPI":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.lower() if ecosystem in ("npm", "NuGet", "Packagist") else name


def _name(kind: str, parts: list[str]) -> str:
    if kind == "maven":
        return ":".join((".".join(parts[:-1]), parts[-1]))
    if kind in ("deb", "rpm", "apk"):
        return parts[-1]
    return "/".join(parts)


def _ecosystem(kind: str, namespace: str, distro: str) -> str:
    release = distro.rpartition("-")[2]
    if kind == "deb" or kind == "rpm":
        base = _DISTRIBUTIONS.get(namespace, "")
        return f"{base}:{release}" if base in ("Debian", "Ubuntu") and release[:1].isdigit() else base
    if kind == "apk":
        version = ".".join(release.split(".")[:2])
        return f"Alpine:v{version}" if version[:1].isdigit() else "Alpine"
    return ECOSYSTEMS.get(kind, "")
