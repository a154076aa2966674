"""Notifications' items."""

from __future__ import annotations

import contextlib

from contracts.access import TeamMembership
from contracts.notifications import NotificationSent, PreferencesChanged
from functions.notifications.model import Notification, Preferences
from kernel.actor import Actor
from kernel.errors import Conflict
from kernel.table import Once, Page, Table, create, delete, put, update


class Store:
    """Reads and commits recipients and what they were told."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def recipients(self, actor: Actor) -> list[Preferences]:
        """Everybody in the organisation."""
        return list(self._table.all(actor, Preferences))

    def members(self, actor: Actor, team_id: str) -> frozenset[str]:
        """The people of a team."""
        found = self._table.all(actor, TeamMembership, index="gsi1", team_id=team_id)
        return frozenset(membership.user_id for membership in found)

    def recipient(self, actor: Actor, user_id: str) -> Preferences:
        """One person. Raises NotFound."""
        return self._table.require(actor, Preferences, user_id=user_id)

    def find_recipient(self, actor: Actor, user_id: str) -> Preferences | None:
        """One person, if there is one."""
        return self._table.get(actor, Preferences, user_id=user_id)

    def remove_recipient(self, actor: Actor, person: Preferences, once: Once) -> None:
        """A person left the organisation."""
        self._table.transact(actor, [delete(person)], once=once)

    def add_recipient(self, actor: Actor, person: Preferences, once: Once) -> None:
        """A person came to the organisation."""
        self._table.transact(actor, [put(person)], once=once)

    def save_preferences(self, actor: Actor, person: Preferences) -> None:
        """A person chose."""
        self._table.transact(actor, [update(person)], [PreferencesChanged(user_id=person.user_id)])

    def notifications(self, actor: Actor, limit: int, cursor: str | None) -> Page[Notification]:
        """What the caller was told, newest first."""
        return self._table.query(
            actor, Notification, user_id=actor.user_id, limit=limit, cursor=cursor, newest_first=True
        )

    def notification(self, actor: Actor, notification_id: str) -> Notification:
        """One thing the caller was told. Raises NotFound."""
        return self._table.require(actor, Notification, user_id=actor.user_id, notification_id=notification_id)

    def was_told(self, actor: Actor, note: Notification) -> bool:
        """Whether the same notification was kept before."""
        known = self._table.get(actor, Notification, user_id=note.user_id, notification_id=note.notification_id)
        return known is not None

    def tell(self, actor: Actor, note: Notification) -> None:
        """Keep a notification; the same one again changes nothing."""
        sent = NotificationSent(
            notification_id=note.notification_id, user_id=note.user_id, kind=note.kind.value, title=note.title
        )
        with contextlib.suppress(Conflict):
            self._table.transact(actor, [create(note)], [sent])

    def mark(self, note: Notification) -> None:
        """Commit that it was read."""
        self._table.write(update(note))

    def remove(self, note: Notification) -> None:
        """Forget it."""
        self._table.write(delete(note))
