"""Notifications: who is told what, where. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from contracts.access import Role
from contracts.findings import FindingsDetected, FindingSummary, Severity
from contracts.scans import ScanEnded
from kernel.records import Hidden, Record

KEPT_DAYS = 90
SHOWN_FINDINGS = 10
RESPONDERS = frozenset({Role.ORGANIZATION_ADMIN, Role.ANALYST})


class Kind(StrEnum):
    """What a notification is about."""

    SCAN_ENDED = "scan_ended"
    CRITICAL_FINDING = "critical_finding"
    SECURITY = "security"
    """What happened to the person's own account: nobody can choose not to hear of that."""


class Channels(BaseModel):
    """Where a person is told about one kind of thing."""

    model_config = ConfigDict(extra="forbid")

    in_app: bool = True
    email: bool = True


class Preferences(Record, pk="TENANT#{tenant_id}#NOTIFICATIONS", sk="RECIPIENT#{user_id}"):
    """A person as notifications know one: an address, and what the person wants to be told."""

    location: ClassVar[str | None] = "/notifications/preferences"

    user_id: str
    email: str
    roles: Hidden[tuple[str, ...]] = ()
    scan_ended: Channels = Channels()
    critical_finding: Channels = Channels()

    def channels(self, kind: Kind) -> Channels:
        """What the person wants of one kind."""
        if kind is Kind.SECURITY:
            return Channels()
        channels: Channels = getattr(self, kind.value)
        return channels


class Notification(Record, pk="TENANT#{tenant_id}#NOTIFICATIONS#{user_id}", sk="NOTE#{notification_id}"):
    """Something a person was told. Its id is the event's, so that an event seen twice is told once."""

    location: ClassVar[str | None] = "/notifications/{notification_id}"

    notification_id: str
    user_id: Hidden[str]
    kind: Kind
    title: str
    body: str
    link: str | None = Field(default=None, description="Path in the API of what it is about.")
    created_at: str
    read: bool = False


class Message(BaseModel):
    """What is said, before it is known to whom."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    title: str
    body: str
    link: str


def about_scan(event: ScanEnded) -> Message:
    """A scan has ended."""
    tally = event.tally
    counts = f"{tally.observations:,} observations and {tally.findings:,} findings in {tally.waves:,} waves."
    reason = f" {event.reason}" if event.reason else ""
    return Message(
        kind=Kind.SCAN_ENDED,
        title=f"Scan “{event.name}” {event.status.value}",
        body=f"{counts}{reason}",
        link=f"/scans/{event.scan_id}",
    )


def about_findings(event: FindingsDetected) -> Message | None:
    """Critical findings came up; None when none is critical."""
    critical = [finding for finding in event.findings if finding.severity is Severity.CRITICAL]
    if not critical:
        return None
    title = f"{len(critical)} critical findings" if len(critical) > 1 else f"Critical: {critical[0].title}"
    lines = [f"• {_line(finding)}" for finding in critical[:SHOWN_FINDINGS]]
    if len(critical) > SHOWN_FINDINGS:
        lines.append(f"… and {len(critical) - SHOWN_FINDINGS} more")
    return Message(
        kind=Kind.CRITICAL_FINDING,
        title=title[:200],
        body="\n".join(lines),
        link=f"/scans/{event.scan_id}/findings",
    )


def about_account(title: str, body: str) -> Message:
    """Something happened to a person's own account."""
    advice = "If that was not you, change your password and end the sessions that you do not know."
    return Message(kind=Kind.SECURITY, title=title, body=f"{body} {advice}", link="/auth/sessions")


def is_mailed(person: Preferences, message: Message, creator: str) -> bool:
    """Whether a person gets an e-mail: of a scan the one who defined it, of a critical finding those who respond."""
    if message.kind is Kind.SECURITY:
        return True
    if not person.channels(message.kind).email:
        return False
    if message.kind is Kind.SCAN_ENDED:
        return person.user_id == creator
    return not RESPONDERS.isdisjoint(person.roles)


def _line(finding: FindingSummary) -> str:
    return f"{finding.title} on {finding.asset}"[:300]
