"""What scans knows of a person, to be handed out. There is nothing to erase: a person is but an id here."""

from __future__ import annotations

from contracts.privacy import Sections, hand_in, subject_of
from functions.scans.model import ApprovedTarget, Scan, Schedule
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table


def hand_in_person(table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything that a person made."""
    user_id = subject_of(table, actor, job_id).user_id
    sections: Sections = {
        "scans": [each for each in table.all(actor, Scan) if each.created_by == user_id],
        "targets": [each for each in table.all(actor, ApprovedTarget) if each.created_by == user_id],
        "schedules": [each for each in table.all(actor, Schedule) if each.created_by == user_id],
    }
    return hand_in(facts, actor, job_id, "scans", sections)
