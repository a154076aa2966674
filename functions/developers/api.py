"""HTTP door of developers: API keys and service accounts."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from fastapi import Path

from functions.developers.model import ApiKey, NewApiKey, ServiceAccount
from functions.developers.schemas import ChangeServiceAccount, CreateKey, CreateServiceAccount, RotateKey, WriteKey
from functions.developers.service import accounts, keys
from functions.developers.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("developers")
store = cache(Store)
Paging = Annotated[ListParameters, Query()]
Id = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


@app.get("/api-keys", response_model=List[ApiKey])
async def list_api_keys(paging: Paging, actor: Actor = require("api_keys:read")) -> Response:
    """Your organisation's keys, newest first; revoked ones are shown for 90 days."""
    items, cursor = keys.list_keys(store(), actor, paging.limit, paging.cursor)
    return page(items, cursor)


@app.post("/api-keys", status_code=201, response_model=NewApiKey)
async def create_api_key(body: CreateKey, actor: Actor = require("api_keys:create")) -> Response:
    """Make a key. Its text is shown this once."""
    return reply(keys.create_key(store(), actor, body), 201)


@app.get("/api-keys/{key_id}", response_model=ApiKey)
async def get_api_key(key_id: Id, actor: Actor = require("api_keys:read")) -> Response:
    """One key: what it may do, and when it was last used."""
    return reply(keys.get_key(store(), actor, key_id))


@app.put("/api-keys/{key_id}", response_model=ApiKey)
async def change_api_key(
    key_id: Id, body: WriteKey, if_match: IfMatch, actor: Actor = require("api_keys:update")
) -> Response:
    """Change what a key may do, from where, how often and until when."""
    return reply(keys.change_key(store(), actor, key_id, body, if_match))


@app.delete("/api-keys/{key_id}", status_code=204)
async def revoke_api_key(key_id: Id, if_match: IfMatch, actor: Actor = require("api_keys:delete")) -> Response:
    """Revoke a key, for good."""
    keys.revoke_key(store(), actor, key_id, if_match)
    return Response(status_code=204)


@app.post("/api-keys/{key_id}/rotate", response_model=NewApiKey)
async def rotate_api_key(key_id: Id, body: RotateKey, actor: Actor = require("api_keys:update")) -> Response:
    """A new secret, shown this once; the old one is good for the overlap."""
    return reply(keys.rotate_key(store(), actor, key_id, body))


@app.get("/service-accounts", response_model=List[ServiceAccount])
async def list_service_accounts(paging: Paging, actor: Actor = require("api_keys:read")) -> Response:
    """Your organisation's service accounts, oldest first."""
    found = store().accounts_page(actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.post("/service-accounts", status_code=201, response_model=ServiceAccount)
async def create_service_account(body: CreateServiceAccount, actor: Actor = require("api_keys:create")) -> Response:
    """Make a principal that is no person, with roles that give no more than you hold."""
    return reply(accounts.create_account(store(), actor, body), 201)


@app.get("/service-accounts/{account_id}", response_model=ServiceAccount)
async def get_service_account(account_id: Id, actor: Actor = require("api_keys:read")) -> Response:
    """One service account."""
    return reply(store().account(actor, account_id))


@app.put("/service-accounts/{account_id}", response_model=ServiceAccount)
async def change_service_account(
    account_id: Id, body: ChangeServiceAccount, if_match: IfMatch, actor: Actor = require("api_keys:update")
) -> Response:
    """Change a service account. Its keys shrink with its roles, and are revoked when it is disabled."""
    return reply(accounts.change_account(store(), actor, account_id, body, if_match))


@app.delete("/service-accounts/{account_id}", status_code=204)
async def delete_service_account(
    account_id: Id, if_match: IfMatch, actor: Actor = require("api_keys:delete")
) -> Response:
    """Remove a service account. While it has keys, disable it first, which revokes them."""
    accounts.delete_account(store(), actor, account_id, if_match)
    return Response(status_code=204)


handler = lambda_handler(app)
