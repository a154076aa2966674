"""How the people of an organisation may log in."""

from __future__ import annotations

from contracts.identity import SignInRules, SignInRulesChanged
from functions.identity.errors import FactorFirst
from functions.identity.model.sessions import SignIn
from functions.identity.schemas import ChangeSignIn
from functions.identity.service.federation import demand_ready
from functions.identity.store import Store, kept
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed


def get_rules(store: Store, actor: Actor, organization_id: str) -> SignIn:
    """The rules; the defaults where none were made. Raises NotFound for another organisation."""
    return _shown(_rules(store, actor, organization_id))


def change_rules(
    store: Store, actor: Actor, organization_id: str, change: ChangeSignIn, if_match: int | None
) -> SignIn:
    """Change them. Who demands a second factor must have one, or would be shut out by the own rule. Raises NotFound,
    PreconditionFailed, FactorFirst or SsoNotReady."""
    rules = _rules(store, actor, organization_id)
    if if_match is not None and if_match != rules.version:
        raise PreconditionFailed()
    if change.mfa_required and not rules.mfa_required and not store.account(actor.email or "").has_factor:
        raise FactorFirst()
    if change.sso_only and not rules.sso_only:
        demand_ready(store, actor)
    event = SignInRulesChanged(
        idle_minutes=change.idle_minutes,
        mfa_required=change.mfa_required,
        before_idle_minutes=rules.idle_minutes,
        before_mfa_required=rules.mfa_required,
        sso_only=change.sso_only,
        before_sso_only=rules.sso_only,
    )
    rules.idle_minutes, rules.mfa_required = change.idle_minutes, change.mfa_required
    rules.sso_only = change.sso_only
    store.commit(actor, [kept(rules)], [event])
    return _shown(rules)


def _rules(store: Store, actor: Actor, organization_id: str) -> SignInRules:
    if organization_id != actor.tenant_id:
        raise NotFound()
    return store.rules(actor.tenant_id) or SignInRules(tenant_id=actor.tenant_id)


def _shown(rules: SignInRules) -> SignIn:
    return SignIn(
        idle_minutes=rules.idle_minutes,
        mfa_required=rules.mfa_required,
        sso_only=rules.sso_only,
        version=rules.version,
    )
