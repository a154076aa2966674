"""Task door of notifications: what a person has a right to."""

from __future__ import annotations

from typing import Any

from functions.notifications import privacy
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{job_id, wish: export|erase}`: hand in what is known of a person, or erase it."""
    work = privacy.erase_person if event["wish"] == "erase" else privacy.hand_in_person
    return work(Table(), Facts(), actor, event["job_id"])
