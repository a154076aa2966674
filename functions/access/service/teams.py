"""Teams, and who is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from contracts.access import TeamCreated, TeamDeleted, TeamMemberAdded, TeamMemberRemoved, TeamRenamed
from functions.access.errors import Moved, NameTaken, NotAMember, TeamNotEmpty, TooMany
from functions.access.model import (
    MAX_TEAM_MEMBERS,
    MAX_TEAMS,
    MAX_TEAMS_OF_ONE,
    Team,
    TeamMember,
    taken_name,
)
from functions.access.schemas import WriteTeam
from functions.access.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.events import Event
from kernel.ids import new_id
from kernel.table import Change, create, delete

KIND = "TEAMS"
ATTEMPTS = 8
T = TypeVar("T")


def create_team(store: Store, actor: Actor, command: WriteTeam) -> Team:
    """Make a team with nobody in it. Raises NameTaken, TooMany."""
    if store.count_teams(actor) >= MAX_TEAMS:
        raise TooMany(f"At most {MAX_TEAMS} teams.")
    team = Team(
        tenant_id=actor.tenant_id,
        team_id=new_id("team"),
        name=command.name,
        description=command.description,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    name = taken_name(actor.tenant_id, KIND, team.name, team.team_id)
    store.add_team(actor, team, name, TeamCreated(team_id=team.team_id, name=team.name))
    return team


def change_team(store: Store, actor: Actor, team_id: str, command: WriteTeam, if_match: int | None) -> Team:
    """Rename or describe a team. Raises NameTaken."""

    def change() -> Team:
        team = _read(store, actor, team_id, if_match)
        before, team.name, team.description = team.name, command.name, command.description
        events: list[Event] = [TeamRenamed(team_id=team_id, name=team.name, before=before)]
        store.save_team(actor, team, _renaming(actor, team, before), events if before != team.name else [])
        return team

    return _retrying(change, if_match)


def delete_team(store: Store, actor: Actor, team_id: str, if_match: int | None) -> None:
    """Remove a team that nobody is in. Raises TeamNotEmpty."""

    def change() -> None:
        team = _read(store, actor, team_id, if_match)
        if team.members:
            raise TeamNotEmpty(f"{team.members} are in it. Take them out first.")
        name = taken_name(actor.tenant_id, KIND, team.name, team_id)
        name.version = 1
        store.remove_team(actor, team, name, TeamDeleted(team_id=team_id, name=team.name))

    _retrying(change, if_match)


def get_member(store: Store, actor: Actor, team_id: str, user_id: str) -> TeamMember:
    """A person's place in a team. Raises NotFound."""
    return store.require_member(actor, team_id, user_id)


def add_member(store: Store, actor: Actor, team_id: str, user_id: str, if_match: int | None) -> TeamMember:
    """Take a person or a service account into a team; one who is in it stays so. Raises NotAMember, TooMany."""

    def change() -> TeamMember:
        team = store.team(actor, team_id)
        known = store.member(actor, team_id, user_id)
        if if_match is not None and (known is None or known.version != if_match):
            raise PreconditionFailed()
        if known is not None:
            return known
        _demand_room(store, actor, team, user_id)
        member = TeamMember(
            tenant_id=actor.tenant_id,
            team_id=team_id,
            user_id=user_id,
            added_by=actor.user_id,
            added_at=clock.timestamp(),
        )
        team.members += 1
        event = TeamMemberAdded(team_id=team_id, name=team.name, user_id=user_id)
        store.save_team(actor, team, [create(member, PreconditionFailed())], [event])
        return member

    return _retrying(change, if_match)


def remove_member(store: Store, actor: Actor, team_id: str, user_id: str, if_match: int | None) -> None:
    """Take a person out of a team. Raises NotFound."""

    def change() -> None:
        team = store.team(actor, team_id)
        member = store.require_member(actor, team_id, user_id)
        if if_match is not None and if_match != member.version:
            raise PreconditionFailed()
        team.members -= 1
        event = TeamMemberRemoved(team_id=team_id, name=team.name, user_id=user_id)
        store.save_team(actor, team, [delete(member)], [event])

    _retrying(change, if_match)


def forget_person(store: Store, actor: Actor, user_id: str) -> None:
    """Who has left the organisation is in none of its teams; who is back meanwhile stays in those he was put into
    anew. Doing it again changes nothing."""
    if store.person(actor, user_id) is not None:
        return
    for membership in store.teams_of(actor, user_id):
        remove_member(store, actor, membership.team_id, user_id, None)


def _read(store: Store, actor: Actor, team_id: str, if_match: int | None) -> Team:
    team = store.team(actor, team_id)
    if if_match is not None and if_match != team.version:
        raise PreconditionFailed()
    return team


def _demand_room(store: Store, actor: Actor, team: Team, user_id: str) -> None:
    if store.person(actor, user_id) is None and store.service_account(actor, user_id) is None:
        raise NotAMember()
    if team.members >= MAX_TEAM_MEMBERS:
        raise TooMany(f"At most {MAX_TEAM_MEMBERS} in a team.")
    if len(store.teams_of(actor, user_id)) >= MAX_TEAMS_OF_ONE:
        raise TooMany(f"A person is in at most {MAX_TEAMS_OF_ONE} teams.")


def _renaming(actor: Actor, team: Team, old_name: str) -> list[Change]:
    old = taken_name(actor.tenant_id, KIND, old_name, team.team_id)
    new = taken_name(actor.tenant_id, KIND, team.name, team.team_id)
    if old.digest == new.digest:
        return []
    old.version = 1
    return [delete(old), create(new, NameTaken())]


def _retrying(change: Callable[[], T], if_match: int | None) -> T:
    """A team counts its people, so commands that have nothing to do with each other meet in it: read again, and try
    again. Who said what he had read is told that it moved on."""
    for _ in range(ATTEMPTS):
        try:
            return change()
        except PreconditionFailed:
            if if_match is not None:
                raise
    raise Moved(retry_after=1)
