"""HTTP door of the module registry."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from functions.modules import service
from functions.modules.model import Analytics, ModuleView
from functions.modules.schemas import Configure, ModuleParameters
from functions.modules.store import Store
from kernel.actor import Actor
from kernel.crypto import Envelope
from kernel.http import IfMatch, List, Query, Response, Room, lambda_handler, page, reply, require

app = Room("modules")
store = cache(Store)


@cache
def envelope() -> Envelope:
    """The keeper of secret configuration values."""
    return Envelope(store().table)


@app.get("/modules", response_model=List[ModuleView])
async def list_modules(
    wanted: Annotated[ModuleParameters, Query()], actor: Actor = require("modules:read")
) -> Response:
    """The modules that this deployment has and those of the organisation's own, with its settings. Find them by what
    they work on and what they find."""
    return page(service.list_modules(store(), actor, wanted), None)


@app.get("/modules/{name}", response_model=ModuleView)
async def get_module(name: str, actor: Actor = require("modules:read")) -> Response:
    """One module."""
    return reply(service.get_module(store(), actor, name))


@app.get("/modules/{name}/analytics", response_model=Analytics)
async def get_analytics(
    name: str,
    days: Annotated[int, Query(ge=1, le=365)] = 30,
    actor: Actor = require("modules:read"),
) -> Response:
    """How a module works for the organisation: runs, yield, facts that it found first, errors and times, by version and
    over time."""
    return reply(service.get_analytics(store(), actor, name, days))


@app.put("/modules/{name}/config", response_model=ModuleView)
async def configure_module(
    name: str, body: Configure, if_match: IfMatch, actor: Actor = require("modules:update")
) -> Response:
    """Replace a module's configuration. Scans that are defined later use it."""
    return reply(service.configure(store(), envelope(), actor, name, body.config, if_match))


@app.post("/modules/{name}/enable", response_model=ModuleView)
async def enable_module(name: str, actor: Actor = require("modules:update")) -> Response:
    """Let the organisation's scans use a module."""
    return reply(service.switch(store(), actor, name, enabled=True))


@app.post("/modules/{name}/disable", response_model=ModuleView)
async def disable_module(name: str, actor: Actor = require("modules:update")) -> Response:
    """Keep the organisation's scans from using a module."""
    return reply(service.switch(store(), actor, name, enabled=False))


handler = lambda_handler(app)
