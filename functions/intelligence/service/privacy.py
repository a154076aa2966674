"""What intelligence knows of a person, to be handed out. There is nothing to erase: a person is but an id here."""

from __future__ import annotations

from contracts.privacy import Sections, hand_in, subject_of
from functions.intelligence.model.correlation.own import OwnRule, RuleVersion
from functions.intelligence.model.records import ScanImport
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table


def hand_in_person(table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything that a person made."""
    user_id = subject_of(table, actor, job_id).user_id
    sections: Sections = {
        "imports": [each for each in table.all(actor, ScanImport) if each.created_by == user_id],
        "rules": [each for each in table.all(actor, OwnRule) if user_id in (each.created_by, each.changed_by)],
        "rule_versions": [each for each in table.all(actor, RuleVersion) if each.created_by == user_id],
    }
    return hand_in(facts, actor, job_id, "intelligence", sections)
