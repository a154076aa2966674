"""A scan in moto's bucket and table, whose waves are written by hand."""

from __future__ import annotations

from typing import Any

from contracts.facts import encode_rows, segment_key
from contracts.observations import Observation, observation_id
from contracts.scans import ScanBrief, ScanStatus
from functions.intelligence import api, steps
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.ids import new_id
from kernel.table import Table, create, update
from tests.kit import Answer, call

WEAK = {
    "check": "exposed-git",
    "asset": "http://a.example",
    "title": "A folder",
    "severity": "high",
    "remedy": "Remove it.",
}


class Scan:
    """A scan whose waves are written by hand."""

    def __init__(self, who: Actor) -> None:
        self.who = who
        self.brief = ScanBrief(
            tenant_id=who.tenant_id,
            scan_id=new_id("scan"),
            name="Site",
            status=ScanStatus.RUNNING,
            targets=("a.example",),
            created_at="2026-11-20T08:00:00.000Z",
        )
        Table().write(create(self.brief))
        self.id = self.brief.scan_id

    def fact(self, type_: str, value: str, source: Observation | None = None, **fields: Any) -> Observation:
        source_id = source.id if source else self.id
        return Observation(
            id=observation_id(self.id, type_, value, source_id),
            type=type_,
            value=value,
            source_id=source_id,
            module=fields.pop("module", "m"),
            module_version="1.0.0",
            observed_at=fields.pop("at", "2026-11-20T08:00:01.000Z"),
            **fields,
        )

    def reduce(self, wave: int, *batches: list[Observation]) -> dict[str, Any]:
        """Write the batches' segments and have the wave reduced, as the state machine does; the gate counts it."""
        for number, rows in enumerate(batches):
            Facts().put(self.who, segment_key(self.who.tenant_id, self.id, wave, number), encode_rows(rows))
        event = {"tenant_id": self.who.tenant_id, "scan_id": self.id, "wave": wave}
        answer: dict[str, Any] = steps.reduce(event, None)
        brief = Table().require(self.who, ScanBrief, scan_id=self.id)
        brief.wave = wave + 1
        Table().write(update(brief))
        return answer

    def get(self, view: str, query: str = "", who: Actor | None = None) -> Answer:
        return call(api.handler, "GET", f"/scans/{self.id}/{view}", who or self.who, query=query)

    def whole(self, view: str, query: str = "", limit: int = 2) -> list[dict[str, Any]]:
        """A list, page after page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(view, f"limit={limit}{query}{cursor}").body
            assert len(page["items"]) <= limit
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"
