"""Findings: what the collection and correlation hand to the findings context."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from kernel.events import Event


class Severity(StrEnum):
    """How bad a finding is, in the words that CVSS and the scanners share."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


SEVERITY_ORDER = {severity.value: rank for rank, severity in enumerate(Severity)}


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A weakness that a rule or a module saw on one asset in one scan.

    `check` names the rule or the module's check (`rule:exposed_git`, `module:security_headers/missing-csp`);
    the same check on the same asset is the same finding on every scan. `evidence` lists the ids of the
    observations that show it, `chain` the facts in words from the target to the weakness.
    """

    check: str
    asset: str
    title: str
    severity: str
    description: str
    remedy: str
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}


class FindingSummary(BaseModel):
    """A finding in one line."""

    model_config = ConfigDict(frozen=True)

    finding_id: str
    title: str
    severity: Severity
    asset: str


class FindingsDetected(Event, context="findings"):
    """A scan found weaknesses that were not known (or that had been fixed)."""

    scan_id: str
    findings: list[FindingSummary]
    team_id: str | None = Field(default=None, description="The team that alone sees the scan; absent: everybody.")


class FindingChanged(Event, context="findings"):
    """Somebody moved a finding on."""

    finding_id: str
    title: str
    before: str
    after: str
    comment: str | None = None
