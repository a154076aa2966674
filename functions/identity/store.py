"""Identity's items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.access import CustomRole, TeamMembership
from contracts.identity import SessionRecord, SignInRules
from contracts.organizations import Delegation, OrganizationBrief, Tenancy
from functions.identity.errors import ChallengeOver
from functions.identity.model import Person, User
from functions.identity.model.accounts import Account, digest, normal
from functions.identity.model.federation import (
    Attempt,
    Connection,
    DomainOwner,
    FederatedIdentity,
    IdentityLink,
    SsoDomain,
)
from functions.identity.model.members import Administrators, Invitation, Registration
from functions.identity.model.provisioning import Profile
from functions.identity.model.sessions import Challenge
from kernel.actor import Actor
from kernel.errors import PreconditionFailed, Problem
from kernel.events import Event
from kernel.idempotency import demand_fresh
from kernel.records import Record, Resource
from kernel.table import Change, Once, Page, Table, create, delete, put, update


class Store:
    """Reads and commits people, their accounts and their sessions."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def person(self, user_id: str) -> Person | None:
        """Where to look for a person."""
        return self._table.get_platform(Person, user_id=user_id)

    def user(self, actor: Actor, user_id: str) -> User:
        """One user of the tenant. Raises NotFound."""
        return self._table.require(actor, User, user_id=user_id)

    def find_user(self, actor: Actor, user_id: str) -> User | None:
        """One user of the tenant, or None."""
        return self._table.get(actor, User, user_id=user_id)

    def users(self, actor: Actor, limit: int, cursor: str | None) -> Page[User]:
        """The tenant's users."""
        return self._table.query(actor, User, limit=limit, cursor=cursor)

    def administrators(self, actor: Actor) -> Administrators:
        """How many administer the organisation."""
        return self._table.get(actor, Administrators) or Administrators(tenant_id=actor.tenant_id)

    def invitation(self, actor: Actor, invitation_id: str) -> Invitation | None:
        """An invitation into the actor's organisation."""
        return self._table.get(actor, Invitation, invitation_id=invitation_id)

    def invitations(self, actor: Actor, limit: int, cursor: str | None) -> Page[Invitation]:
        """Those of the organisation, the newest first."""
        return self._table.query(actor, Invitation, limit=limit, cursor=cursor, newest_first=True)

    def registration(self, email: str) -> Registration | None:
        """What somebody wants who has not verified the address."""
        return self._table.get_platform(Registration, digest=Registration.key_of(email))

    def register(self, registration: Registration) -> None:
        """Keep it; a later one of the same address replaces it."""
        self._table.write(put(registration))

    def brief(self, actor: Actor) -> OrganizationBrief | None:
        """The organisation's name."""
        return self._table.get(actor, OrganizationBrief)

    def everybody(self, actor: Actor) -> Iterator[User]:
        """All users of the tenant."""
        return self._table.all(actor, User)

    def account(self, email: str) -> Account:
        """What is kept of an address; a blank one where nothing is."""
        name = digest(normal(email))
        return self._table.get_platform(Account, digest=name) or Account(digest=name)

    def save_account(self, account: Account, actor: Actor | None = None, events: Sequence[Event] = ()) -> None:
        """Commit it; with events, where an organisation is to know."""
        if actor is None:
            self._table.transact_platform([kept(account)])
        else:
            self._table.transact(actor, [kept(account)], events)

    def rules(self, tenant_id: str) -> SignInRules | None:
        """How a tenant's people may log in; None where the defaults hold."""
        return self._table.get_platform(SignInRules, tenant_id=tenant_id)

    def session(self, user_id: str, session_id: str) -> SessionRecord | None:
        """One session, whether it has ended or not."""
        return self._table.get_platform(SessionRecord, user_id=user_id, session_id=session_id)

    def sessions(self, user_id: str) -> list[SessionRecord]:
        """All sessions of a person that the table has not forgotten."""
        return list(self._table.all_platform(SessionRecord, user_id=user_id))

    def challenge(self, session: str) -> Challenge | None:
        """A log-in half done."""
        return self._table.get_platform(Challenge, digest=digest(session))

    def ask(self, changes: Sequence[Change]) -> None:
        """Commit a question, with what became of the last one."""
        self._table.transact_platform(changes)

    def custom_roles(self, actor: Actor, role_ids: Sequence[str]) -> list[CustomRole]:
        """Those of the organisation's own roles that there are."""
        return self._table.get_many(actor, CustomRole, [{"role_id": role_id} for role_id in role_ids])

    def teams_of(self, actor: Actor, user_id: str) -> list[str]:
        """The teams that a person is in."""
        return [each.team_id for each in self._table.all(actor, TeamMembership, user_id=user_id)]

    def delegation(self, actor: Actor, provider_id: str) -> Delegation | None:
        """Whether, and as what, the organisation lets a provider's people in."""
        return self._table.get(actor, Delegation, provider_id=provider_id)

    def sessions_in(self, actor: Actor) -> Iterator[SessionRecord]:
        """All sessions that are in the organisation, as the index knows them."""
        return self._table.all(actor, SessionRecord, index="gsi1")

    def plan(self, tenant_id: str) -> str:
        """What the organisation has ordered."""
        tenancy = self._table.get_platform(Tenancy, tenant_id=tenant_id)
        return tenancy.plan if tenancy else "free"

    def connection(self, actor: Actor, connection_id: str) -> Connection | None:
        """An identity provider of the organisation."""
        return self._table.get(actor, Connection, connection_id=connection_id)

    def connections(self, actor: Actor, limit: int, cursor: str | None) -> Page[Connection]:
        """All of them."""
        return self._table.query(actor, Connection, limit=limit, cursor=cursor)

    def domain(self, actor: Actor, domain: str) -> SsoDomain | None:
        """A domain that the organisation has named."""
        return self._table.get(actor, SsoDomain, domain=domain)

    def domains(self, actor: Actor, limit: int, cursor: str | None) -> Page[SsoDomain]:
        """All of them."""
        return self._table.query(actor, SsoDomain, limit=limit, cursor=cursor)

    def every_domain(self, actor: Actor) -> list[SsoDomain]:
        """All of them at once: they are few."""
        return list(self._table.all(actor, SsoDomain))

    def domain_owner(self, domain: str) -> DomainOwner | None:
        """Whose a verified domain is."""
        return self._table.get_platform(DomainOwner, domain=domain)

    def identity(self, subject: str) -> FederatedIdentity | None:
        """Which person an identity of a provider is."""
        return self._table.get_platform(FederatedIdentity, subject=subject)

    def link(self, actor: Actor, user_id: str, connection_id: str) -> IdentityLink | None:
        """Which identity of a provider a person is."""
        return self._table.get(actor, IdentityLink, user_id=user_id, connection_id=connection_id)

    def is_suspended(self, actor: Actor, user_id: str) -> bool:
        """Whether the organisation's own directory knows somebody who is not in the organisation."""
        is_known = self._table.get(actor, Profile, user_id=user_id) is not None
        return is_known and self.find_user(actor, user_id) is None

    def attempt(self, state: str) -> Attempt | None:
        """A log-in that went to an identity provider."""
        return self._table.get_platform(Attempt, digest=digest(state))

    def begin_attempt(self, attempt: Attempt) -> None:
        """It goes there."""
        self._table.write(create(attempt))

    def demand_fresh(self, actor: Actor) -> None:
        """Raises Replay when the current command was done before: what it does in the directory cannot be undone."""
        demand_fresh(self._table, actor)

    def commit(
        self,
        actor: Actor,
        changes: Sequence[Change],
        events: Sequence[Event] = (),
        answer: Resource | None = None,
        once: Once | None = None,
    ) -> None:
        """Commit changes of one person, and tell the actor's organisation."""
        self._table.transact(actor, changes, events, answer=answer, once=once)


def kept(record: Record) -> Change:
    """Something that may be there already, as it was read, or not yet."""
    return update(record) if record.version else create(record, PreconditionFailed())


def begun(session: SessionRecord) -> Change:
    """A new session."""
    return create(session)


def changed(record: Record, otherwise: Problem | None = None) -> Change:
    """Something that was read, and is otherwise now."""
    return update(record, otherwise)


def asked(challenge: Challenge) -> Change:
    """A question. The directory never gives the same name twice."""
    return put(challenge)


def new(record: Record, otherwise: Problem | None = None) -> Change:
    """Something that is not there yet."""
    return create(record, otherwise)


def gone(record: Record) -> Change:
    """Something that was read, and is to be there no longer."""
    return delete(record)


def answered(challenge: Challenge) -> Change:
    """A question is answered once."""
    return delete(challenge, ChallengeOver())
