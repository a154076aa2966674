"""In which organisation a person acts, and in which roles: what goes into the person's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from contracts.access import permissions_of
from functions.identity.model import custom_roles
from functions.identity.model.actors import named_in, platform_in
from functions.identity.store import Store
from kernel.actor import Actor


class Standing(NamedTuple):
    """What a person is in an organisation."""

    organization_id: str
    user_id: str
    email: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    teams: tuple[str, ...] = ()


def claims(store: Store, attributes: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, Any]:
    """What the tokens of a person say; nothing for a person who is not in the organisation. One who must set up a
    second factor first gets a token that allows nothing but that."""
    standing = standing_of(store, attributes["sub"], named_in(wanted))
    if standing is None:
        return {}
    said = {
        "organization_id": standing.organization_id,
        "user_id": standing.user_id,
        "email": standing.email,
        "roles": list(standing.roles),
        "permissions": sorted(standing.permissions),
        "teams": list(standing.teams),
    }
    if "identities" not in attributes and lacks_factor(store, standing.organization_id, standing.email):
        return {**said, "roles": [], "permissions": [], "teams": [], "mfa_setup_required": True}
    return said


def standing_of(store: Store, user_id: str, wanted: str | None = None) -> Standing | None:
    """What a person is in the organisation that is wanted, or in the one last worked in. The organisation's own
    record says it; that the person points there gives nothing."""
    tenant = platform_in(wanted or _last(store, user_id))
    user = store.find_user(tenant, user_id) if tenant else None
    if tenant is None or user is None:
        return None
    return Standing(
        tenant.tenant_id,
        user_id,
        user.email,
        user.roles,
        permissions_in(store, tenant, user.roles),
        tuple(store.teams_of(tenant, user_id)),
    )


def permissions_in(store: Store, tenant: Actor, roles: tuple[str, ...]) -> frozenset[str]:
    """What roles allow in an organisation: the default ones, and those that it has made."""
    own = custom_roles(roles)
    made = store.custom_roles(tenant, own) if own else []
    return permissions_of(roles).union(*(role.permissions for role in made))


def lacks_factor(store: Store, tenant_id: str, email: str) -> bool:
    """Whether the organisation demands a second factor that the person has not."""
    rules = store.rules(tenant_id)
    return bool(rules and rules.mfa_required) and not store.account(email).has_factor


def _last(store: Store, user_id: str) -> str:
    person = store.person(user_id)
    return person.last if person else ""
