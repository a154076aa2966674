"""What is different between two scans."""

from __future__ import annotations

from functions.intelligence.errors import NothingToCompare
from functions.intelligence.model.difference import Difference, differences
from functions.intelligence.model.graph import Entity
from functions.intelligence.model.parts import Order, merged
from functions.intelligence.service.scans import index_of, reader
from functions.intelligence.store import Store
from kernel.actor import Actor

COMPARED = 50_000
"""Things that are compared for one page."""


def compare(
    store: Store, actor: Actor, scan_id: str, base_id: str | None, limit: int, after: Order
) -> tuple[list[Difference], Order | None]:
    """A page of what a scan found otherwise than an earlier one, and where the next page begins. Without a base, it is
    compared with the scan that it repeats. Raises NotFound, NothingToCompare."""
    brief = store.brief(actor, scan_id)
    base_id = base_id or brief.baseline_id
    if base_id is None:
        raise NothingToCompare("Name the scan to compare with: this one repeats none.")
    read = reader(store, actor)
    before = merged(index_of(store, actor, base_id).entities, Entity, read, after)
    now = merged(store.index(actor, scan_id, brief.wave - 1).entities, Entity, read, after)
    found: list[Difference] = []
    for each in differences(before, now, frozenset({*brief.modules, "target"}), COMPARED):
        if not isinstance(each, Difference):
            return found, each
        if len(found) == limit:
            return found, found[-1].order
        found.append(each)
    return found, None
