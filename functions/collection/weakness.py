"""Weaknesses as modules declare them: written once beside the check, completed by asset and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contracts.findings import Severity
from contracts.observations import ObservationType
from functions.collection.module import Found


@dataclass(frozen=True, slots=True)
class Check:
    """A weakness that a module looks for. `id` is stable: the same check on the same asset is the same finding."""

    id: str
    type: ObservationType
    severity: Severity
    title: str
    description: str
    remedy: str
    references: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    """What of a framework asks for it (`CIS AWS Foundations 3.0.0 2.1.4`)."""

    def at(
        self, asset: str, evidence: dict[str, Any], *, confidence: float = 1.0, parent: Found | None = None
    ) -> Found:
        """The fact that an asset (`host`, `host:port`, a URL's origin, a zone) shows this weakness."""
        attributes = {
            "check": self.id,
            "asset": asset,
            "title": self.title,
            "severity": self.severity.value,
            "description": self.description,
            "remedy": self.remedy,
            "references": list(self.references),
            "evidence": evidence,
        }
        if self.controls:
            attributes["controls"] = list(self.controls)
        return Found(self.type, f"{self.id}:{asset}", attributes, confidence, parent=parent)


def misconfiguration(
    id_: str, severity: Severity, title: str, description: str, remedy: str, *references: str
) -> Check:
    """A check for a setting that weakens an asset."""
    return Check(id_, ObservationType.MISCONFIGURATION, severity, title, description, remedy, references)


def exposure(id_: str, severity: Severity, title: str, description: str, remedy: str, *references: str) -> Check:
    """A check for something reachable that should not be."""
    return Check(id_, ObservationType.EXPOSURE, severity, title, description, remedy, references)


def vulnerability(id_: str, severity: Severity, title: str, description: str, remedy: str, *references: str) -> Check:
    """A check for a flaw that an attacker can use as it stands."""
    return Check(id_, ObservationType.VULNERABILITY, severity, title, description, remedy, references)
