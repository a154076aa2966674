"""HTTP door of the module registry."""

from __future__ import annotations

from functools import cache

from functions.modules import service
from functions.modules.model import ModuleView
from functions.modules.schemas import Configure
from functions.modules.store import Store
from kernel.actor import Actor
from kernel.crypto import Envelope
from kernel.http import IfMatch, List, Response, Room, lambda_handler, page, reply, require

app = Room("modules")
store = cache(Store)


@cache
def envelope() -> Envelope:
    """The keeper of secret configuration values."""
    return Envelope(store().table)


@app.get("/modules", response_model=List[ModuleView])
async def list_modules(actor: Actor = require("modules:read")) -> Response:
    """Every module that this deployment has, with the organisation's settings."""
    return page(service.list_modules(store(), actor), None)


@app.get("/modules/{name}", response_model=ModuleView)
async def get_module(name: str, actor: Actor = require("modules:read")) -> Response:
    """One module."""
    return reply(service.get_module(store(), actor, name))


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
