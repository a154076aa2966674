"""What organizations knows of a person, to be handed out or erased."""

from __future__ import annotations

from contracts.privacy import Sections, hand_in, receipt, subject_of
from functions.organizations.model import Founding, GrantedDelegation, Organization
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, update


def hand_in_person(table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything about a person in the organisation."""
    user_id = subject_of(table, actor, job_id).user_id
    organization = table.get(actor, Organization)
    delegations = [
        each for each in table.all(actor, GrantedDelegation) if each.granted_by == user_id or user_id in each.user_ids
    ]
    sections: Sections = {
        "owns": [organization] if organization and organization.owner_id == user_id else [],
        "founded": [each for each in table.all(actor, Founding) if each.owner_id == user_id],
        "delegations": delegations,
    }
    return hand_in(facts, actor, job_id, "organizations", sections)


def erase_person(table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Who founded another organisation from here is no longer named."""
    subject = subject_of(table, actor, job_id)
    founded = [each for each in table.all(actor, Founding) if each.owner_id == subject.user_id]
    for founding in founded:
        founding.owner_email = subject.pseudonym
        table.write(update(founding))
    return receipt(facts, actor, job_id, "organizations", {"founded": len(founded)})
