"""What notifications knows of a person, to be handed out or erased."""

from __future__ import annotations

from contracts.privacy import Sections, hand_in, receipt, subject_of
from functions.notifications.model import Notification, Preferences
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Change, Table


def hand_in_person(table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything about a person in the organisation."""
    user_id = subject_of(table, actor, job_id).user_id
    preferences = table.get(actor, Preferences, user_id=user_id)
    sections: Sections = {
        "preferences": [preferences] if preferences else [],
        "notifications": table.all(actor, Notification, user_id=user_id),
    }
    return hand_in(facts, actor, job_id, "notifications", sections)


def erase_person(table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """What the person was told is gone, and nobody is told anything more."""
    user_id = subject_of(table, actor, job_id).user_id
    notes = list(table.all(actor, Notification, user_id=user_id))
    preferences = table.get(actor, Preferences, user_id=user_id)
    for record in (*notes, *([preferences] if preferences else [])):
        table.write(Change(record, "Delete", ""))
    counts = {"notifications": len(notes), "preferences": int(preferences is not None)}
    return receipt(facts, actor, job_id, "notifications", counts)
