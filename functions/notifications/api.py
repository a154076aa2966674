"""HTTP door of notifications. A person sees only what that person was told."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from functions.notifications import service
from functions.notifications.model import Notification, Preferences
from functions.notifications.schemas import ChangePreferences
from functions.notifications.store import Store
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("notifications")
store = cache(Store)


@app.get("/notifications", response_model=List[Notification])
async def list_notifications(
    paging: Annotated[ListParameters, Query()], actor: Actor = require("notifications:read")
) -> Response:
    """What the caller was told, newest first."""
    found = service.list_notifications(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/notifications/preferences", response_model=Preferences)
async def get_notification_preferences(actor: Actor = require("notifications:read")) -> Response:
    """What the caller wants to be told, and where."""
    return reply(service.get_preferences(store(), actor))


@app.put("/notifications/preferences", response_model=Preferences)
async def change_notification_preferences(
    body: ChangePreferences, if_match: IfMatch, actor: Actor = require("notifications:read")
) -> Response:
    """Choose what to be told, and where."""
    return reply(service.change_preferences(store(), actor, body, if_match))


@app.get("/notifications/{notification_id}", response_model=Notification)
async def get_notification(notification_id: str, actor: Actor = require("notifications:read")) -> Response:
    """One thing the caller was told."""
    return reply(service.get_notification(store(), actor, notification_id))


@app.put("/notifications/{notification_id}/read", response_model=Notification)
async def mark_notification_read(notification_id: str, actor: Actor = require("notifications:read")) -> Response:
    """The caller has read it."""
    return reply(service.mark_read(store(), actor, notification_id))


@app.delete("/notifications/{notification_id}", status_code=204)
async def remove_notification(notification_id: str, actor: Actor = require("notifications:read")) -> Response:
    """The caller does not want to see it any more."""
    service.remove(store(), actor, notification_id)
    return Response(status_code=204)


handler = lambda_handler(app)
