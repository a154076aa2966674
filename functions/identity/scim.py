"""SCIM door of identity: `/scim/v2`, where an organisation's own directory keeps its people and groups up to date. It
speaks SCIM's own media type and errors, which the rest of the API does not."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from functions.identity.errors import ScimFault, ScimUnsupported
from functions.identity.gateways import Cognito
from functions.identity.provisions import Provisions
from functions.identity.service import scim
from functions.identity.service.provisioning import Stores
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.errors import Invalid, Problem
from kernel.http import Request, Response, Room, Told, lambda_handler, require

PREFIX = "/scim/v2"
MEDIA_TYPE = "application/scim+json"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MAX_PARAMETER = 2000
NUMBERS = ("startIndex", "count")
PARAMETERS = ("filter", "sortBy", "sortOrder", *NUMBERS, "attributes", "excludedAttributes")
WORDS = {"name-in-use": "uniqueness", "no-address": "invalidValue", "no-such-people": "invalidValue"}
_VERSION = re.compile(r'(?:W/)?"([0-9.]{1,40})"')
_NUMBER = re.compile(r"-?[0-9]{1,9}")


def told(problem: Problem) -> Told:
    """A problem as RFC 7644, 3.12, tells of it."""
    word = problem.word if isinstance(problem, ScimFault) else WORDS.get(problem.slug)
    status = 400 if isinstance(problem, Invalid) else problem.status
    said = {"schemas": [ERROR], "status": str(status), **({"scimType": word} if word else {}), "detail": problem.detail}
    return Told(status, json.dumps(said), MEDIA_TYPE)


app = Room("identity", prefix=PREFIX, tell=told)


@cache
def store() -> Stores:
    """Where people lie, and what their directory says of them."""
    return Stores(Store(), Provisions())


@app.get("/ServiceProviderConfig")
async def get_provider_config(_actor: Actor = require("scim:read")) -> Response:
    """What the service offers."""
    return _answer(scim.describe("config"))


@app.get("/ResourceTypes")
async def list_resource_types(_actor: Actor = require("scim:read")) -> Response:
    """What there is to provision."""
    return _answer(scim.describe("types"))


@app.get("/ResourceTypes/{name}")
async def get_resource_type(name: str, _actor: Actor = require("scim:read")) -> Response:
    """One kind of it."""
    return _answer(scim.describe("types", name))


@app.get("/Schemas")
async def list_schemas(_actor: Actor = require("scim:read")) -> Response:
    """The attributes of each kind."""
    return _answer(scim.describe("schemas"))


@app.get("/Schemas/{name}")
async def get_schema(name: str, _actor: Actor = require("scim:read")) -> Response:
    """The attributes of one."""
    return _answer(scim.describe("schemas", name))


@app.get("/Users")
async def list_provisioned(request: Request, actor: Actor = require("scim:read")) -> Response:
    """The people that a filter chooses."""
    return _answer(scim.list_users(store(), actor, _query(request)))


@app.post("/Users", status_code=201)
async def create_provisioned(request: Request, actor: Actor = require("scim:create")) -> Response:
    """A new person."""
    return _answer(scim.create_user(store(), Cognito(), actor, await request.body()), 201)


@app.get("/Users/{user_id}")
async def get_provisioned(user_id: str, request: Request, actor: Actor = require("scim:read")) -> Response:
    """One person."""
    return _answer(scim.get_user(store(), actor, user_id, _query(request)))


@app.put("/Users/{user_id}")
async def replace_provisioned(user_id: str, request: Request, actor: Actor = require("scim:update")) -> Response:
    """All that is to be said of a person."""
    return _answer(scim.replace_user(store(), actor, user_id, await request.body(), _version(request)))


@app.patch("/Users/{user_id}")
async def patch_provisioned(user_id: str, request: Request, actor: Actor = require("scim:update")) -> Response:
    """Some of what is said of a person: `active: false` suspends at once."""
    return _answer(scim.patch_user(store(), actor, user_id, await request.body(), _version(request)))


@app.delete("/Users/{user_id}", status_code=204)
async def delete_provisioned(user_id: str, request: Request, actor: Actor = require("scim:delete")) -> Response:
    """A person is no longer in the organisation."""
    scim.delete_user(store(), actor, user_id, _version(request))
    return Response(status_code=204)


@app.get("/Groups")
async def list_directory_groups(request: Request, actor: Actor = require("scim:read")) -> Response:
    """The groups that a filter chooses."""
    return _answer(scim.list_groups(store(), actor, _query(request)))


@app.post("/Groups", status_code=201)
async def create_directory_group(request: Request, actor: Actor = require("scim:create")) -> Response:
    """A new group."""
    return _answer(scim.create_group(store(), actor, await request.body()), 201)


@app.get("/Groups/{group_id}")
async def get_directory_group(group_id: str, request: Request, actor: Actor = require("scim:read")) -> Response:
    """One group."""
    return _answer(scim.get_group(store(), actor, group_id, _query(request)))


@app.put("/Groups/{group_id}")
async def replace_directory_group(group_id: str, request: Request, actor: Actor = require("scim:update")) -> Response:
    """All that is to be said of a group."""
    return _answer(scim.replace_group(store(), actor, group_id, await request.body(), _version(request)))


@app.patch("/Groups/{group_id}")
async def patch_directory_group(group_id: str, request: Request, actor: Actor = require("scim:update")) -> Response:
    """Some of what is said of a group."""
    return _answer(scim.patch_group(store(), actor, group_id, await request.body(), _version(request)))


@app.delete("/Groups/{group_id}", status_code=204)
async def delete_directory_group(group_id: str, request: Request, actor: Actor = require("scim:delete")) -> Response:
    """A group is gone, with what it gave its people."""
    scim.delete_group(store(), actor, group_id, _version(request))
    return Response(status_code=204)


@app.post("/.search")
async def search(request: Request, actor: Actor = require("scim:read")) -> Response:
    """People and groups that a filter chooses."""
    return _answer(scim.search(store(), actor, None, await request.body()))


@app.post("/Users/.search")
async def search_users(request: Request, actor: Actor = require("scim:read")) -> Response:
    """People that a filter chooses."""
    return _answer(scim.search(store(), actor, "Users", await request.body()))


@app.post("/Groups/.search")
async def search_groups(request: Request, actor: Actor = require("scim:read")) -> Response:
    """Groups that a filter chooses."""
    return _answer(scim.search(store(), actor, "Groups", await request.body()))


@app.post("/Bulk")
async def refuse_bulk(_actor: Actor = require("scim:update")) -> Response:
    """The service says of itself that it takes no bulk requests."""
    raise ScimUnsupported("Bulk requests are not supported.")


def _answer(shown: dict[str, Any], status: int = 200) -> Response:
    headers = {}
    meta = shown.get("meta") or {}
    if "version" in meta:
        headers["ETag"] = meta["version"]
    if status == 201:
        headers["Location"] = meta["location"]
    return Response(json.dumps(shown), status, headers, MEDIA_TYPE)


def _query(request: Request) -> dict[str, str]:
    """The parameters that SCIM knows. Raises ScimFault for one that is no such thing."""
    found = {name: value for name in PARAMETERS if (value := request.query_params.get(name)) is not None}
    for name, value in found.items():
        if len(value) > MAX_PARAMETER:
            raise ScimFault(f"{name} has at most {MAX_PARAMETER} characters.", _word_for(name))
        if name in NUMBERS and not _NUMBER.fullmatch(value):
            raise ScimFault(f"{name} is no number.", "invalidValue")
    return found


def _word_for(name: str) -> str:
    return "invalidFilter" if name == "filter" else "invalidValue"


def _version(request: Request) -> str | None:
    """The version that the caller has read, or None. Raises ScimFault for what can be none."""
    said = request.headers.get("if-match")
    if said in (None, "*"):
        return None
    matched = _VERSION.fullmatch(str(said).strip())
    if matched is None:
        raise ScimFault("If-Match holds an ETag, or *.", "invalidValue")
    return matched[1]


handler = lambda_handler(app, ["/ServiceProviderConfig"])
