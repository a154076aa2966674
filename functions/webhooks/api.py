"""HTTP door of webhooks."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from functions.webhooks import service
from functions.webhooks.gateways import HttpEndpoint, RetryMachine
from functions.webhooks.model import Delivery, NewWebhook, Webhook
from functions.webhooks.schemas import ChangeWebhook, RegisterWebhook
from functions.webhooks.store import Store
from kernel.actor import Actor
from kernel.crypto import Envelope
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("webhooks")
store = cache(Store)


@cache
def sealer() -> Envelope:
    """The keeper of the signing secrets."""
    return Envelope(store().table)


@app.post("/webhooks", status_code=201, response_model=NewWebhook)
async def register_webhook(body: RegisterWebhook, actor: Actor = require("webhooks:create")) -> Response:
    """Register an endpoint. Its signing secret is shown this once."""
    return reply(service.register(store(), sealer(), actor, body), 201)


@app.get("/webhooks", response_model=List[Webhook])
async def list_webhooks(actor: Actor = require("webhooks:read")) -> Response:
    """The organisation's endpoints."""
    return page(store().webhooks(actor), None)


@app.get("/webhooks/{webhook_id}", response_model=Webhook)
async def get_webhook(webhook_id: str, actor: Actor = require("webhooks:read")) -> Response:
    """One endpoint."""
    return reply(store().webhook(actor, webhook_id))


@app.put("/webhooks/{webhook_id}", response_model=Webhook)
async def change_webhook(
    webhook_id: str, body: ChangeWebhook, if_match: IfMatch, actor: Actor = require("webhooks:update")
) -> Response:
    """Change an endpoint; its secret stays."""
    return reply(service.change(store(), actor, webhook_id, body, if_match))


@app.delete("/webhooks/{webhook_id}", status_code=204)
async def remove_webhook(webhook_id: str, if_match: IfMatch, actor: Actor = require("webhooks:delete")) -> Response:
    """Remove an endpoint."""
    service.remove(store(), actor, webhook_id, if_match)
    return Response(status_code=204)


@app.post("/webhooks/{webhook_id}/rotate-secret", response_model=NewWebhook)
async def rotate_webhook_secret(webhook_id: str, actor: Actor = require("webhooks:update")) -> Response:
    """A new signing secret; for a day, deliveries carry a signature by each."""
    return reply(service.rotate(store(), sealer(), actor, webhook_id))


@app.post("/webhooks/{webhook_id}/test", response_model=Delivery)
async def send_webhook_test(webhook_id: str, actor: Actor = require("webhooks:update")) -> Response:
    """Send a test event now, and see how the endpoint takes it."""
    return reply(await service.send_test(store(), sealer(), HttpEndpoint(), actor, webhook_id))


@app.get("/webhooks/{webhook_id}/deliveries", response_model=List[Delivery])
async def list_deliveries(
    webhook_id: str, paging: Annotated[ListParameters, Query()], actor: Actor = require("webhooks:read")
) -> Response:
    """What was sent to an endpoint in the last thirty days, newest first."""
    items, cursor = service.list_deliveries(store(), actor, webhook_id, paging.limit, paging.cursor)
    return page(items, cursor)


@app.post("/webhooks/{webhook_id}/deliveries/{event_id}/replay", response_model=Delivery)
async def replay_delivery(webhook_id: str, event_id: str, actor: Actor = require("webhooks:update")) -> Response:
    """Send a delivery once more."""
    return reply(await service.replay(store(), sealer(), HttpEndpoint(), RetryMachine(), actor, webhook_id, event_id))


handler = lambda_handler(app)
