"""Registering: an address is verified before anything else is done for it. A new organisation is founded, or one is
joined by invitation, when the code of the mail was right; what a crash leaves undone, the first log-in does."""

from __future__ import annotations

from functions.identity.errors import CodeExpired, NothingToJoin, WrongCode
from functions.identity.gateways import Directory, Founder, Mailer
from functions.identity.model import ADMINISTRATOR, User
from functions.identity.model.accounts import Place, normal
from functions.identity.model.actors import of_registration
from functions.identity.model.members import REGISTRATION_SECONDS, Registered, Registration
from functions.identity.model.passwords import demand_strong
from functions.identity.schemas import Register
from functions.identity.service import invitations
from functions.identity.service.log_in import demand_open, fail
from functions.identity.service.members import join
from functions.identity.store import Store, gone
from kernel import clock, observe
from kernel.actor import Actor
from kernel.ids import new_id

SUBJECT = "You have an account on Palisade"
BODY = """Somebody, probably you, wanted to register with this address. There is an account with it already: log in, or
reset the password if you have forgotten it. Whoever did not expect this can forget it: nothing was changed.
"""


def register(store: Store, directory: Directory, mailer: Mailer, command: Register) -> Registered:
    """Begin an account; the answer is the same when the address has one. Raises WeakPassword, NothingToJoin, or what an
    invitation is not good for."""
    email = normal(command.email)
    if (command.organization_name is None) == (command.invitation is None):
        raise NothingToJoin()
    invitation = invitations.good(store, command.invitation, email) if command.invitation else None
    plan = store.plan(invitation.organization_id) if invitation else "free"
    demand_strong(command.password, email, plan)
    user_id = directory.sign_up(email, command.password, command.name)
    if user_id is None:
        _tell_owner(mailer, email)
        return Registered(email=email)
    store.register(
        Registration(
            digest=Registration.key_of(email),
            user_id=user_id,
            email=email,
            name=command.name,
            organization_id=invitation.organization_id if invitation else new_id("org"),
            organization_name=command.organization_name,
            invitation_id=invitation.invitation_id if invitation else None,
            expires_at=int(clock.now().timestamp()) + REGISTRATION_SECONDS,
        )
    )
    return Registered(email=email)


def verify(store: Store, directory: Directory, founder: Founder, address: str, code: str, place: Place) -> None:
    """The code of the mail was right: the person can log in. Raises WrongCode, CodeExpired or LockedOut."""
    email = normal(address)
    demand_open(store.account(email), place)
    try:
        directory.confirm(email, code)
    except (WrongCode, CodeExpired) as refused:
        fail(store, email, place, refused.slug)
        raise
    complete(store, founder, email)


def complete(store: Store, founder: Founder, email: str) -> bool:
    """Give a person with a verified address what the registration asked for; whether there was one."""
    registration = store.registration(email)
    if registration is None:
        return False
    who = of_registration(registration)
    if registration.invitation_id is not None:
        _join(store, who, registration)
        return True
    name = registration.organization_name or registration.name
    founder.found(registration.organization_id, name, registration.user_id)
    user = User(
        tenant_id=who.tenant_id,
        user_id=registration.user_id,
        email=email,
        name=registration.name,
        roles=(ADMINISTRATOR,),
        created_at=clock.timestamp(),
    )
    join(store, who, user, store.person(registration.user_id), [gone(registration)])
    return True


def _join(store: Store, who: Actor, registration: Registration) -> None:
    """The invitation was good when the account was begun; whether it still is, its status says."""
    invitation = store.invitation(who, registration.invitation_id or "")
    if invitation is not None and invitations.fault(invitation, registration.email) is None:
        invitations.enter(store, who, invitation, registration.user_id, registration.name)


def _tell_owner(mailer: Mailer, email: str) -> None:
    try:
        mailer.send(email, SUBJECT, BODY)
    except Exception as failure:  # whoever registers must not see whether there was somebody to tell
        observe.logger().warning("owner not told", extra={"reason": type(failure).__name__})
