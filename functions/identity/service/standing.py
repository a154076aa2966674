"""In which organisation a person acts, and in which roles: what goes into the person's tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from contracts.access import permissions_of
from contracts.identity import SignInRules
from contracts.organizations import Delegation
from functions.identity.model import ADMINISTRATOR, Person, custom_roles
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

    @property
    def home(self) -> str:
        """The organisation that the person belongs to: the provider's, where one works in a customer's."""
        return self.provider_id or self.organization_id


Admits = Callable[[Standing], bool]


def claims(store: Store, attributes: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, Any]:
    """What the tokens of a person say; nothing for a person who is not in the organisation, or may not come in that
    way. One who must set up a second factor first gets a token that allows nothing but that."""
    said_by_provider = "identities" in attributes
    entrance = _by_provider(store, attributes["sub"]) if said_by_provider else (attributes["sub"], None)
    if entrance is None:
        return {}
    user_id, home = entrance
    rules = Rules(store)
    standing = standing_of(store, user_id, named_in(wanted) or home, admits(rules, home))
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
    if home is None and rules.demand_factor(standing) and not store.account(standing.email).has_factor:
        return {**said, "roles": [], "permissions": [], "teams": [], "mfa_setup_required": True}
    return said


class Rules:
    """How organisations want their people to log in, each read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, SignInRules | None] = {}

    def of(self, organization_id: str) -> SignInRules | None:
        """Those of an organisation; None where the defaults hold."""
        if organization_id not in self._known:
            self._known[organization_id] = self._store.rules(organization_id)
        return self._known[organization_id]

    def sso_only(self, standing: Standing) -> bool:
        """Whether the person's own organisation wants its people to come through its identity provider."""
        rules = self.of(standing.home)
        return bool(rules and rules.sso_only)

    def demand_factor(self, standing: Standing) -> bool:
        """Whether who came with a password must have a second factor; an administrator who comes past the single
        sign-on must."""
        rules = self.of(standing.organization_id)
        return bool(rules and rules.mfa_required) or self.sso_only(standing)


def admits(rules: Rules, home: str | None) -> Admits:
    """Where somebody may go who came by the identity provider of an organisation (`home`): there, and to who lets its
    people in. Or with a password (None): wherever that is not ruled out; for administrators it is not, since nobody
    else could mend what is wrong with a provider."""

    def admitted(standing: Standing) -> bool:
        if home is not None:
            return standing.home == home
        is_administrator = standing.provider_id is None and ADMINISTRATOR in standing.roles
        return is_administrator or not rules.sso_only(standing)

    return admitted


def _by_provider(store: Store, subject: str) -> tuple[str, str | None] | None:
    """Which person an identity of a provider is, and of which organisation that provider is."""
    identity = store.identity(subject)
    return (identity.user_id, identity.home) if identity else None


def _anywhere(_standing: Standing) -> bool:
    return True


def standing_of(store: Store, user_id: str, wanted: str | None = None, admitted: Admits = _anywhere) -> Standing | None:
    """What a person is in the organisation that is wanted, or in the one last worked in, or in the first other one that
    admits the person. The organisation's own record says it; that the person points there gives nothing."""
    if wanted is not None and (member := _member(store, user_id, wanted)) is not None:
        return member if admitted(member) else None
    person = store.person(user_id)
    if person is None:
        return None
    if wanted is not None:
        delegate = _delegate(store, person, wanted)
        return delegate if delegate and admitted(delegate) else None
    for each in (person.last, *person.organizations):
        found = _member(store, user_id, each)
        if found is not None and admitted(found):
            return found
    return None


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
