"""Routes of people."""

from __future__ import annotations

from typing import Annotated

from functions.identity.api.app import app, store
from functions.identity.model import Me, User
from functions.identity.service import people
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Response, page, reply, require


@app.get("/users/me", response_model=Me)
async def get_me(actor: Actor = require(None)) -> Response:
    """The caller."""
    return reply(people.me(store(), actor))


@app.get("/users", response_model=List[User])
async def list_users(paging: Annotated[ListParameters, Query()], actor: Actor = require("members:read")) -> Response:
    """The people of the organisation."""
    found = people.list_users(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/users/{user_id}", response_model=User)
async def get_user(user_id: str, actor: Actor = require("members:read")) -> Response:
    """One person of the organisation."""
    return reply(people.get_user(store(), actor, user_id))
