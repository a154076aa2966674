"""Who may enter: the check that every request passes before its room hears of it.

What it reads counts for `KEPT_SECONDS`, in which a request costs no call. A refusal is never made from memory: a
session that was switched or refreshed a moment ago is read again first.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from contracts.developers import ApiKeyRecord, parse
from contracts.identity import SessionRecord
from contracts.organizations import OrganizationStatus, Tenancy
from contracts.residency import demand_here
from contracts.routes import match
from functions.access.gate import Gate
from functions.access.policies import AuthorizationRequest, decide
from kernel import clock
from kernel.actor import Actor, Rate
from kernel.errors import Forbidden, ForbiddenByPolicy, Problem, Suspended, Unauthenticated

KEPT_SECONDS = 25
TOUCHED_SECONDS = 60
"""How exactly a session or key knows when it was last seen: a write a minute, at most."""
BURST_SECONDS = 5
"""What a key's own limit lets through at once, in seconds of its rate."""


class Visit(NamedTuple):
    """The request, as far as it bears on who may enter."""

    method: str
    path: str
    address: str | None


class Entrance:
    """Admits the bearers of sessions and keys. One for each process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._session = lru_cache(maxsize=4096)(lambda user, session, _slot: gate.session(user, session))
        self._key = lru_cache(maxsize=4096)(lambda key, _slot: gate.key(key))
        self._tenant = lru_cache(maxsize=1024)(lambda tenant, _slot: gate.tenant(tenant))

    def admit_session(self, claims: Mapping[str, Any], visit: Visit) -> Actor:
        """The actor that the claims of a verified token speak of. Raises Unauthenticated, Suspended or
        ForbiddenByPolicy."""
        actor = actor_of(claims)
        try:
            session = self._good(self._session(actor.user_id, actor.session_id, _slot()), actor, claims)
        except Unauthenticated:
            with self._recorded(actor):
                session = self._good(self._gate.session(actor.user_id, str(actor.session_id)), actor, claims)
        return self._enter(actor, visit, with_mfa=session.mfa)

    def admit_key(self, text: str, visit: Visit) -> Actor:
        """The actor that an API key stands for. Raises Unauthenticated, Forbidden, Suspended or ForbiddenByPolicy."""
        parts = parse(text)
        if parts is None:
            raise Unauthenticated("This is no API key.")
        key_id, secret = parts
        key = self._key(key_id, _slot())
        if key is None or not key.is_shown_by(secret, time.time()) or not _is_usable(key):
            key = self._gate.key(key_id)
        if key is None or not key.is_shown_by(secret, time.time()):
            raise Unauthenticated("The API key is not known.")
        actor = _holder(key)
        with self._recorded(actor):
            _demand_key(key, visit)
        self._touch_key(key)
        return self._enter(actor, visit, with_mfa=False)

    def _enter(self, actor: Actor, visit: Visit, *, with_mfa: bool) -> Actor:
        tenant = self._tenant(actor.tenant_id, _slot())
        with self._recorded(actor):
            tenancy = _demand_open(tenant.tenancy, actor)
            if tenant.policies is not None:
                _demand_policies(tenant.policies.source, actor, visit, with_mfa)
        return actor.model_copy(update={"rate": _rate(tenancy)})

    def _good(self, session: SessionRecord | None, actor: Actor, claims: Mapping[str, Any]) -> SessionRecord:
        if session is None:
            raise Unauthenticated("The session is not known. Log in again.")
        if session.ended_at is not None:
            raise Unauthenticated("The session is over. Log in again.")
        if session.tenant_id != actor.tenant_id or int(claims["iat"]) < session.not_before:
            raise Unauthenticated("What you may do has changed. Refresh the session.")
        idle = time.time() - _unix(session.last_seen_at)
        rules = self._tenant(actor.tenant_id, _slot()).sign_in
        if rules.idle_minutes and idle > rules.idle_minutes * 60:
            raise Unauthenticated("The session was idle for too long. Log in again.")
        if idle > TOUCHED_SECONDS:
            self._gate.touch(session, clock.timestamp())
        return session

    def _touch_key(self, key: ApiKeyRecord) -> None:
        if key.last_used_at is None or time.time() - _unix(key.last_used_at) > TOUCHED_SECONDS:
            self._gate.touch_key(key, clock.timestamp())

    @contextmanager
    def _recorded(self, actor: Actor) -> Iterator[None]:
        """When somebody whom we know is refused, the security team wants to see it."""
        try:
            yield
        except Problem as problem:
            self._gate.record_refusal(actor, problem.slug, problem.detail)
            raise


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """The actor that a verified access token speaks of. Raises KeyError or ValueError when claims are missing."""
    return Actor(
        tenant_id=claims["organization_id"],
        user_id=claims["user_id"],
        email=claims.get("email"),
        roles=tuple(claims["roles"]),
        permissions=frozenset(claims["permissions"]),
        session_id=claims["origin_jti"],
        provider_id=claims.get("provider_id"),
        teams=frozenset(claims.get("teams", ())),
    )


def _holder(key: ApiKeyRecord) -> Actor:
    own = key.requests_per_second
    return Actor(
        tenant_id=key.tenant_id,
        user_id=key.user_id,
        email=key.email,
        roles=key.roles,
        permissions=frozenset(key.permissions),
        key_id=key.key_id,
        teams=frozenset(key.teams),
        key_rate=Rate(per_second=own, burst=max(1, int(own * BURST_SECONDS))) if own else None,
    )


def _is_usable(key: ApiKeyRecord) -> bool:
    return key.revoked_at is None and not (key.ends_at and key.ends_at <= time.time())


def _demand_key(key: ApiKeyRecord, visit: Visit) -> None:
    if key.revoked_at is not None:
        raise Unauthenticated("The API key was revoked.")
    if not _is_usable(key):
        raise Unauthenticated("The API key has expired.")
    if key.networks and not _is_within(visit.address, key.networks):
        raise Forbidden("The API key may not be used from this address.")


def _is_within(address: str | None, networks: tuple[str, ...]) -> bool:
    try:
        caller = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(caller, "ipv4_mapped", None)
    return any((mapped or caller) in ipaddress.ip_network(network) for network in networks)


def _demand_open(tenancy: Tenancy | None, actor: Actor) -> Tenancy:
    if tenancy is None:
        raise Unauthenticated("The organisation does not exist any more.")
    demand_here(tenancy.region)
    if tenancy.status is OrganizationStatus.SUSPENDED:
        raise Suspended()
    if tenancy.status is OrganizationStatus.CLOSING and not actor.may("organizations:delete"):
        raise Suspended("The organisation is being closed. Its administrators can still take that back.")
    return tenancy


def _demand_policies(source: str, actor: Actor, visit: Visit, with_mfa: bool) -> None:
    needed = match(visit.method, visit.path)
    if needed is None or needed.route.permission is None:
        return
    decision = decide(
        source,
        AuthorizationRequest(
            user_id=actor.user_id,
            organization_id=actor.tenant_id,
            roles=actor.roles,
            teams=tuple(sorted(actor.teams)),
            permission=needed.route.permission,
            method=visit.method,
            path=visit.path,
            resource_type=needed.resource_type,
            resource_id=needed.resource_id,
            address=visit.address,
            mfa=with_mfa,
            via_api_key=actor.key_id is not None,
            at=clock.now(),
        ),
    )
    if not decision.allowed:
        names = ", ".join(decision.determining) or "none could be evaluated"
        raise ForbiddenByPolicy(f"A policy of your organisation forbids this: {names}.")


def _rate(tenancy: Tenancy) -> Rate:
    return Rate(per_second=tenancy.requests_per_second, burst=int(tenancy.burst), monthly=tenancy.requests_per_month)


def _unix(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _slot() -> int:
    return int(time.time() // KEPT_SECONDS)
