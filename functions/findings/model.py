"""Findings: a weakness on an asset over all scans, and the rules of its life. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, ClassVar, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field, computed_field

from contracts.findings import SEVERITY_ORDER, Detection, Severity
from functions.findings.errors import ReasonMissing, WrongTransition
from kernel.actor import Actor
from kernel.records import Record

MAX_EVIDENCE: Final = 50
MAX_SCANS: Final = 20
MAX_HISTORY: Final = 100
SCANNER: Final = "scanner"
"""Who changes a finding's status when a scan does."""


class Status(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    TRIAGED = "triaged"
    IN_PROGRESS = "in_progress"
    FIXED = "fixed"
    ACCEPTED = "accepted"
    FALSE_POSITIVE = "false_positive"
    CLOSED = "closed"
    REOPENED = "reopened"


_WORK: Final = frozenset({Status.IN_PROGRESS, Status.FIXED, Status.ACCEPTED, Status.FALSE_POSITIVE, Status.CLOSED})

TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    Status.OPEN: _WORK | {Status.TRIAGED},
    Status.TRIAGED: _WORK | {Status.OPEN},
    Status.IN_PROGRESS: (_WORK - {Status.IN_PROGRESS}) | {Status.TRIAGED},
    Status.FIXED: frozenset({Status.CLOSED, Status.REOPENED}),
    Status.ACCEPTED: frozenset({Status.TRIAGED, Status.CLOSED}),
    Status.FALSE_POSITIVE: frozenset({Status.TRIAGED, Status.CLOSED}),
    Status.CLOSED: frozenset({Status.REOPENED}),
    Status.REOPENED: _WORK | {Status.TRIAGED},
}
"""Where a person may move a finding from each status."""

NEEDS_REASON: Final = frozenset({Status.ACCEPTED, Status.FALSE_POSITIVE})
SETTLED: Final = frozenset({Status.FIXED, Status.CLOSED})
"""Statuses that say the weakness is gone: seen after that, a finding is reopened."""
UNRESOLVED: Final = frozenset({Status.OPEN, Status.TRIAGED, Status.IN_PROGRESS, Status.REOPENED})


class Change(BaseModel):
    """One change of status: when, by whom, from what to what, and why."""

    model_config = ConfigDict(frozen=True)

    at: str
    by: str
    before: Status
    after: Status
    reason: str = ""


class Finding(
    Record,
    pk="TENANT#{tenant_id}#FINDINGS",
    sk="FINDING#{finding_id}",
    gsi1=("TENANT#{tenant_id}#FINDINGS", "{rank}#{finding_id}"),
    gsi2=("TENANT#{tenant_id}#FINDINGS#{status}", "{rank}#{finding_id}"),
):
    """A weakness (`check`) on an asset. The same weakness on the same asset is the same finding on every scan.

    The indexes list findings from the gravest to the least, all of them and those of one status.
    """

    location: ClassVar[str | None] = "/findings/{finding_id}"

    finding_id: str
    check: str
    asset: str
    title: str
    severity: Severity
    description: str
    remedy: str
    confidence: float = Field(ge=0, le=1)
    status: Status = Status.OPEN
    status_at: str
    first_seen: str
    last_seen: str
    teams: tuple[str, ...] | None = Field(
        default=None, description="The teams whose scans alone have seen it; absent: everybody sees it."
    )
    scan_ids: list[str] = Field(description=f"The latest scans that saw it, newest last, at most {MAX_SCANS}.")
    scans: int = Field(default=1, description="How many scans have seen it.")
    evidence: list[str] = Field(default_factory=list, description="Ids of observations of the latest scan.")
    chain: list[str] = Field(default_factory=list, description="The facts from the target to the weakness.")
    references: list[str] = Field(default_factory=list)
    controls: list[str] = Field(default_factory=list)
    attributes: dict[str, Any] = Field(default_factory=dict)
    history: list[Change] = Field(default_factory=list)

    @computed_field(description="0 for critical to 4 for info; lists are sorted by it.")  # type: ignore[prop-decorator]
    @property
    def rank(self) -> int:
        """Where the severity stands."""
        return SEVERITY_ORDER[self.severity]

    def move(self, to: Status, by: str, at: str, reason: str = "") -> None:
        """Change the status. Raises WrongTransition, or ReasonMissing where one is needed."""
        if to not in TRANSITIONS[self.status]:
            raise WrongTransition(f"A finding that is {self.status.value} cannot become {to.value}.")
        if to in NEEDS_REASON and not reason.strip():
            raise ReasonMissing(f"Say why the finding is {to.value.replace('_', ' ')}.")
        self._become(to, by, at, reason.strip())

    def is_shown_to(self, actor: Actor) -> bool:
        """Whether a scan that the actor sees has seen it, or one of no team."""
        return self.teams is None or any(actor.sees(team_id) for team_id in self.teams)

    def see(self, detection: Detection, scan_id: str, at: str, team_id: str | None = None) -> bool:
        """Take in that a scan saw the weakness at `at`; True when that changed anything.

        Scans may be told in any order: the newest tells severity, words and evidence. A finding that was settled
        before is reopened.
        """
        before = self.model_copy(deep=True)
        self._count_scan(scan_id)
        if self.teams is not None:
            self.teams = tuple(sorted({*self.teams, team_id})) if team_id else None
        self.first_seen = min(self.first_seen, at)
        if at >= self.last_seen:
            self.last_seen = at
            self._describe(detection)
        if self.status in SETTLED and at > self.status_at:
            self._become(Status.REOPENED, SCANNER, at, f"Seen again by {scan_id}.")
        return self != before

    def _become(self, to: Status, by: str, at: str, reason: str) -> None:
        change = Change(at=at, by=by, before=self.status, after=to, reason=reason)
        self.history = [*self.history, change][-MAX_HISTORY:]
        self.status, self.status_at = to, at

    def _count_scan(self, scan_id: str) -> None:
        if scan_id not in self.scan_ids:
            self.scan_ids = [*self.scan_ids, scan_id][-MAX_SCANS:]
            self.scans += 1

    def _describe(self, detection: Detection) -> None:
        for name, value in _told(detection).items():
            setattr(self, name, value)


class Sighting(Record, pk="TENANT#{tenant_id}#FINDINGS#{scan_id}", sk="{rank}#{finding_id}"):
    """That a scan saw a finding, and a digest of what it saw, so that recording it again changes nothing."""

    scan_id: str
    finding_id: str
    rank: int
    digest: str


def digest_of(detection: Detection) -> str:
    """Names what a detection says."""
    return hashlib.blake2b(msgspec.msgpack.encode(detection), digest_size=16).hexdigest()


def finding_id(tenant_id: str, check: str, asset: str) -> str:
    """The id of a weakness on an asset of a tenant, the same on every scan: `fnd_` and 26 base32 characters."""
    digest = hashlib.blake2b("\x00".join((tenant_id, check, asset)).encode(), digest_size=16).digest()
    return "fnd_" + base64.b32encode(digest).decode().rstrip("=").lower()


def new_finding(tenant_id: str, detection: Detection, scan_id: str, at: str, team_id: str | None = None) -> Finding:
    """A weakness that was never seen on its asset before."""
    return Finding(
        tenant_id=tenant_id,
        finding_id=finding_id(tenant_id, detection.check, detection.asset),
        check=detection.check,
        asset=detection.asset,
        status_at=at,
        first_seen=at,
        last_seen=at,
        teams=(team_id,) if team_id else None,
        scan_ids=[scan_id],
        **_told(detection),
    )


def deduplicated(detections: Iterable[Detection]) -> list[Detection]:
    """One detection per check and asset, in order of both; what a rule's detection supersedes is folded into it.

    A rule supersedes the checks it names (`attributes.supersedes`) on its own asset: their evidence becomes its own.
    """
    distinct: dict[tuple[str, str], Detection] = {}
    for detection in detections:
        name = (detection.check, detection.asset)
        known = distinct.get(name)
        distinct[name] = detection if known is None else _joined(known, detection)
    for name in sorted(distinct):
        _fold_superseded(distinct, name)
    return [distinct[name] for name in sorted(distinct)]


def _fold_superseded(distinct: dict[tuple[str, str], Detection], name: tuple[str, str]) -> None:
    superior = distinct.get(name)
    if superior is None:
        return
    covered: list[str] = []
    for check in superior.attributes.get("supersedes", ()):
        inferior = distinct.get((check, superior.asset)) if check != superior.check else None
        if inferior is not None:
            superior = _with_evidence(superior, inferior.evidence)
            covered += [check, *inferior.attributes.get("covers", ())]
            del distinct[check, superior.asset]
    if covered:
        known = superior.attributes.get("covers", ())
        attributes = {**superior.attributes, "covers": [*known, *covered]}
        superior = msgspec.structs.replace(superior, attributes=attributes)
    distinct[name] = superior


def _joined(one: Detection, other: Detection) -> Detection:
    """Two sightings of one weakness: the surer one's words, the evidence of both."""
    first, second = (one, other) if one.confidence >= other.confidence else (other, one)
    return _with_evidence(first, second.evidence)


def _with_evidence(detection: Detection, more: tuple[str, ...]) -> Detection:
    evidence = tuple(dict.fromkeys((*detection.evidence, *more)))[:MAX_EVIDENCE]
    return msgspec.structs.replace(detection, evidence=evidence)


def _told(detection: Detection) -> dict[str, Any]:
    """What a finding takes from a detection."""
    return {
        "title": detection.title,
        "severity": Severity(detection.severity),
        "description": detection.description,
        "remedy": detection.remedy,
        "confidence": detection.confidence,
        "evidence": list(detection.evidence[:MAX_EVIDENCE]),
        "chain": list(detection.chain),
        "references": list(detection.references),
        "controls": list(detection.controls),
        "attributes": detection.attributes,
    }
