"""What scans could have seen: a fact is gone when a later scan that could have seen it did not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from contracts.scans import ScanBrief, ScanStatus

MAX_SCANS: Final = 500
"""Scans whose coverage is kept, the latest ones."""
MAX_TARGETS: Final = 1_000
"""A scan with more targets is not held against any fact."""


class Seen(msgspec.Struct, array_like=True, frozen=True):
    """A scan that was taken in: when it ended, on what it was run with which modules, and whether it came to its own
    end, so that what it did not see was not there."""

    scan_id: str
    name: str
    ended_at: str
    targets: frozenset[str]
    modules: frozenset[str]
    is_whole: bool
    scope: str = ""
    is_retired: bool = False


def seen(brief: ScanBrief) -> Seen:
    """A scan that has ended, as later questions need it."""
    is_whole = brief.status is ScanStatus.FINISHED and brief.reason is None and len(brief.targets) <= MAX_TARGETS
    return Seen(
        brief.scan_id,
        brief.name,
        brief.finished_at or brief.created_at,
        frozenset(brief.targets[:MAX_TARGETS]),
        frozenset(brief.modules),
        is_whole,
        brief.scope.model_dump_json(),
    )


class Coverage:
    """The scans of a graph, by what each of them could have seen."""

    def __init__(self, scans: Iterable[Seen]) -> None:
        self.scans = sorted(scans, key=lambda scan: (scan.ended_at, scan.scan_id))
        self._by_id = {scan.scan_id: scan for scan in self.scans}
        self._witnesses: dict[str, list[Seen]] = {}

    def gone(self, last_scan: str, sources: Collection[str]) -> Seen | None:
        """The first scan that could have seen what `sources` reported in `last_scan`, and did not; None when there is
        none. It came to its own end, covered the targets in the same scope, and ran one of those modules."""
        for scan in self._later(last_scan):
            if not scan.modules.isdisjoint(sources):
                return scan
        return None

    def _later(self, last_scan: str) -> list[Seen]:
        known = self._witnesses.get(last_scan)
        if known is None:
            last = self._by_id.get(last_scan)
            known = self._witnesses[last_scan] = (
                []
                if last is None
                else [
                    scan
                    for scan in self.scans
                    if (scan.ended_at, scan.scan_id) > (last.ended_at, last.scan_id)
                    and scan.is_whole
                    and last.targets <= scan.targets
                    and scan.scope == last.scope
                ]
            )
        return known
