"""What identity does: sessions through the directory, users of a tenant, the claims of tokens."""

from __future__ import annotations

from typing import Any

from functions.identity.errors import BelongsElsewhere, NoOrganization
from functions.identity.gateways import Directory
from functions.identity.model import Identity, Me, Tokens, User, actor_of
from functions.identity.schemas import NewUser
from functions.identity.store import Store
from functions.identity.tokens import read_unverified
from kernel import clock
from kernel.actor import Actor
from kernel.table import Page


def log_in(
    store: Store, directory: Directory, email: str, password: str, address: str | None, request_id: str
) -> Tokens:
    """A session, and the event that it began."""
    tokens = directory.log_in(email, password)
    try:
        actor = actor_of(read_unverified(tokens.access_token))  # the directory has just handed it to us
    except (KeyError, ValueError):
        raise NoOrganization() from None
    actor = actor.model_copy(update={"address": address, "request_id": request_id})
    store.record_login(actor, actor.user_id, email)
    return tokens


def refresh(directory: Directory, refresh_token: str) -> Tokens:
    """A fresh access token."""
    return directory.refresh(refresh_token)


def log_out(directory: Directory, refresh_token: str) -> None:
    """End a session."""
    directory.log_out(refresh_token)


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
    identity = store.identity(account) if account else None
    if identity is not None and identity.tenant_id != actor.tenant_id:
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


def claims(store: Store, user_id: str) -> dict[str, Any]:
    """What the tokens of a person say; nothing for a person who belongs to no organisation."""
    identity: Identity | None = store.identity(user_id)
    return identity.claims() if identity else {}
