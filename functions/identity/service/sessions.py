"""Sessions after the log-in: refreshed, taken into another organisation, ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from contracts.identity import (
    OrganizationEntered,
    RefreshTokenReused,
    SessionRecord,
    SessionsEnded,
)
from functions.identity.errors import NotAMember, SessionOver
from functions.identity.gateways import Directory
from functions.identity.model.accounts import Place
from functions.identity.model.actors import gone_to, named_in, of_session
from functions.identity.model.sessions import Granted, RefreshToken, Session, Tokens, is_over, refresh_token, shown
from functions.identity.service.log_in import tokens_of
from functions.identity.service.standing import Rules, admits, standing_of
from functions.identity.store import Store, changed
from functions.identity.tokens import read_unverified
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed, Unavailable
from kernel.events import Event

ATTEMPTS = 8


def refresh(store: Store, directory: Directory, text: str, place: Place) -> Tokens:
    """New tokens in the session's organisation, with what the person may do there now. Raises SessionOver; a refresh
    token that had been replaced ends its session."""
    token, session = _open(store, directory, text, place)
    granted = _granted(store, directory, token, session, session.tenant_id, place)
    return _renew(store, token, session, granted, place, session.tenant_id)


def switch(store: Store, directory: Directory, text: str, organization_id: str, place: Place) -> Tokens:
    """Go on in another of the person's organisations. Raises SessionOver or NotAMember."""
    token, session = _open(store, directory, text, place)
    if standing_of(store, session.user_id, organization_id, admits(Rules(store), session.home)) is None:
        raise NotAMember()
    granted = _granted(store, directory, token, session, organization_id, place)
    return _renew(store, token, session, granted, place, organization_id)


def log_out(store: Store, directory: Directory, text: str, place: Place, *, everywhere: bool) -> None:
    """End a session, or all of its person's; a token that is no good ends nothing."""
    token = RefreshToken.read(text)
    session = store.session(token.user_id, token.session_id) if token else None
    if token is None or session is None or token.verdict(session, _now()) == "forged":
        return
    end(store, of_session(session, place), session.user_id, "log_out", only=None if everywhere else session.session_id)
    directory.log_out(token.inner)


def end(
    store: Store,
    actor: Actor,
    user_id: str,
    reason: str,
    *,
    only: str | None = None,
    but: str | None = None,
    within: str | None = None,
) -> list[str]:
    """End sessions of a person: one, all but one, those in one organisation, or all; which ones. The organisation of
    each is told."""
    found = [store.session(user_id, only)] if only else store.sessions(user_id)
    ended = []
    for session in found:
        if session is None or session.ended_at or session.session_id == but or within not in (None, session.tenant_id):
            continue
        _end_one(store, actor, session, reason)
        ended.append(session.session_id)
    return ended


def settle(store: Store, actor: Actor, user_id: str, at: datetime | None = None) -> None:
    """What a person may do in the actor's organisation has changed (now, or at a moment): tokens from before no longer
    count, and the next refresh gives others."""
    moment = math.floor((at or clock.now()).timestamp()) + 1

    def settled(session: SessionRecord) -> None:
        session.not_before = max(session.not_before, moment)

    for session in store.sessions(user_id):
        if session.tenant_id == actor.tenant_id and not session.ended_at and session.not_before < moment:
            _changing(store, actor, session, settled, [])


def settle_provider(store: Store, actor: Actor, at: datetime) -> None:
    """What a provider's people may do in the actor's organisation has changed: who may no longer be there is out, and
    the others need other tokens."""
    for session in store.sessions_in(actor):
        if session.ended_at or store.find_user(actor, session.user_id) is not None:
            continue
        if standing_of(store, session.user_id, actor.tenant_id) is None:
            end(store, actor, session.user_id, "no_access", only=session.session_id)
        else:
            settle(store, actor, session.user_id, at)


def list_sessions(store: Store, actor: Actor) -> list[Session]:
    """The caller's sessions that are not over, the one last seen first."""
    alive = [session for session in store.sessions(actor.user_id) if not is_over(session, None)]
    alive.sort(key=lambda session: session.last_seen_at, reverse=True)
    return [shown(session, actor.session_id) for session in alive]


def revoke(store: Store, actor: Actor, session_id: str) -> None:
    """End one of the caller's sessions. Raises NotFound."""
    if not end(store, actor, actor.user_id, "revoked", only=session_id):
        raise NotFound()


def revoke_others(store: Store, actor: Actor) -> None:
    """End all of the caller's sessions but this one."""
    end(store, actor, actor.user_id, "revoked", but=actor.session_id)


def _open(store: Store, directory: Directory, text: str, place: Place) -> tuple[RefreshToken, SessionRecord]:
    """The session of a refresh token. Raises SessionOver."""
    token = RefreshToken.read(text)
    session = store.session(token.user_id, token.session_id) if token else None
    if token is None or session is None:
        raise SessionOver()
    verdict = token.verdict(session, _now())
    if verdict == "reused" and not session.ended_at:
        reused = RefreshTokenReused(user_id=session.user_id, session_id=session.session_id)
        _end_one(store, of_session(session, place), session, "reused", [reused])
        directory.log_out(token.inner)
    if verdict != "good" or is_over(session, store.rules(session.tenant_id)):
        raise SessionOver()
    return token, session


def _granted(
    store: Store,
    directory: Directory,
    token: RefreshToken,
    session: SessionRecord,
    organization_id: str,
    place: Place,
) -> Granted:
    """What the directory gives; a person who is no longer in the organisation gets nothing, there or anywhere."""
    _wait_until(session.not_before)
    granted = directory.refresh(token.inner, organization_id)
    if named_in(read_unverified(granted.access_token)) != organization_id:
        end(store, of_session(session, place), session.user_id, "no_access", only=session.session_id)
        raise SessionOver()
    return granted


def _wait_until(moment: int) -> None:
    """Tokens know the second they were made in, and no less: one made in the second of a change would not count."""
    left = moment - clock.now().timestamp()
    if 0 < left <= 1:
        time.sleep(left)


def _renew(
    store: Store, token: RefreshToken, session: SessionRecord, granted: Granted, place: Place, organization_id: str
) -> Tokens:
    """Commit that the next refresh token counts, and where the session is now."""
    issued = int(read_unverified(granted.access_token)["iat"])
    comes = organization_id != session.tenant_id
    who = gone_to(of_session(session, place), organization_id)

    def renewed(session: SessionRecord) -> None:
        if session.ended_at:
            raise SessionOver()
        if session.generation == token.generation:
            session.generation, session.rotated_at = session.generation + 1, _now()
        session.last_seen_at, session.address = clock.timestamp(), place.address
        if comes:
            session.tenant_id, session.not_before = organization_id, issued

    entered = OrganizationEntered(user_id=session.user_id, session_id=session.session_id)
    session = _changing(store, who, session, renewed, [entered] if comes else [], goes_to=organization_id)
    return tokens_of(granted, refresh_token(session, granted.refresh_token or token.inner))


def _end_one(store: Store, actor: Actor, session: SessionRecord, reason: str, also: Sequence[Event] = ()) -> None:
    told = SessionsEnded(user_id=session.user_id, session_ids=[session.session_id], reason=reason)

    def ended(session: SessionRecord) -> None:
        session.ended_at = session.ended_at or clock.timestamp()

    _changing(store, gone_to(actor, session.tenant_id), session, ended, [told, *also])


def _changing(
    store: Store,
    actor: Actor,
    session: SessionRecord,
    change: Callable[[SessionRecord], None],
    events: Sequence[Event],
    goes_to: str | None = None,
) -> SessionRecord:
    """Commit a change of a session, and where its person goes; the authorizer, which notes when the session was seen,
    may have been quicker."""
    for _ in range(ATTEMPTS):
        person = store.person(session.user_id) if goes_to not in (None, session.tenant_id) else None
        change(session)
        if person is not None and session.tenant_id in person.organizations:
            person.last = session.tenant_id
        try:
            store.commit(actor, [changed(session), *([changed(person)] if person else [])], events)
        except PreconditionFailed:
            fresh = store.session(session.user_id, session.session_id)
            if fresh is None:
                raise SessionOver() from None
            session = fresh
            continue
        return session
    raise Unavailable("The session is used by many requests at once. Try again.", retry_after=1)


def _now() -> int:
    return int(clock.now().timestamp())
