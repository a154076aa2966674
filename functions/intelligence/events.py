"""Event door of intelligence: what a scan found is kept when it ends, and forgotten with it."""

from __future__ import annotations

from contracts.access import TeamMemberAdded, TeamMemberRemoved
from contracts.intelligence import ImportStarted
from contracts.scans import ScanDeleted, ScanEnded
from functions.intelligence.gateways import StepFunctions
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("intelligence")


@handler.on(ScanEnded)
def settle(event: ScanEnded, envelope: Envelope) -> None:
    """Compact its facts and take them into the organisation's graph."""
    StepFunctions().settle(envelope.tenant_id, event.scan_id, envelope.id)


@handler.on(ScanDeleted)
def forget(event: ScanDeleted, envelope: Envelope) -> None:
    """Its facts leave the graph."""
    StepFunctions().forget(envelope.tenant_id, event.scan_id, envelope.id)


@handler.on(ImportStarted)
def take_in(event: ImportStarted, envelope: Envelope) -> None:
    """The file becomes a scan."""
    StepFunctions().take_in(envelope.tenant_id, event.import_id)


@handler.on(TeamMemberAdded)
def join(_event: TeamMemberAdded, envelope: Envelope) -> None:
    """Somebody sees another team's graph with what he saw before."""
    StepFunctions().join(envelope.tenant_id, envelope.id)


@handler.on(TeamMemberRemoved)
def join_what_is_left(_event: TeamMemberRemoved, envelope: Envelope) -> None:
    """What somebody sees without a team's graph, nobody may have seen together before."""
    StepFunctions().join(envelope.tenant_id, envelope.id)
