"""Findings: what the collection and correlation hand to the findings context."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


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
