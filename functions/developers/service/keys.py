"""API keys: made, changed, rotated, revoked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_network

from contracts.access import covers
from contracts.developers import (
    ApiKeyChanged,
    ApiKeyCreated,
    ApiKeyRecord,
    ApiKeyRotated,
    KeyGrantRefused,
    digest,
    new_key_text,
)
from contracts.routes import permissions
from functions.developers.errors import (
    AccountDisabled,
    BadNetwork,
    KeyEnded,
    KeyEndsInThePast,
    KeyRevoked,
    LimitAbovePlan,
    NotTheOwner,
    OwnerNotAMember,
    ScopeNotHeld,
    TooManyKeys,
    UnknownScope,
)
from functions.developers.model import MAX_KEYS, MAX_KEYS_OF_ONE, ApiKey, NewApiKey
from functions.developers.schemas import CreateKey, RotateKey, WriteKey
from functions.developers.service.rights import Rights, is_service, retrying, revoke, rights_of
from functions.developers.store import Store, added, changed, fence
from kernel import clock
from kernel.actor import Actor
from kernel.errors import FieldError, PreconditionFailed
from kernel.ids import new_id


def list_keys(store: Store, actor: Actor, limit: int, cursor: str | None) -> tuple[list[ApiKey], str | None]:
    """The organisation's keys, newest first; revoked ones for a while longer."""
    found = store.keys_page(actor, limit, cursor)
    records = store.records(actor, found.items)
    return [_settled(key, records.get(key.key_id)) for key in found.items], found.next_cursor


def get_key(store: Store, actor: Actor, key_id: str) -> ApiKey:
    """One key, without its secret. Raises NotFound."""
    key = store.key(actor, key_id)
    return _settled(key, store.records(actor, [key]).get(key_id))


def create_key(store: Store, actor: Actor, command: CreateKey) -> NewApiKey:
    """Make a key that can do no more than its maker, nor than who it acts as; its text is in the answer, this once."""
    networks = _checked(actor, command)
    user_id = command.service_account_id or actor.user_id

    def change() -> NewApiKey:
        owner = store.owner(actor, user_id)
        allowed = _owner(store, actor, user_id)
        scopes = _scopes(store, actor, command, allowed, ())
        _demand_room(store, actor, user_id)
        key = _new_key(actor, user_id, command, scopes, networks)
        text, secret = new_key_text(key.key_id)
        record = _record(key, allowed, secret)
        shown = NewApiKey(**key.model_dump(exclude={"version"}), version=1, token=text)
        store.commit(actor, [*added(key, record), fence(actor, owner, user_id)], [_created(key)], shown)
        return shown

    return retrying(change)


def change_key(store: Store, actor: Actor, key_id: str, command: WriteKey, if_match: int | None) -> ApiKey:
    """Change what a key may do, from where, how often and until when. Its secret stays."""
    networks = _checked(actor, command)

    def change() -> ApiKey:
        key, record = _read(store, actor, key_id, if_match)
        _demand_live(key)
        owner = store.owner(actor, key.user_id)
        allowed = _owner(store, actor, key.user_id)
        before = key.permissions
        key.permissions = _scopes(store, actor, command, allowed, before)
        key.name, key.networks, key.requests_per_second = command.name, networks, command.requests_per_second
        key.ends_at = _until(command.ends_at)
        _copy(key, record, allowed)
        event = ApiKeyChanged(
            key_id=key_id,
            name=key.name,
            user_id=key.user_id,
            permissions=list(key.permissions),
            before=list(before),
            networks=list(networks),
            ends_at=key.ends_at,
        )
        store.commit(actor, [*changed(key, record), fence(actor, owner, key.user_id)], [event])
        return _settled(key, record)

    return retrying(change)


def rotate_key(store: Store, actor: Actor, key_id: str, command: RotateKey) -> NewApiKey:
    """A new secret; the old one is good until the overlap is over. The one before that is not any more."""

    def change() -> NewApiKey:
        key, record = _read(store, actor, key_id, None)
        _demand_live(key)
        if key.has_ended:
            raise KeyEnded()
        _demand_own(actor, key)
        _demand_held(store, actor, f"API key {key.name}", key.permissions)
        until = clock.now() + timedelta(minutes=command.overlap_minutes)
        text, secret = new_key_text(key_id)
        record.hashes = (digest(secret), *record.hashes[:1])
        record.old_until = int(until.timestamp())
        key.rotated_at, key.old_until = clock.timestamp(), clock.timestamp(until)
        changes = changed(key, record)
        shown = NewApiKey(**key.model_dump(), token=text)
        event = ApiKeyRotated(key_id=key_id, name=key.name, user_id=key.user_id, old_until=key.old_until)
        store.commit(actor, changes, [event], shown)
        return shown

    return retrying(change)


def revoke_key(store: Store, actor: Actor, key_id: str, if_match: int | None) -> None:
    """End a key for good. One that is revoked stays so."""

    def change() -> None:
        key, record = _read(store, actor, key_id, if_match)
        if key.is_live:
            event = revoke(key, record, "revoked by a person")
            store.commit(actor, changed(key, record), [event])

    retrying(change)


def _checked(actor: Actor, command: WriteKey) -> tuple[str, ...]:
    """What can be judged of a command by itself; the networks as they are kept."""
    known = permissions()
    areas = {name.partition(":")[0] for name in known}
    unknown = [
        FieldError(pointer=f"/permissions/{place}", detail=f"there is no permission {name!r}")
        for place, name in enumerate(command.permissions)
        if name not in known and not (name.endswith(":*") and name[:-2] in areas)
    ]
    if unknown:
        raise UnknownScope(errors=unknown)
    if command.ends_at is not None and command.ends_at <= clock.now():
        raise KeyEndsInThePast(errors=[{"pointer": "/ends_at", "detail": "must lie in the future"}])
    limit, plan = command.requests_per_second, actor.rate.per_second if actor.rate else None
    if limit is not None and plan is not None and limit > plan:
        detail = f"the plan allows {plan:g} requests a second"
        raise LimitAbovePlan(errors=[{"pointer": "/requests_per_second", "detail": detail}])
    return _networks(command.networks)


def _networks(texts: Iterable[str]) -> tuple[str, ...]:
    found, errors = dict[str, None](), list[FieldError]()
    for place, text in enumerate(texts):
        try:
            network = ip_network(text)
        except ValueError as error:
            errors.append({"pointer": f"/networks/{place}", "detail": str(error)[:200]})
            continue
        if network.prefixlen == 0:
            errors.append({"pointer": f"/networks/{place}", "detail": "that is everywhere: leave the list empty"})
        found[str(network)] = None
    if errors:
        raise BadNetwork(errors=errors)
    return tuple(found)


def _owner(store: Store, actor: Actor, user_id: str) -> Rights:
    allowed = rights_of(store, actor, user_id)
    if allowed is not None:
        return allowed
    if not is_service(user_id):
        raise OwnerNotAMember()
    store.account(actor, user_id)  # one that is not there is not found
    raise AccountDisabled()


def _scopes(store: Store, actor: Actor, command: WriteKey, allowed: Rights, before: tuple[str, ...]) -> tuple[str, ...]:
    """The permissions that a key shall have: no more than its owner holds now, and, but for what it has already, no
    more than who gives them."""
    wanted = tuple(sorted(set(command.permissions)))
    what = f"API key {command.name}"
    _demand_held(store, actor, what, [name for name in wanted if not covers(before, name)])
    missing = [name for name in wanted if not covers(allowed.permissions, name)]
    if missing:
        store.tell(actor, KeyGrantRefused(what=what, permissions=missing))
        raise ScopeNotHeld(f"The key's owner does not hold {', '.join(missing)}.")
    return wanted


def _demand_held(store: Store, actor: Actor, what: str, wanted: Iterable[str]) -> None:
    missing = sorted(name for name in wanted if not actor.may(name))
    if missing:
        store.tell(actor, KeyGrantRefused(what=what, permissions=missing))
        raise ScopeNotHeld(f"You do not hold {', '.join(missing)}.")


def _demand_room(store: Store, actor: Actor, user_id: str) -> None:
    live = [key for key in store.keys(actor) if key.is_live]
    if len(live) >= MAX_KEYS:
        raise TooManyKeys(f"At most {MAX_KEYS} keys in an organisation.")
    if sum(key.user_id == user_id for key in live) >= MAX_KEYS_OF_ONE:
        raise TooManyKeys(f"At most {MAX_KEYS_OF_ONE} keys of one owner.")


def _new_key(
    actor: Actor, user_id: str, command: CreateKey, scopes: tuple[str, ...], networks: tuple[str, ...]
) -> ApiKey:
    return ApiKey(
        tenant_id=actor.tenant_id,
        key_id=new_id("key"),
        name=command.name,
        user_id=user_id,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
        permissions=scopes,
        networks=networks,
        ends_at=_until(command.ends_at),
        requests_per_second=command.requests_per_second,
    )


def _record(key: ApiKey, allowed: Rights, secret: str) -> ApiKeyRecord:
    record = ApiKeyRecord(
        tenant_id=key.tenant_id,
        key_id=key.key_id,
        user_id=key.user_id,
        email=allowed.email,
        hashes=(digest(secret),),
        permissions=key.permissions,
    )
    _copy(key, record, allowed)
    return record


def _copy(key: ApiKey, record: ApiKeyRecord, allowed: Rights) -> None:
    """What the authorizer must know of a key."""
    record.permissions, record.networks = key.permissions, key.networks
    record.requests_per_second = key.requests_per_second
    record.ends_at = int(clock.parse(key.ends_at).timestamp()) if key.ends_at else 0
    record.roles, record.teams = allowed.roles, allowed.teams


def _until(at: datetime | None) -> str | None:
    return clock.timestamp(at) if at else None


def _read(store: Store, actor: Actor, key_id: str, if_match: int | None) -> tuple[ApiKey, ApiKeyRecord]:
    key = store.key(actor, key_id)
    if if_match is not None and if_match != key.version:
        raise PreconditionFailed()
    return key, store.records(actor, [key])[key_id]


def _demand_live(key: ApiKey) -> None:
    if not key.is_live:
        raise KeyRevoked()


def _demand_own(actor: Actor, key: ApiKey) -> None:
    """Whoever gets the new secret acts as the key's owner: that is nobody else's business, unless it is no person."""
    if key.user_id != actor.user_id and not is_service(key.user_id):
        raise NotTheOwner("Its owner can rotate it. You can revoke it.")


def _settled(key: ApiKey, record: ApiKeyRecord | None) -> ApiKey:
    return key.settle(record.last_used_at if record else None)


def _created(key: ApiKey) -> ApiKeyCreated:
    return ApiKeyCreated(
        key_id=key.key_id,
        name=key.name,
        user_id=key.user_id,
        permissions=list(key.permissions),
        networks=list(key.networks),
        ends_at=key.ends_at,
    )
