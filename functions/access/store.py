"""The access context's items, by named access pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.access import PolicySet, TeamMembership
from contracts.developers import ServiceAccountBrief
from functions.access.errors import Moved, NameTaken
from functions.access.model import Ledger, Person, Policy, RoleItem, TakenName, Team, TeamMember
from kernel.actor import Actor
from kernel.events import Event
from kernel.records import Resource
from kernel.table import Change, Page, Table, create, delete, update


class Store:
    """Reads and commits what the context owns, and reads the people and service accounts that it was granted."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def tell(self, actor: Actor, event: Event) -> None:
        """Publish what changed nothing: a refusal."""
        self._table.transact(actor, [], [event])

    def person(self, actor: Actor, user_id: str) -> Person | None:
        """A person of the organisation."""
        return self._table.get(actor, Person, user_id=user_id)

    def people(self, actor: Actor) -> Iterator[Person]:
        """Everybody in the organisation, as far as one asks."""
        return self._table.all(actor, Person)

    def service_account(self, actor: Actor, account_id: str) -> ServiceAccountBrief | None:
        """A principal that is no person."""
        return self._table.get(actor, ServiceAccountBrief, account_id=account_id)

    def service_accounts(self, actor: Actor) -> Iterator[ServiceAccountBrief]:
        """All principals that are no people."""
        return self._table.all(actor, ServiceAccountBrief)

    def role(self, actor: Actor, role_id: str) -> RoleItem:
        """A custom role. Raises NotFound."""
        return self._table.require(actor, RoleItem, role_id=role_id)

    def roles(self, actor: Actor) -> list[RoleItem]:
        """All custom roles; their number is bounded."""
        return list(self._table.all(actor, RoleItem))

    def add_role(self, actor: Actor, role: RoleItem, name: TakenName, shown: Resource, event: Event) -> None:
        """Commit a new role. Raises NameTaken."""
        self._table.transact(actor, [create(role), create(name, NameTaken())], [event], answer=shown)

    def save_role(self, actor: Actor, role: RoleItem, names: Sequence[Change], event: Event) -> None:
        """Commit a changed role. Raises NameTaken, PreconditionFailed."""
        self._table.transact(actor, [update(role), *names], [event])

    def remove_role(self, actor: Actor, role: RoleItem, name: TakenName, event: Event) -> None:
        """Delete a role, and free its name."""
        self._table.transact(actor, [delete(role), delete(name)], [event])

    def policy(self, actor: Actor, policy_id: str) -> Policy:
        """A policy. Raises NotFound."""
        return self._table.require(actor, Policy, policy_id=policy_id)

    def policies(self, actor: Actor) -> list[Policy]:
        """All policies; their number is bounded."""
        return list(self._table.all(actor, Policy))

    def ledger(self, actor: Actor) -> Ledger | None:
        """The count of changes to the policies; None before the first."""
        return self._table.get(actor, Ledger)

    def policy_set(self, actor: Actor) -> PolicySet | None:
        """The compiled policies, as the authorizer sees them; None where there are none."""
        return self._table.get(actor, PolicySet)

    def commit_policies(
        self,
        actor: Actor,
        changes: Sequence[Change],
        ledger: Ledger | None,
        compiled: tuple[PolicySet | None, str],
        event: Event,
        answer: Resource | None,
    ) -> None:
        """Commit a change to the policies together with the set that is made of all of them. Raises Moved when somebody
        else changed them meanwhile."""
        counted = update(ledger, Moved()) if ledger else create(Ledger(tenant_id=actor.tenant_id), Moved())
        everything = [*changes, counted, *_compiled(actor, *compiled)]
        self._table.transact(actor, everything, [event], answer=answer)

    def team(self, actor: Actor, team_id: str) -> Team:
        """A team. Raises NotFound."""
        return self._table.require(actor, Team, team_id=team_id)

    def teams(self, actor: Actor, limit: int, cursor: str | None) -> Page[Team]:
        """The organisation's teams, oldest first."""
        return self._table.query(actor, Team, limit=limit, cursor=cursor)

    def count_teams(self, actor: Actor) -> int:
        """How many teams there are."""
        return sum(1 for _ in self._table.all(actor, Team))

    def add_team(self, actor: Actor, team: Team, name: TakenName, event: Event) -> None:
        """Commit a new team. Raises NameTaken."""
        self._table.transact(actor, [create(team), create(name, NameTaken())], [event], answer=team)

    def save_team(self, actor: Actor, team: Team, changes: Sequence[Change], events: Sequence[Event]) -> None:
        """Commit a changed team, with what changes beside it. Raises NameTaken, PreconditionFailed."""
        self._table.transact(actor, [update(team), *changes], events)

    def remove_team(self, actor: Actor, team: Team, name: TakenName, event: Event) -> None:
        """Delete a team, and free its name."""
        self._table.transact(actor, [delete(team), delete(name)], [event])

    def member(self, actor: Actor, team_id: str, user_id: str) -> TeamMember | None:
        """A person's place in a team."""
        return self._table.get(actor, TeamMember, team_id=team_id, user_id=user_id)

    def require_member(self, actor: Actor, team_id: str, user_id: str) -> TeamMember:
        """A person's place in a team. Raises NotFound."""
        return self._table.require(actor, TeamMember, team_id=team_id, user_id=user_id)

    def members(self, actor: Actor, team_id: str, limit: int, cursor: str | None) -> Page[TeamMember]:
        """The people of a team."""
        return self._table.query(actor, TeamMember, index="gsi1", team_id=team_id, limit=limit, cursor=cursor)

    def teams_of(self, actor: Actor, user_id: str) -> list[TeamMembership]:
        """The teams that a person is in."""
        return list(self._table.all(actor, TeamMembership, user_id=user_id))


def _compiled(actor: Actor, known: PolicySet | None, source: str) -> list[Change]:
    """The change that makes the compiled set what it shall be: no item where there is no policy."""
    if known is None:
        return [create(PolicySet(tenant_id=actor.tenant_id, source=source), Moved())] if source else []
    if not source:
        return [delete(known, Moved())]
    known.source = source
    return [update(known, Moved())]
