"""Task doors of identity: an operator adds a person to an organisation; what a person has a right to."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.identity.gateways import Cognito
from functions.identity.providers import CognitoProviders
from functions.identity.schemas import NewUser
from functions.identity.service import people, privacy
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.observe import task
from kernel.table import Table

store = cache(Store)


@task
def create_user(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{email, name, roles, password?}`; the user. Doing it again changes nothing."""
    user = people.create_user(store(), Cognito(), actor, NewUser.model_validate(event["user"]))
    return user.model_dump(mode="json")


@task
def person(actor: Actor, event: dict[str, Any]) -> dict[str, int]:
    """Takes `{job_id, wish: export|erase}`: hand in what is known of a person, or erase it."""
    if event["wish"] == "erase":
        return privacy.erase_person(store(), Cognito(), Table(), Facts(), actor, event["job_id"])
    return privacy.hand_in_person(store(), Table(), Facts(), actor, event["job_id"])


@task
def forget_organization(actor: Actor, _event: dict[str, Any]) -> int:
    """The organisation is no more; how many people it had."""
    return privacy.forget_organization(store(), Cognito(), CognitoProviders(), Table(), actor)
