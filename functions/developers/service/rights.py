"""What an owner of keys may do, as the organisation knows it now, and how keys follow when that shrinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contracts.access import ROLE_PERMISSIONS, narrowed, permissions_of
from contracts.developers import SERVICE_PREFIX, ApiKeyChanged, ApiKeyRecord, ApiKeyRevoked
from functions.developers.errors import Moved
from functions.developers.model import REVOKED_KEPT_SECONDS, ApiKey, KeyStatus
from functions.developers.store import Store, changed, fence
from kernel import clock
from kernel.actor import Actor
from kernel.events import Event
from kernel.table import Change

ATTEMPTS = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rights:
    """Who an owner is: the roles, what they allow, and the teams."""

    email: str | None
    roles: tuple[str, ...]
    permissions: frozenset[str]
    teams: tuple[str, ...]


def is_service(user_id: str) -> bool:
    """Whether an owner is a service account."""
    return user_id.startswith(f"{SERVICE_PREFIX}_")


def rights_of(store: Store, actor: Actor, user_id: str) -> Rights | None:
    """What an owner may do now; None when he is not in the organisation, or is disabled."""
    if is_service(user_id):
        account = store.find_account(actor, user_id)
        if account is None or not account.enabled:
            return None
        return rights(store, actor, user_id, None, account.roles)
    person = store.person(actor, user_id)
    return rights(store, actor, user_id, person.email, person.roles) if person else None


def rights(store: Store, actor: Actor, user_id: str, email: str | None, roles: tuple[str, ...]) -> Rights:
    """What roles allow to somebody, custom ones included."""
    return Rights(email, roles, role_permissions(store, actor, roles), store.teams_of(actor, user_id))


def role_permissions(store: Store, actor: Actor, roles: Sequence[str]) -> frozenset[str]:
    """What roles allow together; an unknown one allows nothing."""
    held = permissions_of(tuple(roles))
    if set(roles) <= set(ROLE_PERMISSIONS):
        return held
    custom = store.custom_roles(actor)
    return held.union(*(custom[role].permissions for role in roles if role in custom))


def follow(store: Store, actor: Actor, user_id: str, reason: str) -> None:
    """Make an owner's keys follow what he may do now: they shrink, and are revoked when nothing is left or he is
    gone. They never grow. Doing it again changes nothing."""

    def change() -> None:
        owner = store.owner(actor, user_id)
        allowed = rights_of(store, actor, user_id)
        changes, events = following(store, actor, user_id, allowed, reason)
        store.commit(actor, [*changes, fence(actor, owner, user_id)], events)

    retrying(change)


def following(
    store: Store, actor: Actor, user_id: str, allowed: Rights | None, reason: str
) -> tuple[list[Change], list[Event]]:
    """The changes that make an owner's keys follow, and the events that tell of them."""
    mine = [key for key in store.keys(actor) if key.user_id == user_id and key.is_live]
    records = store.records(actor, mine)
    changes: list[Change] = []
    events: list[Event] = []
    for key in mine:
        record = records[key.key_id]
        event = _follow(key, record, allowed, reason)
        refreshed = _refresh(record, allowed)
        if event is not None or refreshed:
            changes += changed(key, record)
        if event is not None:
            events.append(event)
    return changes, events


def revoke(key: ApiKey, record: ApiKeyRecord, reason: str) -> ApiKeyRevoked:
    """The key opens nothing any more; it and its hash are remembered for a while, so that who still shows it is known
    to show a revoked one."""
    now = clock.now()
    key.revoked_at = record.revoked_at = clock.timestamp(now)
    key.revoked_because, key.status = reason, KeyStatus.REVOKED
    key.expires_at = record.expires_at = int(now.timestamp()) + REVOKED_KEPT_SECONDS
    return ApiKeyRevoked(key_id=key.key_id, name=key.name, user_id=key.user_id, reason=reason)


def retrying(change: Callable[[], T]) -> T:
    """Keys change from several sides: by people, by events, and by each use. Read again, and try again."""
    for _ in range(ATTEMPTS):
        try:
            return change()
        except Moved:
            continue
    raise Moved(retry_after=1)


def _follow(key: ApiKey, record: ApiKeyRecord, allowed: Rights | None, reason: str) -> Event | None:
    if allowed is None:
        return revoke(key, record, reason)
    left = tuple(sorted(narrowed(key.permissions, allowed.permissions)))
    if left == key.permissions:
        return None
    if not left:
        return revoke(key, record, reason)
    before = key.permissions
    key.permissions = record.permissions = left
    return ApiKeyChanged(
        key_id=key.key_id,
        name=key.name,
        user_id=key.user_id,
        permissions=list(left),
        before=list(before),
        networks=list(key.networks),
        ends_at=key.ends_at,
        reason=reason,
    )


def _refresh(record: ApiKeyRecord, allowed: Rights | None) -> bool:
    """Take over the owner's roles and teams; whether anything changed."""
    if allowed is None or (record.roles, record.teams) == (allowed.roles, allowed.teams):
        return False
    record.roles, record.teams = allowed.roles, allowed.teams
    return True
