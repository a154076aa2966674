"""What access knows of a person, to be handed out or erased."""

from __future__ import annotations

from contracts.privacy import Sections, hand_in, receipt, subject_of
from functions.access.model import Team
from functions.access.service import teams
from functions.access.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table


def hand_in_person(store: Store, table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything about a person in the organisation."""
    user_id = subject_of(table, actor, job_id).user_id
    sections: Sections = {
        "teams": store.teams_of(actor, user_id),
        "made_roles": [each for each in store.roles(actor) if each.created_by == user_id],
        "made_policies": [each for each in store.policies(actor) if each.created_by == user_id],
        "made_teams": [each for each in table.all(actor, Team) if each.created_by == user_id],
    }
    return hand_in(facts, actor, job_id, "access", sections)


def erase_person(store: Store, table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Who is erased leaves the teams; what the person made stays the organisation's."""
    user_id = subject_of(table, actor, job_id).user_id
    memberships = store.teams_of(actor, user_id)
    for membership in memberships:
        teams.remove_member(store, actor, membership.team_id, user_id, None)
    return receipt(facts, actor, job_id, "access", {"teams": len(memberships)})
