"""What the findings context does: take in what scans conclude, show findings, move them on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from contracts.findings import SEVERITY_ORDER, Detection, FindingChanged, FindingsDetected, FindingSummary, Severity
from contracts.reports import Evidence, ReportFinding
from functions.findings.model import (
    Finding,
    Sighting,
    Status,
    deduplicated,
    digest_of,
    finding_id,
    new_finding,
)
from functions.findings.schemas import ChangeFinding
from functions.findings.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.events import Event
from kernel.table import Change, Page, create, delete, put, update

CHUNK = 33
"""Findings of one transaction: each is up to three of its hundred items (itself, its sighting, and the one that the
sighting replaces), and their event is one more."""
ATTEMPTS = 8


def record(store: Store, actor: Actor, scan_id: str, conclusions: str | None) -> int:
    """Make the scan's findings what its conclusions say; how many there are. Recording them again changes nothing."""
    known = {sighting.finding_id: sighting for sighting in store.sightings(actor, scan_id)}
    if conclusions is None:
        return len(known)
    wanted = {
        finding_id(actor.tenant_id, detection.check, detection.asset): detection
        for detection in deduplicated(store.conclusions(actor, conclusions))
    }
    team_id = store.team_of(actor, scan_id)
    changed = [name for name, seen in wanted.items() if name not in known or known[name].digest != digest_of(seen)]
    for chunk in _chunks(changed):
        _retrying(lambda names=chunk: _take_in(store, actor, scan_id, names, wanted, known, team_id))
    for chunk in _chunks([name for name in known if name not in wanted]):
        _retrying(lambda names=chunk: _withdraw(store, actor, scan_id, names, known))
    return len(wanted)


def hand_in(store: Store, actor: Actor, scan_id: str, report_id: str) -> None:
    """Write the findings of a scan for a report; the evidence is named here, and told by intelligence."""
    ids = [sighting.finding_id for sighting in store.sightings(actor, scan_id)]
    store.hand_in(actor, report_id, [_reported(finding) for finding in store.findings(actor, ids)])


def list_scan_findings(
    store: Store, actor: Actor, scan_id: str, severity: Severity | None, limit: int, cursor: str | None
) -> tuple[list[Finding], str | None]:
    """A page of what a scan found, the gravest first. Raises NotFound."""
    if not actor.sees_every_team:
        store.demand_scan(actor, scan_id)
    page = store.sightings_page(actor, scan_id, severity, limit, cursor)
    if not page.items:
        store.demand_scan(actor, scan_id)
    return store.findings(actor, [sighting.finding_id for sighting in page.items]), page.next_cursor


def list_findings(
    store: Store, actor: Actor, severity: Severity | None, status: Status | None, limit: int, cursor: str | None
) -> Page[Finding]:
    """A page of the tenant's findings, the gravest first."""
    return store.findings_page(actor, severity, status, limit, cursor)


def get_finding(store: Store, actor: Actor, name: str) -> Finding:
    """One finding."""
    return store.finding(actor, name)


def change_finding(store: Store, actor: Actor, name: str, change: ChangeFinding, if_match: int | None) -> Finding:
    """Move a finding on. Raises WrongTransition, ReasonMissing, PreconditionFailed."""
    finding = store.finding(actor, name)
    if if_match is not None and if_match != finding.version:
        raise PreconditionFailed()
    before = finding.status
    finding.move(change.status, actor.user_id, clock.timestamp(), change.reason)
    event = FindingChanged(
        finding_id=name,
        title=finding.title,
        before=before.value,
        after=finding.status.value,
        comment=change.reason or None,
    )
    store.save(actor, finding, event)
    return finding


def _chunks(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(names), CHUNK):
        yield tuple(names[start : start + CHUNK])


def _retrying(work: Any) -> None:
    """Another scan of the tenant may see the same findings at the same time: read again, and try again."""
    for _ in range(ATTEMPTS):
        try:
            work()
        except PreconditionFailed:
            continue
        return
    raise PreconditionFailed("The findings change faster than they can be recorded.")


def _take_in(
    store: Store,
    actor: Actor,
    scan_id: str,
    names: Iterable[str],
    wanted: dict[str, Detection],
    known: dict[str, Sighting],
    team_id: str | None,
) -> None:
    at = clock.timestamp()
    existing = {finding.finding_id: finding for finding in store.findings(actor, list(names))}
    changes: list[Change] = []
    news: list[FindingSummary] = []
    for name in names:
        detection = wanted[name]
        finding, change, is_news = _seen(actor, existing.get(name), detection, scan_id, at, team_id)
        changes += [change] if change else []
        changes += _sighting(actor, scan_id, finding, detection, known.get(name))
        if is_news:
            news.append(_summary(finding))
    events: list[Event] = [FindingsDetected(scan_id=scan_id, findings=news, team_id=team_id)] if news else []
    store.commit(actor, changes, events)


def _seen(
    actor: Actor, finding: Finding | None, detection: Detection, scan_id: str, at: str, team_id: str | None
) -> tuple[Finding, Change | None, bool]:
    """The finding after a sighting, its change, and whether it is news: found for the first time, or come back."""
    if finding is None:
        finding = new_finding(actor.tenant_id, detection, scan_id, at, team_id)
        return finding, create(finding, PreconditionFailed()), True
    before = finding.status
    if not finding.see(detection, scan_id, at, team_id):
        return finding, None, False
    return finding, update(finding), finding.status is Status.REOPENED and before is not Status.REOPENED


def _sighting(
    actor: Actor, scan_id: str, finding: Finding, detection: Detection, known: Sighting | None
) -> Iterator[Change]:
    """The new sighting; one that stands under another severity goes."""
    rank = SEVERITY_ORDER[finding.severity]
    if known is not None and known.rank != rank:
        yield delete(known)
    yield put(
        Sighting(
            tenant_id=actor.tenant_id,
            scan_id=scan_id,
            finding_id=finding.finding_id,
            rank=rank,
            digest=digest_of(detection),
        )
    )


def _withdraw(store: Store, actor: Actor, scan_id: str, names: Iterable[str], known: dict[str, Sighting]) -> None:
    """What the scan no longer concludes (a rule explains it better) goes; a finding that only this scan ever saw and
    nobody has touched goes with it."""
    changes = [delete(known[name]) for name in names]
    changes += [
        delete(finding)
        for finding in store.findings(actor, list(names))
        if finding.scan_ids == [scan_id] and finding.status is Status.OPEN
    ]
    store.commit(actor, changes, [])


def _reported(finding: Finding) -> ReportFinding:
    return ReportFinding(
        finding_id=finding.finding_id,
        check=finding.check,
        title=finding.title,
        severity=finding.severity,
        status=finding.status.value,
        asset=finding.asset,
        description=finding.description,
        remedy=finding.remedy,
        confidence=finding.confidence,
        first_seen=finding.first_seen,
        last_seen=finding.last_seen,
        references=tuple(finding.references),
        controls=tuple(finding.controls),
        chain=tuple(finding.chain),
        evidence=tuple(Evidence(observation_id=name, type="", value="", module="") for name in finding.evidence),
        details=finding.attributes.get("evidence", {}),
    )


def _summary(finding: Finding) -> FindingSummary:
    return FindingSummary(
        finding_id=finding.finding_id, title=finding.title, severity=finding.severity, asset=finding.asset
    )
