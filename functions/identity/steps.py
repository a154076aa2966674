"""Task door of identity: an operator adds a person to an organisation."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.identity.gateways import Cognito
from functions.identity.schemas import NewUser
from functions.identity.service import people
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.observe import task

store = cache(Store)


@task
def create_user(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{email, name, roles, password?}`; the user. Doing it again changes nothing."""
    user = people.create_user(store(), Cognito(), actor, NewUser.model_validate(event["user"]))
    return user.model_dump(mode="json")
