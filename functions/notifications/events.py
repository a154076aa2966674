"""Event door of notifications."""

from __future__ import annotations

from functools import cache

from contracts.findings import FindingsDetected
from contracts.identity import (
    AccountLocked,
    FactorDisabled,
    MemberRemoved,
    MemberRolesChanged,
    NewDeviceSeen,
    PasswordChanged,
    RefreshTokenReused,
    UserCreated,
)
from contracts.scans import ScanEnded
from functions.notifications import service
from functions.notifications.gateways import Ses
from functions.notifications.model import about_account, about_findings, about_scan
from functions.notifications.store import Store
from kernel.consumer import Consumer
from kernel.events import Envelope

handler = Consumer("notifications")
store = cache(Store)


@handler.on(UserCreated)
def welcome(event: UserCreated, envelope: Envelope) -> None:
    """A new person can be told things."""
    service.welcome(store(), envelope.actor(), event, handler.once(envelope))


@handler.on(MemberRemoved)
def forget(event: MemberRemoved, envelope: Envelope) -> None:
    """A person left the organisation."""
    service.forget(store(), envelope.actor(), event.user_id, handler.once(envelope))


@handler.on(MemberRolesChanged)
def change_roles(event: MemberRolesChanged, envelope: Envelope) -> None:
    """A person has other roles."""
    service.change_roles(store(), envelope.actor(), event.user_id, event.roles, handler.once(envelope))


@handler.on(NewDeviceSeen)
def tell_new_device(event: NewDeviceSeen, envelope: Envelope) -> None:
    """Somebody logged in from elsewhere."""
    _tell_account(event.user_id, "New log-in", f"You logged in with {event.device} from {event.address}.", envelope)


@handler.on(AccountLocked)
def tell_locked(event: AccountLocked, envelope: Envelope) -> None:
    """Somebody guesses."""
    minutes = max(1, event.seconds // 60)
    text = f"There were many wrong tries to log in as you: nobody gets in from there for {minutes} minutes."
    _tell_account(event.user_id, "Somebody tries to log in as you", text, envelope)


@handler.on(RefreshTokenReused)
def tell_stolen(event: RefreshTokenReused, envelope: Envelope) -> None:
    """A session was copied."""
    text = "One of your sessions was used from two places, as if it had been copied. It was ended."
    _tell_account(event.user_id, "A session was ended", text, envelope)


@handler.on(FactorDisabled)
def tell_factor_disabled(event: FactorDisabled, envelope: Envelope) -> None:
    """The second factor is gone."""
    text = "Your second factor was switched off: the password alone lets you in now."
    _tell_account(event.user_id, "Your second factor is off", text, envelope)


@handler.on(PasswordChanged)
def tell_password_changed(event: PasswordChanged, envelope: Envelope) -> None:
    """The password is another."""
    _tell_account(event.user_id, "Your password was changed", "Your password was changed.", envelope)


@handler.on(ScanEnded)
def tell_scan_ended(event: ScanEnded, envelope: Envelope) -> None:
    """A scan has ended."""
    service.tell_everybody(store(), Ses(), about_scan(event), envelope, event.created_by, event.team_id)


@handler.on(FindingsDetected)
def tell_critical_findings(event: FindingsDetected, envelope: Envelope) -> None:
    """Critical findings came up."""
    message = about_findings(event)
    if message is not None:
        service.tell_everybody(store(), Ses(), message, envelope, team_id=event.team_id)


def _tell_account(user_id: str, title: str, text: str, envelope: Envelope) -> None:
    service.tell_one(store(), Ses(), user_id, about_account(title, text), envelope)
