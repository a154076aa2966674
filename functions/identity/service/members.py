"""Who is in an organisation and in which roles: granted, changed, taken away. Somebody always administers it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.access import GrantRefused, covers
from contracts.identity import MemberRemoved, MemberRolesChanged, UserCreated
from contracts.plans import Metered, unless_exhausted
from functions.identity.errors import AlreadyMember, CannotGrant, NoRoleLeft, TooManyOrganizations, UnknownRole
from functions.identity.model import ADMINISTRATOR, MAX_ORGANIZATIONS, Person, User, custom_roles
from functions.identity.model.actors import platform_in
from functions.identity.service.sessions import end, settle
from functions.identity.service.standing import permissions_in
from functions.identity.store import Store, changed, gone, kept, new
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed, Problem
from kernel.events import Event
from kernel.records import Resource
from kernel.table import Change, Page


def list_members(store: Store, actor: Actor, organization_id: str, limit: int, cursor: str | None) -> Page[User]:
    """The people of the organisation. Raises NotFound for another one."""
    demand_own(actor, organization_id)
    return store.users(actor, limit, cursor)


def get_member(store: Store, actor: Actor, organization_id: str, user_id: str) -> User:
    """One of them. Raises NotFound."""
    demand_own(actor, organization_id)
    return store.user(actor, user_id)


def change_roles(
    store: Store, actor: Actor, user_id: str, roles: Sequence[str], if_match: int | None, *, answers: bool = False
) -> User:
    """Give a person these roles and no others; the person's tokens no longer count, and the next ones say it. Raises
    NotFound, PreconditionFailed, UnknownRole, CannotGrant or LastAdministrator."""
    user = store.user(actor, user_id)
    if if_match is not None and if_match != user.version:
        raise PreconditionFailed()
    before, after = user.roles, tuple(dict.fromkeys(roles))
    if set(before) == set(after):
        return user
    if not after:
        raise NoRoleLeft()
    demand_grantable(store, actor, tuple(role for role in after if role not in before))
    assign(store, actor, user, after, user if answers else None)
    return user


def assign(store: Store, actor: Actor, user: User, after: tuple[str, ...], answer: Resource | None = None) -> None:
    """A person has other roles, by what the organisation has decided before. Raises LastAdministrator."""
    before = user.roles
    event = MemberRolesChanged(user_id=user.user_id, email=user.email, roles=list(after), before=list(before))
    guard = _guard(store, actor, before, after)
    user.roles = after
    store.commit(actor, [changed(user), *guard], [event], answer)
    settle(store, actor, user.user_id)


def add_role(store: Store, actor: Actor, user_id: str, role: str) -> User:
    """One role more."""
    user = store.user(actor, user_id)
    return change_roles(store, actor, user_id, (*user.roles, role), user.version, answers=True)


def take_role(store: Store, actor: Actor, user_id: str, role: str, if_match: int | None) -> None:
    """One role less; the last one goes with the membership only. Raises NotFound, or NoRoleLeft."""
    user = store.user(actor, user_id)
    if role not in user.roles:
        raise NotFound()
    left = [each for each in user.roles if each != role]
    change_roles(store, actor, user_id, left, user.version if if_match is None else if_match)


def remove(
    store: Store, actor: Actor, user_id: str, if_match: int | None = None, *, told_as: str | None = None
) -> None:
    """A person is no longer in the organisation: the sessions there end. Who is erased is told under another address.
    Raises NotFound, PreconditionFailed or LastAdministrator."""
    user = store.user(actor, user_id)
    if if_match is not None and if_match != user.version:
        raise PreconditionFailed()
    person = store.person(user_id)
    changes = [gone(user), *_guard(store, actor, user.roles, ())]
    if person is not None:
        person.organizations = tuple(each for each in person.organizations if each != actor.tenant_id)
        if person.last == actor.tenant_id and person.organizations:
            person.last = person.organizations[0]
        changes.append(changed(person))
    left = actor.user_id == user_id
    removed = MemberRemoved(user_id=user_id, email=told_as or user.email, roles=list(user.roles), left=left)
    store.commit(actor, changes, [removed])
    end(store, actor, user_id, "removed", within=actor.tenant_id)


def join(
    store: Store,
    actor: Actor,
    user: User,
    person: Person | None,
    also: Sequence[Change] = (),
    events: Sequence[Event] = (),
    *,
    answer: Resource | None = None,
    otherwise: Problem | None = None,
) -> None:
    """A person comes into the organisation of `actor`. Raises AlreadyMember, TooManyOrganizations, LimitReached when
    the plan allows nobody more, or `otherwise` when the person came into being at the same moment."""
    home = user.tenant_id
    if person is None:
        person = Person(
            tenant_id=user.tenant_id, user_id=user.user_id, email=user.email, organizations=(home,), last=home
        )
        pointer = new(person, otherwise)
    else:
        if len(person.organizations) >= MAX_ORGANIZATIONS:
            raise TooManyOrganizations()
        if not person.organizations:
            person.last = home
        person.organizations = (*(each for each in person.organizations if each != home), home)
        pointer = changed(person)
    account = store.account(user.email)
    linked = []
    if account.user_id != user.user_id:
        account.user_id, account.expires_at = user.user_id, None
        linked.append(kept(account))
    created = UserCreated(user_id=user.user_id, email=user.email, roles=list(user.roles))
    guard = _guard(store, actor, (), user.roles)
    seat = unless_exhausted(actor, Metered.USERS)
    changes = [new(user, AlreadyMember()), pointer, *linked, *guard, *also, seat]
    store.commit(actor, changes, [created, *events], answer)


def enter_founded(store: Store, actor: Actor, owner_id: str, email: str) -> None:
    """Who has founded the organisation of `actor` administers it; entering again changes nothing."""
    person = store.person(owner_id)
    if person is None or store.find_user(actor, owner_id) is not None:
        return
    home = store.find_user(platform_in(person.last) or actor, owner_id)
    user = User(
        tenant_id=actor.tenant_id,
        user_id=owner_id,
        email=email,
        name=home.name if home else email,
        roles=(ADMINISTRATOR,),
        created_at=clock.timestamp(),
    )
    join(store, actor, user, person)


def demand_own(actor: Actor, organization_id: str) -> None:
    """Raises NotFound for another organisation than the caller's."""
    if organization_id != actor.tenant_id:
        raise NotFound()


def demand_grantable(store: Store, actor: Actor, roles: tuple[str, ...]) -> None:
    """Raises UnknownRole for one that the organisation has not, and CannotGrant for one that allows what the caller
    may not do; the security team is told of that."""
    own = custom_roles(roles)
    made = {role.role_id for role in store.custom_roles(actor, own)} if own else set()
    if unknown := [role for role in own if role not in made]:
        raise UnknownRole(f"Unknown: {', '.join(unknown)}.")
    missing = [each for each in permissions_in(store, actor, roles) if not covers(actor.permissions, each)]
    if missing:
        store.commit(actor, [], [GrantRefused(what=", ".join(roles), permissions=sorted(missing))])
        raise CannotGrant(f"You do not hold {', '.join(sorted(missing))}.")


def _guard(store: Store, actor: Actor, before: tuple[str, ...], after: tuple[str, ...]) -> list[Change]:
    """What a change of roles changes of the number of administrators, if anything."""
    administrators = store.administrators(actor)
    return [kept(administrators)] if administrators.shift(before, after) else []
