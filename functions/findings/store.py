"""The findings context's items, and the conclusions that intelligence leaves in the facts bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.facts import decode_rows, encode_rows
from contracts.findings import SEVERITY_ORDER, Detection, FindingChanged, Severity
from contracts.reports import ReportFinding, part_key
from contracts.scans import ScanBrief
from functions.findings.model import Finding, Sighting, Status
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Event
from kernel.facts import Facts
from kernel.table import Change, Page, Table, update


class Store:
    """Reads and commits for one deployment."""

    def __init__(self, table: Table | None = None, facts: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = facts or Facts()

    def demand_scan(self, actor: Actor, scan_id: str) -> ScanBrief:
        """The scan, as its context shows it to those who see it. Raises NotFound."""
        brief = self._table.require(actor, ScanBrief, scan_id=scan_id)
        if not actor.sees(brief.team_id):
            raise NotFound()
        return brief

    def team_of(self, actor: Actor, scan_id: str) -> str | None:
        """The team of a scan; one that is gone has none."""
        brief = self._table.get(actor, ScanBrief, scan_id=scan_id)
        return brief.team_id if brief else None

    def conclusions(self, actor: Actor, key: str) -> list[Detection]:
        """What a scan has concluded so far."""
        return decode_rows(self._facts.get(actor, key), Detection)

    def sightings(self, actor: Actor, scan_id: str) -> list[Sighting]:
        """What is recorded of a scan, the gravest first."""
        return list(self._table.all(actor, Sighting, scan_id=scan_id))

    def sightings_page(
        self, actor: Actor, scan_id: str, severity: Severity | None, limit: int, cursor: str | None
    ) -> Page[Sighting]:
        """A page of the same."""
        rank: dict[str, Any] = {} if severity is None else {"rank": SEVERITY_ORDER[severity]}
        return self._table.query(actor, Sighting, scan_id=scan_id, limit=limit, cursor=cursor, **rank)

    def findings(self, actor: Actor, ids: Sequence[str]) -> list[Finding]:
        """Findings by id, in this order; those that are gone are left out."""
        return self._table.get_many(actor, Finding, [{"finding_id": each} for each in ids])

    def finding(self, actor: Actor, finding_id: str) -> Finding:
        """One finding that the actor sees. Raises NotFound."""
        finding = self._table.require(actor, Finding, finding_id=finding_id)
        if not finding.is_shown_to(actor):
            raise NotFound()
        return finding

    def findings_page(
        self, actor: Actor, severity: Severity | None, status: Status | None, limit: int, cursor: str | None
    ) -> Page[Finding]:
        """The tenant's findings that the actor sees, the gravest first; a page may be short."""
        values: dict[str, Any] = {} if severity is None else {"rank": SEVERITY_ORDER[severity]}
        index = "gsi1" if status is None else "gsi2"
        if status is not None:
            values["status"] = status.value
        page = self._table.query(actor, Finding, index=index, limit=limit, cursor=cursor, **values)
        return Page([finding for finding in page.items if finding.is_shown_to(actor)], page.next_cursor)

    def commit(self, actor: Actor, changes: Sequence[Change], events: Sequence[Event]) -> None:
        """Several findings and sightings at once."""
        self._table.transact(actor, changes, events)

    def hand_in(self, actor: Actor, report_id: str, rows: Sequence[ReportFinding]) -> None:
        """The findings of a report."""
        self._facts.put(actor, part_key(actor.tenant_id, report_id, "findings"), encode_rows(rows))

    def save(self, actor: Actor, finding: Finding, event: FindingChanged) -> None:
        """Commit a finding that somebody moved."""
        self._table.transact(actor, [update(finding)], [event], answer=finding)
