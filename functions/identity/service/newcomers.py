"""People who come into an organisation because it says so: by the first single sign-on, or provisioned ahead of it."""

from __future__ import annotations

from collections.abc import Sequence

from functions.identity.errors import NotProvisioned
from functions.identity.model import User
from functions.identity.model.accounts import normal
from functions.identity.model.provisioning import ADDRESS
from functions.identity.provisions import Provisions
from functions.identity.service.members import join
from functions.identity.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.events import Event
from kernel.ids import new_id
from kernel.records import Resource
from kernel.table import Change


def provision(
    store: Store,
    actor: Actor,
    user: User,
    also: Sequence[Change] = (),
    events: Sequence[Event] = (),
    answer: Resource | None = None,
) -> None:
    """A person comes into the actor's organisation without a password: by what `newcomer` gave, in one transaction with
    whatever else belongs to it. The roles are what the organisation has decided before: whoever calls sees to that.
    Raises AlreadyMember, TooManyOrganizations, or NotProvisioned for whom the organisation's directory suspended."""
    if Provisions().owner_of(actor, ADDRESS, user.email) is not None:
        raise NotProvisioned("Your organisation's directory has suspended you.")
    join(store, actor, user, store.person(user.user_id), also, events, answer=answer)


def newcomer(store: Store, actor: Actor, email: str, name: str, roles: tuple[str, ...]) -> User:
    """Who an address would be in the actor's organisation: the person who has an account with it, or somebody new, who
    has none and needs none."""
    address = normal(email)
    known = store.account(address).user_id
    has_account = known is not None and store.person(known) is not None
    return User(
        tenant_id=actor.tenant_id,
        user_id=known if known and has_account else new_id("user"),
        email=address,
        name=name,
        roles=roles,
        created_at=clock.timestamp(),
    )


def member(store: Store, actor: Actor, email: str) -> User | None:
    """Who has an address in the actor's organisation."""
    address = normal(email)
    known = store.account(address).user_id
    user = store.find_user(actor, known) if known else None
    return user if user and normal(user.email) == address else None
