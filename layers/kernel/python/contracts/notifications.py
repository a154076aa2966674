"""Notifications publish that somebody was told something."""

from __future__ import annotations

from kernel.events import Event


class NotificationSent(Event, context="notifications"):
    """A person was told something in the application."""

    notification_id: str
    user_id: str
    kind: str
    title: str


class PreferencesChanged(Event, context="notifications"):
    """A person chose what to be told, and how."""

    user_id: str
