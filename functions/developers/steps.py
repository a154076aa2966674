"""Task door of developers: what a person has a right to."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.developers.service import privacy
from functions.developers.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table

store = cache(Store)


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{job_id, wish: export|erase}`: hand in what is known of a person, or erase it."""
    work = privacy.erase_person if event["wish"] == "erase" else privacy.hand_in_person
    return work(store(), Table(), Facts(), actor, event["job_id"])
