"""What developers knows of a person, to be handed out or erased."""

from __future__ import annotations

from contracts.privacy import Sections, hand_in, receipt, subject_of
from functions.developers.store import Store, erased
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table


def hand_in_person(store: Store, table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything about a person in the organisation."""
    user_id = subject_of(table, actor, job_id).user_id
    sections: Sections = {
        "keys": [each for each in store.keys(actor) if user_id in (each.user_id, each.created_by)],
        "made_service_accounts": [each for each in store.accounts(actor) if each.created_by == user_id],
    }
    return hand_in(facts, actor, job_id, "developers", sections)


def erase_person(store: Store, table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """The keys of who is erased are gone, and so open nothing."""
    user_id = subject_of(table, actor, job_id).user_id
    keys = [each for each in store.keys(actor) if each.user_id == user_id]
    records = store.records(actor, keys)
    for key in keys:
        store.commit(actor, erased(key, records.get(key.key_id)), [])
    return receipt(facts, actor, job_id, "developers", {"keys": len(keys)})
