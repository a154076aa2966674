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
from kernel.events import Event
from kernel.facts import Facts
from kernel.table import Change, Page, Table, update


class Store:
    """Reads and commits for one deployment."""

    def __init__(self, table: Table | None = None, facts: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = facts or Facts()

    def demand_scan(self, actor: Actor, scan_id: str) -> ScanBrief:
        """The scan, as its context shows it. Raises NotFound."""
        return self._table.require(actor, ScanBrief, scan_id=scan_id)

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
        """One finding. Raises NotFound."""
        return self._table.require(actor, Finding, finding_id=finding_id)

    def findings_page(
        self, actor: Actor, severity: Severity | None, status: Status | None, limit: int, cursor: str | None
    ) -> Page[Finding]:
        """The tenant's findings, the gravest first."""
        rank: dict[str, Any] = {} if severity is None else {"rank": SEVERITY_ORDER[severity]}
        if status is None:
            return self._table.query(actor, Finding, index="gsi1", limit=limit, cursor=cursor, **rank)
        return self._table.query(actor, Finding, index="gsi2", limit=limit, cursor=cursor, status=status.value, **rank)

    def commit(self, actor: Actor, changes: Sequence[Change], events: Sequence[Event]) -> None:
        """Several findings and sightings at once."""
        self._table.transact(actor, changes, events)

    def hand_in(self, actor: Actor, report_id: str, rows: Sequence[ReportFinding]) -> None:
        """The findings of a report."""
        self._facts.put(actor, part_key(actor.tenant_id, report_id, "findings"), encode_rows(rows))

    def save(self, actor: Actor, finding: Finding, event: FindingChanged) -> None:
        """Commit a finding that somebody moved."""
        self._table.transact(actor, [update(finding)], [event], answer=finding)
