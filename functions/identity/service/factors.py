"""The second factor: set up, proved, switched off, and the codes for when it is lost."""

from __future__ import annotations

from contracts.identity import FactorBegun, FactorDisabled, FactorEnabled, RecoveryCodesRenewed
from functions.identity.errors import FactorDemanded, FactorThere, NoFactor, WrongCode, WrongFactorCode, WrongPassword
from functions.identity.gateways import Directory
from functions.identity.model.accounts import Account, Place
from functions.identity.model.factors import Enrolment, RecoveryCodes, enrolment, new_recovery_codes
from functions.identity.service.log_in import demand_open, fail
from functions.identity.store import Store, changed, kept
from kernel import clock
from kernel.actor import Actor


def begin(store: Store, directory: Directory, actor: Actor, token: str) -> Enrolment:
    """A secret for the person's authenticator; it counts when `confirm` has seen a code of it. Raises FactorThere."""
    store.demand_fresh(actor)
    if store.account(_email(actor)).has_factor:
        raise FactorThere()
    shown = enrolment(directory.begin_factor(token), _email(actor))
    store.commit(actor, [], [FactorBegun(user_id=actor.user_id)], shown)
    return shown


def confirm(store: Store, directory: Directory, actor: Actor, token: str, code: str, place: Place) -> RecoveryCodes:
    """The authenticator counts from now on; the answer holds the recovery codes, this once. Raises FactorThere,
    WrongFactorCode or LockedOut."""
    store.demand_fresh(actor)
    account = store.account(_email(actor))
    if account.has_factor:
        raise FactorThere()
    demand_open(account, place)
    try:
        directory.confirm_factor(token, code)
    except WrongCode:
        fail(store, _email(actor), place, "wrong-code")
        raise WrongFactorCode() from None
    account.has_factor, account.user_id = True, actor.user_id
    account.use_code(code, int(clock.now().timestamp()))
    return _give_codes(store, actor, account, FactorEnabled(user_id=actor.user_id), with_factor=True)


def renew_codes(store: Store, directory: Directory, actor: Actor, password: str, place: Place) -> RecoveryCodes:
    """New recovery codes; the old ones are no longer good. Raises NoFactor, WrongPassword or LockedOut."""
    store.demand_fresh(actor)
    account = store.account(_email(actor))
    if not account.has_factor:
        raise NoFactor()
    demand_password(store, directory, account, actor, password, place)
    return _give_codes(store, actor, account, RecoveryCodesRenewed(user_id=actor.user_id))


def drop(store: Store, directory: Directory, actor: Actor, password: str, place: Place) -> None:
    """The password alone counts from now on. Raises NoFactor, FactorDemanded, WrongPassword or LockedOut."""
    account = store.account(_email(actor))
    if not account.has_factor:
        raise NoFactor()
    rules = store.rules(actor.tenant_id)
    if rules and rules.mfa_required:
        raise FactorDemanded()
    demand_password(store, directory, account, actor, password, place)
    directory.drop_factor(actor.user_id)
    account.has_factor, account.recovery = False, ()
    store.commit(actor, [kept(account)], [FactorDisabled(user_id=actor.user_id, how="disabled")])


def demand_password(
    store: Store, directory: Directory, account: Account, actor: Actor, password: str, place: Place
) -> None:
    """Who is logged in may have left the screen to somebody else. Raises WrongPassword or LockedOut."""
    demand_open(account, place)
    if not directory.knows(_email(actor), password):
        fail(store, _email(actor), place, "wrong-password")
        raise WrongPassword()


def _give_codes(
    store: Store,
    actor: Actor,
    account: Account,
    event: FactorEnabled | RecoveryCodesRenewed,
    *,
    with_factor: bool = False,
) -> RecoveryCodes:
    codes = new_recovery_codes()
    account.keep_recovery(codes)
    shown = RecoveryCodes(recovery_codes=codes)
    changes = [kept(account)]
    session = store.session(actor.user_id, actor.session_id or "none") if with_factor else None
    if session is not None:
        session.mfa = True
        changes.append(changed(session))
    store.commit(actor, changes, [event], shown)
    return shown


def _email(actor: Actor) -> str:
    return actor.email or ""
