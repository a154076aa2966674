"""How long facts are kept: what the organisation says, what goes by that, and that it goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from contracts import facts
from contracts.intelligence import FactsRetired, RetentionChanged
from contracts.scans import ScanBrief
from functions.intelligence.model.parts import Index
from functions.intelligence.model.retention import Retention, RetentionPlan, is_due, plan, retired
from functions.intelligence.service import graph, joint
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed

LATELY: Final = timedelta(days=2)
MAX_TOLD: Final = 500
"""Scans that an event names."""


def get_retention(store: Store, actor: Actor) -> Retention:
    """How long the organisation keeps its facts."""
    return store.retention(actor)


def set_retention(store: Store, actor: Actor, days: int | None, expected: int | None) -> Retention:
    """Keep facts for so many days, or as the plan says. Raises PreconditionFailed when it has changed since it was
    read."""
    record = store.retention(actor)
    if expected is not None and record.version != expected:
        raise PreconditionFailed()
    before = record.applied_days
    record.days, record.changed_by, record.changed_at = days, actor.user_id, clock.timestamp()
    record.applied_days = record.plan_days if days is None else days
    store.keep(actor, record, RetentionChanged(days=record.applied_days, before=before))
    return record


def dry_run(store: Store, actor: Actor, days: int | None) -> RetentionPlan:
    """What would go now, with another number of days or the one that holds; nothing goes."""
    kept = store.retention(actor).applied_days if days is None else days
    return plan(_indexed(store, actor) if kept is not None else (), kept, clock.now())


def retire(store: Store, actor: Actor) -> RetentionPlan:
    """Let go of what was kept long enough; what went. Doing it again finds nothing more, and finishes what somebody
    else has begun."""
    graph.sweep(store, actor)
    indexed = list(_indexed(store, actor))
    found = plan(indexed, store.retention(actor).applied_days, clock.now())
    due = {each.scan_id for each in found.scans}
    if due:  # told before it is done: who dies between tells it again, and nothing goes in silence
        scans = sorted(due)[:MAX_TOLD]
        store.tell(actor, FactsRetired(days=found.days, scans=scans, observations=found.observations))
    lately = clock.timestamp(clock.now() - LATELY)
    gone = set()
    for brief, index in indexed:
        if index and (brief.scan_id in due or index.retired_at):
            gone.add(brief.scan_id)
            if not index.retired_at or index.retired_at > lately:
                _retire(store, actor, brief, index)
        elif index and not index.manifests and found.before and is_due(brief, found.before):
            store.remove(actor, facts.scan_prefix(actor.tenant_id, brief.scan_id))  # what its batches left
    for head in store.heads(actor):
        if any(scan.scan_id in gone and not scan.is_retired for scan in store.snapshot(actor, head).scans):
            graph.rebuild(store, actor, head.audience, "retention")
    joint.renew(store, actor)
    _forget_uploads(store, actor)
    return found


def _forget_uploads(store: Store, actor: Actor) -> None:
    """Files that were uploaded and never taken in go after two days."""
    for each in store.forgotten_imports(actor, clock.timestamp(clock.now() - LATELY)):
        store.remove(actor, facts.upload_key(actor.tenant_id, each.import_id))


def _indexed(store: Store, actor: Actor) -> Iterator[tuple[ScanBrief, Index | None]]:
    return ((brief, store.find_index(actor, brief.scan_id, brief.wave - 1)) for brief in store.briefs(actor))


def _retire(store: Store, actor: Actor, brief: ScanBrief, index: Index) -> None:
    """First the counts take the place of the facts, then the facts go."""
    if not index.retired_at:
        store.write_index(actor, brief.scan_id, retired(index, clock.timestamp()))
    kept = facts.index_key(actor.tenant_id, brief.scan_id, brief.wave - 1)
    store.remove(actor, facts.scan_prefix(actor.tenant_id, brief.scan_id), kept)
