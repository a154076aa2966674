"""How a scan's facts are kept: compacted when it has ended, and checked against what was written."""

from __future__ import annotations

from contracts import facts
from functions.intelligence.model.integrity import damages, some
from functions.intelligence.schemas import IntegrityReport
from functions.intelligence.service import graph
from functions.intelligence.service.scans import index_of, reader
from functions.intelligence.store import Store
from kernel.actor import Actor
from kernel.errors import NotFound


def compact(store: Store, actor: Actor, scan_id: str) -> dict[str, int]:
    """Turn the many parts of a scan that has ended into few, with an index: `{observations, objects}`.

    Readers see one form or the other, never half of one; doing it again changes nothing.
    """
    from functions.intelligence.model.compaction import compact as compacted

    try:
        before = index_of(store, actor, scan_id)
    except NotFound:  # deleted meanwhile
        return {"observations": 0, "objects": 0}
    index = compacted(
        actor.tenant_id,
        scan_id,
        before,
        reader(store, actor),
        lambda key, body: store.write(actor, key, body),
        lambda: store.keys(actor, f"{facts.scan_prefix(actor.tenant_id, scan_id)}batches/"),
    )
    if index is not before:
        store.write_index(actor, scan_id, index)
    return {"observations": sum(part.rows for part in index.observations), "objects": len(index.objects)}


def sweep(store: Store, actor: Actor, scan_id: str) -> int:
    """Remove what compaction has replaced; how many objects went. Readers that began before it are done by then.

    Of a scan that was deleted while it was compacted and learnt, everything goes.
    """
    from functions.intelligence.model.compaction import REPEATED, REPLACED

    prefix = facts.scan_prefix(actor.tenant_id, scan_id)
    try:
        brief = store.brief(actor, scan_id)
    except NotFound:
        graph.forget_scan(store, actor, scan_id)
        return store.remove(actor, prefix)
    index = store.find_index(actor, scan_id, brief.wave - 1)
    generation = index.generation if index else None
    if index is None or generation is None or generation.through != index.manifests[-1].wave:
        return 0
    named = tuple(each.key for each in index.objects)
    gone = [area for area in REPLACED if not any(key.startswith(prefix + area) for key in named)]
    replaced = sum(store.remove(actor, prefix + area) for area in gone)
    for key in REPEATED:
        last = key(actor.tenant_id, scan_id, generation.through)
        replaced += store.remove(actor, f"{last.rpartition('/')[0]}/", last)
    return replaced + (_sweep_batches(store, actor, scan_id, generation.found) if generation.found else 0)


def _sweep_batches(store: Store, actor: Actor, scan_id: str, directory: str) -> int:
    """Remove what batches read and wrote, as far as the compacted form tells it; what came later stays."""
    found = store.found(actor, directory)
    prefix = facts.scan_prefix(actor.tenant_id, scan_id)
    wrote = {facts.segment_key(actor.tenant_id, scan_id, each.wave, each.number) for each in found.batches}
    read = {facts.batch_input_key(actor.tenant_id, scan_id, each.wave, each.number) for each in found.given}
    return sum(
        store.remove_some(actor, prefix + area, keys) for area, keys in (("segments/", wrote), ("batches/", read))
    )


def integrity(store: Store, actor: Actor, scan_id: str, begin: int, limit: int) -> tuple[IntegrityReport, int | None]:
    """What is wrong with `limit` of the objects that a scan's facts lie in, and where to go on. Raises NotFound."""
    objects = index_of(store, actor, scan_id).objects
    looked_at = some(objects, begin, limit)
    found = damages(looked_at, store.find_all(actor, [each.key for each in looked_at]))
    end = begin + len(looked_at)
    size = sum(each.size for each in looked_at)
    report = IntegrityReport.of(len(objects), len(looked_at), size, found)
    return report, end if end < len(objects) else None
