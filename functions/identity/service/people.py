"""The people of a tenant."""

from __future__ import annotations

from functions.identity.errors import BelongsElsewhere
from functions.identity.gateways import Directory
from functions.identity.model import Me, User
from functions.identity.schemas import NewUser
from functions.identity.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.table import Page


def me(store: Store, actor: Actor) -> Me:
    """The caller, with the name that the organisation knows."""
    user = store.find_user(actor, actor.user_id)
    return Me(
        user_id=actor.user_id,
        organization_id=actor.tenant_id,
        email=actor.email,
        name=user.name if user else "",
        roles=actor.roles,
        permissions=sorted(actor.permissions),
    )


def list_users(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[User]:
    """The people of the organisation."""
    return store.users(actor, limit, cursor)


def get_user(store: Store, actor: Actor, user_id: str) -> User:
    """One person of the organisation."""
    return store.user(actor, user_id)


def create_user(store: Store, directory: Directory, actor: Actor, new: NewUser) -> User:
    """Add a person to the organisation; a person who is there already is returned as is. Raises BelongsElsewhere before
    anything is done to the account of a person of another organisation."""
    account = directory.find(new.email)
    person = store.person(account) if account else None
    if person is not None and actor.tenant_id not in person.organizations:
        raise BelongsElsewhere()
    user_id = directory.enrol(new.email, new.password)
    known = store.find_user(actor, user_id)
    if known is not None:
        return known
    user = User(
        tenant_id=actor.tenant_id,
        user_id=user_id,
        email=new.email,
        name=new.name,
        roles=new.roles,
        created_at=clock.timestamp(),
    )
    store.add_user(actor, user)
    return user
