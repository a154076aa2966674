"""How versions compare: each ecosystem by its own rules, and products of other makers by a natural order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, total_ordering
from typing import Any

MAX_VERSION = 128
CLASSES = {
    "npm": "SemverVersion",
    "PyPI": "PypiVersion",
    "Maven": "MavenVersion",
    "Go": "GolangVersion",
    "NuGet": "NugetVersion",
    "RubyGems": "RubygemsVersion",
    "Packagist": "ComposerVersion",
    "crates.io": "SemverVersion",
    "Hex": "SemverVersion",
    "Pub": "SemverVersion",
    "SwiftURL": "SemverVersion",
    "GitHub Actions": "SemverVersion",
    "Debian": "DebianVersion",
    "Ubuntu": "DebianVersion",
    "Alpine": "AlpineLinuxVersion",
    "Red Hat": "RpmVersion",
    "Rocky Linux": "RpmVersion",
    "AlmaLinux": "RpmVersion",
    "SUSE": "RpmVersion",
    "openSUSE": "RpmVersion",
}
"""Ecosystems of the OSV schema (without a release) and the class of `univers` that orders their versions."""
_PART = re.compile(r"\d+|[a-z]+")
_BEFORE = {"dev": -5, "alpha": -4, "a": -4, "beta": -3, "b": -3, "pre": -2, "preview": -2, "rc": -1, "snapshot": -5}


class UnknownVersion(ValueError):
    """A text that is no version in its ecosystem."""


@total_ordering
class NaturalVersion:
    """A version of a product without rules of its own: numbers by value, words before a release (`rc1`) before it,
    letters after a number (`1.0.2k`, `9.6p1`) after it."""

    def __init__(self, text: str) -> None:
        parts = _PART.findall(text.lower())
        if not parts or not any(part.isdigit() for part in parts):
            raise UnknownVersion(f"{text[:40]!r} is no version")
        self._key = [self._rank(part, parts[:number]) for number, part in enumerate(parts)]

    @staticmethod
    def _rank(part: str, before: list[str]) -> tuple[int, int, str]:
        if part.isdigit():
            return (2, int(part), "")
        is_before = part in _BEFORE and (len(part) > 1 or not before or not before[-1].isdigit())
        return (0, _BEFORE[part], "") if is_before else (3, 0, part)

    def _padded(self, length: int) -> list[tuple[int, int, str]]:
        return self._key + [(2, 0, "")] * (length - len(self._key))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NaturalVersion):
            return NotImplemented
        length = max(len(self._key), len(other._key))
        return self._padded(length) == other._padded(length)

    def __lt__(self, other: NaturalVersion) -> bool:
        length = max(len(self._key), len(other._key))
        return self._padded(length) < other._padded(length)

    def __hash__(self) -> int:
        return hash(tuple(self._key))


@total_ordering
class ApkVersion:
    """A version of Alpine's packages: `univers` orders all but the revision at its end, which counts as a number."""

    def __init__(self, text: str) -> None:
        from univers.versions import AlpineLinuxVersion

        base, dash, revision = text.rpartition("-r")
        has_revision = bool(dash) and revision.isdecimal()
        self._base = AlpineLinuxVersion(base if has_revision else text)
        self._revision = int(revision) if has_revision else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApkVersion) and (self._base, self._revision) == (other._base, other._revision)

    def __lt__(self, other: ApkVersion) -> bool:
        if self._base == other._base:
            return self._revision < other._revision
        return bool(self._base < other._base)

    def __hash__(self) -> int:
        return hash(self._revision)


@lru_cache(maxsize=20_000)
def version_of(ecosystem: str, text: str) -> Any:
    """A version that compares with others of its ecosystem. Raises `UnknownVersion`."""
    if len(text) > MAX_VERSION:
        raise UnknownVersion(f"a version has at most {MAX_VERSION} characters")
    name = CLASSES.get(ecosystem.partition(":")[0])
    if name is None:
        return NaturalVersion(text)
    from univers import versions

    try:
        return ApkVersion(text) if name == "AlpineLinuxVersion" else getattr(versions, name)(text)
    except Exception as error:
        # Each ecosystem's rules fail in their own way.
        raise UnknownVersion(f"{text[:40]!r} is no version of {ecosystem}") from error


def is_affected(ecosystem: str, version: str, affected: Mapping[str, Any]) -> bool:
    """Whether a version is affected, by the rules of the OSV schema (`versions`, then `ranges` of events).

    Raises `UnknownVersion` when the version cannot be read; an event that cannot be read is passed over.
    """
    if version in affected.get("versions", ()):
        return True
    ranges = [each for each in affected.get("ranges", ()) if each.get("type") != "GIT"]
    if not ranges:
        return False
    return any(_in_range(_rules(ecosystem, each), version, each.get("events", ())) for each in ranges)


def _rules(ecosystem: str, span: Mapping[str, Any]) -> str:
    """A range of type SEMVER is compared so, whatever the ecosystem; Go is SemVer with a `v`."""
    return "Go" if ecosystem == "Go" else "npm" if span.get("type") == "SEMVER" else ecosystem


def _in_range(ecosystem: str, version: str, events: Iterable[Mapping[str, str]]) -> bool:
    subject = version_of(ecosystem, version)
    marks: list[tuple[Any, str]] = []
    is_inside = False
    for event in events:
        for kind, text in event.items():
            if kind == "introduced" and text == "0":
                is_inside = True
                continue
            try:
                marks.append((version_of(ecosystem, str(text)), kind))
            except UnknownVersion:
                continue
    try:
        for mark, kind in sorted(marks, key=_ByVersion):
            is_inside = _after(is_inside, subject, mark, kind)
    except TypeError as error:
        raise UnknownVersion(f"{version[:40]!r} does not compare") from error
    return is_inside


def _after(is_inside: bool, subject: Any, mark: Any, kind: str) -> bool:
    """Whether the version is affected once an event at or below it is taken into account."""
    if kind == "introduced" and mark <= subject:
        return True
    if (kind in ("fixed", "limit") and mark <= subject) or (kind == "last_affected" and mark < subject):
        return False
    return is_inside


@total_ordering
class _ByVersion:
    """Sorts events by version; at the same version what ends comes before what begins."""

    def __init__(self, event: tuple[Any, str]) -> None:
        self._version, self._kind = event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByVersion) and (self._version, self._kind) == (other._version, other._kind)

    def __lt__(self, other: _ByVersion) -> bool:
        if self._version == other._version:
            return self._kind != "introduced" and other._kind == "introduced"
        return bool(self._version < other._version)
