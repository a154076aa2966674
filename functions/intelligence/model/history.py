"""The graph over time: what appeared, what changed, what is gone, as one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from functions.intelligence.model.outline import Outline, millis

APPEARED: Final = "appeared"
CHANGED: Final = "changed"
GONE: Final = "gone"


class Happening(NamedTuple):
    """What happened to a node: when (milliseconds since 1970), seen by which scan, and a sentence."""

    at: int
    node: int
    event: str
    scan_id: str
    detail: str


def timeline(outline: Outline, types: frozenset[str], since: int, until: int) -> list[Happening]:
    """What happened to nodes of some types (empty: all) between two instants, both included, the latest first."""
    found = [
        each for each in _all(outline) if since <= each.at <= until and (not types or outline.type(each.node) in types)
    ]
    return sorted(found, reverse=True)


def _all(outline: Outline) -> Iterator[Happening]:
    seen = outline.columns.seen
    for node in range(len(outline)):
        yield Happening(outline.first_seen[node], node, APPEARED, "", "Seen for the first time.")
        if gone := outline.gone(node):
            last = seen[outline.last_scans[node]]
            yield Happening(
                millis(gone.ended_at), node, GONE, gone.scan_id, f"Not seen any more; last in {last.name!r}."
            )
    for node, at, scan_id, name, before, after in outline.columns.changes:
        yield Happening(millis(at), node, CHANGED, scan_id, f"{name}: {before} → {after}")
