"""Logging in by an organisation's identity provider: sent there, come back, let in."""

from __future__ import annotations

from contracts.identity import IdentityLinked, SessionRecord, SsoRefused
from functions.identity.errors import (
    ForeignAddress,
    ForeignRedirect,
    LastAdministrator,
    NoRoleBySso,
    NoSso,
    NotProvisioned,
    OtherIdentity,
    SsoOver,
)
from functions.identity.gateways import Directory
from functions.identity.model import User
from functions.identity.model.accounts import NOBODY, Place
from functions.identity.model.actors import at_sso_of, of_user
from functions.identity.model.federation import (
    Attempt,
    Connection,
    FederatedIdentity,
    IdentityLink,
    Said,
    SsoBegun,
    domain_in,
    new_attempt,
    read_domain,
)
from functions.identity.model.sessions import Tokens
from functions.identity.providers import Hosted
from functions.identity.schemas import BeginSso, FinishSso
from functions.identity.service import social
from functions.identity.service.callbacks import Refusal, demand_good, heard
from functions.identity.service.log_in import start
from functions.identity.service.members import assign
from functions.identity.service.newcomers import member, newcomer, provision
from functions.identity.service.sessions import end
from functions.identity.store import Store, changed, kept, new
from kernel.actor import Actor
from kernel.errors import Invalid, Problem
from kernel.events import Event
from kernel.table import Change


def begin(store: Store, hosted: Hosted, redirects: list[str], socials: list[str], command: BeginSso) -> SsoBegun:
    """Where somebody goes who has an address in a verified domain, or wants in by a social provider of the deployment.
    Raises ForeignRedirect, BadDomain or NoSso."""
    if command.redirect_uri not in redirects:
        raise ForeignRedirect()
    if [command.email, command.domain, command.provider].count(None) != 2:
        raise Invalid("Send the address, the domain or a social provider: one of them.")
    if command.provider is not None:
        if command.provider not in socials:
            raise NoSso("This deployment has no such social provider.")
        return _send(store, hosted, command, NOBODY, command.provider, command.provider)
    owner = store.domain_owner(read_domain(command.domain or domain_in(command.email or "")))
    connection = store.connection(at_sso_of(owner, Place()), owner.connection_id) if owner else None
    if owner is None or connection is None or not connection.enabled:
        raise NoSso()
    return _send(store, hosted, command, owner.tenant_id, connection.connection_id, connection.name)


def _send(store: Store, hosted: Hosted, command: BeginSso, tenant_id: str, connection_id: str, name: str) -> SsoBegun:
    attempt, state = new_attempt(tenant_id, connection_id, command.redirect_uri, command.code_challenge)
    store.begin_attempt(attempt)
    return SsoBegun(authorization_url=hosted.address(attempt, state), state=state, connection=name)


async def finish(store: Store, directory: Directory, hosted: Hosted, command: FinishSso, place: Place) -> Tokens:
    """Let somebody in whom the identity provider has sent back. Whatever is wrong is told to the organisation, and
    changes nothing. Raises SsoOver, SsoMismatch, NoSso, ForeignRedirect, ForeignAddress, NotProvisioned, NoRoleBySso
    or OtherIdentity."""
    attempt = store.attempt(command.state)
    if attempt is None:
        raise SsoOver()
    if attempt.is_social:
        return await social.finish(store, directory, hosted, command, place, attempt)
    who = at_sso_of(attempt, place)
    try:
        return await _finish(store, directory, hosted, command, place, attempt, who)
    except Refusal as refusal:
        told = SsoRefused(connection_id=attempt.connection_id, reason=refusal.reason, email=refusal.email)
        store.commit(who, [], [told])
        raise refusal.problem from None


async def _finish(
    store: Store,
    directory: Directory,
    hosted: Hosted,
    command: FinishSso,
    place: Place,
    attempt: Attempt,
    who: Actor,
) -> Tokens:
    demand_good(attempt, command)
    connection = store.connection(who, attempt.connection_id)
    if connection is None or not connection.enabled:
        raise Refusal(NoSso())
    said, refresh = await heard(attempt, hosted, command)
    user = _person(store, who, connection, said, place)
    granted = directory.refresh(refresh, user.tenant_id)

    def by(session: SessionRecord) -> list[Change]:
        session.mfa, session.home = said.mfa, user.tenant_id
        used = attempt.model_copy(update={"used": True})
        return [changed(used, SsoOver())]

    try:
        return start(store, granted, store.account(user.email), place, connection.connection_id, by=by)
    except SsoOver as over:
        raise Refusal(over, "reused", said.email) from None


def _person(store: Store, who: Actor, connection: Connection, said: Said, place: Place) -> User:
    """Who it is in the organisation: known, found by the address, or new."""
    owner = store.domain_owner(domain_in(said.email))
    is_own = owner is not None and (owner.tenant_id, owner.connection_id) == (who.tenant_id, connection.connection_id)
    if not is_own or said.verified is False:
        raise Refusal(ForeignAddress(), email=said.email)
    identity = store.identity(said.subject)
    user = store.find_user(who, identity.user_id) if identity else None
    roles = connection.roles_for(said.groups)
    if user is None:
        user = _link(store, who, connection, said, identity, roles, place)
    if connection.role_rules:
        _give_roles(store, of_user(user, place), user, roles, said)
    return user


def _link(
    store: Store,
    who: Actor,
    connection: Connection,
    said: Said,
    identity: FederatedIdentity | None,
    roles: tuple[str, ...],
    place: Place,
) -> User:
    """From now on the identity is the person with its address in the organisation, whom it brings in if need be."""
    known = member(store, who, said.email)
    if known is None and (not connection.just_in_time or _is_suspended(store, who, said, identity)):
        raise Refusal(NotProvisioned(), email=said.email)
    if not roles and (known is None or connection.role_rules):
        raise Refusal(NoRoleBySso(), email=said.email)
    user = known or newcomer(store, who, said.email, said.name, roles)
    changes = _tie(store, who, connection, said, identity, user)
    event = IdentityLinked(user_id=user.user_id, email=said.email, connection_id=connection.connection_id)
    events: list[Event] = [event]
    actor = of_user(user, place)
    try:
        if known is None:
            provision(store, actor, user, changes, events)
        else:
            store.commit(actor, changes, events)
    except Problem as problem:  # the plan allows nobody more, or somebody was quicker
        raise Refusal(problem, email=said.email) from None
    return user


def _is_suspended(store: Store, who: Actor, said: Said, identity: FederatedIdentity | None) -> bool:
    """Whom the organisation's directory has taken out (SCIM) is not brought in again by the identity provider."""
    known = {store.account(said.email).user_id, identity.user_id if identity else None} - {None}
    return any(store.is_suspended(who, str(user_id)) for user_id in known)


def _tie(
    store: Store, who: Actor, connection: Connection, said: Said, identity: FederatedIdentity | None, user: User
) -> list[Change]:
    """One identity of a provider for each person: who takes over an address there does not become the person."""
    link = store.link(who, user.user_id, connection.connection_id)
    if link is not None and link.subject != said.subject:
        raise Refusal(OtherIdentity(), email=said.email)
    identity = identity or FederatedIdentity(
        tenant_id=who.tenant_id, subject=said.subject, user_id="", connection_id=connection.connection_id
    )
    identity.user_id = user.user_id
    if link is not None:
        return [kept(identity)]
    tied = IdentityLink(
        tenant_id=who.tenant_id,
        user_id=user.user_id,
        connection_id=connection.connection_id,
        subject=said.subject,
    )
    return [kept(identity), new(tied, OtherIdentity())]


def _give_roles(store: Store, actor: Actor, user: User, roles: tuple[str, ...], said: Said) -> None:
    """The groups say which roles the person has; who has none left is out. The last administrator stays one."""
    if not roles:
        end(store, actor, user.user_id, "no_access", within=actor.tenant_id)
        raise Refusal(NoRoleBySso(), email=said.email)
    if set(roles) == set(user.roles):
        return
    before = user.roles
    try:
        assign(store, actor, user, roles)
    except LastAdministrator:
        user.roles = before
