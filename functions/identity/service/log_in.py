"""Logging in: the password, what is asked beyond it, and the session that comes of it.

The session is committed before its tokens are handed out, because the authorizer lets no other one in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from contracts.identity import (
    AccountLocked,
    BreakGlassUsed,
    FactorDisabled,
    LoggedIn,
    LogInRefused,
    NewDeviceSeen,
    RecoveryCodeUsed,
    SessionRecord,
)
from functions.identity.errors import (
    ChallengeOver,
    CodeUsed,
    LockedOut,
    NoOrganization,
    SsoOnly,
    WrongAnswer,
    WrongCode,
    WrongCredentials,
)
from functions.identity.gateways import Directory
from functions.identity.model import ADMINISTRATOR
from functions.identity.model.accounts import Account, Place, normal
from functions.identity.model.actors import at_door_of, named_in, of_claims
from functions.identity.model.passwords import demand_strong
from functions.identity.model.sessions import (
    Asked,
    Challenge,
    ChallengeDocument,
    Granted,
    Question,
    Tokens,
    begin,
    refresh_token,
)
from functions.identity.schemas import Answer, Login
from functions.identity.store import Store, answered, asked, begun, changed, kept
from functions.identity.tokens import read_unverified
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed, Unavailable
from kernel.events import Event
from kernel.table import Change

ATTEMPTS = 8
PASSWORD = "password"  # noqa: S105 - a provider's name


def log_in(
    store: Store, directory: Directory, command: Login, place: Place, complete: Callable[[str], bool] = lambda _: False
) -> Tokens | ChallengeDocument:
    """Begin a session, or say what else is asked. `complete` finishes a registration that was cut short after the
    address was verified, if there is one. Raises WrongCredentials, LockedOut or NoOrganization."""
    email = normal(command.email)
    account = store.account(email)
    demand_open(account, place)
    try:
        given = directory.log_in(email, command.password)
    except WrongCredentials:
        fail(store, email, place, "wrong-credentials")
        raise
    if isinstance(given, Granted) and not _names_organization(given) and complete(email):
        given = directory.log_in(email, command.password)
    if command.recovery_code and isinstance(given, Asked) and given.question is Question.MFA:
        return _recover(store, directory, command, email, command.recovery_code, place)
    return _go_on(store, given, account, email, place)


def answer(store: Store, directory: Directory, command: Answer, place: Place) -> Tokens | ChallengeDocument:
    """Go on with a log-in that asked something. Raises ChallengeOver, WrongAnswer, WrongCode, CodeUsed, LockedOut or
    WeakPassword."""
    challenge = store.challenge(command.session)
    if challenge is None or challenge.is_over(_now()):
        raise ChallengeOver()
    account = store.account(challenge.email)
    demand_open(account, place)
    if challenge.question is Question.MFA:
        if command.code is None or command.new_password is not None:
            raise WrongAnswer("The code of the authenticator is asked for.")
        given = _try_code(store, directory, account, challenge, command.session, command.code, place)
    else:
        if command.new_password is None or command.code is not None:
            raise WrongAnswer("A new password is asked for.")
        person = store.person(account.user_id or "nobody")
        demand_strong(command.new_password, challenge.email, store.plan(person.last) if person else "free")
        given = directory.answer_password(command.session, challenge.email, command.new_password)
    return _go_on(store, given, account, challenge.email, place, challenge, command.code)


def start(
    store: Store,
    granted: Granted,
    account: Account,
    place: Place,
    provider: str = PASSWORD,
    *,
    before: Challenge | None = None,
    code: str | None = None,
    without_factor: bool = False,
    by: Callable[[SessionRecord], list[Change]] | None = None,
) -> Tokens:
    """Commit the session that tokens of the directory belong to, and give them out. `by` completes a session that did
    not begin with a password, and says what is committed with it. Raises NoOrganization, and CodeUsed when another
    log-in was quicker with the same code."""
    claims = read_unverified(granted.access_token)  # the directory has just handed it to us
    actor = _actor(claims, place)
    session = begin(claims["origin_jti"], actor.user_id, actor.tenant_id, place, provider)
    session.mfa = code is not None
    for _ in range(ATTEMPTS):
        also = by(session) if by else []
        events, account_changes = _let_in(account, actor, place, session.session_id, code, anew=by is None)
        if by is None and _breaks_glass(store, actor):
            events.append(BreakGlassUsed(user_id=actor.user_id, email=actor.email or ""))
        if without_factor:
            account.has_factor, account.recovery = False, ()
            events.append(FactorDisabled(user_id=actor.user_id, how="recovery_code"))
        done = [answered(before)] if before else []
        try:
            store.commit(actor, [begun(session), *done, *also, *account_changes], events)
        except PreconditionFailed:  # another log-in has changed the account meanwhile
            account = store.account(actor.email or "")
            continue
        tokens = tokens_of(granted, refresh_token(session, granted.refresh_token or ""))
        tokens.mfa_was_disabled = without_factor
        return tokens
    raise Unavailable("Many log-ins at once. Try again.", retry_after=1)


def tokens_of(granted: Granted, refresh: str) -> Tokens:
    """What the caller gets."""
    must = bool(read_unverified(granted.access_token).get("mfa_setup_required"))
    return Tokens(
        access_token=granted.access_token,
        refresh_token=refresh,
        expires_in=granted.expires_in,
        mfa_setup_required=must,
    )


def fail(store: Store, email: str, place: Place, reason: str) -> None:
    """Count a wrong try against the address, whether it is anybody's or not, and tell the person's organisation."""
    for _ in range(ATTEMPTS):
        account, now = store.account(email), _now()
        person = store.person(account.user_id or "nobody")  # asked for nobody too, so that both take as long
        account.fail(place, now)
        actor = at_door_of(person, place) if person else None
        events = [LogInRefused(user_id=person.user_id, reason=reason)] if person else []
        seconds = account.locked_for(place, now)
        locked = [AccountLocked(user_id=person.user_id, email=person.email, seconds=seconds)] if person else []
        try:
            store.save_account(account, actor, [*events, *(locked if seconds else [])])
        except PreconditionFailed:
            continue
        return


def demand_open(account: Account, place: Place) -> None:
    """Raises LockedOut while there were too many wrong tries."""
    seconds = account.locked_for(place, _now())
    if seconds:
        raise LockedOut(retry_after=seconds)


def _recover(
    store: Store, directory: Directory, command: Login, email: str, code: str, place: Place
) -> Tokens | ChallengeDocument:
    """The password was right, and a recovery code stands for the second factor, which is switched off: the
    authenticator is lost. The code is gone before anything else happens."""
    account = store.account(email)
    person = store.person(account.user_id or "nobody")
    if person is None or not account.use_recovery(code):
        fail(store, email, place, "wrong-recovery-code")
        raise WrongCode("The recovery code is wrong, or was used before.")
    used = RecoveryCodeUsed(user_id=person.user_id, left=len(account.recovery))
    try:
        store.save_account(account, at_door_of(person, place), [used])
    except PreconditionFailed:
        raise WrongCode("The recovery code was used at the same moment.") from None
    directory.drop_factor(person.user_id)
    given = directory.log_in(email, command.password)
    if isinstance(given, Asked):
        return _go_on(store, given, account, email, place)
    return start(store, given, account, place, without_factor=True)


def _try_code(
    store: Store,
    directory: Directory,
    account: Account,
    challenge: Challenge,
    session: str,
    code: str,
    place: Place,
) -> Granted | Asked:
    if account.was_used(code, _now()):
        _refuse(store, challenge, place, "code-used")
        raise CodeUsed()
    try:
        return directory.answer_code(session, challenge.email, code)
    except WrongCode:
        _refuse(store, challenge, place, "wrong-code")
        raise


def _refuse(store: Store, challenge: Challenge, place: Place, reason: str) -> None:
    """A wrong code counts against the log-in and against the address."""
    challenge.tries += 1
    with contextlib.suppress(PreconditionFailed):  # another wrong one came at the same time, and counts there
        store.ask([changed(challenge)])
    fail(store, challenge.email, place, reason)


def _go_on(
    store: Store,
    given: Granted | Asked,
    account: Account,
    email: str,
    place: Place,
    before: Challenge | None = None,
    code: str | None = None,
) -> Tokens | ChallengeDocument:
    if isinstance(given, Granted):
        if not _names_organization(given):
            _demand_password_allowed(store, email, place)
        return start(store, given, account, place, before=before, code=code)
    done = [answered(before)] if before else []
    store.ask([*done, asked(Challenge.of(given.session, email, given.question))])
    codes = given.question is Question.MFA and bool(account.recovery)
    return ChallengeDocument(challenge=given.question, session=given.session, recovery_codes=codes)


def _demand_password_allowed(store: Store, email: str, place: Place) -> None:
    """The password was right, and let nobody in. Raises SsoOnly where that is the organisation's will, and tells it."""
    person = store.person(store.account(email).user_id or "nobody")
    rules = store.rules(person.last) if person else None
    if person is None or rules is None or not rules.sso_only:
        return
    store.commit(at_door_of(person, place), [], [LogInRefused(user_id=person.user_id, reason=SsoOnly.slug)])
    domain = email.rpartition("@")[2]
    raise SsoOnly(f"Log in by the single sign-on of {domain}: `POST /auth/sso` with the address leads there.")


def _let_in(
    account: Account, actor: Actor, place: Place, session_id: str, code: str | None, *, anew: bool
) -> tuple[list[Event], list[Change]]:
    """What a log-in tells, and what it changes of the account; whose it is, a password says `anew`."""
    before = account.model_dump()
    if code is not None:
        if account.was_used(code, _now()):
            raise CodeUsed()
        account.use_code(code, _now())
    is_new = account.succeed(place)
    account.user_id, account.expires_at = actor.user_id if anew else account.user_id or actor.user_id, None
    email = actor.email or ""
    events: list[Event] = [
        LoggedIn(user_id=actor.user_id, email=email, session_id=session_id, device=place.device),
        *(
            [NewDeviceSeen(user_id=actor.user_id, email=email, device=place.device, address=place.address)]
            if is_new
            else []
        ),
    ]
    return events, [kept(account)] if account.model_dump() != before else []


def _breaks_glass(store: Store, actor: Actor) -> bool:
    """Whether a password let in somebody whose organisation logs in by single sign-on alone."""
    if ADMINISTRATOR not in actor.roles or actor.provider_id is not None:
        return False
    rules = store.rules(actor.tenant_id)
    return bool(rules and rules.sso_only)


def _names_organization(granted: Granted) -> bool:
    return named_in(read_unverified(granted.access_token)) is not None


def _actor(claims: dict[str, Any], place: Place) -> Actor:
    try:
        return of_claims(claims, place)
    except (KeyError, ValueError):
        raise NoOrganization() from None


def _now() -> int:
    return int(clock.now().timestamp())
