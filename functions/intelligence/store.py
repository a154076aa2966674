"""What intelligence keeps: everything lies in the facts bucket, under keys that name the scan and the wave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contracts import facts
from contracts.findings import Detection
from contracts.reports import IntelligencePart, ReportFinding, part_key
from contracts.scans import ScanBrief
from functions.intelligence.model.parts import Manifest
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.facts import Facts
from kernel.table import Table

if TYPE_CHECKING:
    from functions.intelligence.model.correlation.compiled import RuleResult


class Store:
    """Reads and writes for one deployment."""

    def __init__(self, table: Table | None = None, bucket: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = bucket or Facts()

    def brief(self, actor: Actor, scan_id: str) -> ScanBrief:
        """The scan, as its context shows it to those who see it. Raises NotFound."""
        brief = self._table.require(actor, ScanBrief, scan_id=scan_id)
        if not actor.sees(brief.team_id):
            raise NotFound()
        return brief

    def read(self, actor: Actor, key: str) -> bytes:
        """One object. Raises NotFound."""
        return self._facts.get(actor, key)

    def write(self, actor: Actor, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """One object; the same key again replaces it."""
        self._facts.put(actor, key, body, content_type)

    def link(self, actor: Actor, key: str, filename: str) -> str:
        """A presigned download link."""
        return self._facts.link(actor, key, filename)

    def manifests(self, actor: Actor, scan_id: str, wave: int) -> list[Manifest]:
        """What was written for all waves up to this one, none below wave 0."""
        if wave < 0:
            return []
        return facts.decode_rows(self.read(actor, facts.index_key(actor.tenant_id, scan_id, wave)), Manifest)

    def write_index(self, actor: Actor, scan_id: str, manifests: list[Manifest]) -> None:
        """Written last: with it, a wave is there."""
        key = facts.index_key(actor.tenant_id, scan_id, manifests[-1].wave)
        self.write(actor, key, facts.encode_rows(manifests))

    def segments(self, actor: Actor, scan_id: str, wave: int) -> Iterator[bytes]:
        """What the batches of a wave found, one at a time, in the order of the batches."""
        prefix = f"{facts.scan_prefix(actor.tenant_id, scan_id)}segments/{wave:05}/"
        for key in self._facts.keys(actor, prefix):
            yield self.read(actor, key)

    def detections(self, actor: Actor, key: str) -> list[Detection]:
        """Weaknesses that modules reported in one wave."""
        return facts.decode_rows(self.read(actor, key), Detection)

    def rule_results(self, actor: Actor, key: str) -> list[RuleResult]:
        """What the rules found after one wave."""
        from functions.intelligence.model.correlation.compiled import RuleResult  # only the reducer has the rules

        return facts.decode_rows(self.read(actor, key), RuleResult)

    def reported_findings(self, actor: Actor, report_id: str) -> list[ReportFinding]:
        """The findings of a report, as their context handed them in."""
        return facts.decode_rows(self.read(actor, part_key(actor.tenant_id, report_id, "findings")), ReportFinding)

    def hand_in(self, actor: Actor, report_id: str, part: IntelligencePart) -> None:
        """Intelligence's part of a report."""
        self.write(actor, part_key(actor.tenant_id, report_id, "intelligence"), facts.encode_rows([part]))
