"""What the routes share."""

from __future__ import annotations

from functools import cache

from functions.identity.errors import SessionNeeded
from functions.identity.model.accounts import Place, device_name
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.http import Request, Room
from kernel.viewer import viewer_address

app = Room("identity")
store = cache(Store)


def place_of(request: Request) -> Place:
    """Where a request comes from."""
    return Place(
        address=viewer_address(request.headers, request.client.host if request.client else None),
        device=device_name(request.headers.get("user-agent")),
        request_id=request.state.request_id,
    )


def bearer(request: Request, actor: Actor) -> str:
    """The access token of a person's own session. Raises SessionNeeded for an API key."""
    if actor.key_id is not None or not actor.email:
        raise SessionNeeded()
    return request.headers.get("authorization", "").partition(" ")[2]
