"""Scans that were run elsewhere: their facts are there already, and they have ended."""

from __future__ import annotations

from pydantic import BaseModel

from contracts.scans import ScanCreated, ScanEnded, ScanStatus, Tally
from functions.scans.model import Scan
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.errors import Conflict

PROFILE = "imported"


class Adopted(BaseModel):
    """What is known of a scan whose facts came from a file."""

    scan_id: str
    name: str
    team_id: str | None = None
    targets: tuple[str, ...]
    modules: dict[str, str] = {}
    waves: int
    observations: int
    entities: int = 0
    created_by: str
    created_at: str


def adopt(store: Store, actor: Actor, found: Adopted) -> None:
    """Have it as a scan that has ended; a second time changes nothing."""
    tally = Tally(waves=found.waves, observations=found.observations, entities=found.entities)
    scan = Scan(
        tenant_id=actor.tenant_id,
        scan_id=found.scan_id,
        name=found.name,
        team_id=found.team_id,
        status=ScanStatus.FINISHED,
        targets=found.targets,
        profile=PROFILE,
        modules=found.modules,
        tally=tally,
        wave=found.waves,
        reason="Its facts were imported from a file.",
        created_by=found.created_by,
        created_at=found.created_at,
        started_at=found.created_at,
        finished_at=found.created_at,
    )
    told = {"scan_id": scan.scan_id, "name": scan.name}
    created = ScanCreated(**told, targets=list(scan.targets), profile=PROFILE)
    ended = ScanEnded(
        **told,
        status=scan.status,
        reason=scan.reason,
        tally=tally,
        created_by=scan.created_by,
        team_id=scan.team_id,
    )
    try:
        store.add(actor, scan, [created, ended])
    except Conflict:
        return
