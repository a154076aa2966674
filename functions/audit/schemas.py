"""What callers send to the audit API, and what it shows beyond entries and reports."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from functions.audit.model.entries import AuditLogEntry
from functions.audit.model.reports import AuditFilters, AuditReportFormat
from kernel.text import Instant, Line

MAX_DETAILS = 8_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}$"


def _small(value: dict[str, Any]) -> dict[str, Any]:
    """Bounded in bytes, and free of what canonical JSON has no spelling for."""
    from functions.audit.model.canonical import canonical

    try:
        size = len(canonical(value))
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if size > MAX_DETAILS:
        raise ValueError(f"has more than {MAX_DETAILS} bytes")
    return value


Name = Annotated[str, Field(max_length=128, pattern=NAME)]


class LogAuditEntry(BaseModel):
    """A deed outside the platform, as an integration of the organisation tells it."""

    model_config = ConfigDict(extra="forbid")

    action: Annotated[Name, Field(description="What was done, such as `vpn.login`.")]
    resource: Annotated[Name | None, Field(description="What it was done to.")] = None
    subject: Annotated[Line | None, Field(description="Who did it, as the integration says.")] = None
    details: Annotated[
        dict[Annotated[str, Field(max_length=128)], Any],
        AfterValidator(_small),
        Field(max_length=64, description=f"More, at most {MAX_DETAILS} bytes of JSON."),
    ] = {}


class AuditReportFilters(AuditFilters):
    """Which entries are meant."""

    model_config = ConfigDict(extra="forbid")

    actor: Name | None = None
    action: Name | None = None
    resource: Name | None = None


class CreateAuditReport(BaseModel):
    """A part of the trail as a file; without a period, the last thirty days."""

    model_config = ConfigDict(extra="forbid")

    format: AuditReportFormat = AuditReportFormat.CSV
    since: Instant | None = None
    until: Instant | None = None
    filters: AuditReportFilters = AuditReportFilters()


class InclusionProof(BaseModel):
    """That an entry stands in the log: see the guide to the audit trail for how to check it."""

    sequence: int = Field(description="Its place, from 0.")
    leaf: dict[str, Any] = Field(description="What the log vouches for; `content` is the SHA-256 of `content`.")
    content: str = Field(description="E-mail, address and details, with their salt, as they were hashed.")
    leaf_hash: str
    path: list[str] = Field(description="The audit path of RFC 6962, in hexadecimal.")
    head: dict[str, Any] = Field(description="The tree head, with its root and size.")
    signature: str = Field(description="Over the head as canonical JSON: ECDSA P-256, SHA-256, DER in base64.")
    key: str = Field(description="The public key: SubjectPublicKeyInfo, DER in base64.")


class ProvenAuditEntry(AuditLogEntry):
    """One deed, with the proof that it stands in the log; null while it is not sealed."""

    proof: InclusionProof | None
