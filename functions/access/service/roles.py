"""Roles: those that every organisation has, and those that it makes for itself."""

from __future__ import annotations

from contracts.access import GrantRefused, Role, RoleChanged
from functions.access.errors import DefaultRole, NameTaken, PermissionNotHeld, RoleInUse, TooMany, UnknownPermission
from functions.access.model import (
    DEFAULT_ROLES,
    MAX_ROLES,
    RoleItem,
    RoleView,
    default_role,
    is_default,
    not_held,
    shown,
    taken_name,
)
from functions.access.schemas import WriteRole
from functions.access.service.listing import cut
from functions.access.service.permissions import grantable
from functions.access.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import FieldError, NotFound, PreconditionFailed
from kernel.ids import new_id
from kernel.table import Change, create, delete

KIND = "ROLES"
OFFERED = tuple(role for role in Role if role is not Role.SUPER_ADMIN)
"""The default roles that an organisation may give; the platform's own staff is none of its business."""
NAMED = 5


def list_roles(store: Store, actor: Actor, limit: int, cursor: str | None) -> tuple[list[RoleView], str | None]:
    """The default roles, and then the organisation's own."""
    everything = [default_role(role) for role in OFFERED] + [shown(item) for item in store.roles(actor)]
    return cut(actor, KIND, everything, lambda role: role.role_id, limit, cursor)


def get_role(store: Store, actor: Actor, role_id: str) -> RoleView:
    """One role. Raises NotFound."""
    if role_id == Role.SUPER_ADMIN:
        raise NotFound()
    return default_role(Role(role_id)) if is_default(role_id) else shown(store.role(actor, role_id))


def create_role(store: Store, actor: Actor, command: WriteRole) -> RoleView:
    """Make a role of permissions that the caller holds. Raises UnknownPermission, PermissionNotHeld, NameTaken."""
    permissions = _checked(store, actor, command, ())
    if len(store.roles(actor)) >= MAX_ROLES:
        raise TooMany(f"At most {MAX_ROLES} roles.")
    role = RoleItem(
        tenant_id=actor.tenant_id,
        role_id=new_id("role"),
        name=command.name,
        description=command.description,
        permissions=permissions,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    view = shown(role).model_copy(update={"version": 1})
    name = taken_name(actor.tenant_id, KIND, role.name, role.role_id)
    store.add_role(actor, role, name, view, _changed(role, ()))
    return view


def change_role(store: Store, actor: Actor, role_id: str, command: WriteRole, if_match: int | None) -> RoleView:
    """Change a role; its people get what it says with their next token."""
    role = _own(store, actor, role_id, if_match)
    before, old_name = role.permissions, role.name
    role.permissions = _checked(store, actor, command, before)
    role.name, role.description = command.name, command.description
    store.save_role(actor, role, _renaming(actor, role, old_name), _changed(role, before))
    return shown(role)


def delete_role(store: Store, actor: Actor, role_id: str, if_match: int | None) -> None:
    """Remove a role that nobody has. Raises RoleInUse that names those who have it."""
    role = _own(store, actor, role_id, if_match)
    _demand_unused(store, actor, role_id)
    before, role.permissions = role.permissions, ()
    name = taken_name(actor.tenant_id, KIND, role.name, role_id)
    name.version = 1
    store.remove_role(actor, role, name, _changed(role, before))


def _own(store: Store, actor: Actor, role_id: str, if_match: int | None) -> RoleItem:
    if is_default(role_id):
        raise DefaultRole()
    role = store.role(actor, role_id)
    if if_match is not None and if_match != role.version:
        raise PreconditionFailed()
    return role


def _checked(store: Store, actor: Actor, command: WriteRole, before: tuple[str, ...]) -> tuple[str, ...]:
    """The permissions that a role shall have. What it has already, the caller need not hold."""
    known = grantable()
    unknown = [
        FieldError(pointer=f"/permissions/{place}", detail=f"there is no permission {name!r}")
        for place, name in enumerate(command.permissions)
        if name not in known
    ]
    if unknown:
        raise UnknownPermission(errors=unknown)
    if command.name.casefold() in {default_role(role).name.casefold() for role in DEFAULT_ROLES} | set(Role):
        raise NameTaken("A default role has this name.")
    wanted = tuple(sorted(set(command.permissions)))
    missing = not_held(set(wanted) - set(before), actor.permissions)
    if missing:
        store.tell(actor, GrantRefused(what=f"role {command.name}", permissions=sorted(missing)))
        raise PermissionNotHeld(f"You do not hold {', '.join(sorted(missing))}.")
    return wanted


def _renaming(actor: Actor, role: RoleItem, old_name: str) -> list[Change]:
    """What a new name changes besides the role; the mark of a name is never rewritten."""
    old = taken_name(actor.tenant_id, KIND, old_name, role.role_id)
    new = taken_name(actor.tenant_id, KIND, role.name, role.role_id)
    if old.digest == new.digest:
        return []
    old.version = 1
    return [delete(old), create(new, NameTaken())]


def _demand_unused(store: Store, actor: Actor, role_id: str) -> None:
    holders = [person.user_id for person in store.people(actor) if role_id in person.roles]
    holders += [account.account_id for account in store.service_accounts(actor) if role_id in account.roles]
    if holders:
        named = ", ".join(holders[:NAMED]) + (" and others" if len(holders) > NAMED else "")
        raise RoleInUse(f"{len(holders)} have it: {named}. Give them another role first.")


def _changed(role: RoleItem, before: tuple[str, ...]) -> RoleChanged:
    return RoleChanged(
        role_id=role.role_id, name=role.name, permissions=sorted(role.permissions), before=sorted(before)
    )
