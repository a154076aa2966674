"""In which organisation a person acts, and in which roles: what goes into the person's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from contracts.access import permissions_of
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.ids import is_tenant_id


class Standing(NamedTuple):
    """What a person is in an organisation."""

    organization_id: str
    user_id: str
    email: str
    roles: tuple[str, ...]


def claims(store: Store, user_id: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What the tokens of a person say; nothing for a person who is not in the organisation."""
    standing = standing_of(store, user_id, wanted.get("organization_id"))
    if standing is None:
        return {}
    return {
        "organization_id": standing.organization_id,
        "user_id": standing.user_id,
        "email": standing.email,
        "roles": list(standing.roles),
        "permissions": sorted(permissions_of(standing.roles)),
    }


def standing_of(store: Store, user_id: str, wanted: str | None = None) -> Standing | None:
    """What a person is in the organisation that is wanted, or in the one last worked in. The organisation's own
    record says it; that the person points there gives nothing."""
    organization_id = wanted or _last(store, user_id)
    if organization_id is None or not is_tenant_id(organization_id):
        return None
    user = store.find_user(Actor.system(organization_id), user_id)
    return Standing(organization_id, user_id, user.email, user.roles) if user else None


def _last(store: Store, user_id: str) -> str | None:
    person = store.person(user_id)
    return person.last if person else None
