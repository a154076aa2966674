"""Service accounts: principals that are no people, and own keys."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.access import ROLE_PERMISSIONS, Role, covers
from contracts.developers import (
    SERVICE_PREFIX,
    KeyGrantRefused,
    ServiceAccountChanged,
    ServiceAccountCreated,
    ServiceAccountDeleted,
)
from functions.developers.errors import AccountInUse, ScopeNotHeld, TooManyAccounts, UnknownRole
from functions.developers.model import MAX_ACCOUNTS, ServiceAccount, TakenName, taken_name
from functions.developers.schemas import ChangeServiceAccount, CreateServiceAccount
from functions.developers.service.rights import following, retrying, rights, role_permissions
from functions.developers.store import Store, changed_account, fence, new_account, removed_account
from kernel import clock
from kernel.actor import Actor
from kernel.errors import FieldError, PreconditionFailed
from kernel.ids import new_id


def create_account(store: Store, actor: Actor, command: CreateServiceAccount) -> ServiceAccount:
    """Make a service account with roles that give no more than the caller holds."""
    roles = _checked(store, actor, command, ())
    if len(store.accounts(actor)) >= MAX_ACCOUNTS:
        raise TooManyAccounts(f"At most {MAX_ACCOUNTS}.")
    account = ServiceAccount(
        tenant_id=actor.tenant_id,
        account_id=new_id(SERVICE_PREFIX),
        name=command.name,
        description=command.description,
        roles=roles,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    name = taken_name(actor.tenant_id, account.name, account.account_id)
    event = ServiceAccountCreated(account_id=account.account_id, name=account.name, roles=list(roles))
    store.commit(actor, new_account(account, name), [event], account)
    return account


def change_account(
    store: Store, actor: Actor, account_id: str, command: ChangeServiceAccount, if_match: int | None
) -> ServiceAccount:
    """Change a service account; its keys follow in the same transaction, and all end when it is disabled."""

    def change() -> ServiceAccount:
        account = _read(store, actor, account_id, if_match)
        owner = store.owner(actor, account_id)
        before = account.model_copy()
        account.roles = _checked(store, actor, command, before.roles)
        account.name, account.description, account.enabled = command.name, command.description, command.enabled
        event = ServiceAccountChanged(
            account_id=account_id,
            name=account.name,
            roles=list(account.roles),
            before=list(before.roles),
            enabled=account.enabled,
            was_enabled=before.enabled,
        )
        allowed = rights(store, actor, account_id, None, account.roles) if account.enabled else None
        reason = "its service account has other roles" if account.enabled else "its service account was disabled"
        keys, told = following(store, actor, account_id, allowed, reason)
        items = changed_account(account, *_renaming(before, account))
        store.commit(actor, [*items, fence(actor, owner, account_id), *keys], [event, *told])
        return account

    return retrying(change)


def delete_account(store: Store, actor: Actor, account_id: str, if_match: int | None) -> None:
    """Remove a service account. Raises AccountInUse while it has keys that open something: to end those cannot be
    undone, so it is a command of its own, disabling it."""

    def change() -> None:
        account = _read(store, actor, account_id, if_match)
        owner = store.owner(actor, account_id)
        live = sum(key.is_live and key.user_id == account_id for key in store.keys(actor))
        if live:
            raise AccountInUse(f"{live} of its keys are good. Disable it first, which revokes them.")
        event = ServiceAccountDeleted(account_id=account_id, name=account.name)
        items = removed_account(account, _name(account))
        store.commit(actor, [*items, fence(actor, owner, account_id)], [event])

    retrying(change)


def _checked(store: Store, actor: Actor, command: CreateServiceAccount, before: tuple[str, ...]) -> tuple[str, ...]:
    """The roles that an account shall have; the caller holds what those give that it has not already."""
    custom = store.custom_roles(actor)
    known = ({*ROLE_PERMISSIONS} - {Role.SUPER_ADMIN}) | {*custom}
    unknown = [
        FieldError(pointer=f"/roles/{place}", detail=f"there is no role {name!r}")
        for place, name in enumerate(command.roles)
        if name not in known
    ]
    if unknown:
        raise UnknownRole(errors=unknown)
    wanted = tuple(dict.fromkeys(command.roles))
    _demand_held(store, actor, command.name, [role for role in wanted if role not in before])
    return wanted


def _demand_held(store: Store, actor: Actor, name: str, roles: Sequence[str]) -> None:
    given = role_permissions(store, actor, roles)
    missing = sorted(each for each in given if not covers(actor.permissions, each))
    if missing:
        store.tell(actor, KeyGrantRefused(what=f"service account {name}", permissions=missing))
        raise ScopeNotHeld(f"The roles give {', '.join(missing[:10])}, which you do not hold.")


def _read(store: Store, actor: Actor, account_id: str, if_match: int | None) -> ServiceAccount:
    account = store.account(actor, account_id)
    if if_match is not None and if_match != account.version:
        raise PreconditionFailed()
    return account


def _name(account: ServiceAccount) -> TakenName:
    name = taken_name(account.tenant_id, account.name, account.account_id)
    name.version = 1
    return name


def _renaming(before: ServiceAccount, after: ServiceAccount) -> tuple[TakenName | None, TakenName | None]:
    freed, taken = _name(before), taken_name(after.tenant_id, after.name, after.account_id)
    return (None, None) if freed.digest == taken.digest else (freed, taken)
