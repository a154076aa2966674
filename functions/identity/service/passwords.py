"""Passwords: changed by who knows the old one, reset by who reads the mail."""

from __future__ import annotations

from contracts.identity import PasswordChanged, PasswordResetAsked
from functions.identity.errors import CodeExpired, WrongCode, WrongCredentials, WrongPassword
from functions.identity.gateways import Directory
from functions.identity.model import Person
from functions.identity.model.accounts import Place, normal
from functions.identity.model.actors import at_door_of
from functions.identity.model.passwords import demand_strong
from functions.identity.service.log_in import demand_open, fail
from functions.identity.service.sessions import end
from functions.identity.store import Store
from kernel.actor import Actor


def change(store: Store, directory: Directory, actor: Actor, token: str, old: str, new: str, place: Place) -> None:
    """Replace the caller's password; the caller's other sessions end. Raises WeakPassword, WrongPassword or
    LockedOut."""
    email = actor.email or ""
    demand_strong(new, email, store.plan(actor.tenant_id))
    demand_open(store.account(email), place)
    try:
        directory.change_password(token, old, new)
    except WrongCredentials:
        fail(store, email, place, "wrong-password")
        raise WrongPassword() from None
    store.commit(actor, [], [PasswordChanged(user_id=actor.user_id, email=email, how="changed")])
    end(store, actor, actor.user_id, "password", but=actor.session_id)


def forget(store: Store, directory: Directory, address: str, place: Place) -> None:
    """Mail a code, if the address is somebody's; who asks learns nothing."""
    email = normal(address)
    person = _person(store, email)
    directory.forgot(email)
    if person is not None:
        store.commit(at_door_of(person, place), [], [PasswordResetAsked(user_id=person.user_id)])


def reset(store: Store, directory: Directory, address: str, code: str, new: str, place: Place) -> None:
    """Set a new password with the mailed code; all sessions end. Raises WeakPassword, WrongCode, CodeExpired or
    LockedOut."""
    email = normal(address)
    demand_open(store.account(email), place)
    person = _person(store, email)
    demand_strong(new, email, store.plan(person.last) if person else "free")
    try:
        directory.reset(email, code, new)
    except (WrongCode, CodeExpired) as refused:
        fail(store, email, place, refused.slug)
        raise
    if person is None:
        return
    who = at_door_of(person, place)
    store.commit(who, [], [PasswordChanged(user_id=person.user_id, email=email, how="reset")])
    end(store, who, person.user_id, "password")
    directory.sign_out(person.user_id)


def _person(store: Store, email: str) -> Person | None:
    return store.person(store.account(email).user_id or "nobody")
