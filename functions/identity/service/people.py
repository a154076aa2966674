"""The people of a tenant, and the caller's own profile."""

from __future__ import annotations

from contracts.identity import ProfileChanged
from functions.identity.errors import BelongsElsewhere
from functions.identity.gateways import Directory
from functions.identity.model import Me, ProfilePreferences, User
from functions.identity.model.accounts import normal
from functions.identity.model.actors import gone_to, platform_in
from functions.identity.model.members import Belonging
from functions.identity.schemas import ChangeProfile, NewUser
from functions.identity.service import members
from functions.identity.service.members import join
from functions.identity.store import Store, changed
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed
from kernel.table import Page


def me(store: Store, actor: Actor) -> Me:
    """The caller, with what the organisation knows."""
    return _me(actor, store.find_user(actor, actor.user_id))


def change_me(store: Store, actor: Actor, change: ChangeProfile, if_match: int | None) -> Me:
    """Change the caller's own name or preferences; what the change leaves out stays. Raises PreconditionFailed, and
    NotFound for a caller who is no person."""
    user = store.user(actor, actor.user_id)
    if if_match is not None and if_match != user.version:
        raise PreconditionFailed()
    before, user.name = user.name, change.name or user.name
    user.preferences = change.preferences or user.preferences
    store.commit(actor, [changed(user)], [ProfileChanged(user_id=user.user_id, name=user.name, before=before)])
    return _me(actor, user)


def organizations_of(store: Store, actor: Actor) -> list[Belonging]:
    """The caller's organisations, by what each of them says."""
    person = store.person(actor.user_id)
    found = [_belonging(store, actor, each) for each in (person.organizations if person else ())]
    return [each for each in found if each is not None]


def leave(store: Store, actor: Actor, organization_id: str) -> None:
    """The caller no longer wants to be in one of the own organisations. Raises NotFound or LastAdministrator."""
    person = store.person(actor.user_id)
    if person is None or organization_id not in person.organizations:
        raise NotFound()
    members.remove(store, gone_to(actor, organization_id), actor.user_id)


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
        email=normal(new.email),
        name=new.name,
        roles=new.roles,
        created_at=clock.timestamp(),
    )
    join(store, actor, user, person, otherwise=BelongsElsewhere())
    return user


def _belonging(store: Store, actor: Actor, organization_id: str) -> Belonging | None:
    there = platform_in(organization_id)
    user = store.find_user(there, actor.user_id) if there else None
    if there is None or user is None:
        return None
    brief = store.brief(there)
    current = organization_id == actor.tenant_id
    return Belonging(
        organization_id=organization_id, name=brief.name if brief else None, roles=user.roles, current=current
    )


def _me(actor: Actor, user: User | None) -> Me:
    return Me(
        user_id=actor.user_id,
        organization_id=actor.tenant_id,
        email=actor.email,
        name=user.name if user else "",
        roles=actor.roles,
        permissions=sorted(actor.permissions),
        preferences=user.preferences if user else ProfilePreferences(),
        version=user.version if user else 0,
    )
