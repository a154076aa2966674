"""What notifications do: know the people of a tenant, tell them things, let them choose."""

from __future__ import annotations

import time

from contracts.access import Role
from contracts.identity import UserCreated
from functions.notifications.gateways import Mailer
from functions.notifications.model import KEPT_DAYS, Message, Notification, Preferences, is_mailed
from functions.notifications.schemas import ChangePreferences
from functions.notifications.store import Store
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.events import Envelope
from kernel.table import Once, Page


def welcome(store: Store, actor: Actor, event: UserCreated, once: Once) -> None:
    """A new person can be told things."""
    person = Preferences(tenant_id=actor.tenant_id, user_id=event.user_id, email=event.email, roles=tuple(event.roles))
    store.add_recipient(actor, person, once)


def tell_everybody(
    store: Store,
    mailer: Mailer,
    message: Message,
    envelope: Envelope,
    creator: str = "",
    team_id: str | None = None,
) -> None:
    """Tell the people of the tenant, each where they want it, each once; of what carries a team, the team's people and
    administrators alone. One who cannot be told keeps nobody else from it: the failure is raised when all others have
    been."""
    actor = envelope.actor()
    members = store.members(actor, team_id) if team_id else frozenset()
    failures: list[Exception] = []
    for person in store.recipients(actor):
        if team_id and person.user_id not in members and Role.ORGANIZATION_ADMIN not in person.roles:
            continue
        try:
            _tell(store, mailer, actor, person, message, envelope, creator)
        except Exception as failure:  # an address that the mailer refuses, for one
            failures.append(failure)
    if failures:
        raise failures[0]


def tell_one(store: Store, mailer: Mailer, user_id: str, message: Message, envelope: Envelope) -> None:
    """Tell one person what happened to the own account; nobody is told of a person who is not known here."""
    actor = envelope.actor()
    person = store.find_recipient(actor, user_id)
    if person is not None:
        _tell(store, mailer, actor, person, message, envelope, "")


def forget(store: Store, actor: Actor, user_id: str, once: Once) -> None:
    """A person has left the organisation, and is told nothing more of it."""
    person = store.find_recipient(actor, user_id)
    if person is not None:
        store.remove_recipient(actor, person, once)


def change_roles(store: Store, actor: Actor, user_id: str, roles: list[str], once: Once) -> None:
    """A person has other roles, and so responds to other things."""
    person = store.find_recipient(actor, user_id)
    if person is not None:
        person.roles = tuple(roles)
        store.add_recipient(actor, person, once)


def list_notifications(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[Notification]:
    """What the caller was told, newest first."""
    return store.notifications(actor, limit, cursor)


def get_notification(store: Store, actor: Actor, notification_id: str) -> Notification:
    """One thing the caller was told."""
    return store.notification(actor, notification_id)


def mark_read(store: Store, actor: Actor, notification_id: str) -> Notification:
    """The caller has read it."""
    note = store.notification(actor, notification_id)
    if not note.read:
        note.read = True
        store.mark(note)
    return note


def remove(store: Store, actor: Actor, notification_id: str) -> None:
    """The caller does not want to see it any more."""
    store.remove(store.notification(actor, notification_id))


def get_preferences(store: Store, actor: Actor) -> Preferences:
    """What the caller wants to be told."""
    return store.recipient(actor, actor.user_id)


def change_preferences(store: Store, actor: Actor, change: ChangePreferences, if_match: int | None) -> Preferences:
    """Choose what to be told; what the change leaves out stays."""
    person = store.recipient(actor, actor.user_id)
    if if_match is not None and if_match != person.version:
        raise PreconditionFailed()
    person.scan_ended = change.scan_ended or person.scan_ended
    person.critical_finding = change.critical_finding or person.critical_finding
    store.save_preferences(actor, person)
    return person


def _tell(
    store: Store,
    mailer: Mailer,
    actor: Actor,
    person: Preferences,
    message: Message,
    envelope: Envelope,
    creator: str,
) -> None:
    """The mail goes first and the record that silences a repeat last: a crash in between mails twice, and loses
    nothing."""
    note = _note(person, message, envelope)
    if store.was_told(actor, note):
        return
    if is_mailed(person, message, creator):
        mailer.send(person.email, message.title, message.body)
    store.tell(actor, note)


def _note(person: Preferences, message: Message, envelope: Envelope) -> Notification:
    """The notification for one person. It is kept, as read, even for one who wants only e-mail."""
    return Notification(
        tenant_id=envelope.tenant_id,
        user_id=person.user_id,
        notification_id=f"note_{envelope.id.removeprefix('evt_')}",
        kind=message.kind,
        title=message.title,
        body=message.body,
        link=message.link,
        created_at=envelope.at,
        read=not person.channels(message.kind).in_app,
        expires_at=int(time.time()) + KEPT_DAYS * 86_400,
    )
