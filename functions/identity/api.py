"""HTTP door of identity."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from functions.identity import service
from functions.identity.gateways import Cognito
from functions.identity.model import Me, Tokens, User
from functions.identity.schemas import Login, Refresh
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, Request, Response, Room, lambda_handler, page, reply, require

app = Room("identity")
store = cache(Store)


@app.post("/auth/login", response_model=Tokens)
async def log_in(body: Login, request: Request) -> Response:
    """Log in with e-mail and password."""
    address = request.client.host if request.client else None
    tokens = service.log_in(store(), Cognito(), body.email, body.password, address, request.state.request_id)
    return reply(tokens)


@app.post("/auth/refresh", response_model=Tokens)
async def refresh_session(body: Refresh) -> Response:
    """A fresh access token for a session."""
    return reply(service.refresh(Cognito(), body.refresh_token))


@app.post("/auth/logout", status_code=204)
async def log_out(body: Refresh) -> Response:
    """End a session."""
    service.log_out(Cognito(), body.refresh_token)
    return Response(status_code=204)


@app.get("/users/me", response_model=Me)
async def get_me(actor: Actor = require(None)) -> Response:
    """The caller."""
    return reply(service.me(store(), actor))


@app.get("/users", response_model=List[User])
async def list_users(paging: Annotated[ListParameters, Query()], actor: Actor = require("members:read")) -> Response:
    """The people of the organisation."""
    found = service.list_users(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/users/{user_id}", response_model=User)
async def get_user(user_id: str, actor: Actor = require("members:read")) -> Response:
    """One person of the organisation."""
    return reply(service.get_user(store(), actor, user_id))


handler = lambda_handler(app)
