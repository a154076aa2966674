"""Event door of privacy: a wish becomes an execution."""

from __future__ import annotations

from contracts.organizations import OrganizationClosed
from contracts.privacy import PersonalDataRequested, PersonErasureRequested
from functions.privacy.gateways import StepFunctions
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("privacy")


@handler.on(PersonalDataRequested)
def begin_export(event: PersonalDataRequested, envelope: Envelope) -> None:
    """Gather the parts."""
    work = {"tenant_id": envelope.tenant_id, "job_id": event.export_id, "wish": "export"}
    StepFunctions().start("export", event.export_id, dict(work))


@handler.on(PersonErasureRequested)
def wait_for_erasure(event: PersonErasureRequested, envelope: Envelope) -> None:
    """Wait until it can no longer be taken back."""
    work = {"tenant_id": envelope.tenant_id, "job_id": event.erasure_id, "wish": "erase", "at": event.begins_at}
    StepFunctions().start("erasure", envelope.id, dict(work))


@handler.on(OrganizationClosed)
def erase_tenant(_event: OrganizationClosed, envelope: Envelope) -> None:
    """Nothing is to be left of it."""
    work = {"tenant_id": envelope.tenant_id, "resume": None, "removed": 0}
    StepFunctions().start("tenant", envelope.tenant_id, dict(work))
