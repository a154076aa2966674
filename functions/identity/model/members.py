"""Who is in an organisation, who is invited, and that somebody always administers it. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from functions.identity.errors import LastAdministrator
from functions.identity.model import ADMINISTRATOR
from functions.identity.model.accounts import NOBODY, digest
from kernel import clock
from kernel.ids import new_id
from kernel.records import Hidden, Record, Resource

INVITATION_DAYS = 7
KEPT_DAYS = 90
REGISTRATION_SECONDS = 7 * 86_400


class Administrators(Record, pk="TENANT#{tenant_id}#USERS", sk="ADMINISTRATORS"):
    """How many administer the organisation. Whoever changes the number reads it, and commits on the version that was
    read: so two who leave at once cannot both be told that the other one stays."""

    count: int = 0

    def shift(self, before: tuple[str, ...], after: tuple[str, ...]) -> bool:
        """Count a change of somebody's roles; whether it changes the number. Raises LastAdministrator."""
        change = (ADMINISTRATOR in after) - (ADMINISTRATOR in before)
        if change < 0 and self.count <= 1:
            raise LastAdministrator()
        self.count += change
        return change != 0


class InvitationStatus(StrEnum):
    """What became of an invitation; that it expired is seen by its time."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


class Invitation(Record, pk="TENANT#{tenant_id}#INVITATIONS", sk="INVITATION#{invitation_id}"):
    """That somebody may come into the organisation, by the e-mail address."""

    location: ClassVar[str | None] = "/organizations/{organization_id}/invitations/{invitation_id}"

    invitation_id: str
    organization_id: str
    email: str
    roles: tuple[str, ...]
    status: InvitationStatus = InvitationStatus.OPEN
    invited_by: str
    created_at: str
    ends_at: str
    accepted_by: str | None = None
    token_hash: Hidden[str] = ""

    @classmethod
    def to(cls, tenant_id: str, email: str, roles: tuple[str, ...], by: str) -> Invitation:
        """A new one, without its token."""
        return cls(
            tenant_id=tenant_id,
            organization_id=tenant_id,
            invitation_id=new_id("inv"),
            email=email,
            roles=roles,
            invited_by=by,
            created_at=clock.timestamp(),
            ends_at="",
        )

    def arm(self) -> str:
        """A new token, good for a week; the one before is no longer good."""
        now = clock.now()
        secret = secrets.token_urlsafe(32)
        self.token_hash = _hash(secret)
        self.ends_at = clock.timestamp(now + timedelta(days=INVITATION_DAYS))
        self.expires_at = int((now + timedelta(days=KEPT_DAYS)).timestamp())
        return f"{self.organization_id}.{self.invitation_id}.{secret}"

    def opens_to(self, secret: str) -> bool:
        """Whether a token is this invitation's."""
        return hmac.compare_digest(self.token_hash, _hash(secret))

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        return clock.timestamp() >= self.ends_at


class Registration(Record, pk="PLATFORM#ACCOUNTS#{digest}", sk="REGISTRATION", platform=True):
    """What somebody wants who has not verified the address yet: to found an organisation, or to join one."""

    digest: str
    user_id: str
    email: str
    name: str
    organization_id: str
    organization_name: str | None = None
    invitation_id: str | None = None
    tenant_id: Hidden[str] = NOBODY

    @classmethod
    def key_of(cls, email: str) -> str:
        """The part of the key that an address gives."""
        return digest(email)


class Registered(Resource):
    """What happens next; the same for every address."""

    email: str
    next_step: str = Field(
        default="A code was mailed to the address: `POST /auth/verify-email` takes it. Who has an account already "
        "got no code, and can log in."
    )


class Belonging(Resource):
    """One of the caller's organisations."""

    organization_id: str
    name: str | None
    roles: tuple[str, ...]
    current: bool = Field(description="Whether the caller's session is in it.")


def read_token(text: str) -> tuple[str, str, str] | None:
    """Organisation, invitation and secret of a token; None when it is none of ours."""
    parts = text.split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and all(parts) else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
