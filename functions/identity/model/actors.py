"""Where identity makes actors: of what the directory has just said of a person, of a session whose refresh token was
shown, and of records that the room itself keeps. Nothing of a request's body says for whom anybody acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.identity import SessionRecord
from functions.identity.model import Person, User
from functions.identity.model.accounts import Place
from functions.identity.model.members import Registration
from kernel.actor import Actor
from kernel.ids import is_tenant_id
from kernel.records import Record


def of_claims(claims: Mapping[str, Any], place: Place) -> Actor:
    """The person that a new token speaks of. Raises KeyError or ValueError when it names no organisation."""
    return Actor(
        tenant_id=claims["organization_id"],
        user_id=claims["user_id"],
        email=claims["email"],
        roles=tuple(claims["roles"]),
        permissions=frozenset(claims["permissions"]),
        session_id=claims["origin_jti"],
        address=place.address,
        request_id=place.request_id,
    )


def of_session(session: SessionRecord, place: Place) -> Actor:
    """Who shows a session's refresh token, where the session is."""
    return Actor(
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        address=place.address,
        request_id=place.request_id,
        session_id=session.session_id,
    )


def at_door_of(person: Person, place: Place) -> Actor:
    """Whoever it is that knocks as a person, in the organisation that the person last worked in: its trail says from
    where, and not that it was the person."""
    return Actor(tenant_id=person.last, address=place.address, request_id=place.request_id)


def at_sso_of(record: Record, place: Place) -> Actor:
    """Whoever it is that comes by an organisation's identity provider, as what the room keeps of that says."""
    return Actor(tenant_id=record.tenant_id, address=place.address, request_id=place.request_id)


def of_user(user: User, place: Place) -> Actor:
    """A person whom the organisation's identity provider has vouched for."""
    return Actor(
        tenant_id=user.tenant_id,
        user_id=user.user_id,
        email=user.email,
        address=place.address,
        request_id=place.request_id,
    )


def of_registration(registration: Registration) -> Actor:
    """Who has verified the address, in the organisation that the registration founds or joins."""
    return Actor(tenant_id=registration.organization_id, user_id=registration.user_id, email=registration.email)


def platform_in(organization_id: str) -> Actor | None:
    """The platform itself, looking whether somebody belongs to an organisation; None where it has no such form."""
    return Actor.system(organization_id) if is_tenant_id(organization_id) else None


def gone_to(actor: Actor, organization_id: str) -> Actor:
    """The same person in another organisation, which was asked whether it knows the person."""
    return actor.model_copy(update={"tenant_id": organization_id})


def named_in(said: Mapping[str, Any]) -> str | None:
    """The organisation that a token, or a refresh, names."""
    return str(said["organization_id"]) if "organization_id" in said else None
