"""In which organisation a person acts, and in which roles: what goes into the person's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from contracts.access import permissions_of
from contracts.organizations import Delegation
from functions.identity.model import Person, custom_roles
from functions.identity.model.actors import named_in, platform_in
from functions.identity.store import Store
from kernel import clock
from kernel.actor import Actor


class Standing(NamedTuple):
    """What a person is in an organisation."""

    organization_id: str
    user_id: str
    email: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    teams: tuple[str, ...] = ()
    provider_id: str | None = None


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
        **({"provider_id": standing.provider_id} if standing.provider_id else {}),
    }
    if "identities" not in attributes and lacks_factor(store, standing.organization_id, standing.email):
        return {**said, "roles": [], "permissions": [], "teams": [], "mfa_setup_required": True}
    return said


def standing_of(store: Store, user_id: str, wanted: str | None = None) -> Standing | None:
    """What a person is in the organisation that is wanted, or in the one last worked in. The organisation's own
    record says it; that the person points there gives nothing."""
    if wanted is not None and (member := _member(store, user_id, wanted)) is not None:
        return member
    person = store.person(user_id)
    if person is None:
        return None
    if wanted is not None:
        return _delegate(store, person, wanted)
    known = (person.last, *person.organizations)
    return next((found for each in known if (found := _member(store, user_id, each)) is not None), None)


def _member(store: Store, user_id: str, organization_id: str) -> Standing | None:
    """As one of the organisation's own people."""
    tenant = platform_in(organization_id)
    user = store.find_user(tenant, user_id) if tenant else None
    if tenant is None or user is None:
        return None
    permissions, teams = permissions_in(store, tenant, user.roles), store.teams_of(tenant, user_id)
    return Standing(tenant.tenant_id, user_id, user.email, user.roles, permissions, tuple(teams))


def _delegate(store: Store, person: Person, organization_id: str) -> Standing | None:
    """As one of a provider's people: the customer's own record says which roles they have there, and the provider's
    that the person is one of them."""
    tenant = platform_in(organization_id)
    if tenant is None:
        return None
    for provider_id in person.organizations:
        given, home = store.delegation(tenant, provider_id), platform_in(provider_id)
        if given is None or home is None or not _holds(given, person.user_id):
            continue
        user = store.find_user(home, person.user_id)
        if user is not None:
            permissions = permissions_in(store, tenant, given.roles)
            return Standing(
                tenant.tenant_id, user.user_id, user.email, given.roles, permissions, provider_id=provider_id
            )
    return None


def _holds(given: Delegation, user_id: str) -> bool:
    is_over = given.ends_at is not None and given.ends_at <= clock.timestamp()
    return not is_over and (not given.user_ids or user_id in given.user_ids)


def permissions_in(store: Store, tenant: Actor, roles: tuple[str, ...]) -> frozenset[str]:
    """What roles allow in an organisation: the default ones, and those that it has made."""
    own = custom_roles(roles)
    made = store.custom_roles(tenant, own) if own else []
    return permissions_of(roles).union(*(role.permissions for role in made))


def lacks_factor(store: Store, tenant_id: str, email: str) -> bool:
    """Whether the organisation demands a second factor that the person has not."""
    rules = store.rules(tenant_id)
    return bool(rules and rules.mfa_required) and not store.account(email).has_factor
