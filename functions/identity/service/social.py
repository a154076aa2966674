"""Logging in by a social provider that the deployment has: it stands for the password of an account that is there
already, and for nothing more."""

from __future__ import annotations

from contracts.identity import IdentityLinked, SessionRecord, SsoRefused
from functions.identity.errors import ForeignAddress, NotProvisioned, OtherIdentity, PasswordNeeded, SsoOver
from functions.identity.gateways import Directory
from functions.identity.model import Person
from functions.identity.model.accounts import Place
from functions.identity.model.actors import at_door_of
from functions.identity.model.federation import Attempt, FederatedIdentity, Said
from functions.identity.model.sessions import Tokens
from functions.identity.providers import Hosted
from functions.identity.schemas import FinishSso
from functions.identity.service.callbacks import Refusal, demand_good, heard
from functions.identity.service.log_in import start
from functions.identity.store import Store, changed, kept
from kernel.table import Change


async def finish(
    store: Store, directory: Directory, hosted: Hosted, command: FinishSso, place: Place, attempt: Attempt
) -> Tokens:
    """Let in whom the provider knows by a verified address that an account here has. What is wrong is told to the
    organisation of whoever has the address. Raises SsoOver, SsoMismatch, ForeignRedirect, ForeignAddress,
    NotProvisioned, PasswordNeeded or OtherIdentity."""
    try:
        return await _finish(store, directory, hosted, command, place, attempt)
    except Refusal as refusal:
        person = _whose(store, refusal.email)
        if person is not None:
            told = SsoRefused(connection_id=attempt.connection_id, reason=refusal.reason, email=refusal.email)
            store.commit(at_door_of(person, place), [], [told])
        raise refusal.problem from None


async def _finish(
    store: Store, directory: Directory, hosted: Hosted, command: FinishSso, place: Place, attempt: Attempt
) -> Tokens:
    demand_good(attempt, command)
    said, refresh = await heard(attempt, hosted, command)
    person = _known(store, attempt, said, place)
    granted = directory.refresh(refresh, person.last)

    def by(_session: SessionRecord) -> list[Change]:
        return [changed(attempt.model_copy(update={"used": True}), SsoOver())]

    try:
        return start(store, granted, store.account(said.email), place, attempt.connection_id, by=by)
    except SsoOver as over:
        raise Refusal(over, "reused", said.email) from None


def _known(store: Store, attempt: Attempt, said: Said, place: Place) -> Person:
    """Who has the address here, and no second factor, which a social provider cannot stand for."""
    if not said.verified:
        raise Refusal(ForeignAddress("The provider has not verified this address."), email=said.email)
    person = _whose(store, said.email)
    if person is None:
        raise Refusal(NotProvisioned("Register first, or accept an invitation, with this address."))
    if store.account(said.email).has_factor:
        raise Refusal(PasswordNeeded(), email=said.email)
    identity = store.identity(said.subject)
    if identity is None:
        identity = FederatedIdentity(
            tenant_id=attempt.tenant_id,
            subject=said.subject,
            user_id=person.user_id,
            connection_id=attempt.connection_id,
        )
        linked = IdentityLinked(user_id=person.user_id, email=said.email, connection_id=attempt.connection_id)
        store.commit(at_door_of(person, place), [kept(identity)], [linked])
    if identity.user_id != person.user_id:
        raise Refusal(OtherIdentity(), email=said.email)
    return person


def _whose(store: Store, email: str) -> Person | None:
    return store.person(store.account(email).user_id or "nobody") if email else None
