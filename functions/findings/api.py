"""HTTP door of findings."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from contracts.findings import Severity
from functions.findings import service
from functions.findings.model import Finding, Status
from functions.findings.schemas import ChangeFinding
from functions.findings.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("findings")
store = cache(Store)


class ScanFindingParameters(ListParameters):
    """Which findings of a scan are asked for."""

    severity: Severity | None = None


class FindingParameters(ScanFindingParameters):
    """Which findings are asked for."""

    status: Status | None = None


@app.get("/findings", response_model=List[Finding])
async def list_findings(
    parameters: Annotated[FindingParameters, Query()], actor: Actor = require("findings:read")
) -> Response:
    """The organisation's findings, the gravest first."""
    found = service.list_findings(
        store(), actor, parameters.severity, parameters.status, parameters.limit, parameters.cursor
    )
    return page(found.items, found.next_cursor)


@app.get("/findings/{finding_id}", response_model=Finding)
async def get_finding(finding_id: str, actor: Actor = require("findings:read")) -> Response:
    """One finding with its evidence and history."""
    return reply(service.get_finding(store(), actor, finding_id))


@app.put("/findings/{finding_id}/status", response_model=Finding)
async def change_finding(
    finding_id: str, body: ChangeFinding, if_match: IfMatch, actor: Actor = require("findings:update")
) -> Response:
    """Move a finding on: triage, accept, fix, close."""
    return reply(service.change_finding(store(), actor, finding_id, body, if_match))


@app.get("/scans/{scan_id}/findings", response_model=List[Finding])
async def list_scan_findings(
    scan_id: str, parameters: Annotated[ScanFindingParameters, Query()], actor: Actor = require("findings:read")
) -> Response:
    """What a scan found, the gravest first."""
    items, cursor = service.list_scan_findings(
        store(), actor, scan_id, parameters.severity, parameters.limit, parameters.cursor
    )
    return page(items, cursor)


handler = lambda_handler(app)
