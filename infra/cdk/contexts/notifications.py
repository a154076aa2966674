"""The notifications context: in the application and by e-mail."""

from __future__ import annotations

from aws_cdk import aws_ses
from constructs import Construct

from contracts.findings import FindingsDetected
from contracts.identity import (
    AccountLocked,
    FactorDisabled,
    MemberRemoved,
    MemberRolesChanged,
    NewDeviceSeen,
    PasswordChanged,
    RefreshTokenReused,
    UserCreated,
)
from contracts.scans import ScanEnded
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform


class Notifications(BoundedContext):
    """Tells people what happened."""

    name = "notifications"
    partitions = ("NOTIFICATIONS",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        self.api("/notifications", "/notifications/{proxy+}")
        events = self.events(
            *(ScanEnded.type, FindingsDetected.type),
            *(UserCreated.type, MemberRolesChanged.type, MemberRemoved.type),
            *(NewDeviceSeen.type, AccountLocked.type, RefreshTokenReused.type),
            *(FactorDisabled.type, PasswordChanged.type),
        )
        self.grant_table(events, ["TEAMS"], READ)
        person_door(self)
        sender = aws_ses.EmailIdentity(self, "Sender", identity=aws_ses.Identity.email(self.stage.mail_sender))
        events.function.add_environment("MAIL_SENDER", self.stage.mail_sender)
        events.allow(["ses:SendEmail"], [sender.email_identity_arn])
