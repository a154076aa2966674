"""What an organisation uses of its plan: counted from events, shown, and marked where a limit is reached."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from contracts.plans import Metered, Plan, plans
from functions.organizations.model import StoredScan, Usage, UsageLine, UsageReport, line, period_of, warnings_due
from functions.organizations.store import Counted, Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Conflict, PreconditionFailed
from kernel.table import Once

ATTEMPTS = 6


def count(store: Store, actor: Actor, plan: Plan, added: dict[Metered, int], once: Once) -> None:
    """Add to what was counted, in one transaction with the marks and warnings that follow from it."""
    _trying(lambda: store.count(actor, _added(store, actor, plan, added), once))


def count_scan(store: Store, actor: Actor, plan: Plan, scan_id: str, added: dict[Metered, int], once: Once) -> None:
    """A scan has ended or was removed: the room that its facts take now is counted, with what else there is to add."""
    now = store.size_of_scan(actor, scan_id)
    _trying(lambda: _count_scan(store, actor, plan, scan_id, now, added, once))


def _count_scan(
    store: Store, actor: Actor, plan: Plan, scan_id: str, now: int, added: dict[Metered, int], once: Once
) -> None:
    before = store.stored_scan(actor, scan_id)
    kept = before or StoredScan(tenant_id=actor.tenant_id, scan_id=scan_id, bytes=0)
    grown, kept.bytes = now - kept.bytes, now
    store.count(actor, _added(store, actor, plan, {**added, Metered.STORAGE: grown}), once, kept)


def _trying(count: Callable[[], None]) -> None:
    """Count again what another worker's count came before: both read the same figure."""
    for attempt in range(ATTEMPTS):
        try:
            count()
        except (Conflict, PreconditionFailed):
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter
        else:
            return
    count()


def _added(store: Store, actor: Actor, plan: Plan, added: dict[Metered, int]) -> list[Counted]:
    now = clock.now()
    by_period: dict[str, dict[Metered, int]] = {}
    for metered, number in added.items():
        by_period.setdefault(period_of(metered, now), {})[metered] = number
    known = store.usage(actor, *by_period)
    return [_counted(known.get(period), actor, plan, period, numbers) for period, numbers in by_period.items()]


def _counted(known: Usage | None, actor: Actor, plan: Plan, period: str, numbers: dict[Metered, int]) -> Counted:
    usage = known or Usage(tenant_id=actor.tenant_id, period=period)
    warnings = []
    for metered, number in numbers.items():
        usage.counts[metered] = max(0, usage.counts.get(metered, 0) + number)
        due = warnings_due(usage, metered, plan.limit(metered))
        warnings += [(metered, per_cent) for per_cent in due]
        usage.told = (*usage.told, *(f"{metered}:{per_cent}" for per_cent in due))
    lines = [line(metered, usage.counts[metered], plan, clock.now()) for metered in numbers]
    return Counted(usage, lines, warnings)


def report(store: Store, actor: Actor, plan_name: str) -> UsageReport:
    """Everything that is counted, beside its limit."""
    now, plan = clock.now(), plans()[plan_name]
    periods = store.usage(actor, *sorted({period_of(metered, now) for metered in Metered}))
    lines: list[UsageLine] = []
    for metered in Metered:
        usage = periods.get(period_of(metered, now))
        used = usage.counts.get(metered, 0) if usage else 0
        if metered is Metered.API_CALLS:
            used = store.api_calls(actor, now)
        lines.append(line(metered, used, plan, now))
    return UsageReport(plan=plan.name, lines=lines)
