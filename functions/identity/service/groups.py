"""Groups of an organisation's directory: who is in them, and the roles that this gives. A change of up to
`TOGETHER` people is one transaction; a larger one is several, and whoever repeats it finishes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.identity import DirectoryGroupChanged, MemberRolesChanged
from functions.identity.errors import GroupLimit, NoSuchPeople
from functions.identity.model.provisioning import (
    MAX_GROUP_MEMBERS,
    MAX_GROUPS,
    Group,
    names_of,
    names_of_group,
    roles_with_groups,
)
from functions.identity.provisions import renaming
from functions.identity.service.members import demand_grantable, demand_own
from functions.identity.service.provisioning import Provisioned, Stores, adopted
from functions.identity.service.sessions import settle
from functions.identity.store import changed, gone, kept, new
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed
from kernel.events import Event
from kernel.table import Change, Page

TOGETHER = 15
"""Each person is up to five items; a transaction holds a hundred."""
SETTLED_AT_ONCE = 50
"""The sessions of more people than these are seen to by the events."""


def create(stores: Stores, actor: Actor, name: str, external_id: str | None, members: Sequence[str]) -> Group:
    """A new group, which gives nobody a role yet. Raises NameInUse, NoSuchPeople or GroupLimit."""
    if len(stores.provisions.groups(actor)) >= MAX_GROUPS:
        raise GroupLimit(f"At most {MAX_GROUPS} groups.")
    group = Group.named(actor.tenant_id, name, external_id)
    wanted = _people(stores, actor, members, ())
    group.hold(wanted)
    event = DirectoryGroupChanged(group_id=group.group_id, name=name, added=list(wanted))
    stores.people.commit(actor, [new(group), *renaming({}, names_of_group(group))], [event])
    return group


def change(
    stores: Stores, actor: Actor, group: Group, name: str, external_id: str | None, members: Sequence[str]
) -> Group:
    """The group has this name and these people, and no others. Raises NameInUse, NoSuchPeople, GroupLimit or
    LastAdministrator."""
    wanted = _people(stores, actor, members, group.members)
    before, names = group.name, names_of_group(group)
    is_renamed = (group.name, group.external_id) != (name, external_id)
    group.name, group.external_id = name, external_id
    extra = renaming(names, names_of_group(group))
    parts = list(_parts(group.members, wanted)) or ([group.members] if is_renamed else [])
    for part in parts:
        came, went = _moved(group.members, part)
        group.hold(part)
        event = DirectoryGroupChanged(
            group_id=group.group_id,
            name=name,
            before=before if before != name else None,
            added=list(came),
            removed=list(went),
            roles=list(group.roles),
            before_roles=list(group.roles),
        )
        _commit(stores, actor, group, (*came, *went), [changed(group), *extra], [event])
        before, extra = name, []
    return group


def remove(stores: Stores, actor: Actor, group: Group) -> None:
    """The group is gone, and what it gave its people. Raises LastAdministrator."""
    for part in list(_parts(group.members, ())):
        went = _moved(group.members, part)[1]
        group.hold(part)
        event = DirectoryGroupChanged(
            group_id=group.group_id,
            name=group.name,
            removed=list(went),
            roles=list(group.roles),
            before_roles=list(group.roles),
        )
        _commit(stores, actor, group, went, [changed(group)], [event])
    told = DirectoryGroupChanged(group_id=group.group_id, name=group.name, before_roles=list(group.roles), deleted=True)
    stores.people.commit(actor, [gone(group), *renaming(names_of_group(group), {})], [told])


def forget(stores: Stores, actor: Actor, user_id: str) -> None:
    """Who is gone is in no group."""
    for group in stores.provisions.groups(actor):
        if user_id in group.members:
            left = [each for each in group.members if each != user_id]
            change(stores, actor, group, group.name, group.external_id, left)


def list_groups(stores: Stores, actor: Actor, organization_id: str, limit: int, cursor: str | None) -> Page[Group]:
    """The groups of the organisation's directory. Raises NotFound for another organisation."""
    demand_own(actor, organization_id)
    return stores.provisions.page_of_groups(actor, limit, cursor)


def get_group(stores: Stores, actor: Actor, organization_id: str, group_id: str) -> Group:
    """One of them. Raises NotFound."""
    demand_own(actor, organization_id)
    return stores.provisions.group(actor, group_id)


def give_roles(
    stores: Stores, actor: Actor, organization_id: str, group_id: str, roles: Sequence[str], if_match: int | None
) -> Group:
    """Whoever is in the group has these roles by it. Raises NotFound, PreconditionFailed, UnknownRole, CannotGrant or
    LastAdministrator."""
    group = get_group(stores, actor, organization_id, group_id)
    if if_match is not None and if_match != group.version:
        raise PreconditionFailed()
    before, after = group.roles, tuple(dict.fromkeys(roles))
    demand_grantable(stores.people, actor, tuple(role for role in after if role not in before))
    group.roles = after
    for start in range(0, max(1, len(group.members)), TOGETHER):
        some = group.members[start : start + TOGETHER]
        event = DirectoryGroupChanged(group_id=group_id, name=group.name, roles=list(after), before_roles=list(before))
        changes, events = ([], []) if start else ([changed(group)], [event])
        _commit(stores, actor, group, some, changes, events)
    return group


def _people(stores: Stores, actor: Actor, wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The people, each once. Raises NoSuchPeople when the organisation does not know one who was not in before."""
    people = tuple(dict.fromkeys(wanted))
    if len(people) > MAX_GROUP_MEMBERS:
        raise GroupLimit(f"At most {MAX_GROUP_MEMBERS} in a group.")
    fresh = [each for each in people if each not in set(known)]
    users, profiles = stores.provisions.some(actor, [each for each in fresh if "#" not in each])
    if unknown := [each for each in fresh if each not in users and each not in profiles]:
        raise NoSuchPeople(f"Unknown: {', '.join(unknown[:5])}.")
    return people


def _parts(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The way from some people to others, so many at a time."""
    came, went = _moved(before, after)
    now = list(before)
    moves = [*((each, True) for each in came), *((each, False) for each in went)]
    for start in range(0, len(moves), TOGETHER):
        for user_id, comes in moves[start : start + TOGETHER]:
            if comes:
                now.append(user_id)
            else:
                now.remove(user_id)
        yield tuple(now)


def _moved(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who came, and who went."""
    old, new_ones = set(before), set(after)
    return tuple(each for each in after if each not in old), tuple(each for each in before if each not in new_ones)


def _commit(
    stores: Stores,
    actor: Actor,
    group: Group,
    user_ids: Sequence[str],
    changes: Sequence[Change],
    told: Sequence[Event],
) -> None:
    """Commit a change with what it means for the roles of some people. Administrators are counted once for all."""
    changes, events = list(changes), list(told)
    others = [each for each in stores.provisions.groups(actor) if each.group_id != group.group_id]
    users, profiles = stores.provisions.some(actor, user_ids)
    administrators = stores.people.administrators(actor)
    counted, settled = False, []
    for user_id in user_ids:
        user = users.get(user_id)
        found = Provisioned(user, profiles.get(user_id))
        if found.is_nobody:
            continue
        profile, names = adopted(actor, found)
        wanted = frozenset(role for each in (*others, group) if user_id in each.members for role in each.roles)
        held = user.roles if user else profile.roles
        roles, given = roles_with_groups(held, profile.by_groups, wanted)
        if (roles, given) == (held, profile.by_groups):
            continue
        profile.roles, profile.by_groups = roles, given
        changes += [changed(profile)] if profile.version else [new(profile), *renaming(names, names_of(profile))]
        if user is not None and set(roles) != set(held):
            counted |= administrators.shift(held, roles)
            events.append(MemberRolesChanged(user_id=user_id, email=user.email, roles=list(roles), before=list(held)))
            user.roles = roles
            changes.append(changed(user))
            settled.append(user_id)
    if counted:
        changes.append(kept(administrators))
    if changes or events:
        stores.people.commit(actor, changes, events)
    for user_id in settled[:SETTLED_AT_ONCE]:
        settle(stores.people, actor, user_id)


def find(stores: Stores, actor: Actor, group_id: str) -> Group:
    """One group. Raises NotFound."""
    return stores.provisions.group(actor, group_id)


def named(stores: Stores, actor: Actor, kind: str, text: str, *, exact: bool) -> Group | None:
    """The group that has a name."""
    owner = stores.provisions.owner_of(actor, kind, text, exact=exact)
    try:
        return find(stores, actor, owner) if owner else None
    except NotFound:
        return None
