"""A tenant's graph: it learns from scans that have ended, forgets those that were deleted, and answers questions.

There is one for everybody, and one for each team with scans of its own. Who asks sees those of his audiences as one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from contracts import facts
from contracts.facts import decode_rows
from functions.intelligence.model.coverage import seen
from functions.intelligence.model.graph import SORT_CHARACTERS
from functions.intelligence.model.knowledge import KnownEntity
from functions.intelligence.model.learning import Lesson, Snapshot, encode, learn
from functions.intelligence.model.outline import Outline
from functions.intelligence.model.parts import Order, Slice
from functions.intelligence.model.records import EVERYBODY, GraphHead
from functions.intelligence.service import joint
from functions.intelligence.service.scans import reader
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Conflict, NotFound, PreconditionFailed

if TYPE_CHECKING:
    from functions.intelligence.model.coverage import Seen

ATTEMPTS = 20
"""Generations that may come between, from other scans that end at the same time."""

Teach = Callable[[Snapshot], "tuple[Snapshot, list[Lesson]] | None"]
"""From a generation: what the next one is built on and what it learns; None when there is nothing to do."""


def learn_scan(store: Store, actor: Actor, scan_id: str) -> dict[str, int]:
    """Take a scan that has ended into the graph of its audience: `{entities, relations}` that it has then.

    A scan that is in it, or that is gone, changes nothing.
    """
    try:
        brief = store.brief(actor, scan_id)
        index = store.index(actor, scan_id, brief.wave - 1)
    except NotFound:  # deleted meanwhile
        return {"entities": 0, "relations": 0}
    store.look_after(actor)
    lesson = Lesson(seen(brief), index.entities, index.relations)

    def teach(base: Snapshot) -> tuple[Snapshot, list[Lesson]] | None:
        return None if any(scan.scan_id == scan_id for scan in base.scans) else (base, [lesson])

    known = _advance(store, actor, brief.team_id or EVERYBODY, scan_id, teach)
    joint.renew(store, actor)
    return known


def forget_scan(store: Store, actor: Actor, scan_id: str) -> int:
    """Build the graphs that know a scan anew without it, from what the other scans know; how many there were."""
    found = 0
    for head in store.heads(actor):
        if any(scan.scan_id == scan_id for scan in store.snapshot(actor, head).scans):
            rebuild(store, actor, head.audience, scan_id)
            found += 1
    joint.renew(store, actor)
    return found


def rebuild(store: Store, actor: Actor, audience: str, reason: str) -> dict[str, int]:
    """Build a graph anew from the facts that its scans still have; `reason` is the scan that is left out, or a word."""

    def teach(base: Snapshot) -> tuple[Snapshot, list[Lesson]]:
        left = [scan for scan in base.scans if scan.scan_id != reason]
        return Snapshot(), list(_lessons(store, actor, left))

    return _advance(store, actor, audience, reason, teach)


def sweep(store: Store, actor: Actor) -> int:
    """Remove generations that nobody reads any more; how many objects went."""
    gone = joint.sweep(store, actor)
    for head in store.heads(actor):
        for name in store.generations(actor, head.audience):
            if int(name.partition("-")[0]) < head.generation:
                gone += store.remove(actor, f"{facts.graph_prefix(actor.tenant_id, head.audience)}{name}/")
    return gone


def view(store: Store, actor: Actor, heads: list[GraphHead] | None = None) -> Outline:
    """The graph as the actor sees it; an empty one before anything was learnt. One call where it is kept, two where
    it is not; none for `heads` that were read. Raises NotJoined."""
    heads = store.heads(actor) if heads is None else heads
    if not heads:
        return Outline.empty()
    return store.outline(actor, heads[0]) if len(heads) == 1 else joint.view(store, actor, heads)


def _lessons(store: Store, actor: Actor, scans: list[Seen]) -> Iterator[Lesson]:
    for scan in scans:
        try:
            brief = store.brief(actor, scan.scan_id)
            index = store.index(actor, scan.scan_id, brief.wave - 1)
        except NotFound:
            continue
        known = msgspec.structs.replace(scan, is_retired=bool(index.retired_at))
        yield Lesson(known, index.entities, index.relations)


def _advance(store: Store, actor: Actor, audience: str, reason: str, teach: Teach) -> dict[str, int]:
    """Write the next generation beside the present one, and make it the present one unless another came first: then
    begin again from that one."""
    for _ in range(ATTEMPTS):
        head = store.head(actor, audience)
        taught = teach(store.snapshot(actor, head))
        if taught is None:
            snapshot = store.snapshot(actor, head)
            return {"entities": snapshot.entity_count, "relations": snapshot.relation_count}
        snapshot = _write(store, actor, head, reason, *taught)
        try:
            store.advance(actor, head)
        except (PreconditionFailed, Conflict):
            continue
        return {"entities": snapshot.entity_count, "relations": snapshot.relation_count}
    raise PreconditionFailed(f"the graph of {audience} changes faster than it can be written")


def _write(store: Store, actor: Actor, head: GraphHead, reason: str, base: Snapshot, lessons: list[Lesson]) -> Snapshot:
    """Write a generation's objects; the head names it then, and is not yet committed."""
    head.generation += 1
    name = f"{head.generation:06}-{reason}"

    def key(kind: str, number: int) -> str:
        return facts.graph_key(actor.tenant_id, head.audience, name, kind, number)

    def write(key: str, body: bytes) -> None:
        store.write(actor, key, body)

    snapshot = learn(base, lessons, reader(store, actor), write, key)
    head.snapshot, head.outline = key("snapshot", 0), snapshot.outline
    head.updated_at = clock.timestamp()
    write(head.snapshot, encode(snapshot))
    return snapshot


def entity_row(store: Store, actor: Actor, heads: list[GraphHead], outline: Outline, node: int) -> KnownEntity:
    """A node's row, from the graphs that the actor sees: two calls for each. Raises NotFound."""
    order: Order = (outline.type(node), outline.values[node][:SORT_CHARACTERS], outline.key(node))
    found: KnownEntity | None = None
    for head in heads:
        for part in store.snapshot(actor, head).entities:
            if not part.first <= order <= part.last:
                continue
            block = part.blocks[bisect_right(part.blocks, order, key=lambda each: each.first) - 1]
            (body,) = store.read_all(actor, [Slice(part.key, block.start, block.size)])
            for row in decode_rows(body, KnownEntity):
                if row.order == order:
                    found = row if found is None else _both(found, row)
    if found is None:
        raise NotFound()
    return found


def _both(one: KnownEntity, other: KnownEntity) -> KnownEntity:
    one.absorb(other)
    return one
